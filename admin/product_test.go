package admin_test

import (
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

func TestAProductLivesThroughARestart(t *testing.T) {
	d := newDesk(t)
	full := giftcard.Product{
		ID: "gold", Barcode: "123", Type: "physical", Currency: 710, StartBalance: 100, Opening: giftcard.OpeningSum,
		MinLoad: 1, MaxLoad: 2, MaxBalance: 3, SingleLoad: true, PINRequired: true, PINTries: 4, SingleUse: true,
		ValidMonths: 5, ReplaceFrozen: true, World: ident.Production, Number: 1,
	}
	made := d.product(full)
	d.open()
	kept, found := d.office.Register().Product(ident.Production, made.Number)
	if !found {
		t.Fatal("the product is gone")
	}
	kept2 := *kept
	kept2.Velocity = nil
	if kept2.ID != full.ID || kept2.Barcode != full.Barcode || kept2.MaxBalance != 3 || !kept2.ReplaceFrozen || kept2.PINTries != 4 || kept2.Opening != giftcard.OpeningSum {
		t.Errorf("kept %+v, want %+v", kept2, full)
	}
	if byID, _ := d.office.Register().ProductByID(ident.Production, "gold"); byID != kept {
		t.Error("id and number lead to different products")
	}
}

func TestProductsThatCannotBe(t *testing.T) {
	d := newDesk(t)
	d.product(giftcard.Product{ID: "gold", Barcode: "123", Currency: 710})
	for _, c := range []struct {
		product giftcard.Product
		code    admin.Code
		field   string
	}{
		{giftcard.Product{ID: "gold", Currency: 710}, admin.Exists, "id"},
		{giftcard.Product{ID: "gold plate", Currency: 710}, admin.Invalid, "id"},
		{giftcard.Product{ID: "silver"}, admin.Invalid, "settings.currency"},
		{giftcard.Product{ID: "silver", Currency: 710, Barcode: "123"}, admin.Exists, "settings.barcode"},
		{giftcard.Product{ID: "silver", Currency: 710, MinLoad: 2, MaxLoad: 1}, admin.Invalid, "settings.minLoad"},
		{giftcard.Product{ID: "silver", Currency: 710, Opening: "lucky"}, admin.Invalid, "settings.opening"},
		{giftcard.Product{ID: "silver", Currency: 710, Velocity: []txn.Velocity{{}}}, admin.Invalid, "settings.velocity.0"},
	} {
		_, err := d.office.CreateProduct(bg, d.by(admin.Admin), c.product)
		refused(t, err, c.code, c.field)
	}
}

func TestChangeAProduct(t *testing.T) {
	d := newDesk(t)
	d.product(giftcard.Product{ID: "gold", Barcode: "123", Currency: 710})
	changed, err := d.office.ChangeProduct(bg, d.by(admin.Admin), giftcard.Product{ID: "gold", Barcode: "456", Currency: 710, MaxLoad: 50})
	must(t, err)
	if changed.Number != 1 || changed.MaxLoad != 50 {
		t.Errorf("changed to %+v", changed)
	}
	d.product(giftcard.Product{ID: "silver", Barcode: "123", Currency: 710}) // the barcode is free again
	_, err = d.office.ChangeProduct(bg, d.by(admin.Admin), giftcard.Product{ID: "gold", Barcode: "123", Currency: 710})
	refused(t, err, admin.Exists, "settings.barcode")
	_, err = d.office.ChangeProduct(bg, d.by(admin.Admin), giftcard.Product{ID: "gold", Currency: 840})
	refused(t, err, admin.Conflict, "settings.currency")
	_, err = d.office.ChangeProduct(bg, d.by(admin.Admin), giftcard.Product{ID: "tin", Currency: 710})
	refused(t, err, admin.NotFound, "")
}

// Each world of a sandbox has products of its own, with the same ids.
func TestWorldsDoNotShareProducts(t *testing.T) {
	d := newDesk(t)
	d.product(giftcard.Product{ID: "gold", Currency: 710})
	by := d.by(admin.Admin)
	by.World = 2
	other, err := d.office.CreateProduct(bg, by, giftcard.Product{ID: "gold", Currency: 840})
	must(t, err)
	d.open()
	if p, _ := d.office.Register().ProductByID(2, "gold"); p == nil || p.Currency != 840 || p.Number != other.Number {
		t.Errorf("world 2 has %+v", p)
	}
	if p, _ := d.office.Register().ProductByID(ident.Production, "gold"); p == nil || p.Currency != 710 {
		t.Errorf("production has %+v", p)
	}
	if _, found := d.office.Register().ProductByID(3, "gold"); found {
		t.Error("an empty world has a product")
	}
}
