package admin_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// provider credits nobody in earnest: it says what it is told to say.
type provider struct {
	silent bool // it never tells how a top-up ended
}

var errSilent = errors.New("the provider is silent")

func (*provider) Can() airtime.Capabilities {
	return airtime.Capabilities{Reverses: true, Status: true}
}

func (p *provider) TopUp(_ context.Context, o airtime.Order) (string, error) {
	if p.silent {
		return "", errSilent
	}
	return "ref-" + string(o.ID), nil
}

func (p *provider) Status(context.Context, airtime.Order) (airtime.Progress, error) {
	return airtime.Progress{Stage: airtime.Pending}, nil
}

func (p *provider) Reverse(context.Context, airtime.Order) error {
	if p.silent {
		return errSilent
	}
	return nil
}

func (*provider) Trial(context.Context, airtime.Order) error { return nil }

func (*provider) Subscriber(context.Context, ident.World, ident.MSISDN) (airtime.Credit, bool) {
	return airtime.Credit{}, false
}

// rands gives an amount in the currency of the tests.
func rands(minor money.Minor) money.Amount { return money.Amount{Minor: minor, Currency: 710} }

// voucherProduct is sold from stock for 5000.
func voucherProduct(id string) airtime.Product {
	return airtime.Product{ID: id, Name: "Fifty", Type: airtime.AirtimeFixed, Values: []money.Amount{rands(5000)}}
}

func (d *desk) airtimeProduct(p airtime.Product) *airtime.Product {
	d.t.Helper()
	made, err := d.office.PutAirtimeProduct(d.t.Context(), d.by(admin.Admin), p)
	if err != nil {
		d.t.Fatal(err)
	}
	return made
}

// kiosk makes an account, a voucher product, and some of its vouchers in batch 1.
func (d *desk) kiosk(count int) {
	d.t.Helper()
	d.airtimeProduct(voucherProduct("fifty"))
	d.account("kiosk", admin.AccountSettings{})
	imported, _ := d.stock(admin.All, d.vouchers(1, count))
	tally(d.t, imported, fmt.Sprintf("complete %d/%d/0/0", count, count))
}

func serial(n int) string { return fmt.Sprintf("S%06d", n) }

func pinOf(n int) string { return fmt.Sprintf("77%012d", n) }

func (d *desk) voucherPIN(digits string) airtime.VoucherPIN {
	d.t.Helper()
	pin, err := airtime.ParseVoucherPIN(digits)
	if err != nil {
		d.t.Fatal(err)
	}
	return pin
}

// vouchers gives the lines of vouchers from a first number on.
func (d *desk) vouchers(first, count int) (lines []admin.Line[admin.VoucherSeed]) {
	for n := range count {
		lines = append(lines, admin.Line[admin.VoucherSeed]{
			Number: int64(n + 2), Seed: admin.VoucherSeed{Serial: serial(first + n), PIN: d.voucherPIN(pinOf(first + n))},
		})
	}
	return lines
}

// stock imports vouchers of the product fifty and gives what came of it.
func (d *desk) stock(mode admin.Mode, lines []admin.Line[admin.VoucherSeed]) (admin.Import, []admin.Reject) {
	d.t.Helper()
	i := d.beginStock(mode)
	rejects, err := i.Add(d.t.Context(), lines)
	must(d.t, err)
	ended, err := i.Finish(d.t.Context(), d.now)
	must(d.t, err)
	return ended, rejects
}

func (d *desk) beginStock(mode admin.Mode) *admin.Importing[admin.VoucherSeed] {
	d.t.Helper()
	i, err := d.office.BeginVoucherImport(d.t.Context(), d.by(admin.Attendant), mode, admin.NewBatch{Product: "fifty"})
	must(d.t, err)
	return i
}

// buy sends a purchase of the kiosk.
func (d *desk) buy(r airtime.Request) (ident.ID, *airtime.Response, error) {
	account, _ := d.office.Register().AccountByName(ident.Production, "kiosk")
	r.ID, r.Received, r.Family = d.newID(), d.now, txn.Purchase
	if !r.Recipient.IsZero() {
		r.Received = time.Now() // by the computer's clock goes how long a provider may take
	}
	r.Sender, _ = d.office.Register().Sender(ident.Production, account.Number)
	response, err := d.vendor.Request(d.t.Context(), &r)
	return r.ID, response, err
}

// sold buys a voucher that must be there, and gives its serial and the id of the purchase.
func (d *desk) sold() (serial string, id ident.ID) {
	d.t.Helper()
	id, response, err := d.buy(airtime.Request{Product: "fifty"})
	if err != nil {
		d.t.Fatal(err)
	}
	return response.Voucher.Serial, id
}

// handBack reverses a purchase of the kiosk.
func (d *desk) handBack(request ident.ID) {
	d.t.Helper()
	account, _ := d.office.Register().AccountByName(ident.Production, "kiosk")
	sender, _ := d.office.Register().Sender(ident.Production, account.Number)
	_, err := d.vendor.Advise(d.t.Context(), &airtime.Advice{Advice: txn.Advice{
		Family: txn.Purchase, Role: txn.Reversal, ID: d.newID(), RequestID: request, Sender: sender, Received: d.now,
	}})
	must(d.t, err)
}

// voucher gives the voucher with a serial.
func (d *desk) voucher(serial string) admin.VoucherView {
	d.t.Helper()
	found, err := d.office.FindVouchersBySerial(d.t.Context(), d.by(admin.Viewer), serial)
	must(d.t, err)
	if len(found) != 1 {
		d.t.Fatalf("serial %s leads to %d vouchers", serial, len(found))
	}
	return found[0]
}

// inStock gives how many of the product fifty are on sale.
func (d *desk) onSale() int64 {
	d.t.Helper()
	levels, err := d.office.Stock(d.t.Context(), ident.Production, d.now)
	must(d.t, err)
	return levels[0].OnSale
}
