package admin_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
)

func TestVouchersAreSoldOnceTheFileIsComplete(t *testing.T) {
	for _, mode := range []admin.Mode{admin.All, admin.Skip} {
		d := newDesk(t)
		d.airtimeProduct(voucherProduct("fifty"))
		d.account("kiosk", admin.AccountSettings{})
		i := d.beginStock(mode)
		_, err := i.Add(bg, d.vouchers(1, 3))
		must(t, err)
		if _, _, err := d.buy(airtime.Request{Product: "fifty"}); err == nil || d.onSale() != 0 {
			t.Errorf("mode %s: a voucher of an unfinished file was sold", mode)
		}
		if found, err := d.office.FindVouchersBySerial(bg, d.by(admin.Viewer), serial(1)); err != nil || len(found) != 0 {
			t.Errorf("mode %s: a voucher of an unfinished file is found: %v %v", mode, found, err)
		}
		ended, err := i.Finish(bg, d.now)
		must(t, err)
		tally(t, ended, "complete 3/3/0/0")
		d.open()
		if first, _ := d.sold(); first != serial(1) || d.onSale() != 2 {
			t.Errorf("mode %s: sold %s, %d are left", mode, first, d.onSale())
		}
	}
}

func TestDuplicateVouchersAreRefused(t *testing.T) {
	line := func(serial, pin string) admin.VoucherSeed {
		return admin.VoucherSeed{Serial: serial, PIN: pinText(t, pin)}
	}
	d := newDesk(t)
	d.kiosk(3)
	var lines []admin.Line[admin.VoucherSeed]
	for n, seed := range []admin.VoucherSeed{
		line("N1", "111"), line("N2", "222"),
		line("N1", "333"), line("N3", "222"), // in the file
		line(serial(1), "444"), line("N4", pinOf(1)), // in another batch
	} {
		lines = append(lines, admin.Line[admin.VoucherSeed]{Number: int64(n + 2), Seed: seed})
	}
	ended, rejects := d.stock(admin.Skip, lines)
	tally(t, ended, "complete 6/2/0/4")
	var got []string
	for _, r := range rejects {
		got = append(got, fmt.Sprintf("%d %s%s", r.Line, r.Reason.Field, r.Masked))
	}
	if want := "[4 serial 5 pin 6 serial 7 pin]"; fmt.Sprint(got) != want {
		t.Errorf("rejects %v, want %s", got, want)
	}
	if d.onSale() != 5 {
		t.Errorf("%d are on sale", d.onSale())
	}
}

func pinText(t *testing.T, digits string) airtime.VoucherPIN {
	t.Helper()
	pin, err := airtime.ParseVoucherPIN(digits)
	must(t, err)
	return pin
}

func TestTheSameFileOfVouchersTwice(t *testing.T) {
	d := newDesk(t)
	d.kiosk(3)
	again, rejects := d.stock(admin.All, d.vouchers(1, 4))
	tally(t, again, "abandoned 4/1/0/3")
	if len(rejects) != 3 || d.onSale() != 3 {
		t.Errorf("%d rejects, %d on sale", len(rejects), d.onSale())
	}
	skipped, _ := d.stock(admin.Skip, d.vouchers(1, 4))
	tally(t, skipped, "complete 4/1/0/3")
	if d.onSale() != 4 {
		t.Errorf("%d on sale", d.onSale())
	}
}

func TestVouchersThatCannotBe(t *testing.T) {
	d := newDesk(t)
	d.airtimeProduct(voucherProduct("fifty"))
	lines := d.vouchers(1, 3)
	lines[0].Seed.Serial = "S-1"
	lines[1].Seed.PIN = airtime.VoucherPIN{}
	ended, rejects := d.stock(admin.All, lines)
	tally(t, ended, "abandoned 3/1/0/2")
	if rejects[0].Reason.Field != "serial" || rejects[1].Reason.Field != "pin" || d.onSale() != 0 {
		t.Errorf("rejects %+v, %d on sale", rejects, d.onSale())
	}
}

func TestImportsOfVouchersThatCannotBe(t *testing.T) {
	d := newDesk(t)
	d.airtimeProduct(voucherProduct("fifty"))
	made := voucherProduct("made")
	made.Source = airtime.Made
	d.airtimeProduct(made)
	d.airtimeProduct(airtime.Product{ID: "topup", Type: airtime.AirtimeFixed, TopUp: true, Provider: "mno", Values: made.Values})
	for _, c := range []struct {
		batch admin.NewBatch
		mode  admin.Mode
		field string
	}{
		{admin.NewBatch{Product: "none"}, admin.All, "product"},
		{admin.NewBatch{Product: "made"}, admin.All, "product"},
		{admin.NewBatch{Product: "topup"}, admin.All, "product"},
		{admin.NewBatch{Product: "fifty", Expiry: d.now}, admin.All, "expiry"},
		{admin.NewBatch{Product: "fifty", Name: "a-b"}, admin.All, "name"},
		{admin.NewBatch{Product: "fifty"}, "some", "mode"},
	} {
		_, err := d.office.BeginVoucherImport(bg, d.by(admin.Attendant), c.mode, c.batch)
		refused(t, err, admin.Invalid, c.field)
	}
	i := d.beginStock(admin.All)
	_, err := d.office.BeginImport(bg, d.by(admin.Attendant), admin.All, 0)
	refused(t, err, admin.Busy, "")
	_, err = i.Abandon(bg, d.now)
	must(t, err)
}

