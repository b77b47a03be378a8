package saf

import (
	"math"
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
	Leads                      bool      // this process sends what is queued; the others only what they have just queued themselves
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

// Count fills in what the levels say of its upstream: the numbers by state, since when the oldest waits, and what is in
// doubt. The levels may be those of all upstreams.
func (v *View) Count(levels []Level) {
	v.Waiting, v.Parked, v.Attention, v.Oldest, v.Doubt = 0, 0, 0, time.Time{}, map[money.Currency]money.Minor{}
	for _, l := range levels {
		if l.Upstream == v.Upstream {
			v.add(l)
		}
	}
}

func (v *View) add(l Level) {
	switch l.State {
	case Waiting:
		v.Waiting += l.Count
		if v.Oldest.IsZero() || l.Oldest.Before(v.Oldest) {
			v.Oldest = l.Oldest
		}
	case Parked:
		v.Parked += l.Count
	case Attention:
		v.Attention += l.Count
	}
	if l.Currency == 0 {
		return
	}
	sum, err := v.Doubt[l.Currency].Add(l.Value)
	if err != nil { // more than an amount can be: show the most that can be shown
		sum = math.MaxInt64
	}
	v.Doubt[l.Currency] = sum
}
