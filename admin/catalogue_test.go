package admin_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
)

func TestAnEditionStaysWhatItWas(t *testing.T) {
	d := newDesk(t)
	first := d.airtimeProduct(voucherProduct("fifty"))
	dearer := voucherProduct("fifty")
	dearer.Values = []money.Amount{rands(6000)}
	second := d.airtimeProduct(dearer)
	other := d.airtimeProduct(voucherProduct("other"))
	if first.Number != 1 || second.Number != 1 || other.Number != 2 || fmt.Sprint(first.Edition, second.Edition, other.Edition) != "1 2 3" {
		t.Errorf("made %+v, %+v and %+v", first, second, other)
	}
	for range 2 {
		c := d.office.Register().Catalogue()
		old, _ := c.Edition(ident.Production, first.Edition)
		newest, _ := c.ProductByID(ident.Production, "fifty")
		if old.Values[0].Minor != 5000 || newest.Values[0].Minor != 6000 || newest.Edition != second.Edition {
			t.Errorf("the old edition is %+v, the newest %+v", old, newest)
		}
		var listed []string
		for _, p := range c.Products(ident.Production) {
			listed = append(listed, fmt.Sprint(p.ID, p.Edition))
		}
		if fmt.Sprint(listed) != "[fifty2 other3]" {
			t.Errorf("listed %v", listed)
		}
		if _, found := c.Edition(ident.Production+1, first.Edition); found {
			t.Error("another world sees the edition")
		}
		d.open()
	}
}

func TestAWithdrawnProductStaysWithdrawnWhenChanged(t *testing.T) {
	d := newDesk(t)
	d.kiosk(1)
	_, err := d.office.WithdrawAirtimeProduct(bg, d.by(admin.Attendant), "fifty")
	must(t, err)
	_, err = d.office.WithdrawAirtimeProduct(bg, d.by(admin.Attendant), "fifty")
	refused(t, err, admin.Conflict, "")
	if !d.airtimeProduct(voucherProduct("fifty")).Withdrawn {
		t.Error("a change put it back on sale")
	}
	if _, _, err := d.buy(airtime.Request{Product: "fifty"}); err == nil {
		t.Error("it was sold")
	}
	_, err = d.office.RestoreAirtimeProduct(bg, d.by(admin.Attendant), "fifty")
	must(t, err)
	d.sold()
}

func TestAirtimeProductsThatCannotBe(t *testing.T) {
	d := newDesk(t)
	p := voucherProduct("fifty")
	p.Barcode = "123"
	d.airtimeProduct(p)
	for field, change := range map[string]func(*airtime.Product){
		"id":                func(p *airtime.Product) { p.ID = "a-b" },
		"settings.values":   func(p *airtime.Product) { p.Values = []money.Amount{rands(0)} },
		"settings.network":  func(p *airtime.Product) { p.Network = "nowhere" },
		"settings.provider": func(p *airtime.Product) { p.TopUp = true },
	} {
		p := voucherProduct("another")
		change(&p)
		_, err := d.office.PutAirtimeProduct(bg, d.by(admin.Admin), p)
		refused(t, err, admin.Invalid, field)
	}
	same := voucherProduct("another")
	same.Barcode = "123"
	_, err := d.office.PutAirtimeProduct(bg, d.by(admin.Admin), same)
	refused(t, err, admin.Exists, "settings.barcode")
	_, err = d.office.PutAirtimeProduct(bg, d.by(admin.Admin), airtime.Product{ID: "fifty", TopUp: true, Provider: "mno"})
	refused(t, err, admin.Conflict, "settings.topUp")
	if len(d.trail()) != 1 {
		t.Error("what was refused was done all the same")
	}
}

