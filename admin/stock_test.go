package admin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
)

// level gives the level of batch 1 as stock/sold/quarantined/withdrawn.
func (d *desk) level() string {
	d.t.Helper()
	levels, err := d.office.Levels(d.t.Context(), d.by(admin.Viewer), "fifty")
	must(d.t, err)
	b := levels[0].Batches[0]
	return fmt.Sprintf("%d/%d/%d/%d", b.Unexpired, b.Sold, b.Quarantined, b.Withdrawn)
}

func TestAVoucherThatCameBack(t *testing.T) {
	d := newDesk(t)
	d.kiosk(4)
	for range 2 {
		_, id := d.sold()
		d.handBack(id)
	}
	d.sold()
	if d.level() != "1/1/2/0" {
		t.Errorf("the level is %s", d.level())
	}
	quarantined, next, err := d.office.Vouchers(bg, d.by(admin.Viewer), admin.VoucherQuery{Status: airtime.Quarantined})
	must(t, err)
	if len(quarantined) != 2 || next != (admin.VoucherCursor{}) {
		t.Fatalf("in quarantine are %+v, and more after %s", quarantined, next)
	}
	back, err := d.office.ReleaseVoucher(bg, d.by(admin.Admin), quarantined[0].ID)
	must(t, err)
	gone, err := d.office.WithdrawVoucher(bg, d.by(admin.Attendant), quarantined[1].ID)
	must(t, err)
	if back.Status != airtime.InStock || gone.Status != airtime.Withdrawn || d.level() != "2/1/0/1" {
		t.Errorf("released to %s, withdrawn to %s, the level is %s", back.Status, gone.Status, d.level())
	}
	for id, where := range map[int64]string{back.ID: "this one is in stock", gone.ID: "this one is withdrawn"} {
		_, err := d.office.ReleaseVoucher(bg, d.by(admin.Admin), id)
		refused(t, err, admin.Conflict, "")
		if !strings.HasSuffix(err.Error(), where) {
			t.Errorf("releasing voucher %d again is refused as %v", id, err)
		}
	}
	if _, err = d.office.ReleaseVoucher(bg, d.by(admin.Admin), 999999); err == nil {
		t.Error("a voucher that is not there was released")
	}
	trail := d.trail()
	last := trail[len(trail)-1]
	if last.Act != admin.WithdrawVoucher || last.Subject != fmt.Sprintf("voucher/%d", gone.ID) || last.Before["status"] != "quarantine" || last.After["status"] != "withdrawn" {
		t.Errorf("the trail says %+v", last)
	}
}

func TestAVoucherThatWasMadeHasNoStockToGoBackTo(t *testing.T) {
	d := newDesk(t)
	d.account("kiosk", admin.AccountSettings{})
	made := voucherProduct("made")
	made.Source = airtime.Made
	d.airtimeProduct(made)
	id, response, err := d.buy(airtime.Request{Product: "made"})
	must(t, err)
	d.handBack(id)
	_, err = d.office.ReleaseVoucher(bg, d.by(admin.Admin), d.voucher(response.Voucher.Serial).ID)
	refused(t, err, admin.Conflict, "")
	if !strings.Contains(err.Error(), "made for its sale") {
		t.Errorf("refused as %v", err)
	}
}

func TestVouchersAreListedPageByPage(t *testing.T) {
	d := newDesk(t)
	d.kiosk(3)
	d.stock(admin.All, d.vouchers(11, 3))
	var listed []string
	query := admin.VoucherQuery{Status: airtime.InStock, Limit: 2}
	for pages := 1; ; pages++ {
		found, next, err := d.office.Vouchers(bg, d.by(admin.Viewer), query)
		must(t, err)
		for _, v := range found {
			listed = append(listed, v.Serial)
		}
		if next == (admin.VoucherCursor{}) {
			break
		}
		query.From, err = admin.ParseVoucherCursor(next.String())
		must(t, err)
		if pages > 3 {
			t.Fatal("the list does not end")
		}
	}
	if want := "[S000001 S000002 S000003 S000011 S000012 S000013]"; fmt.Sprint(listed) != want {
		t.Errorf("listed %v, want %s", listed, want)
	}
	of, _, err := d.office.Vouchers(bg, d.by(admin.Viewer), admin.VoucherQuery{Status: airtime.InStock, Batch: 2, Product: "fifty"})
	must(t, err)
	none, _, err := d.office.Vouchers(bg, d.by(admin.Viewer), admin.VoucherQuery{Status: airtime.InStock, Product: "other"})
	must(t, err)
	if len(of) != 3 || len(none) != 0 {
		t.Errorf("of batch 2 there are %d, of another product %d", len(of), len(none))
	}
	_, _, err = d.office.Vouchers(bg, d.by(admin.Viewer), admin.VoucherQuery{})
	refused(t, err, admin.Invalid, "status")
}

func FuzzParseVoucherCursor(f *testing.F) {
	for _, s := range []string{"", "1.2", "0.1", "1.-1", "x", "1.2.3", "2147483648.1", "01.2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := admin.ParseVoucherCursor(s); err == nil && c.String() != s {
			t.Errorf("%q was read as %+v", s, c)
		}
	})
}

