package saf

import (
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
)

// View is the queue of one upstream as the process that runs it sees it.
type View struct {
	Upstream                   string
	Waiting, Parked, Attention int       // items, by state
	Oldest                     time.Time // since when its head is queued; zero when nothing waits
	InFlight                   int       // items that are being sent
	Repeats                    int64     // sends since the start that were not the first of their item
	Breaker                    string    // one of BreakerStates
	Paused                     bool      // an operator has said so
	Stopped                    []Stop    // credentials that the upstream does not let in
	// Doubt is the value of what is queued, by currency.
	Doubt map[money.Currency]money.Minor
}

// BreakerStates are the states of a breaker: everything is sent, nothing is, or one message to see whether more can be.
var BreakerStates = [...]string{"closed", "open", "probing"}

// Stop is a credential that the upstream does not let in: what goes under it waits until an operator resumes the upstream.
type Stop struct {
	Account ident.Account // whose message was turned away
	Since   time.Time
	Why     string // for people
}
