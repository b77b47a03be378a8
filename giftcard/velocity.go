package giftcard

import (
	"slices"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// pace is one rule applied to one card or account at one instant.
type pace struct {
	rule Velocity
	key  CounterKey
}

// paces gives the rules that bear on a request of a family: the product's for the card, the sender's for the account.
func paces(f txn.Family, at time.Time, card int64, product *Product, sender *Sender) []pace {
	if (product == nil || len(product.Velocity) == 0) && len(sender.Velocity) == 0 {
		return nil
	}
	var found []pace
	add := func(rules []Velocity, perAccount bool, owner int64) {
		for _, v := range rules {
			if v.Family == f {
				start := windowStart(at, v.Window)
				found = append(found, pace{v, CounterKey{PerAccount: perAccount, Owner: owner, Family: f, Window: v.Window, Start: start}})
			}
		}
	}
	if product != nil {
		add(product.Velocity, false, card)
	}
	add(sender.Velocity, true, int64(sender.Account))
	return found
}

// windowStart gives the start of the window that an instant falls into. Windows are aligned to 1970, which is where
// time.Truncate would not begin: it counts from the year 1.
func windowStart(at time.Time, window time.Duration) time.Time {
	seconds := at.Unix()
	return time.Unix(seconds-seconds%int64(window/time.Second), 0).UTC()
}

// count adds an approved request to its windows, or refuses it when one of them is full.
func count(tx Tx, found []pace, amount money.Minor) *decline.Error {
	counted := make([]Counter, len(found))
	for i, p := range found {
		c := tx.Counter(p.key)
		total, err := c.Amount.Add(amount)
		c.Count++
		if err != nil || (p.rule.MaxCount > 0 && c.Count > p.rule.MaxCount) || (p.rule.MaxAmount > 0 && total > p.rule.MaxAmount) {
			return decline.New(decline.DoNotHonour, "too many or too much in %s", p.rule.Window)
		}
		c.Amount = total
		counted[i] = c
	}
	for i, p := range found {
		tx.PutCounter(p.key, counted[i])
	}
	return nil
}

// giveBack takes a reversed request out of the windows it was approved in, once from each: two rules over the
// same time share a counter.
func giveBack(tx Tx, found []pace, amount money.Minor) {
	for i, p := range found {
		again := slices.ContainsFunc(found[:i], func(q pace) bool { return q.key == p.key })
		c := tx.Counter(p.key)
		if again || c.Count == 0 { // the rule may be newer than the request
			continue
		}
		c.Count--
		c.Amount = max(0, c.Amount-amount)
		tx.PutCounter(p.key, c)
	}
}
