package main

import (
	"context"
	"fmt"
	"io"

	adminapi "github.com/scripworks/scrip/api/admin"
)

// productCmd is `scrip product`.
type productCmd struct {
	List   productListCmd   `cmd:"" help:"List products of gift cards."`
	Show   productShowCmd   `cmd:"" help:"Show a product."`
	Create productCreateCmd `cmd:"" help:"Create a product."`
	Change productChangeCmd `cmd:"" help:"Change a product's settings; what is not named stays."`

	Airtime airtimeCmd `cmd:"" help:"Products of airtime: vouchers and top-ups."`
}

// Help gives the example.
func (productCmd) Help() string {
	return "Example:\n  scrip product create gold --currency 710 --max-balance 500000\n  scrip product show gold"
}

// productFlags are the settings of a product. Amounts are minor units; 0 is no limit.
type productFlags struct {
	Barcode       *string  `help:"Barcode, unique."`
	Type          *string  `help:"Type, such as physical."`
	StartBalance  *int64   `placeholder:"MINOR" help:"What a card of it starts with."`
	Opening       *string  `help:"What an activation puts on a card: sum, fixed or requested."`
	MinLoad       *int64   `placeholder:"MINOR" help:"Least amount of a load."`
	MaxLoad       *int64   `placeholder:"MINOR" help:"Most amount of a load."`
	MaxBalance    *int64   `placeholder:"MINOR" help:"Most a card may hold."`
	SingleLoad    *bool    `help:"At most one load after activation; =false for any number."`
	PINRequired   *bool    `name:"pin-required" help:"Only cards with a PIN may be spent; =false for any."`
	PINTries      *int32   `name:"pin-tries" placeholder:"N" help:"Wrong PINs in a row that lock a card; 0 never locks."`
	SingleUse     *bool    `help:"Must be spent in one redemption; =false for any number."`
	ValidMonths   *int32   `placeholder:"N" help:"Months of validity from activation; 0 when the card's own expiry alone counts."`
	ReplaceFrozen *bool    `help:"A frozen card may be replaced; =false if not."`
	Velocity      []string `placeholder:"RULE" help:"Bound for each card: family:window:count:amount, such as load:24h:5:100000. May be given several times; '' for none."`
}

// onto puts what was given onto settings.
func (f productFlags) onto(s *adminapi.ProductSettings) error {
	put(&s.Barcode, f.Barcode)
	put(&s.Type, f.Type)
	put((*int64)(&s.StartBalance), f.StartBalance)
	put((*string)(&s.Opening), f.Opening)
	put((*int64)(&s.MinLoad), f.MinLoad)
	put((*int64)(&s.MaxLoad), f.MaxLoad)
	put((*int64)(&s.MaxBalance), f.MaxBalance)
	put(&s.SingleLoad, f.SingleLoad)
	put(&s.PINRequired, f.PINRequired)
	put(&s.PINTries, f.PINTries)
	put(&s.SingleUse, f.SingleUse)
	put(&s.ValidMonths, f.ValidMonths)
	put(&s.ReplaceFrozen, f.ReplaceFrozen)
	if f.Velocity == nil {
		return nil
	}
	var err error
	s.Velocity, err = parseVelocity(given(f.Velocity))
	return err
}

// given gives a list that a flag gave; one empty text is an empty list.
func given(texts []string) []string {
	if len(texts) == 1 && texts[0] == "" {
		return nil
	}
	return texts
}

type productListCmd struct{ officeFlags }

// Help gives the example.
func (productListCmd) Help() string { return "Example:\n  scrip product list" }

// Run lists products.
func (c *productListCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	products, err := all(func(after int64) ([]adminapi.Product, int64, error) {
		a, err := o.ListProductsWithResponse(ctx, &adminapi.ListProductsParams{After: adminapi.After(after), Limit: pageSize})
		if err != nil {
			return nil, 0, err
		}
		page, err := got(a.JSON200, a.JSONDefault, a.Status())
		return page.Products, page.Next, err
	})
	if err != nil {
		return err
	}
	return list(o, "ID\tCURRENCY\tSTART\tOPENING\tBARCODE", products, func(p adminapi.Product) []any {
		s := p.Settings
		return []any{string(p.ID), string(s.Currency), int64(s.StartBalance), string(s.Opening), s.Barcode}
	})
}

