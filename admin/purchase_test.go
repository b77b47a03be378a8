package admin_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// told is what operators see of transactions, in short.
func told(found []admin.Transaction) (texts []string) {
	for _, t := range found {
		texts = append(texts, fmt.Sprintf("%s %s %s %s %s", t.Family, t.Role, t.State, t.ProductID, t.Voucher.Serial))
	}
	return texts
}

func TestAPurchaseIsFoundInEveryWay(t *testing.T) {
	d := newDesk(t)
	d.kiosk(2)
	d.airtimeProduct(airtime.Product{ID: "topup", Type: airtime.AirtimeFixed, TopUp: true, Provider: "mno", Values: []money.Amount{rands(700)}})
	number, err := ident.ParseMSISDN("+27749670999")
	must(t, err)
	topUp, _, err := d.buy(airtime.Request{
		Product: "topup", Recipient: number, Labels: []string{"blue"}, Body: []byte(`{"recipientMsisdn":"27749670999","label":"blue"}`),
		References: []ident.Reference{{Institution: "44", Identifier: "slip-9"}},
	})
	must(t, err)
	serial, voucher := d.sold()
	d.handBack(voucher)
	viewer := d.by(admin.Viewer)
	for name, c := range map[string]struct {
		find func() ([]admin.Transaction, error)
		want int
		id   ident.ID
	}{
		"id":         {func() ([]admin.Transaction, error) { return d.office.FindByID(bg, viewer, topUp) }, 1, topUp},
		"subscriber": {func() ([]admin.Transaction, error) { return d.office.FindBySubscriber(bg, viewer, number) }, 1, topUp},
		"label":      {func() ([]admin.Transaction, error) { return d.office.FindByLabel(bg, viewer, "blue") }, 1, topUp},
		"no label":   {func() ([]admin.Transaction, error) { return d.office.FindByLabel(bg, viewer, "red") }, 0, ""},
		"reference": {func() ([]admin.Transaction, error) {
			found, err := d.office.FindByID(bg, viewer, topUp)
			must(t, err)
			return d.office.FindByReference(bg, viewer, ident.Reference{Identifier: found[0].Reference})
		}, 1, topUp},
		"serial":    {func() ([]admin.Transaction, error) { return d.office.FindBySerial(bg, viewer, serial) }, 2, voucher},
		"no serial": {func() ([]admin.Transaction, error) { return d.office.FindBySerial(bg, viewer, "S0") }, 0, ""},
		"PIN":       {func() ([]admin.Transaction, error) { return d.office.FindByPIN(bg, viewer, d.voucherPIN(pinOf(1))) }, 2, voucher},
		"no PIN":    {func() ([]admin.Transaction, error) { return d.office.FindByPIN(bg, viewer, d.voucherPIN("1")) }, 0, ""},
	} {
		found, err := c.find()
		must(t, err)
		if len(found) != c.want || (c.want > 0 && found[0].ID != c.id) {
			t.Errorf("by %s: %v", name, told(found))
		}
	}
	found, err := d.office.FindBySerial(bg, viewer, serial)
	must(t, err)
	if want := "[purchase request reversed fifty S000001 purchase reversal accepted  ]"; fmt.Sprint(told(found)) != want {
		t.Errorf("by serial: %v, want %s", told(found), want)
	}
}

func TestAnOpenPurchaseIsSettled(t *testing.T) {
	for ending, want := range map[txn.Role]string{txn.Confirmation: "confirmed 0/1/0/0", txn.Reversal: "reversed 0/0/1/0"} {
		d := newDesk(t)
		d.kiosk(1)
		_, id := d.sold()
		found, err := d.office.FindByID(bg, d.by(admin.Viewer), id)
		must(t, err)
		settled, err := d.office.Settle(bg, d.by(admin.Attendant), found[0].Seq, ending)
		must(t, err)
		if got := settled.State.String() + " " + d.level(); got != want {
			t.Errorf("%s: %s, want %s", ending, got, want)
		}
		_, err = d.office.Settle(bg, d.by(admin.Attendant), found[0].Seq, ending)
		refused(t, err, admin.Conflict, "")
		trail := d.trail()
		if last := trail[len(trail)-1]; last.Act != admin.SettleRequest || last.Subject != "transaction/"+found[0].Reference || last.Before["state"] != "open" {
			t.Errorf("the trail says %+v", last)
		}
	}
}

// A purchase may have the id of a gift card request of the same account (rule V7): settling one leaves the other alone.
func TestARequestWithThePurchasesIDIsSettled(t *testing.T) {
	d := newDesk(t)
	d.shop()
	d.kiosk(1)
	account, _ := d.office.Register().AccountByName(ident.Production, "till")
	sender, _ := d.office.Register().Sender(ident.Production, account.Number)
	id := d.newID()
	_, err := d.vendor.Request(bg, &airtime.Request{Family: txn.Purchase, ID: id, Sender: sender, Received: d.now, Product: "fifty"})
	must(t, err)
	_, err = d.issuer.Request(bg, &giftcard.Request{
		Family: txn.Activation, ID: id, Sender: sender, Received: d.now, Product: "gold",
		Card: giftcard.Presented{PAN: parsePAN(t, pan1), Expiry: "4010"}, Amount: &money.Amount{Minor: 500, Currency: 710},
	})
	must(t, err)
	found, err := d.office.FindByID(bg, d.by(admin.Viewer), id)
	must(t, err)
	for _, of := range found {
		if of.Family == txn.Activation {
			_, err := d.office.Settle(bg, d.by(admin.Attendant), of.Seq, txn.Confirmation)
			must(t, err)
		}
	}
	d.balance(pan1, 500, 500)
	after, err := d.office.FindByID(bg, d.by(admin.Viewer), id)
	must(t, err)
	want := map[txn.Family]txn.State{txn.Activation: txn.Confirmed, txn.Purchase: txn.Open}
	if len(after) != len(want) {
		t.Errorf("%v have the id", told(after))
	}
	for _, of := range after {
		if of.State != want[of.Family] {
			t.Errorf("the %s is %s", of.Family, of.State)
		}
	}
}

// An operator ends what a provider never tells the end of.
func TestAPurchaseThatAProviderIsSilentAbout(t *testing.T) {
	d := newDesk(t)
	d.kiosk(1)
	d.airtimeProduct(airtime.Product{ID: "topup", Type: airtime.AirtimeFixed, TopUp: true, Provider: "mno", Values: []money.Amount{rands(700)}})
	number, err := ident.ParseMSISDN("+27749670999")
	must(t, err)
	d.provider.silent = true
	id, _, err := d.buy(airtime.Request{Product: "topup", Recipient: number})
	if err == nil {
		t.Fatal("a silent provider has approved")
	}
	found, err := d.office.FindByID(bg, d.by(admin.Viewer), id)
	must(t, err)
	if found[0].State != txn.Working {
		t.Fatalf("the purchase is %s", found[0].State)
	}
	d.now = time.Now().Add(time.Hour)
	listed, next, err := d.office.Working(bg, d.by(admin.Viewer), admin.OpenQuery{OlderThan: time.Minute, Account: "kiosk"})
	must(t, err)
	if len(listed) != 1 || next != 0 || listed[0].ID != id {
		t.Errorf("working are %v", told(listed))
	}
	settled, err := d.office.Settle(bg, d.by(admin.Attendant), found[0].Seq, txn.Reversal)
	must(t, err)
	if settled.State != txn.Reversed {
		t.Errorf("the purchase is %s", settled.State)
	}
}
