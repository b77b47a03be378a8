package saf

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
)

// Level is how much of the queue there is of one kind.
type Level struct {
	Upstream string
	Account  ident.Account
	State    State
	Currency money.Currency
	Count    int
	Value    money.Minor // in doubt; at most the most that an amount can be, although more may be
	Oldest   time.Time   // since when the oldest of them is queued
}

// Tally counts items into levels. The zero value is empty. Its memory grows with the levels, not with the items.
type Tally struct{ levels map[levelKey]*Level }

type levelKey struct {
	upstream string
	account  ident.Account
	state    State
	currency money.Currency
}

// Add counts an item. It never fails: a few requests for the greatest amounts would otherwise keep everybody from knowing
// what is queued.
func (t *Tally) Add(i *Item) {
	key := levelKey{i.Upstream, i.Account, i.State, i.Currency}
	l := t.levels[key]
	if l == nil {
		if t.levels == nil {
			t.levels = map[levelKey]*Level{}
		}
		l = &Level{Upstream: i.Upstream, Account: i.Account, State: i.State, Currency: i.Currency, Oldest: i.At}
		t.levels[key] = l
	}
	value, err := l.Value.Add(i.Amount)
	if err != nil { // more than an amount can be
		value = math.MaxInt64
	}
	l.Count, l.Value = l.Count+1, value
	if i.At.Before(l.Oldest) {
		l.Oldest = i.At
	}
}

// Levels gives what was counted, by upstream, account, state and currency.
func (t *Tally) Levels() []Level {
	found := make([]Level, 0, len(t.levels))
	for _, l := range t.levels {
		found = append(found, *l)
	}
	slices.SortFunc(found, func(a, b Level) int {
		return cmp.Or(cmp.Compare(a.Upstream, b.Upstream), cmp.Compare(a.Account, b.Account),
			cmp.Compare(a.State, b.State), cmp.Compare(a.Currency, b.Currency))
	})
	return found
}
