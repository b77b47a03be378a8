package storetest

import (
	"math"
	"testing"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/store"
)

func testFloats(t *testing.T, h *harness) {
	t.Run("every field comes back", h.with(everyFloatField))
	t.Run("what may change is changed", h.with(changedFloat))
	t.Run("a balance that cannot be is refused", h.with(impossibleFloat))
}

// hasFloat checks that a float comes back.
func (r *room) hasFloat(want airtime.Float) {
	r.Helper()
	r.everyWay(func(how string) {
		r.Helper()
		r.read(func(tx *store.Tx) {
			r.Helper()
			got, found := tx.Float(want.Account)
			if !found {
				r.Errorf("%s: account %d has no float", how, want.Account)
			}
			r.same(how+": float", got, want)
		})
	})
}

func everyFloatField(r *room) {
	f := airtime.Float{
		Account: 31, World: 4, Currency: 710, Balance: ledger.Balance{Book: 700, Available: 600}, LastMessage: 90,
	}
	most := airtime.Float{
		Account: math.MaxInt32, World: math.MinInt32, Currency: math.MaxUint16,
		Balance: ledger.Balance{Book: math.MaxInt64, Available: math.MaxInt64}, LastMessage: math.MinInt64,
	}
	r.full(f)
	r.do(func(tx *store.Tx) { tx.PutFloat(f); tx.PutFloat(most) })
	r.hasFloat(f)
	r.hasFloat(most)
	r.read(func(tx *store.Tx) {
		if _, found := tx.Float(32); found {
			r.Error("an account has a float that was never made")
		}
	})
}

func changedFloat(r *room) {
	f := airtime.Float{Account: 31, World: 4, Currency: 710, Balance: ledger.Balance{Book: 700, Available: 600}}
	r.do(func(tx *store.Tx) { tx.PutFloat(f) })
	f.Balance, f.LastMessage = ledger.Balance{Book: 5, Available: 0}, 91
	r.do(func(tx *store.Tx) {
		other := f
		other.World, other.Currency = 9, 978 // what may not change
		tx.PutFloat(other)
		got, _ := tx.Float(31)
		r.same("in the batch", got, f)
	})
	r.hasFloat(f)
}

func impossibleFloat(r *room) {
	for _, b := range []ledger.Balance{{Book: -1, Available: -1}, {Book: 1, Available: 2}, {Book: 1, Available: -1}} {
		if r.try(declared(), func(tx *store.Tx) error { tx.PutFloat(airtime.Float{Account: 5, Balance: b}); return nil }) == nil {
			r.Errorf("a float has book %d and available %d", b.Book, b.Available)
		}
	}
	r.same("floats", must(r.driver.Floats(r.Context(), 0, 10)), []airtime.Float(nil))
}
