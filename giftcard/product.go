package giftcard

import (
	"fmt"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// Product is a gift card as sold in the shop, with the issuer's rules for its cards. A limit of zero is no limit.
type Product struct {
	Number        int32 // our own number, from 1
	World         ident.World
	ID            string // key by which messages name it, 1 to 100 letters and digits
	Barcode       string
	Type          string
	Currency      money.Currency
	StartBalance  money.Minor
	Opening       Opening
	MinLoad       money.Minor
	MaxLoad       money.Minor
	MaxBalance    money.Minor // of the book balance
	SingleLoad    bool        // at most one load after activation
	PINRequired   bool
	PINTries      int32 // wrong PINs in a row that lock the card; 0 never locks
	SingleUse     bool  // must be spent in one redemption
	ValidMonths   int32 // months from activation; 0 means that the card's own expiry alone counts
	ReplaceFrozen bool  // a frozen card may be replaced
	Velocity      []txn.Velocity
}

// Opening is the rule for the amount that an activation puts on a card (docs/rules.md 2.2).
type Opening string

// The opening rules.
const (
	OpeningSum       Opening = "sum"       // start balance plus the requested amount
	OpeningFixed     Opening = "fixed"     // start balance; a requested amount must be absent, 0 or equal to it
	OpeningRequested Opening = "requested" // the requested amount; the start balance is 0
)

// WithDefaults fills in what was left out: the opening rule is fixed when there is a start balance, else requested.
func (p Product) WithDefaults() Product {
	if p.Opening == "" {
		p.Opening = OpeningRequested
		if p.StartBalance > 0 {
			p.Opening = OpeningFixed
		}
	}
	return p
}

// Bounds of a product's texts (contract: Product).
const (
	maxProductID = 100
	maxBarcode   = 13
	maxType      = 50
)

// Check names the first setting of a product that cannot be.
func (p Product) Check() error {
	switch {
	case !ident.Alphanumeric(p.ID, 1, maxProductID):
		return fmt.Errorf("id: must be 1 to %d letters and digits", maxProductID)
	case !ident.Alphanumeric(p.Barcode, 0, maxBarcode):
		return fmt.Errorf("barcode: must be at most %d letters and digits", maxBarcode)
	case len(p.Type) > maxType:
		return fmt.Errorf("type: must be at most %d characters", maxType)
	case p.Currency == 0 || p.Currency > 999:
		return fmt.Errorf("currency: must be three digits")
	case p.Opening != OpeningSum && p.Opening != OpeningFixed && p.Opening != OpeningRequested:
		return fmt.Errorf("opening: must be sum, fixed or requested")
	case p.Opening == OpeningRequested && p.StartBalance != 0:
		return fmt.Errorf("startBalance: must be 0 when the opening amount is the requested one")
	case p.PINTries < 0 || p.ValidMonths < 0:
		return fmt.Errorf("pinTries, validMonths: must not be negative")
	}
	return p.checkAmounts()
}

func (p Product) checkAmounts() error {
	for _, limit := range []struct {
		name  string
		value money.Minor
	}{{"startBalance", p.StartBalance}, {"minLoad", p.MinLoad}, {"maxLoad", p.MaxLoad}, {"maxBalance", p.MaxBalance}} {
		if limit.value < 0 || limit.value > money.MaxMinor {
			return fmt.Errorf("%s: must be 0 to %d", limit.name, money.MaxMinor)
		}
	}
	if p.MaxLoad > 0 && p.MinLoad > p.MaxLoad {
		return fmt.Errorf("minLoad: must not be above maxLoad")
	}
	for _, v := range p.Velocity {
		if err := v.Check(); err != nil {
			return err
		}
	}
	return nil
}