type productShowCmd struct {
	officeFlags
	ID string `arg:"" help:"The product's id."`
}

// Help gives the example.
func (productShowCmd) Help() string { return "Example:\n  scrip product show gold" }

// Run shows a product.
func (c *productShowCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	p, err := o.product(ctx, c.ID)
	if err != nil {
		return err
	}
	return o.showProduct(p)
}

func (o *office) product(ctx context.Context, id string) (adminapi.Product, error) {
	a, err := o.GetProductWithResponse(ctx, adminapi.ProductID(id))
	if err != nil {
		return adminapi.Product{}, err
	}
	return got(a.JSON200, a.JSONDefault, a.Status())
}

func (o *office) showProduct(p adminapi.Product) error {
	s := p.Settings
	return o.show(p, func(w io.Writer) {
		line(w, "id", string(p.ID))
		line(w, "number", p.Number)
		line(w, "barcode", s.Barcode)
		line(w, "type", s.Type)
		line(w, "currency", string(s.Currency))
		line(w, "start balance", int64(s.StartBalance))
		line(w, "opening", string(s.Opening))
		line(w, "least load", int64(s.MinLoad))
		line(w, "most load", int64(s.MaxLoad))
		line(w, "most balance", int64(s.MaxBalance))
		line(w, "single load", s.SingleLoad)
		line(w, "single use", s.SingleUse)
		line(w, "PIN required", s.PINRequired)
		line(w, "PIN tries", s.PINTries)
		line(w, "valid months", s.ValidMonths)
		line(w, "replace frozen", s.ReplaceFrozen)
		line(w, "velocity", velocityText(s.Velocity))
	})
}

type productCreateCmd struct {
	officeFlags
	productFlags
	ID       string `arg:"" help:"Its id: letters and digits."`
	Currency string `required:"" help:"ISO 4217 number, such as 710."`
	Reason   string `help:"Why, for the audit trail."`
}

// Help gives the example.
func (productCreateCmd) Help() string {
	return "Example:\n  scrip product create gold --currency 710 --max-load 500000 --pin-tries 3 --velocity load:24h:5:0"
}

// Run creates a product.
func (c *productCreateCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	body := adminapi.NewProduct{ID: adminapi.ProductID(c.ID), Reason: adminapi.Reason(c.Reason)}
	body.Settings.Currency = adminapi.Currency(c.Currency)
	if err := c.onto(&body.Settings); err != nil {
		return err
	}
	a, err := o.CreateProductWithResponse(ctx, body)
	if err != nil {
		return err
	}
	p, err := got(a.JSON201, a.JSONDefault, a.Status())
	if err != nil {
		return fmt.Errorf("create product %s: %w", c.ID, err)
	}
	return o.showProduct(p)
}

type productChangeCmd struct {
	officeFlags
	productFlags
	why
	ID string `arg:"" help:"The product's id."`
}

// Help gives the example.
func (productChangeCmd) Help() string {
	return "Example:\n  scrip product change gold --max-load 250000 --single-use=false --reason 'new terms'"
}

// Run changes what was given and leaves the rest.
func (c *productChangeCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	p, err := o.product(ctx, c.ID)
	if err != nil {
		return err
	}
	if err := c.onto(&p.Settings); err != nil {
		return err
	}
	a, err := o.ChangeProductWithResponse(ctx, adminapi.ProductID(c.ID), adminapi.ProductChange{Settings: p.Settings, Reason: adminapi.Reason(c.Reason)})
	if err != nil {
		return err
	}
	if p, err = got(a.JSON200, a.JSONDefault, a.Status()); err != nil {
		return fmt.Errorf("change product %s: %w", c.ID, err)
	}
	return o.showProduct(p)
}
