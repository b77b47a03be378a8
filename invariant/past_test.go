package invariant_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/invariant"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/storetest"
	"github.com/scripworks/scrip/txn"
)

// later is after whatever a test has done.
func later() time.Time { return time.Now().Add(1000 * time.Hour) }

// prune prunes everything that may go.
func prune(t *testing.T, s *store.Store) {
	t.Helper()
	if _, err := storetest.PruneAll(t.Context(), s, later()); err != nil {
		t.Fatal(err)
	}
}

// Pruning changes neither a total nor what is open, and leaves no fault; nor does forgetting what is left.
func TestAPrunedStoreHasNoFaults(t *testing.T) {
	for name, s := range map[string]*store.Store{"shop": newShop(t).issuer.Store, "stall": newStall(t).Store} {
		t.Run(name, func(t *testing.T) {
			before := check(t, s.Driver())
			maps.DeleteFunc(before.Totals, func(_ invariant.Total, sum money.Sum) bool { return sum == money.Sum{} })
			prune(t, s)
			after := check(t, s.Driver())
			if len(after.Faults) > 0 {
				t.Errorf("%q", after.Faults)
			}
			if !maps.Equal(after.Totals, before.Totals) || after.Open != before.Open || after.Working != before.Working {
				t.Errorf("the report is %+v, and was %+v", after, before)
			}
			if after.Messages+after.Pruned != before.Messages || after.Pruned == 0 || after.Brought == 0 {
				t.Errorf("of %d messages %d are kept and %d pruned, with %d amounts brought forward", before.Messages, after.Messages, after.Pruned, after.Brought)
			}
			for gone := 1; gone > 0; {
				var err error
				if gone, err = s.ForgetPruned(t.Context(), later()); err != nil {
					t.Fatal(err)
				}
			}
			forgotten := check(t, s.Driver())
			if len(forgotten.Faults) > 0 || forgotten.Pruned != 0 || !maps.Equal(forgotten.Totals, before.Totals) {
				t.Errorf("once it is forgotten the report is %+v", forgotten)
			}
		})
	}
}

// tamperedPast shows a store with a past that somebody has changed. A change that returns false takes the record away.
type tamperedPast struct {
	admin.Reports
	husk    func(*txn.Husk) bool
	brought func(*ledger.Brought) bool
}

const allOfIt = 10_000

func (r tamperedPast) Pruned(ctx context.Context, after int64, limit int) ([]txn.Husk, error) {
	page, err := r.Reports.Pruned(ctx, 0, allOfIt)
	page, err = change(page, err, r.husk)
	page = slices.DeleteFunc(page, func(h txn.Husk) bool { return h.Seq <= after })
	return page[:min(limit, len(page))], err
}

func (r tamperedPast) Brought(ctx context.Context, after ledger.BroughtKey, limit int) ([]ledger.Brought, error) {
	page, err := r.Reports.Brought(ctx, ledger.BroughtKey{}, allOfIt)
	page, err = change(page, err, r.brought)
	page = slices.DeleteFunc(page, func(b ledger.Brought) bool { return b.Compare(after) <= 0 })
	return page[:min(limit, len(page))], err
}

// Each of these changes one record of the past, and the report must name what is wrong with it.
func TestEachKindOfFaultOfThePastIsFound(t *testing.T) {
	shop, stall := newShop(t), newStall(t)
	load, activation := shop.message("load"), shop.message("activation of used")
	prune(t, shop.issuer.Store)
	prune(t, stall.Store)
	used := ledger.AccountOf(ledger.Card, shop.card("used"))
	reports, airtimes := shop.issuer.Store.Driver(), stall.Store.Driver()
	husk := func(seq int64, change func(*txn.Husk) bool) tamperedPast {
		return tamperedPast{Reports: reports, husk: func(h *txn.Husk) bool { return h.Seq != seq || change(h) }}
	}
	brought := func(change func(*ledger.Brought) bool) tamperedPast {
		return tamperedPast{Reports: reports, brought: func(b *ledger.Brought) bool { return b.Credit != used || change(b) }}
	}
	open := check(t, reports).Open
	if open == 0 {
		t.Fatal("nothing is open")
	}
	for _, c := range []struct {
		name  string
		store tamperedPast
		want  string
	}{
		{"a husk gone", husk(load.Seq, func(*txn.Husk) bool { return false }), "was brought forward of"},
		{"a husk confirmed for more", husk(load.Seq, func(h *txn.Husk) bool { h.Final++; return true }), "was brought forward of"},
		{"a husk of what is open", husk(load.Seq, func(h *txn.Husk) bool { h.State = txn.Open; return true }), "should have stayed"},
		{"the husk of a card's activation gone", husk(activation.Seq, func(*txn.Husk) bool { return false }), "it names activation"},
		{"the husk of a card's activation reversed", husk(activation.Seq, func(h *txn.Husk) bool { h.State = txn.Reversed; return true }), "its messages make it NEW"},
		{"all husks gone", tamperedPast{Reports: reports, husk: func(*txn.Husk) bool { return false }}, "as the one before it"},
		{"more brought forward", brought(func(b *ledger.Brought) bool { b.Amount++; return true }), "its entries add up to"},
		{"nothing brought forward", brought(func(*ledger.Brought) bool { return false }), "its entries add up to"},
		{"brought forward to itself", brought(func(b *ledger.Brought) bool { b.Debit = b.Credit; return true }), "debit and credit are both"},
		{"brought forward in another currency", brought(func(b *ledger.Brought) bool { b.Currency = 840; return true }), "currency 840"},
		{"the husk of a sale gone", tamperedPast{Reports: airtimes, husk: func(h *txn.Husk) bool { return h.Role != txn.Request }}, "its newest message is"},
		{"a sale that was reversed", tamperedPast{Reports: airtimes, husk: func(h *txn.Husk) bool {
			if h.Role == txn.Request && h.State == txn.Confirmed {
				h.State = txn.Reversed
			}
			return true
		}}, "and nothing took it back"},
		{"less charged to floats", tamperedPast{Reports: airtimes, brought: func(b *ledger.Brought) bool { return b.Debit.Class() != ledger.Float }}, "its entries add up to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			faults := check(t, c.store).Faults
			if !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, c.want) }) {
				t.Errorf("no fault with %q in %q", c.want, faults)
			}
		})
	}
}

// What was pruned and is there all the same counts twice.
func TestAMessageBesideItsHuskIsFound(t *testing.T) {
	shop := newShop(t)
	before := shop.records()
	load := before.find("load")
	twice := tamperedPast{Reports: doubled{shop.issuer.Store.Driver(), load.Husk(1)}}
	report, err := invariant.Check(t.Context(), twice)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(report.Faults, func(f string) bool { return strings.Contains(f, "is there as well") }) {
		t.Errorf("the faults are %q", report.Faults)
	}
}

// doubled shows a husk more.
type doubled struct {
	admin.Reports
	husk txn.Husk
}

func (d doubled) Pruned(context.Context, int64, int) ([]txn.Husk, error) {
	return []txn.Husk{d.husk}, nil
}
