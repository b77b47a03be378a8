package network

import (
	"fmt"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/money"
)

// Bounds of the settings.
const (
	maxWait     = 10 * time.Minute // of every wait, also of a silence
	maxBonus    = 500              // per cent; the largest amount with it still fits an int64
	wholeShare  = 10_000           // all orders, in hundredths of a per cent
	maxNetworks = 1_000

	// DefaultLateBy is longer than anybody waits for the answer to a request.
	DefaultLateBy = 75 * time.Second
)

// Settings are what may be set about the simulated network. The zero value serves all networks of the catalogue, can
// everything, and answers at once: what a production server without another provider runs with.
type Settings struct {
	// Without takes capabilities away.
	Without airtime.Capabilities
	// Networks are the ids of the networks whose numbers it serves, at most 1,000; none means all of the catalogue.
	Networks []string
	// Delay passes before each answer; at most ten minutes. What is asked has happened by then.
	Delay time.Duration
	// LateShare is how many orders are answered late, in hundredths of a per cent. Which ones follows from their ids.
	LateShare int
	// LateBy is how long a late order takes, at most ten minutes; 0 is DefaultLateBy.
	LateBy time.Duration
	// Badly lets numbers behave badly by their last four digits, as the package comment lists them. It is for
	// sandboxes: those digits are a subscriber's like any others.
	Badly bool
	// Bonus is what a subscriber gets on top while a promotion of his network lasts, in per cent, at most 500. It is
	// rounded down, and it is the network's own gift: the order costs no more.
	Bonus int
	// Shared says that other processes may have the network over the same store.
	Shared bool
	// MaxBalance is the most a subscriber may have in one currency; 0 is money.MaxMinor.
	MaxBalance money.Minor
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// check says which setting is out of its bounds.
func (s Settings) check() error {
	switch {
	case s.Delay < 0 || s.Delay > maxWait:
		return fmt.Errorf("delay must be 0 to %s", maxWait)
	case s.LateBy < 0 || s.LateBy > maxWait:
		return fmt.Errorf("lateBy must be 0 to %s", maxWait)
	case s.LateShare < 0 || s.LateShare > wholeShare:
		return fmt.Errorf("lateShare must be 0 to %d hundredths of a per cent", wholeShare)
	case s.Bonus < 0 || s.Bonus > maxBonus:
		return fmt.Errorf("bonus must be 0 to %d per cent", maxBonus)
	case s.MaxBalance < 0 || s.MaxBalance > money.MaxMinor:
		return fmt.Errorf("maxBalance must be 0 to %d", money.MaxMinor)
	case len(s.Networks) > maxNetworks:
		return fmt.Errorf("networks must be at most %d", maxNetworks)
	}
	return nil
}

// complete fills in what zero stands for.
func (s Settings) complete() Settings {
	if s.LateBy == 0 {
		s.LateBy = DefaultLateBy
	}
	if s.MaxBalance == 0 {
		s.MaxBalance = money.MaxMinor
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	return s
}
