package admin

import (
	"context"
	"fmt"
	"strings"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
)

// ProductList gives products by number.
func (o *Office) ProductList(_ context.Context, by By, after int64, limit int) ([]*giftcard.Product, int64, error) {
	if err := by.may(SeeProducts); err != nil {
		return nil, 0, err
	}
	found, next := above(o.register.Products(by.World), func(p *giftcard.Product) int64 { return int64(p.Number) }, after, limit)
	return found, next, nil
}

// Product gives the product with an id.
func (o *Office) Product(_ context.Context, by By, id string) (*giftcard.Product, error) {
	if err := by.may(SeeProducts); err != nil {
		return nil, err
	}
	return o.findProduct(by.World, id)
}

func (o *Office) findProduct(w ident.World, id string) (*giftcard.Product, error) {
	if p, found := o.register.ProductByID(w, id); found {
		return p, nil
	}
	return nil, refuse(NotFound, "there is no such product")
}

// CreateProduct makes a product and gives it its number.
func (o *Office) CreateProduct(ctx context.Context, by By, p giftcard.Product) (*giftcard.Product, error) {
	if err := by.may(CreateProduct); err != nil {
		return nil, err
	}
	return o.saveProduct(ctx, by, CreateProduct, p, func(w *world) (before *giftcard.Product, number int32, err error) {
		if w.products[p.ID] != nil {
			return nil, 0, &Refusal{Code: Exists, Field: "id", Text: "a product with this id exists"}
		}
		return nil, following(w.byNumber), nil
	})
}

// ChangeProduct replaces the settings of the product with this id. Its currency stays.
func (o *Office) ChangeProduct(ctx context.Context, by By, p giftcard.Product) (*giftcard.Product, error) {
	if err := by.mayWithReason(ChangeProduct); err != nil {
		return nil, err
	}
	return o.saveProduct(ctx, by, ChangeProduct, p, func(w *world) (before *giftcard.Product, number int32, err error) {
		before = w.products[p.ID]
		switch {
		case before == nil:
			return nil, 0, refuse(NotFound, "there is no such product")
		case p.Currency != before.Currency:
			return nil, 0, &Refusal{Code: Conflict, Field: "settings.currency", Text: "cannot change: cards were sold in it"}
		}
		return before, before.Number, nil
	})
}

// saveProduct lets place say which product of a world is to be replaced, if any, and saves the product in its place.
func (o *Office) saveProduct(ctx context.Context, by By, act Act, p giftcard.Product,
	place func(*world) (before *giftcard.Product, number int32, err error)) (*giftcard.Product, error) {
	p = p.WithDefaults()
	p.World = by.World
	return &p, o.act(ctx, func(now *snapshot) (change, error) {
		w := now.world(by.World)
		before, number, err := place(w)
		if err != nil {
			return change{}, err
		}
		p.Number = number
		if err := checkProduct(p); err != nil {
			return change{}, err
		}
		if other := w.byBarcode[p.Barcode]; other != nil && other.Number != p.Number {
			return change{}, &Refusal{Code: Exists, Field: "settings.barcode", Text: "another product has this barcode"}
		}
		return change{
			row:   Row{Kind: ProductRow, Number: worldNumber(p.World, p.Number), World: p.World, Name: p.ID},
			value: &p, audit: by.entry(act, "product/"+p.ID).from(productFacts(before), productFacts(&p)),
			put: func(s *snapshot) { s.putProduct(&p) },
		}, nil
	})
}

// worldNumber makes the number of a row, which is unique in its kind, of one that is unique in a world.
func worldNumber(w ident.World, number int32) int64 { return int64(w)<<32 | int64(number) }

// checkProduct turns a complaint of the rules into a refusal that names the field.
func checkProduct(p giftcard.Product) error {
	if err := checkVelocity(p.Velocity); err != nil {
		return err
	}
	err := p.Check()
	if err == nil {
		return nil
	}
	field, text, _ := strings.Cut(err.Error(), ": ")
	if field != "id" {
		field = "settings." + field
	}
	return invalid(field, "%s", text)
}

func productFacts(p *giftcard.Product) Facts {
	if p == nil {
		return nil
	}
	return Facts{
		"barcode": p.Barcode, "type": p.Type, "currency": p.Currency.String(), "opening": string(p.Opening),
		"startBalance": fmt.Sprint(int64(p.StartBalance)), "minLoad": fmt.Sprint(int64(p.MinLoad)),
		"maxLoad": fmt.Sprint(int64(p.MaxLoad)), "maxBalance": fmt.Sprint(int64(p.MaxBalance)),
		"singleLoad": fmt.Sprint(p.SingleLoad), "pinRequired": fmt.Sprint(p.PINRequired), "pinTries": fmt.Sprint(p.PINTries),
		"singleUse": fmt.Sprint(p.SingleUse), "validMonths": fmt.Sprint(p.ValidMonths),
		"replaceFrozen": fmt.Sprint(p.ReplaceFrozen), "velocity": velocityFact(p.Velocity),
	}
}
