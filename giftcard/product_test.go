package giftcard_test

import (
	"strings"
	"testing"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

func TestProductsThatCannotBe(t *testing.T) {
	good := giftcard.Product{ID: "Plain1", Barcode: "6001234567890", Type: "Festive", Currency: 710, Opening: giftcard.OpeningSum, StartBalance: 100}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		fault  string
		change func(p *giftcard.Product)
	}{
		{"id", func(p *giftcard.Product) { p.ID = "" }},
		{"id", func(p *giftcard.Product) { p.ID = "plain 1" }},
		{"id", func(p *giftcard.Product) { p.ID = strings.Repeat("x", 101) }},
		{"barcode", func(p *giftcard.Product) { p.Barcode = "60012345678901" }},
		{"type", func(p *giftcard.Product) { p.Type = strings.Repeat("x", 51) }},
		{"currency", func(p *giftcard.Product) { p.Currency = 0 }},
		{"currency", func(p *giftcard.Product) { p.Currency = 1000 }},
		{"opening", func(p *giftcard.Product) { p.Opening = "half" }},
		{"startBalance", func(p *giftcard.Product) { p.Opening = giftcard.OpeningRequested }},
		{"startBalance", func(p *giftcard.Product) { p.StartBalance = -1 }},
		{"startBalance", func(p *giftcard.Product) { p.StartBalance = money.MaxMinor + 1 }},
		{"minLoad", func(p *giftcard.Product) { p.MinLoad = -1 }},
		{"minLoad", func(p *giftcard.Product) { p.MinLoad, p.MaxLoad = 2, 1 }},
		{"maxLoad", func(p *giftcard.Product) { p.MaxLoad = -1 }},
		{"maxBalance", func(p *giftcard.Product) { p.MaxBalance = -1 }},
		{"pinTries", func(p *giftcard.Product) { p.PINTries = -1 }},
		{"validMonths", func(p *giftcard.Product) { p.ValidMonths = -1 }},
		{"velocity", func(p *giftcard.Product) { p.Velocity = []txn.Velocity{{}} }},
	} {
		p := good
		c.change(&p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: %v", c.fault, err)
		}
	}
}

// New products are fixed when they have a start balance (docs/rules.md 2.2).
func TestTheOpeningOfANewProduct(t *testing.T) {
	for start, want := range map[money.Minor]giftcard.Opening{0: giftcard.OpeningRequested, 100: giftcard.OpeningFixed} {
		if got := (giftcard.Product{StartBalance: start}).WithDefaults().Opening; got != want {
			t.Errorf("from %d it is %s", start, got)
		}
	}
	if got := (giftcard.Product{StartBalance: 1, Opening: giftcard.OpeningSum}).WithDefaults().Opening; got != giftcard.OpeningSum {
		t.Errorf("what was chosen became %s", got)
	}
}
