package admin_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// bearing sends an approved redemption with a third-party identifier and a body.
func (d *desk) bearing(r ident.Reference) ident.ID {
	d.t.Helper()
	id, err := d.askFor(&giftcard.Request{
		Family: txn.Redemption, Card: giftcard.Presented{PAN: parsePAN(d.t, pan1), Expiry: "4010"},
		References: []ident.Reference{r}, Body: []byte(`{"thirdPartyIdentifiers":["` + r.Identifier + `"]}`),
	}, 100)
	must(d.t, err)
	return id
}

func TestFindATransaction(t *testing.T) {
	d := newDesk(t)
	d.shop()
	d.activate(pan1, 500)
	theirs := ident.Reference{Institution: "44", Identifier: "slip-17"}
	id := d.bearing(theirs)
	must(t, d.advise(txn.Redemption, txn.Confirmation, id))

	byID, err := d.office.FindByID(bg, d.by(admin.Viewer), id)
	must(t, err)
	if len(byID) != 1 {
		t.Fatalf("found %d by id", len(byID))
	}
	found := byID[0]
	if found.AccountName != "till" || found.Card.Masked != "600100******0001" || found.State != txn.Confirmed || found.EndedBy == nil || found.EndedBy.Role != txn.Confirmation {
		t.Errorf("found %+v", found)
	}
	for name, r := range map[string]ident.Reference{"theirs": theirs, "ours": {Identifier: found.Reference}} {
		byReference, err := d.office.FindByReference(bg, d.by(admin.Viewer), r)
		must(t, err)
		if len(byReference) != 1 || byReference[0].Seq != found.Seq {
			t.Errorf("by %s: found %+v", name, byReference)
		}
	}
	for _, r := range []ident.Reference{{Institution: "45", Identifier: "slip-17"}, {Identifier: giftcard.Reference(9_999_999)}} {
		nothing, err := d.office.FindByReference(bg, d.by(admin.Viewer), r)
		must(t, err)
		if len(nothing) != 0 {
			t.Errorf("by %v: found %+v", r, nothing)
		}
	}
	ending, err := d.office.Transaction(bg, d.by(admin.Viewer), found.Ended)
	must(t, err)
	if ending.Request != found.Seq {
		t.Errorf("the ending is about %d", ending.Request)
	}
}

func TestReadingABodyIsRecorded(t *testing.T) {
	d := newDesk(t)
	d.shop()
	d.activate(pan1, 500)
	id := d.bearing(ident.Reference{Institution: "44", Identifier: "slip-17"})
	found, err := d.office.FindByID(bg, d.by(admin.Viewer), id)
	must(t, err)
	before := len(d.trail())
	body, err := d.office.Body(bg, d.by(admin.Auditor), found[0].Seq)
	must(t, err)
	if !strings.Contains(string(body), "slip-17") {
		t.Errorf("body %s", body)
	}
	trail := d.trail()
	if last := trail[len(trail)-1]; len(trail) != before+1 || last.Act != admin.ReadBody || last.Subject != "transaction/"+found[0].Reference {
		t.Errorf("the reading was recorded as %+v", last)
	}
}

func TestOpenRequestsByAgeAndAccount(t *testing.T) {
	d := newDesk(t)
	d.shop()
	d.account("other", admin.AccountSettings{})
	d.activate(pan1, 500)
	old := d.approve(txn.Redemption, pan1, 100)
	d.now = d.now.Add(25 * time.Hour)
	d.approve(txn.Redemption, pan1, 50)

	count := func(q admin.OpenQuery) int {
		open, _, err := d.office.Open(bg, d.by(admin.Viewer), q)
		must(t, err)
		return len(open)
	}
	if n := count(admin.OpenQuery{}); n != 2 {
		t.Errorf("%d open in all", n)
	}
	if n := count(admin.OpenQuery{OlderThan: 24 * time.Hour}); n != 1 {
		t.Errorf("%d open for a day", n)
	}
	if n := count(admin.OpenQuery{Account: "other"}); n != 0 {
		t.Errorf("%d open of the other", n)
	}
	page, next, err := d.office.Open(bg, d.by(admin.Viewer), admin.OpenQuery{Limit: 1})
	must(t, err)
	if len(page) != 1 || page[0].ID != old || next != page[0].Seq {
		t.Errorf("first page %+v, next %d", page, next)
	}
	if page, next, err = d.office.Open(bg, d.by(admin.Viewer), admin.OpenQuery{Limit: 1, After: next}); err != nil || len(page) != 1 || next != 0 {
		t.Errorf("second page %+v, next %d, %v", page, next, err)
	}
	totals, err := d.office.OpenTotals(bg, d.by(admin.Viewer), admin.OpenQuery{})
	must(t, err)
	if len(totals) != 1 || totals[0].Count != 2 || totals[0].Value != money.SumOf(150) || totals[0].Account != "till" || !totals[0].Oldest.Equal(d.now.Add(-25*time.Hour)) {
		t.Errorf("totals %+v", totals)
	}
}

// Each amount is possible by itself; together they are more than 64 bits hold.
func TestOpenTotalsOfManyLargeAmounts(t *testing.T) {
	d := newDesk(t)
	d.shop()
	const cards, first = 11, 6001000000000100
	for i := range cards {
		pan := strconv.Itoa(first + i)
		d.card(pan)
		d.approve(txn.Activation, pan, money.MaxMinor)
	}
	totals, err := d.office.OpenTotals(bg, d.by(admin.Viewer), admin.OpenQuery{})
	must(t, err)
	if len(totals) != 1 || totals[0].Count != cards || totals[0].Value.String() != "10999999999999999989" {
		t.Errorf("totals %+v", totals)
	}
}

