package storetest

import (
	"math"
	"testing"
	"time"

	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

func testLedger(t *testing.T, h *harness) {
	t.Run("every field of an entry comes back", h.with(entries))
	t.Run("an entry that cannot be is refused", h.with(impossibleEntries))
	t.Run("counters come back", h.with(counters))
	t.Run("an instant is one counter wherever it is told", h.with(counterInstants))
	t.Run("a counter goes with the end of its window", h.with(countersOver))
}

// enter saves entries in one batch.
func (r *room) enter(entries ...ledger.Entry) {
	r.Helper()
	r.do(func(tx *store.Tx) {
		for _, e := range entries {
			tx.Enter(e)
		}
	})
}

func entries(r *room) {
	all := []ledger.Entry{
		{Message: 1, N: 0, Request: 1, Debit: 17, Credit: 18, Amount: 1, Currency: 710, Phase: ledger.Pending},
		{
			Message: 40, N: 0, Request: 7, Debit: math.MinInt64, Credit: math.MaxInt64, Amount: math.MaxInt64,
			Currency: math.MaxUint16, Phase: ledger.Direct,
		},
		{Message: 40, N: 1, Request: math.MaxInt64, Debit: 9, Credit: -1, Amount: 2, Currency: 978, Phase: ledger.Posted},
		{Message: 41, N: 300, Request: math.MinInt64, Debit: 1, Credit: 2, Amount: 3, Phase: ledger.Released},
	}
	r.full(all[2])
	r.enter(all[2], all[0])
	r.enter(all[3], all[1])
	r.everyWay(func(how string) {
		r.same(how, must(r.driver.Entries(r.Context(), 0, 10)), all)
		r.same(how, must(r.driver.EntriesOf(r.Context(), []int64{40})), all[1:3])
		r.same(how, must(r.driver.EntriesOf(r.Context(), []int64{39})), []ledger.Entry(nil))
		r.same(how, must(r.driver.EntriesOf(r.Context(), nil)), []ledger.Entry(nil))
		r.same(how+", of several", must(r.driver.EntriesOf(r.Context(), []int64{all[0].Message, 39, 40})), all[:3])
	})
}

func impossibleEntries(r *room) {
	good := ledger.Entry{Message: 1, Request: 1, Debit: 17, Credit: 18, Amount: 1, Currency: 710, Phase: ledger.Pending}
	for name, spoil := range map[string]func(*ledger.Entry){
		"no amount":     func(e *ledger.Entry) { e.Amount = 0 },
		"same account":  func(e *ledger.Entry) { e.Credit = e.Debit },
		"unknown phase": func(e *ledger.Entry) { e.Phase = 5 },
	} {
		bad := good
		spoil(&bad)
		if err := r.try(declared(), func(tx *store.Tx) error { tx.Enter(bad); return nil }); err == nil {
			r.Errorf("%s: was entered", name)
		}
	}
	r.same("entries", must(r.driver.Entries(r.Context(), 0, 10)), []ledger.Entry(nil))
}

func counters(r *room) {
	day := 24 * time.Hour
	base := txn.CounterKey{Owner: 5, Family: txn.Redemption, Window: day, Start: noon.Truncate(day)}
	keys := []txn.CounterKey{base, base, base, base, base, base}
	keys[1].PerAccount = true
	keys[2].Owner = 6
	keys[3].Family = txn.Load
	keys[4].Window = time.Second
	keys[5].Start = base.Start.Add(day)
	r.do(func(tx *store.Tx) {
		for i, k := range keys {
			r.same("before", tx.Counter(k), txn.Counter{})
			tx.PutCounter(k, txn.Counter{Count: int64(i + 1), Amount: math.MaxInt64})
		}
	})
	r.do(func(tx *store.Tx) { tx.PutCounter(keys[2], txn.Counter{Count: math.MinInt64, Amount: -1}) })
	r.everyWay(func(how string) {
		r.read(func(tx *store.Tx) {
			for i, k := range keys {
				want := txn.Counter{Count: int64(i + 1), Amount: math.MaxInt64}
				if i == 2 {
					want = txn.Counter{Count: math.MinInt64, Amount: -1}
				}
				r.same(how, tx.Counter(k), want)
			}
		})
	})
}

func counterInstants(r *room) {
	here := txn.CounterKey{Owner: 5, Family: txn.Load, Window: time.Hour, Start: noon.Truncate(time.Hour)}
	there := here
	there.Start = here.Start.In(time.FixedZone("somewhere", 3600))
	r.do(func(tx *store.Tx) {
		tx.PutCounter(here, txn.Counter{Count: 1})
		r.same("in the batch", tx.Counter(there), txn.Counter{Count: 1})
		tx.PutCounter(there, txn.Counter{Count: 2})
	})
	r.everyWay(func(how string) {
		r.read(func(tx *store.Tx) { r.same(how, tx.Counter(here), txn.Counter{Count: 2}) })
	})
}

// countersOver: a counter goes with the end of its window and not before, however many there are.
func countersOver(r *room) {
	const many = 1300
	open := txn.CounterKey{Owner: 1, Family: txn.Load, Window: time.Hour, Start: noon}
	r.do(func(tx *store.Tx) {
		tx.PutCounter(open, txn.Counter{Count: 1})
		for owner := range int64(many) {
			over := txn.CounterKey{Owner: owner, Family: txn.Load, Window: time.Hour, Start: noon.Add(-time.Hour)}
			tx.PutCounter(over, txn.Counter{Count: 1})
		}
	})
	if err := r.driver.ForgetCounters(r.Context(), noon.Add(time.Hour-time.Millisecond)); err != nil {
		r.Fatal(err)
	}
	r.read(func(tx *store.Tx) {
		r.same("still open", tx.Counter(open), txn.Counter{Count: 1})
		for owner := range int64(many) {
			over := txn.CounterKey{Owner: owner, Family: txn.Load, Window: time.Hour, Start: noon.Add(-time.Hour)}
			r.same("over", tx.Counter(over), txn.Counter{})
		}
	})
	if err := r.driver.ForgetCounters(r.Context(), noon.Add(time.Hour)); err != nil {
		r.Fatal(err)
	}
	r.read(func(tx *store.Tx) { r.same("at its end", tx.Counter(open), txn.Counter{}) })
}

// must takes the answer of a report that has no reason to fail.
func must[T any](answer T, err error) T {
	if err != nil {
		panic(err)
	}
	return answer
}
