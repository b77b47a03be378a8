package admin_test

import (
	"fmt"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/txn"
)

// Every act that changes something leaves its entry, in order, with who, why, and what was different.
func TestEveryActIsRecorded(t *testing.T) {
	d := newDesk(t)
	o, by := d.office, d.by(admin.Admin)
	d.shop()
	_, err := o.ChangeProduct(bg, by, giftcard.Product{ID: "gold", Currency: 710, PINTries: 3, MaxLoad: 900})
	must(t, err)
	_, err = o.ChangeAccount(bg, by, "till", admin.AccountSettings{WrongPerMinute: 5})
	must(t, err)
	_, err = o.SuspendAccount(bg, by, "till")
	must(t, err)
	_, err = o.ResumeAccount(bg, by, "till")
	must(t, err)
	_, _, err = o.AddCredential(bg, by, "till", admin.NewCredential{})
	must(t, err)
	_, err = o.RevokeCredential(bg, by, "till", 1)
	must(t, err)
	card := d.find(pan1).ID
	_, err = o.FreezeCard(bg, by, card)
	must(t, err)
	_, err = o.UnfreezeCard(bg, by, card)
	must(t, err)
	_, err = o.UnlockPIN(bg, by, card)
	must(t, err)
	d.activate(pan1, 500)
	must(t, d.adjust(pan1, admin.CreditCard, 5))
	must(t, d.adjust(pan1, admin.DebitCard, 5))
	open, err := o.FindByID(bg, by, d.approve(txn.Void, pan1, 0))
	must(t, err)
	_, err = o.Settle(bg, by, open[0].Seq, txn.Confirmation)
	must(t, err)
	must(t, d.adjust(pan1, admin.WriteOffCard, 0))
	_, _, err = o.CreateOperator(bg, by, "bob", admin.Viewer)
	must(t, err)
	_, err = o.RevokeOperator(bg, by, "bob")
	must(t, err)
	i, err := o.BeginImport(bg, by, admin.Skip, 0)
	must(t, err)
	_, err = i.Add(bg, d.lines(1, 2))
	must(t, err)
	_, err = i.Finish(bg, d.now)
	must(t, err)

	want := []string{
		"product.create product/gold", "account.create account/till", "card.add card/", "card.add card/", "card.add card/",
		"product.change product/gold map[maxLoad:0] map[maxLoad:900]",
		"account.change account/till map[wrongPerMinute:0] map[wrongPerMinute:5]",
		"account.suspend account/till map[suspended:false] map[suspended:true]",
		"account.resume account/till map[suspended:true] map[suspended:false]",
		"account.credential.add account/till map[] map[credential.2:valid always to always]",
		"account.credential.revoke account/till map[credential.1:valid always to always] map[]",
		"card.freeze card/ map[frozen:false] map[frozen:true]", "card.unfreeze card/ map[frozen:true] map[frozen:false]",
		"card.unlock card/ map[] map[]",
		"card.credit card/ map[available:500 book:500] map[available:505 book:505]",
		"card.debit card/ map[available:505 book:505] map[available:500 book:500]",
		"transaction.settle transaction/G map[state:open] map[state:confirmed]",
		"card.writeOff card/ map[available:500 book:500] map[available:0 book:0]",
		"operator.create operator/bob map[] map[role:viewer]", "operator.revoke operator/bob map[] map[revoked:2026-11-21T12:00:00Z]",
		"card.import import/1", "card.import import/1 map[added:0 lines:0 state:running] map[added:2 lines:2 state:complete]",
	}
	trail := d.trail()
	if len(trail) != len(want) {
		t.Fatalf("%d entries, want %d", len(trail), len(want))
	}
	for n, a := range trail {
		subject := a.Subject
		switch a.Act[:4] {
		case "card":
			if a.Act != admin.ImportCards {
				subject = "card/"
			}
		case "tran":
			subject = "transaction/G"
		}
		got := fmt.Sprintf("%s %s %v %v", a.Act, subject, a.Before, a.After)
		if len(got) < len(want[n]) || got[:len(want[n])] != want[n] {
			t.Errorf("entry %d is %q, want %q", n, got, want[n])
		}
		if a.Operator != "ann" || a.Reason != "because" || !a.At.Equal(d.now) || a.Role == 0 {
			t.Errorf("entry %d lacks who, when or why: %+v", n, a)
		}
	}
}

func TestTheTrailIsReadInPagesAndBySubject(t *testing.T) {
	d := newDesk(t)
	d.shop()
	card := d.find(pan2)
	_, err := d.office.FreezeCard(bg, d.by(admin.Attendant), card.ID)
	must(t, err)
	var acts []admin.Act
	for after := int64(0); ; {
		page, next, err := d.office.Trail(bg, d.by(admin.Auditor), admin.AuditQuery{Subject: fmt.Sprintf("card/%d", card.ID), After: after, Limit: 1})
		must(t, err)
		for _, a := range page {
			acts = append(acts, a.Act)
		}
		if after = next; next == 0 {
			break
		}
	}
	if fmt.Sprint(acts) != "[card.add card.freeze]" {
		t.Errorf("acts upon the card: %v", acts)
	}
	if none, _, _ := d.office.Trail(bg, d.by(admin.Auditor), admin.AuditQuery{Operator: "eve"}); len(none) != 0 {
		t.Errorf("acts of somebody else: %v", none)
	}
}
