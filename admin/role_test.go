package admin_test

import (
	"errors"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// acts calls each act with values that are never right, so that all that differs is whether the role may.
var acts = []struct {
	act   admin.Act
	least admin.Role
	call  func(o *admin.Office, by admin.By) error
}{
	{admin.SeeAccounts, admin.Viewer, func(o *admin.Office, by admin.By) error { _, _, err := o.Accounts(bg, by, 0, 0); return err }},
	{admin.SeeAccounts, admin.Viewer, func(o *admin.Office, by admin.By) error { _, err := o.Account(bg, by, "-"); return err }},
	{admin.SeeProducts, admin.Viewer, func(o *admin.Office, by admin.By) error { _, _, err := o.ProductList(bg, by, 0, 0); return err }},
	{admin.SeeProducts, admin.Viewer, func(o *admin.Office, by admin.By) error { _, err := o.Product(bg, by, "-"); return err }},
	{admin.SeeCards, admin.Viewer, func(o *admin.Office, by admin.By) error { _, err := o.Card(bg, by, -1); return err }},
	{admin.SeeCards, admin.Viewer, func(o *admin.Office, by admin.By) error { _, err := o.FindCard(bg, by, ident.PAN{}); return err }},
	{admin.SeeCards, admin.Viewer, func(o *admin.Office, by admin.By) error {
		_, err := o.CardHistory(bg, by, -1, admin.Cursor{}, 0)
		return err
	}},
	{admin.SeeImports, admin.Viewer, func(o *admin.Office, by admin.By) error { _, _, err := o.Imports(bg, by, 0, 0); return err }},
	{admin.SeeTransactions, admin.Viewer, func(o *admin.Office, by admin.By) error { _, err := o.FindByID(bg, by, "-"); return err }},
	{admin.SeeTransactions, admin.Viewer, func(o *admin.Office, by admin.By) error {
		_, err := o.FindByReference(bg, by, ident.Reference{})
		return err
	}},
	{admin.SeeTransactions, admin.Viewer, func(o *admin.Office, by admin.By) error { _, err := o.Transaction(bg, by, -1); return err }},
	{admin.SeeTransactions, admin.Viewer, func(o *admin.Office, by admin.By) error {
		_, _, err := o.Open(bg, by, admin.OpenQuery{})
		return err
	}},
	{admin.SeeTransactions, admin.Viewer, func(o *admin.Office, by admin.By) error {
		_, err := o.OpenTotals(bg, by, admin.OpenQuery{})
		return err
	}},
	{admin.ReadBody, admin.Auditor, func(o *admin.Office, by admin.By) error { _, err := o.Body(bg, by, -1); return err }},
	{admin.ReadAudit, admin.Auditor, func(o *admin.Office, by admin.By) error {
		_, _, err := o.Trail(bg, by, admin.AuditQuery{})
		return err
	}},
	{admin.AddCard, admin.Attendant, func(o *admin.Office, by admin.By) error { _, err := o.AddCard(bg, by, admin.Seed{}); return err }},
	{admin.ImportCards, admin.Attendant, func(o *admin.Office, by admin.By) error { _, err := o.BeginImport(bg, by, "-", 0); return err }},
	{admin.FreezeCard, admin.Attendant, func(o *admin.Office, by admin.By) error { _, err := o.FreezeCard(bg, by, -1); return err }},
	{admin.UnfreezeCard, admin.Attendant, func(o *admin.Office, by admin.By) error { _, err := o.UnfreezeCard(bg, by, -1); return err }},
	{admin.UnlockPIN, admin.Attendant, func(o *admin.Office, by admin.By) error { _, err := o.UnlockPIN(bg, by, -1); return err }},
	{admin.SettleRequest, admin.Attendant, func(o *admin.Office, by admin.By) error {
		_, err := o.Settle(bg, by, -1, txn.Confirmation)
		return err
	}},
	{admin.SuspendAccount, admin.Attendant, func(o *admin.Office, by admin.By) error { _, err := o.SuspendAccount(bg, by, "-"); return err }},
	{admin.ResumeAccount, admin.Attendant, func(o *admin.Office, by admin.By) error { _, err := o.ResumeAccount(bg, by, "-"); return err }},
	{admin.CreditCard, admin.Admin, adjusting(admin.CreditCard)},
	{admin.DebitCard, admin.Admin, adjusting(admin.DebitCard)},
	{admin.WriteOffCard, admin.Admin, adjusting(admin.WriteOffCard)},
	{admin.CreateAccount, admin.Admin, func(o *admin.Office, by admin.By) error {
		_, _, err := o.CreateAccount(bg, by, "-", "", admin.AccountSettings{})
		return err
	}},
	{admin.ChangeAccount, admin.Admin, func(o *admin.Office, by admin.By) error {
		_, err := o.ChangeAccount(bg, by, "-", admin.AccountSettings{})
		return err
	}},
	{admin.AddCredential, admin.Admin, func(o *admin.Office, by admin.By) error {
		_, _, err := o.AddCredential(bg, by, "-", admin.NewCredential{})
		return err
	}},
	{admin.RevokeCredential, admin.Admin, func(o *admin.Office, by admin.By) error {
		_, err := o.RevokeCredential(bg, by, "-", 1)
		return err
	}},
	{admin.CreateProduct, admin.Admin, func(o *admin.Office, by admin.By) error {
		_, err := o.CreateProduct(bg, by, giftcard.Product{})
		return err
	}},
	{admin.ChangeProduct, admin.Admin, func(o *admin.Office, by admin.By) error {
		_, err := o.ChangeProduct(bg, by, giftcard.Product{})
		return err
	}},
	{admin.SeeOperators, admin.Admin, func(o *admin.Office, by admin.By) error { _, _, err := o.Operators(bg, by, 0, 0); return err }},
	{admin.CreateOperator, admin.Admin, func(o *admin.Office, by admin.By) error {
		_, _, err := o.CreateOperator(bg, by, "-", admin.Viewer)
		return err
	}},
	{admin.RevokeOperator, admin.Admin, func(o *admin.Office, by admin.By) error { _, err := o.RevokeOperator(bg, by, "-"); return err }},
}

func adjusting(kind admin.Act) func(*admin.Office, admin.By) error {
	return func(o *admin.Office, by admin.By) error {
		_, err := o.Adjust(bg, by, -1, admin.Adjustment{Kind: kind})
		return err
	}
}

func TestEveryRoleAgainstEveryAct(t *testing.T) {
	d := newDesk(t)
	for _, a := range acts {
		for role := admin.Viewer; role <= admin.Admin; role++ {
			err := a.call(d.office, d.by(role))
			var r *admin.Refusal
			forbidden := errors.As(err, &r) && r.Code == admin.Forbidden
			if want := role < a.least; forbidden != want {
				t.Errorf("%s by a %s: forbidden=%v (%v), want %v", a.act, role, forbidden, err, want)
			}
		}
		if admin.Needs(a.act) != a.least {
			t.Errorf("%s needs %s, want %s", a.act, admin.Needs(a.act), a.least)
		}
	}
	if len(d.trail()) != 0 {
		t.Error("something was done all the same")
	}
}

func TestAnUnknownActIsForNobody(t *testing.T) {
	if admin.Needs("card.melt") <= admin.Admin {
		t.Error("an act that nobody knows is permitted")
	}
}

// Acts upon what exists need a reason; creations do not.
func TestActsNeedAReason(t *testing.T) {
	d := newDesk(t)
	for _, a := range acts {
		by := d.by(admin.Admin)
		by.Reason = ""
		err := a.call(d.office, by)
		var r *admin.Refusal
		unreasoned := errors.As(err, &r) && r.Field == "reason"
		if want := needsReason[a.act]; unreasoned != want {
			t.Errorf("%s without a reason: %v", a.act, err)
		}
	}
}

var needsReason = map[admin.Act]bool{
	admin.FreezeCard: true, admin.UnfreezeCard: true, admin.UnlockPIN: true, admin.SettleRequest: true,
	admin.SuspendAccount: true, admin.ResumeAccount: true, admin.CreditCard: true, admin.DebitCard: true, admin.WriteOffCard: true,
	admin.ChangeAccount: true, admin.AddCredential: true, admin.RevokeCredential: true, admin.ChangeProduct: true,
	admin.RevokeOperator: true,
}