func TestSettle(t *testing.T) {
	for _, c := range []struct {
		ending, agreeing, disagreeing txn.Role
		book, available               int64
	}{
		{txn.Confirmation, txn.Confirmation, txn.Reversal, 400, 400},
		{txn.Reversal, txn.Reversal, txn.Confirmation, 500, 500},
	} {
		d := newDesk(t)
		d.shop()
		d.activate(pan1, 500)
		id := d.approve(txn.Redemption, pan1, 100)
		open, err := d.office.FindByID(bg, d.by(admin.Viewer), id)
		must(t, err)
		settled, err := d.office.Settle(bg, d.by(admin.Attendant), open[0].Seq, c.ending)
		must(t, err)
		if settled.State != c.ending.Ending() || settled.EndedBy == nil || settled.EndedBy.Account != 0 {
			t.Errorf("settled: %+v", settled)
		}
		if b := d.find(pan1).Balance; int64(b.Book) != c.book || int64(b.Available) != c.available {
			t.Errorf("balance after the %s: %+v", c.ending, b)
		}
		must(t, d.advise(txn.Redemption, c.agreeing, id))
		if d.advise(txn.Redemption, c.disagreeing, id) == nil {
			t.Error("an advice that disagrees was accepted")
		}
		_, err = d.office.Settle(bg, d.by(admin.Attendant), open[0].Seq, c.ending)
		refused(t, err, admin.Conflict, "")
		trail := d.trail()
		if last := trail[len(trail)-1]; last.Act != admin.SettleRequest || last.Number != settled.Ended || last.After["state"] != settled.State.String() {
			t.Errorf("recorded as %+v", last)
		}
	}
}

// When the issuer refuses what looked open, the refusal comes through and nothing is recorded.
func TestASettlementThatTheIssuerRefusesIsNotRecorded(t *testing.T) {
	d := newDesk(t)
	d.shop()
	d.activate(pan1, 500)
	advice := d.approve(txn.Redemption, pan1, 100)
	must(t, d.advise(txn.Redemption, txn.Confirmation, advice))
	before := len(d.trail())
	found, err := d.office.FindByID(bg, d.by(admin.Viewer), advice)
	must(t, err)
	_, err = d.office.Settle(bg, d.by(admin.Attendant), found[0].Ended, txn.Reversal)
	refused(t, err, admin.Conflict, "")
	if err := d.adjust(pan1, admin.DebitCard, 5000); err == nil {
		t.Error("too much was debited")
	} else {
		declined(t, err, decline.InsufficientFunds)
	}
	if len(d.trail()) != before {
		t.Error("what was refused was recorded")
	}
}

// A request whose reversal came before it tells so, and no other declined request does, also once both were pruned.
func TestARequestTellsThatItsReversalCameFirst(t *testing.T) {
	d := newDesk(t)
	d.shop()
	d.activate(pan1, 500)
	late := ident.ID("id-" + strconv.Itoa(d.ids+2)) // of the request after the reversal
	if err := d.advise(txn.Redemption, txn.Reversal, late); err == nil {
		t.Fatal("a reversal of what never came was accepted")
	}
	id, err := d.ask(txn.Redemption, pan1, 100)
	if err == nil || id != late {
		t.Fatalf("request %s ended with %v, want %s declined", id, err, late)
	}
	poor, err := d.ask(txn.Redemption, pan1, 900)
	if err == nil {
		t.Fatal("more was redeemed than there is")
	}
	for _, when := range []string{"whole", "pruned"} {
		found, err := d.office.FindByID(bg, d.by(admin.Viewer), late)
		must(t, err)
		if len(found) != 1 || found[0].Forestalled == nil || found[0].Forestalled.Role != txn.Reversal || found[0].Forestalled.Seq >= found[0].Seq {
			t.Errorf("%s: found %+v", when, found)
		}
		found, err = d.office.FindByID(bg, d.by(admin.Viewer), poor)
		must(t, err)
		if len(found) != 1 || found[0].Reason == "" || found[0].Forestalled != nil {
			t.Errorf("%s: found %+v", when, found)
		}
		d.prune()
	}
}

// So does a purchase, whose reason is another.
func TestAPurchaseTellsThatItsReversalCameFirst(t *testing.T) {
	d := newDesk(t)
	d.kiosk(1)
	account, _ := d.office.Register().AccountByName(ident.Production, "kiosk")
	sender, _ := d.office.Register().Sender(ident.Production, account.Number)
	late := ident.ID("id-" + strconv.Itoa(d.ids+2))
	reversal := airtime.Advice{Advice: txn.Advice{Family: txn.Purchase, Role: txn.Reversal, ID: d.newID(), RequestID: late, Sender: sender, Received: d.now}}
	if _, err := d.vendor.Advise(bg, &reversal); err == nil {
		t.Fatal("a reversal of what never came was accepted")
	}
	if id, _, err := d.buy(airtime.Request{Product: "fifty"}); err == nil || id != late {
		t.Fatalf("purchase %s ended with %v, want %s declined", id, err, late)
	}
	found, err := d.office.FindByID(bg, d.by(admin.Viewer), late)
	must(t, err)
	if len(found) != 1 || found[0].Forestalled == nil || found[0].Forestalled.ID != reversal.ID {
		t.Errorf("found %+v", found)
	}
}
