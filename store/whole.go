package store

import (
	"context"
	"slices"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/txn"
)

// Whole is a driver all of whose records can be read and written again in another one. What its reports do not show, it
// shows by these. Answers are in ascending order and bounded by limit, as those of the reports are. It is meant for a store
// that nobody else writes.
type Whole interface {
	Driver
	// Kinds gives the kinds of the rows that are there.
	Kinds(ctx context.Context) ([]admin.Kind, error)
	// Tombstones gives remembered reversals that lie above after. The hash of an id is not known any more.
	Tombstones(ctx context.Context, after int64, limit int) ([]Tombstone, error)
	// Counters gives the velocity counters after a key; the zero key comes before all others.
	Counters(ctx context.Context, after txn.CounterKey, limit int) ([]Counted, error)
	// Over looks at the counters that Counters would give. It gives the keys of those that are over, and the last key that it
	// has looked at, which is the zero key when there was none.
	Over(ctx context.Context, after txn.CounterKey, limit int, now time.Time) (over []txn.CounterKey, last txn.CounterKey, err error)
	// LastPlace gives the last place in the order of messages that may have been given out; 0 when none was.
	LastPlace(ctx context.Context) (int64, error)
	// Advance lets no place up to last be given out any more.
	Advance(ctx context.Context, last int64) error
	// Erase deletes every record, and begins the places anew. What breaks off may be begun again.
	Erase(ctx context.Context) error
}

// Counted is a velocity counter with its key.
type Counted struct {
	Key     txn.CounterKey
	Counter txn.Counter
}

// IsOver says whether a counter's window has ended, so that nothing asks for it any more.
func (c *Counted) IsOver(now time.Time) bool { return !now.Before(c.Key.Start.Add(c.Key.Window)) }

// Over does with a page of counters what Whole does, for drivers that have them at hand.
func Over(page []Counted, now time.Time) (over []txn.CounterKey, last txn.CounterKey) {
	for i := range page {
		if last = page[i].Key; page[i].IsOver(now) {
			over = append(over, last)
		}
	}
	return over, last
}

// countersAtOnce is how many counters EachOver has looked at at once, and forgotten in one commit, so that messages need not
// wait long.
const countersAtOnce = 512

// EachOver has all counters of a driver looked at, part by part and beside its writer, and hands on those of a part that are
// over. A counter that comes meanwhile may be left out.
func EachOver(ctx context.Context, d Whole, now time.Time, forget func(context.Context, []txn.CounterKey) error) error {
	for after := (txn.CounterKey{}); ; {
		over, last, err := d.Over(ctx, after, countersAtOnce, now)
		if err != nil || last == (txn.CounterKey{}) {
			return err
		}
		if len(over) > 0 {
			if err := forget(ctx, over); err != nil {
				return err
			}
		}
		after = last
	}
}

// What a set was brought, for whoever compares stores.

// Remembers says whether a remembered reversal of a request was brought.
func (s *Set) Remembers(request IDKey, reversal int64) bool {
	r := s.ids[worldID{request.World, request.ID}]
	return r != nil && slices.ContainsFunc(r.tombstones, func(t Tombstone) bool { return t.Reversal == reversal })
}

// HasCounter says whether a counter was brought and counts so much.
func (s *Set) HasCounter(k txn.CounterKey, c txn.Counter) bool {
	brought, known := s.counters[k]
	return known && brought == c
}
