package sandbox

import (
	"bytes"
	_ "embed" // for the seed
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
)

//go:embed seed.yaml
var seedFile []byte

// seed is what every fresh world holds.
type seed struct {
	currency money.Currency
	cards    []admin.Seed
	products []*giftcard.Product
	byID     map[string]*giftcard.Product
	airtime  *catalogue
}

// seedText is the file's form.
type seedText struct {
	Currency string
	Cards    []struct {
		PAN, Expiry  string
		ClearPIN     string `yaml:"clearPin"`
		EncryptedPIN string `yaml:"encryptedPin"`
	}
	Products []struct {
		ID, Barcode, Type string
		StartingBalance   int64 `yaml:"startingBalance"`
	}
	Airtime airtimeText
}

// readSeed reads a seed, strictly.
func readSeed(data []byte) (*seed, error) {
	var text seedText
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&text); err != nil {
		return nil, fmt.Errorf("seed: %w", err)
	}
	currency, err := money.ParseCurrency(text.Currency)
	if err != nil {
		return nil, fmt.Errorf("seed: %w", err)
	}
	s := &seed{currency: currency, byID: map[string]*giftcard.Product{}}
	for i, c := range text.Cards {
		card := admin.Seed{Currency: currency, PIN: giftcard.PIN{Clear: c.ClearPIN, Encrypted: c.EncryptedPIN}}
		if card.PAN, err = ident.ParsePAN(c.PAN); err != nil {
			return nil, fmt.Errorf("seed: card %d: pan %w", i+1, err)
		}
		if card.Expiry, err = giftcard.ParseExpiry(c.Expiry); err != nil {
			return nil, fmt.Errorf("seed: card %d: %w", i+1, err)
		}
		s.cards = append(s.cards, card)
	}
	for i, p := range text.Products {
		product := &giftcard.Product{
			Number: int32(i + 1), ID: p.ID, Barcode: p.Barcode, Type: p.Type, Currency: currency,
			StartBalance: money.Minor(p.StartingBalance), Opening: giftcard.OpeningSum,
		}
		if err := product.Check(); err != nil {
			return nil, fmt.Errorf("seed: product %d: %w", i+1, err)
		}
		s.products, s.byID[p.ID] = append(s.products, product), product
	}
	if s.airtime, err = text.Airtime.read(); err != nil {
		return nil, fmt.Errorf("seed: %w", err)
	}
	return s, nil
}

var _ giftcard.Products = products{}

// products are the seed's in every guest's world, and in the operators' world what they have set.
type products struct {
	seed *seed
	app  func() giftcard.Products
}

// ProductByID implements giftcard.Products.
func (p products) ProductByID(w ident.World, id string) (*giftcard.Product, bool) {
	if w == ident.Production {
		return p.app().ProductByID(w, id)
	}
	found := p.seed.byID[id]
	return found, found != nil
}

// Product implements giftcard.Products.
func (p products) Product(w ident.World, number int32) (*giftcard.Product, bool) {
	if w == ident.Production {
		return p.app().Product(w, number)
	}
	if number < 1 || int(number) > len(p.seed.products) {
		return nil, false
	}
	return p.seed.products[number-1], true
}
