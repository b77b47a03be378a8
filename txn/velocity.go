package txn

import (
	"fmt"
	"slices"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/money"
)

// Velocity bounds what may be approved in a window of time. Windows are aligned to the epoch: a window of 24 h is
// a day in UTC. Reversed requests are given back to the window they were approved in.
type Velocity struct {
	Family    Family
	Window    time.Duration // whole seconds, from a second to a year
	MaxCount  int64         // 0 is no bound
	MaxAmount money.Minor   // 0 is no bound
}

// maxWindow bounds a velocity window.
const maxWindow = 366 * 24 * time.Hour

// Check says what is wrong with a velocity rule.
func (v Velocity) Check() error {
	switch {
	case !v.Family.movesValue():
		return fmt.Errorf("velocity: unknown family")
	case v.Window < time.Second || v.Window > maxWindow || v.Window%time.Second != 0:
		return fmt.Errorf("velocity: window must be whole seconds, from 1 s to %s", maxWindow)
	case v.MaxCount < 0 || v.MaxAmount < 0 || (v.MaxCount == 0 && v.MaxAmount == 0):
		return fmt.Errorf("velocity: needs a maximum count or amount above zero")
	}
	return nil
}

// CounterKey is one window of one velocity rule of a card or an account.
type CounterKey struct {
	PerAccount bool
	Owner      int64 // card or account
	Family     Family
	Window     time.Duration
	Start      time.Time
}

// Counter is what was approved in a window and not reversed.
type Counter struct {
	Count  int64
	Amount money.Minor
}

// Pace is one velocity rule applied to one card or account at one instant.
type Pace struct {
	Rule Velocity
	Key  CounterKey
}

// Paces gives those of the rules of a card's product or of an account that bear on a request of a family.
func Paces(found []Pace, rules []Velocity, perAccount bool, owner int64, f Family, at time.Time) []Pace {
	for _, v := range rules {
		if v.Family == f {
			key := CounterKey{PerAccount: perAccount, Owner: owner, Family: f, Window: v.Window, Start: windowStart(at, v.Window)}
			found = append(found, Pace{v, key})
		}
	}
	return found
}

// windowStart gives the start of the window that an instant falls into. Windows are aligned to 1970, which is where
// time.Truncate would not begin: it counts from the year 1.
func windowStart(at time.Time, window time.Duration) time.Time {
	seconds := at.Unix()
	return time.Unix(seconds-seconds%int64(window/time.Second), 0).UTC()
}

// Count adds an approved request to its windows, or refuses it with a reason when one of them is full.
func Count(tx Tx, found []Pace, amount money.Minor, reason decline.Reason) *decline.Error {
	counted, refusal := count(tx, found, amount, reason)
	if refusal != nil {
		return refusal
	}
	for i, p := range found {
		tx.PutCounter(p.Key, counted[i])
	}
	return nil
}

// Full refuses with a reason what Count would refuse, and counts nothing.
func Full(tx Tx, found []Pace, amount money.Minor, reason decline.Reason) *decline.Error {
	_, refusal := count(tx, found, amount, reason)
	return refusal
}

func count(tx Tx, found []Pace, amount money.Minor, reason decline.Reason) ([]Counter, *decline.Error) {
	counted := make([]Counter, len(found))
	for i, p := range found {
		c := tx.Counter(p.Key)
		total, err := c.Amount.Add(amount)
		c.Count++
		if err != nil || (p.Rule.MaxCount > 0 && c.Count > p.Rule.MaxCount) || (p.Rule.MaxAmount > 0 && total > p.Rule.MaxAmount) {
			return nil, decline.New(reason, "too many or too much in %s", p.Rule.Window)
		}
		c.Amount = total
		counted[i] = c
	}
	return counted, nil
}

// GiveBack takes a reversed request out of the windows it was approved in, once from each: two rules over the
// same time share a counter.
func GiveBack(tx Tx, found []Pace, amount money.Minor) {
	for i, p := range found {
		again := slices.ContainsFunc(found[:i], func(q Pace) bool { return q.Key == p.Key })
		c := tx.Counter(p.Key)
		if again || c.Count == 0 { // the rule may be newer than the request
			continue
		}
		c.Count--
		c.Amount = max(0, c.Amount-amount)
		tx.PutCounter(p.Key, c)
	}
}
