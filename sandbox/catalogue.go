package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
)

// airtimeText is the file's form of what is sold of airtime. An amount is written as 1000/710, a limit as 500-100000/710.
type airtimeText struct {
	Networks []struct {
		ID, Name, Country string
		Prefixes          []string
		Promotion         *struct{ Name, Text string }
	}
	Products []productForm
}

// productForm is a product in the file. What is no top-up is a voucher, and Gives is what the recipient gets.
type productForm struct {
	ID, Name, Type, Network, Promotion string
	TopUp                              bool `yaml:"topUp"`
	Values, Limits                     []string
	Wholesale, Gives                   string
	Validity                           *airtime.Validity
	Contents                           []airtime.Content
	Channels                           []struct{ Name, Display, Category string }
	Instructions                       []string
}

// catalogue is what is sold of airtime: the seed's in every guest's world, and in the operators' world what they have set.
type catalogue struct {
	byID     map[string]*airtime.Product
	products []*airtime.Product // by id; an edition is a place in the file, from 1
	editions []*airtime.Product
	networks map[string]*airtime.Network
	prefixes airtime.Prefixes
	app      func() airtime.Catalogue
}

var _ airtime.Catalogue = (*catalogue)(nil)

// read makes a catalogue of the file's text.
func (text airtimeText) read() (*catalogue, error) {
	c := &catalogue{byID: map[string]*airtime.Product{}, networks: map[string]*airtime.Network{}, prefixes: airtime.Prefixes{}}
	for i, n := range text.Networks {
		made := &airtime.Network{Number: int32(i + 1), ID: n.ID, Name: n.Name, Country: n.Country, Prefixes: n.Prefixes}
		if n.Promotion != nil {
			made.Promotion = &airtime.Promotion{Name: n.Promotion.Name, Text: n.Promotion.Text}
		}
		if err := made.Check(); err != nil {
			return nil, fmt.Errorf("network %d: %w", i+1, err)
		}
		c.networks[n.ID] = made
		for _, prefix := range n.Prefixes {
			c.prefixes[prefix] = made
		}
	}
	for i, form := range text.Products {
		made, err := form.read()
		if err != nil {
			return nil, fmt.Errorf("airtime product %d: %w", i+1, err)
		}
		made.Number, made.Edition = int32(i+1), int32(i+1)
		c.byID[made.ID], c.editions = made, append(c.editions, made)
	}
	c.products = slices.SortedFunc(slices.Values(c.editions), func(a, b *airtime.Product) int { return strings.Compare(a.ID, b.ID) })
	return c, nil
}

// read makes a product of its form.
func (f productForm) read() (*airtime.Product, error) {
	p := airtime.Product{
		ID: f.ID, Name: f.Name, Type: airtime.ProductType(f.Type), Network: f.Network, Promotion: f.Promotion, TopUp: f.TopUp,
		Validity: f.Validity, Contents: f.Contents, Instructions: f.Instructions,
	}
	if p.TopUp {
		p.Provider = app.SimulatedNetwork
	} else {
		p.Source = airtime.Made
	}
	for _, c := range f.Channels {
		p.Channels = append(p.Channels, airtime.Channel{Name: c.Name, DisplayName: c.Display, DisplayCategory: c.Category})
	}
	if err := f.money(&p); err != nil {
		return nil, err
	}
	p = p.WithDefaults()
	return &p, p.Check()
}

// money reads the product's amounts.
func (f productForm) money(p *airtime.Product) error {
	for _, text := range f.Values {
		value, err := parseAmount(text)
		if err != nil {
			return err
		}
		p.Values = append(p.Values, value)
	}
	for _, text := range f.Limits {
		least, most, _ := strings.Cut(text, "-")
		top, err := parseAmount(most)
		if err != nil {
			return err
		}
		bottom, err := parseAmount(least + "/" + top.Currency.String())
		if err != nil {
			return err
		}
		p.Limits = append(p.Limits, airtime.Limit{Currency: top.Currency, Min: bottom.Minor, Max: top.Minor})
	}
	for _, single := range []struct {
		text string
		to   **money.Amount
	}{{f.Wholesale, &p.Wholesale}, {f.Gives, &p.RecipientAmount}} {
		if single.text == "" {
			continue
		}
		amount, err := parseAmount(single.text)
		if err != nil {
			return err
		}
		*single.to = &amount
	}
	return nil
}

// parseAmount reads 1000/710.
func parseAmount(text string) (money.Amount, error) {
	minor, currency, _ := strings.Cut(text, "/")
	n, err := strconv.ParseInt(minor, 10, 64)
	if err != nil {
		return money.Amount{}, fmt.Errorf("%q is no amount like 1000/710", text)
	}
	c, err := money.ParseCurrency(currency)
	return money.Amount{Minor: money.Minor(n), Currency: c}, err
}

// ProductByID implements airtime.Catalogue.
func (c *catalogue) ProductByID(w ident.World, id string) (*airtime.Product, bool) {
	if w == ident.Production {
		return c.app().ProductByID(w, id)
	}
	p, found := c.byID[id]
	return p, found
}

// Edition implements airtime.Catalogue.
func (c *catalogue) Edition(w ident.World, edition int32) (*airtime.Product, bool) {
	if w == ident.Production {
		return c.app().Edition(w, edition)
	}
	if edition < 1 || int(edition) > len(c.editions) {
		return nil, false
	}
	return c.editions[edition-1], true
}

// Products implements airtime.Catalogue.
func (c *catalogue) Products(w ident.World) []*airtime.Product {
	if w == ident.Production {
		return c.app().Products(w)
	}
	return c.products
}

// NetworkOf implements airtime.Catalogue.
func (c *catalogue) NetworkOf(w ident.World, m ident.MSISDN) (*airtime.Network, bool) {
	if w == ident.Production {
		return c.app().NetworkOf(w, m)
	}
	return c.prefixes.Of(m)
}

// Network implements airtime.Catalogue.
func (c *catalogue) Network(w ident.World, id string) (*airtime.Network, bool) {
	if w == ident.Production {
		return c.app().Network(w, id)
	}
	n, found := c.networks[id]
	return n, found
}
