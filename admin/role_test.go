package admin_test

import (
	"errors"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
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
	{admin.BackUp, admin.Attendant, func(o *admin.Office, by admin.By) error { _, _, err := o.Backup(bg, by); return err }},
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

	{admin.SeeProducts, admin.Viewer, func(o *admin.Office, by admin.By) error { _, _, err := o.AirtimeProducts(bg, by, 0, 0); return err }},
	{admin.SeeProducts, admin.Viewer, func(o *admin.Office, by admin.By) error { _, err := o.AirtimeProduct(bg, by, "-"); return err }},
	{admin.SeeProducts, admin.Viewer, func(o *admin.Office, by admin.By) error { _, _, err := o.Networks(bg, by, 0, 0); return err }},
	{admin.SeeProducts, admin.Viewer, func(o *admin.Office, by admin.By) error { _, err := o.Network(bg, by, "-"); return err }},
	{admin.PutAirtimeProduct, admin.Admin, func(o *admin.Office, by admin.By) error {
		_, err := o.PutAirtimeProduct(bg, by, airtime.Product{})
		return err
	}},
	{admin.WithdrawAirtimeProduct, admin.Attendant, func(o *admin.Office, by admin.By) error {
		_, err := o.WithdrawAirtimeProduct(bg, by, "-")
		return err
	}},
	{admin.RestoreAirtimeProduct, admin.Attendant, func(o *admin.Office, by admin.By) error {
		_, err := o.RestoreAirtimeProduct(bg, by, "-")
		return err
	}},
	{admin.PutNetwork, admin.Admin, func(o *admin.Office, by admin.By) error {
		_, err := o.PutNetwork(bg, by, airtime.Network{})
		return err
	}},
	{admin.SeeStock, admin.Viewer, func(o *admin.Office, by admin.By) error { _, err := o.Levels(bg, by, "-"); return err }},
	{admin.SeeStock, admin.Viewer, func(o *admin.Office, by admin.By) error { _, err := o.Voucher(bg, by, -1); return err }},
	{admin.SeeStock, admin.Viewer, func(o *admin.Office, by admin.By) error {
		_, _, err := o.Vouchers(bg, by, admin.VoucherQuery{})
		return err
	}},
	{admin.SeeStock, admin.Viewer, func(o *admin.Office, by admin.By) error {
		_, err := o.FindVouchersBySerial(bg, by, "-")
		return err
	}},
	{admin.SeeStock, admin.Viewer, func(o *admin.Office, by admin.By) error {
		_, err := o.FindVouchersByPIN(bg, by, airtime.VoucherPIN{})
		return err
	}},
	{admin.ImportVouchers, admin.Attendant, func(o *admin.Office, by admin.By) error {
		_, err := o.BeginVoucherImport(bg, by, "-", admin.NewBatch{})
		return err
	}},
	{admin.ReleaseVoucher, admin.Admin, func(o *admin.Office, by admin.By) error { _, err := o.ReleaseVoucher(bg, by, -1); return err }},
	{admin.WithdrawVoucher, admin.Attendant, func(o *admin.Office, by admin.By) error { _, err := o.WithdrawVoucher(bg, by, -1); return err }},
	{admin.RevealVoucher, admin.Attendant, func(o *admin.Office, by admin.By) error { _, _, err := o.RevealVoucher(bg, by, -1); return err }},
	{admin.CloseBatch, admin.Attendant, func(o *admin.Office, by admin.By) error { _, err := o.CloseBatch(bg, by, -1); return err }},
	{admin.OpenBatch, admin.Attendant, func(o *admin.Office, by admin.By) error { _, err := o.OpenBatch(bg, by, -1); return err }},
	{admin.SeeFloats, admin.Viewer, func(o *admin.Office, by admin.By) error { _, err := o.Float(bg, by, "-"); return err }},
	{admin.SeeFloats, admin.Viewer, func(o *admin.Office, by admin.By) error { _, _, err := o.Floats(bg, by, 0, 0); return err }},
	{admin.DepositFloat, admin.Admin, func(o *admin.Office, by admin.By) error { _, err := o.DepositFloat(bg, by, "-", 1, 0); return err }},
	{admin.WithdrawFloat, admin.Admin, func(o *admin.Office, by admin.By) error { _, err := o.WithdrawFloat(bg, by, "-", 1, 0); return err }},
	{admin.SeeTransactions, admin.Viewer, func(o *admin.Office, by admin.By) error {
		_, err := o.FindBySubscriber(bg, by, ident.MSISDN{})
		return err
	}},
	{admin.SeeTransactions, admin.Viewer, func(o *admin.Office, by admin.By) error {
		_, _, err := o.Working(bg, by, admin.OpenQuery{})
		return err
	}},
	{admin.SeeTransactions, admin.Viewer, func(o *admin.Office, by admin.By) error { _, err := o.FindByLabel(bg, by, "-"); return err }},
	{admin.SeeTransactions, admin.Viewer, func(o *admin.Office, by admin.By) error {
		_, _, err := o.FindByMerchant(bg, by, admin.MerchantQuery{Merchant: "-", From: by.At, To: by.At.Add(1)})
		return err
	}},
	{admin.SeeTransactions, admin.Viewer, func(o *admin.Office, by admin.By) error { _, err := o.FindBySerial(bg, by, "-"); return err }},
	{admin.SeeTransactions, admin.Viewer, func(o *admin.Office, by admin.By) error {
		_, err := o.FindByPIN(bg, by, airtime.VoucherPIN{})
		return err
	}},
	{admin.SeeQueue, admin.Viewer, func(o *admin.Office, by admin.By) error { _, err := o.Upstreams(bg, by); return err }},
	{admin.SeeQueue, admin.Viewer, func(o *admin.Office, by admin.By) error {
		_, _, err := o.QueueItems(bg, by, admin.QueueQuery{})
		return err
	}},
	{admin.SeeQueue, admin.Viewer, func(o *admin.Office, by admin.By) error { _, err := o.QueueItem(bg, by, -1); return err }},
	{admin.RetryItem, admin.Attendant, func(o *admin.Office, by admin.By) error { _, err := o.RetryItem(bg, by, -1); return err }},
	{admin.ParkItem, admin.Attendant, func(o *admin.Office, by admin.By) error { _, err := o.ParkItem(bg, by, -1); return err }},
	{admin.CloseItem, admin.Admin, func(o *admin.Office, by admin.By) error { _, err := o.CloseItem(bg, by, -1, 0); return err }},
	{admin.PauseUpstream, admin.Attendant, func(o *admin.Office, by admin.By) error { _, err := o.PauseUpstream(bg, by, "-"); return err }},
	{admin.ResumeUpstream, admin.Attendant, func(o *admin.Office, by admin.By) error { _, err := o.ResumeUpstream(bg, by, "-"); return err }},
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

	admin.PutAirtimeProduct: true, admin.WithdrawAirtimeProduct: true, admin.RestoreAirtimeProduct: true, admin.PutNetwork: true,
	admin.ReleaseVoucher: true, admin.WithdrawVoucher: true, admin.RevealVoucher: true, admin.CloseBatch: true, admin.OpenBatch: true,
	admin.DepositFloat: true, admin.WithdrawFloat: true,
	admin.RetryItem: true, admin.ParkItem: true, admin.CloseItem: true, admin.PauseUpstream: true, admin.ResumeUpstream: true,
	admin.BackUp: true,
}