func TestOnlyASoldVoucherIsRevealed(t *testing.T) {
	d := newDesk(t)
	d.kiosk(2)
	serial, id := d.sold()
	v, pin, err := d.office.RevealVoucher(bg, d.by(admin.Attendant), d.voucher(serial).ID)
	must(t, err)
	if v.Serial != serial || pin.Reveal() != pinOf(1) {
		t.Errorf("revealed %s of %s", pin.Reveal(), v.Serial)
	}
	trail := d.trail()
	if last := trail[len(trail)-1]; last.Act != admin.RevealVoucher || last.Operator != "ann" || last.Reason != "because" || strings.Contains(fmt.Sprint(last), pinOf(1)) {
		t.Errorf("the trail says %+v", last)
	}
	_, _, err = d.office.RevealVoucher(bg, d.by(admin.Attendant), d.voucher("S000002").ID)
	refused(t, err, admin.Conflict, "")
	d.handBack(id)
	_, _, err = d.office.RevealVoucher(bg, d.by(admin.Attendant), v.ID)
	refused(t, err, admin.Conflict, "")
	if len(d.trail()) != len(trail) {
		t.Error("what was refused stands in the trail")
	}
}

func TestAClosedBatchIsNotSold(t *testing.T) {
	d := newDesk(t)
	d.kiosk(2)
	_, err := d.office.CloseBatch(bg, d.by(admin.Attendant), 1)
	must(t, err)
	if _, _, err := d.buy(airtime.Request{Product: "fifty"}); err == nil || d.onSale() != 0 {
		t.Error("a voucher of a closed batch was sold")
	}
	_, err = d.office.CloseBatch(bg, d.by(admin.Attendant), 1)
	refused(t, err, admin.Conflict, "")
	_, err = d.office.CloseBatch(bg, d.by(admin.Attendant), 2)
	refused(t, err, admin.NotFound, "")
	opened, err := d.office.OpenBatch(bg, d.by(admin.Attendant), 1)
	must(t, err)
	if opened.Closed || opened.Unexpired != 2 {
		t.Errorf("opened as %+v", opened)
	}
	d.sold()
}

func TestLowStock(t *testing.T) {
	d := newDesk(t)
	p := voucherProduct("fifty")
	p.LowStock = 2
	d.airtimeProduct(p)
	d.account("kiosk", admin.AccountSettings{})
	low := func() bool {
		levels, err := d.office.Stock(bg, ident.Production, d.now)
		must(t, err)
		return levels[0].Low
	}
	if !low() {
		t.Error("nothing in stock is not low")
	}
	d.stock(admin.All, d.vouchers(1, 3))
	if low() {
		t.Error("3 are low")
	}
	d.sold()
	if !low() {
		t.Error("2 are not low")
	}
	_, err := d.office.WithdrawAirtimeProduct(bg, d.by(admin.Attendant), "fifty")
	must(t, err)
	if low() {
		t.Error("a withdrawn product is low")
	}
}

func TestAFloat(t *testing.T) {
	d := newDesk(t)
	d.kiosk(3)
	kiosk, _ := d.office.Register().AccountByName(ident.Production, "kiosk")
	_, err := d.office.ChangeAccount(bg, d.by(admin.Admin), "kiosk", admin.AccountSettings{Prepaid: true, LowFloat: 6000})
	must(t, err)
	prepaid := func() string {
		views, err := d.office.Prepaid(bg, ident.Production)
		must(t, err)
		return fmt.Sprintf("%s %d low=%v", views[0].Account.Name, views[0].Balance.Available, views[0].Low)
	}
	if prepaid() != "kiosk 0 low=true" {
		t.Errorf("before a deposit: %s", prepaid())
	}
	if _, _, err := d.buy(airtime.Request{Product: "fifty"}); err == nil {
		t.Error("it bought against nothing")
	}
	f, err := d.office.DepositFloat(bg, d.by(admin.Admin), "kiosk", 12000, 0)
	must(t, err)
	if f.Currency != 710 || f.Balance.Available != 12000 || f.Low || f.Float.Account != kiosk.Number {
		t.Errorf("after the deposit: %+v", f)
	}
	d.sold()
	f, err = d.office.WithdrawFloat(bg, d.by(admin.Admin), "kiosk", 1000, 710)
	must(t, err)
	if f.Balance.Available != 6000 || !f.Low || prepaid() != "kiosk 6000 low=true" {
		t.Errorf("after a sale and a withdrawal: %+v, %s", f, prepaid())
	}
	for _, amount := range []func() error{
		func() error { _, err := d.office.WithdrawFloat(bg, d.by(admin.Admin), "kiosk", 6001, 0); return err },
		func() error { _, err := d.office.DepositFloat(bg, d.by(admin.Admin), "kiosk", 0, 0); return err },
		func() error { _, err := d.office.DepositFloat(bg, d.by(admin.Admin), "kiosk", 5, 840); return err },
	} {
		if refusal := (*decline.Error)(nil); !errors.As(amount(), &refusal) || refusal.Field != "amount" {
			t.Errorf("refused as %v", amount())
		}
	}
	_, err = d.office.DepositFloat(bg, d.by(admin.Admin), "nobody", 5, 0)
	refused(t, err, admin.NotFound, "")
	all, next, err := d.office.Floats(context.Background(), d.by(admin.Viewer), 0, 0)
	must(t, err)
	if len(all) != 1 || next != 0 || all[0].Balance.Available != 6000 {
		t.Errorf("floats %+v", all)
	}
	trail := d.trail()
	if last := trail[len(trail)-1]; last.Act != admin.WithdrawFloat || last.Subject != "account/kiosk" || last.Before["available"] != "7000" || last.After["available"] != "6000" {
		t.Errorf("the trail says %+v", last)
	}
}