// What a broken import left is neither sold nor found, and stands in nobody's way: the same file brings it again, and
// each of its vouchers is sold once.
func TestWhatABrokenImportOfVouchersLeftIsTakenOver(t *testing.T) {
	for name, leave := range map[string]func(*desk, *admin.Importing[admin.VoucherSeed]){
		"abandoned": func(d *desk, i *admin.Importing[admin.VoucherSeed]) {
			_, err := i.Abandon(bg, d.now)
			must(d.t, err)
		},
		"crashed": func(d *desk, _ *admin.Importing[admin.VoucherSeed]) { d.open() },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.airtimeProduct(voucherProduct("fifty"))
			d.account("kiosk", admin.AccountSettings{})
			for range 2 {
				i := d.beginStock(admin.Skip)
				_, err := i.Add(bg, d.vouchers(1, 3))
				must(t, err)
				leave(d, i)
			}
			if d.onSale() != 0 {
				t.Fatalf("%d are on sale", d.onSale())
			}
			_, err := d.office.OpenBatch(bg, d.by(admin.Attendant), 1)
			refused(t, err, admin.Conflict, "")
			ended, _ := d.stock(admin.All, d.vouchers(1, 3))
			tally(t, ended, "complete 3/3/0/0")
			levels, err := d.office.Levels(bg, d.by(admin.Viewer), "")
			must(t, err)
			var got []string
			for _, b := range levels[0].Batches {
				got = append(got, fmt.Sprintf("%d incomplete=%v stock=%d sold=%d withdrawn=%d left=%d", b.Number, b.Incomplete, b.Unexpired, b.Sold, b.Withdrawn, b.LeftOver))
			}
			if want := "[1 incomplete=true stock=0 sold=0 withdrawn=0 left=3 2 incomplete=true stock=0 sold=0 withdrawn=0 left=3 3 incomplete=false stock=3 sold=0 withdrawn=0 left=0]"; fmt.Sprint(got) != want {
				t.Errorf("levels %v, want %s", got, want)
			}
			seen := map[string]bool{}
			for range 3 {
				serial, _ := d.sold()
				seen[serial] = true
			}
			if _, _, err := d.buy(airtime.Request{Product: "fifty"}); err == nil || len(seen) != 3 {
				t.Errorf("sold %v, then %v", seen, err)
			}
		})
	}
}

// Of two vouchers that a broken import left, one may have the serial and the other the PIN of what is brought now.
func TestAVoucherTakesOverFromTwo(t *testing.T) {
	d := newDesk(t)
	d.airtimeProduct(voucherProduct("fifty"))
	i := d.beginStock(admin.All)
	_, err := i.Add(bg, d.vouchers(1, 2))
	must(t, err)
	_, err = i.Abandon(bg, d.now)
	must(t, err)
	mixed := d.vouchers(1, 1)
	mixed[0].Seed.PIN = d.voucherPIN(pinOf(2))
	ended, _ := d.stock(admin.All, mixed)
	tally(t, ended, "complete 1/1/0/0")
}

func TestABatchKeepsItsNameAndExpiry(t *testing.T) {
	d := newDesk(t)
	d.airtimeProduct(voucherProduct("fifty"))
	expiry := d.now.Add(48 * time.Hour)
	i, err := d.office.BeginVoucherImport(bg, d.by(admin.Attendant), admin.All, admin.NewBatch{Product: "fifty", Name: "B7", Expiry: expiry})
	must(t, err)
	_, err = i.Add(bg, d.vouchers(1, 2))
	must(t, err)
	_, err = i.Finish(bg, d.now)
	must(t, err)
	v := d.voucher(serial(2))
	if v.BatchName != "B7" || !v.Expiry.Equal(expiry) || v.ProductID != "fifty" || v.Status != airtime.InStock {
		t.Errorf("the voucher is %+v", v)
	}
	d.now = expiry
	levels, err := d.office.Levels(bg, d.by(admin.Viewer), "fifty")
	must(t, err)
	if b := levels[0].Batches[0]; b.Expired != 2 || b.Unexpired != 0 || levels[0].OnSale != 0 {
		t.Errorf("after its expiry the level is %+v", levels[0])
	}
}
