package admin_test

import (
	"errors"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/store/storetest"
	"github.com/scripworks/scrip/txn"
)

// prune prunes all that may go.
func (d *desk) prune() int {
	d.t.Helper()
	gone, err := storetest.PruneAll(d.t.Context(), d.store, d.by(admin.Viewer).At.Add(time.Hour))
	must(d.t, err)
	return gone
}

// A card's history ends where messages were pruned, and says with which balance.
func TestCardHistoryEndsInAPrunedPast(t *testing.T) {
	d := newDesk(t)
	d.shop()
	d.activate(pan1, 500)
	load := d.approve(txn.Load, pan1, 300)
	must(t, d.advise(txn.Load, txn.Confirmation, load))
	if gone := d.prune(); gone != 4 {
		t.Errorf("%d messages were pruned", gone)
	}
	id := d.find(pan1).ID
	all, err := d.office.CardHistory(bg, d.by(admin.Viewer), id, admin.Cursor{}, 10)
	must(t, err)
	if len(all.Items) != 0 || all.Next != (admin.Cursor{}) || !all.Pruned || all.Brought != (ledger.Balance{Book: 800, Available: 800}) {
		t.Errorf("the history is %+v", all)
	}
	open := d.approve(txn.Redemption, pan1, 200)
	if gone := d.prune(); gone != 0 {
		t.Errorf("%d more messages were pruned", gone)
	}
	first, err := d.office.CardHistory(bg, d.by(admin.Viewer), id, admin.Cursor{}, 1)
	must(t, err)
	if len(first.Items) != 1 || first.Pruned || first.Next == (admin.Cursor{}) {
		t.Errorf("the newest page is %+v", first)
	}
	rest, err := d.office.CardHistory(bg, d.by(admin.Viewer), id, first.Next, 1)
	must(t, err)
	if len(rest.Items) != 0 || !rest.Pruned || rest.Brought != all.Brought {
		t.Errorf("the page after it is %+v", rest)
	}
	must(t, d.advise(txn.Redemption, txn.Reversal, open))
	d.verifies()
}

// What is left of a pruned transaction is found by its id and its place, and nobody can settle it or read its body.
func TestWhatIsLeftOfATransaction(t *testing.T) {
	d := newDesk(t)
	d.shop()
	d.activate(pan1, 500)
	load := d.approve(txn.Load, pan1, 300)
	must(t, d.advise(txn.Load, txn.Confirmation, load))
	before, err := d.office.FindByID(bg, d.by(admin.Viewer), load)
	must(t, err)
	d.prune()
	found, err := d.office.FindByID(bg, d.by(admin.Viewer), load)
	must(t, err)
	if len(found) != 1 || !found[0].Pruned || found[0].ID != load || found[0].State != txn.Confirmed || found[0].Final != 300 || found[0].Card != before[0].Card {
		t.Fatalf("found is %+v, and was %+v", found, before)
	}
	seq := found[0].Seq
	shown, err := d.office.Transaction(bg, d.by(admin.Viewer), seq)
	must(t, err)
	if !shown.Pruned || shown.EndedBy != nil || shown.Reference != before[0].Reference {
		t.Errorf("shown is %+v", shown)
	}
	_, err = d.office.Settle(bg, d.by(admin.Admin), seq, txn.Reversal)
	refusal := (*admin.Refusal)(nil)
	if !errors.As(err, &refusal) {
		t.Errorf("settling it is %v", err)
	}
	_, err = d.office.Body(bg, d.by(admin.Admin), seq)
	refused(t, err, admin.NotFound, "")
}