func TestATopUpNamesAProviderThatIsConnected(t *testing.T) {
	topUp := func(id, provider string) airtime.Product {
		return airtime.Product{ID: id, Type: airtime.AirtimeFixed, TopUp: true, Provider: provider, Values: []money.Amount{rands(700)}}
	}
	d := newDesk(t)
	put := func(p airtime.Product) error {
		_, err := d.office.PutAirtimeProduct(bg, d.by(admin.Admin), p)
		return err
	}
	err := put(topUp("small", "mmo"))
	refused(t, err, admin.Invalid, "settings.provider")
	if !strings.Contains(err.Error(), "mno, other") {
		t.Errorf("refused as %v, which does not tell the providers there are", err)
	}
	must(t, put(topUp("small", "mno")))
	refused(t, put(topUp("small", "mmo")), admin.Invalid, "settings.provider")

	// Once the provider is gone its product can be changed, but no other one gets it.
	for _, left := range [][]string{{"other"}, nil} {
		d.providers = left
		d.open()
		dearer := topUp("small", "mno")
		dearer.Values = []money.Amount{rands(800)}
		must(t, put(dearer))
		_, err = d.office.WithdrawAirtimeProduct(bg, d.by(admin.Admin), "small")
		must(t, err)
		_, err = d.office.RestoreAirtimeProduct(bg, d.by(admin.Admin), "small")
		must(t, err)
		refused(t, put(topUp("another", "mno")), admin.Invalid, "settings.provider")
	}
}

func TestTheTrailShowsWhatAnEditionChanged(t *testing.T) {
	d := newDesk(t)
	d.airtimeProduct(voucherProduct("fifty"))
	changed := voucherProduct("fifty")
	changed.LowStock = 100
	d.airtimeProduct(changed)
	last := d.trail()[1]
	if last.Act != admin.PutAirtimeProduct || last.Subject != "airtime/fifty" || last.Reason != "because" ||
		fmt.Sprint(last.Before, last.After) != "map[edition:1 lowStock:0] map[edition:2 lowStock:100]" {
		t.Errorf("the trail says %+v", last)
	}
}

func (d *desk) network(n airtime.Network) *airtime.Network {
	d.t.Helper()
	made, err := d.office.PutNetwork(d.t.Context(), d.by(admin.Admin), n)
	if err != nil {
		d.t.Fatal(err)
	}
	return made
}

// of gives the id of the network that a number belongs to.
func (d *desk) of(digits string) string {
	d.t.Helper()
	m, err := ident.ParseMSISDN(digits)
	must(d.t, err)
	n, found := d.office.Register().Catalogue().NetworkOf(ident.Production, m)
	if !found {
		return ""
	}
	return n.ID
}

func TestTheLongestPrefixWins(t *testing.T) {
	d := newDesk(t)
	d.network(airtime.Network{ID: "wide", Name: "Wide", Country: "ZA", Prefixes: []string{"27", "2782"}})
	d.network(airtime.Network{ID: "narrow", Name: "Narrow", Country: "ZA", Prefixes: []string{"27821"}})
	for range 2 {
		for number, want := range map[string]string{"27111": "wide", "278299": "wide", "278211": "narrow", "27821": "narrow", "26": ""} {
			if got := d.of(number); got != want {
				t.Errorf("%s belongs to %q, want %q", number, got, want)
			}
		}
		d.open()
	}
	_, err := d.office.PutNetwork(bg, d.by(admin.Admin), airtime.Network{ID: "third", Name: "Third", Country: "ZA", Prefixes: []string{"1", "27821"}})
	refused(t, err, admin.Exists, "settings.prefixes.1")
	_, err = d.office.PutNetwork(bg, d.by(admin.Admin), airtime.Network{ID: "third", Name: "Third", Country: "South Africa"})
	refused(t, err, admin.Invalid, "settings.country")
	d.network(airtime.Network{ID: "narrow", Name: "Narrow", Country: "ZA", Prefixes: []string{"27833"}})
	if d.of("278211") != "wide" || d.of("278331") != "narrow" {
		t.Error("a network has kept a prefix that was taken from it, or not got its new one")
	}
	d.network(airtime.Network{ID: "third", Name: "Third", Country: "ZA", Prefixes: []string{"27821"}})
}
