package airtime

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
)

// Bounds of the contract (Product, Msisdn, ChannelProductListing, Voucher, Institution).
const (
	maxProductID   = 20
	maxBarcode     = 13
	maxProductName = 120
	maxNetworkID   = 20
	maxNetworkName = 40
	maxChannelText = 50
	maxSerial      = 20
	maxBatchName   = 20
	maxPrefix      = 15 // digits, as many as a number has
)

// Bounds of our own, so that no product makes a list of products swell. Texts are counted in characters.
const (
	maxProviderName = 40
	maxCurrencies   = 32
	maxContents     = 16
	maxChannels     = 64
	maxInstructions = 32
	maxInstruction  = 200
	maxDescription  = 4000
	maxDescriptions = 16
	maxPrefixes     = 10_000
	maxPromotion    = 1000
)

var (
	productTypes = []ProductType{
		AirtimeFixed, AirtimeVariable, SMSBundle, Data, AppRelated, Combo, DataFixed, DataVariable, VoiceBundle,
	}
	contentUnits = []string{"KB", "MB", "GB", "Unit", "Minutes"}
	chronoUnits  = []string{
		"NANOS", "MICROS", "MILLIS", "SECONDS", "MINUTES", "HOURS", "HALF_DAYS", "DAYS", "WEEKS", "MONTHS", "YEARS",
		"DECADES", "CENTURIES", "MILLENNIA", "ERAS", "FOREVER",
	}
)

// WithDefaults fills in what a new product leaves out: a voucher comes from stock, and goes to quarantine when its
// sale is reversed.
func (p Product) WithDefaults() Product {
	if p.TopUp {
		return p
	}
	if p.Source == "" {
		p.Source = FromStock
	}
	if p.Returned == "" {
		p.Returned = ToQuarantine
	}
	return p
}

// Check names the first setting of a product that cannot be, as in "barcode: must be ...".
func (p Product) Check() error {
	switch {
	case !ident.Alphanumeric(p.ID, 1, maxProductID):
		return fmt.Errorf("id: must be 1 to %d letters and digits", maxProductID)
	case !ident.Alphanumeric(p.Barcode, 0, maxBarcode):
		return fmt.Errorf("barcode: must be at most %d letters and digits", maxBarcode)
	case !text(p.Name, 0, maxProductName):
		return fmt.Errorf("name: must be at most %d characters", maxProductName)
	case p.Type != "" && !slices.Contains(productTypes, p.Type):
		return errors.New("type: must be one of the contract's product types")
	case !ident.Alphanumeric(p.Network, 0, maxNetworkID):
		return fmt.Errorf("network: must be at most %d letters and digits", maxNetworkID)
	case !text(p.Promotion, 0, maxPromotion):
		return fmt.Errorf("promotion: must be at most %d characters", maxPromotion)
	}
	for _, check := range []func() error{p.checkKind, p.checkAmounts, p.checkTexts, p.checkContents, p.checkChannels} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkKind judges what a top-up and a voucher have and the other has not.
func (p Product) checkKind() error {
	switch {
	case p.TopUp && !text(p.Provider, 1, maxProviderName):
		return fmt.Errorf("provider: a top-up needs one, of at most %d characters", maxProviderName)
	case p.TopUp && (p.Source != "" || p.Returned != "" || p.LowStock != 0):
		return errors.New("source: a top-up comes from no stock")
	case p.TopUp:
		return nil
	case p.Provider != "":
		return errors.New("provider: a voucher has none")
	case p.Source != FromStock && p.Source != Made:
		return fmt.Errorf("source: must be %s or %s", FromStock, Made)
	case p.Returned != ToQuarantine && p.Returned != ToStock:
		return fmt.Errorf("returned: must be %s or %s", ToQuarantine, ToStock)
	case p.Source == Made && p.Returned == ToStock:
		return errors.New("returned: a voucher that is made for its sale has no stock to go back to")
	case p.LowStock < 0:
		return errors.New("lowStock: must not be negative")
	}
	return nil
}

func (p Product) checkAmounts() error {
	switch {
	case len(p.Values) > 0 && len(p.Limits) > 0:
		return errors.New("limits: a product with values has none")
	case len(p.Values) > maxCurrencies:
		return fmt.Errorf("values: must be at most %d", maxCurrencies)
	case len(p.Limits) > maxCurrencies:
		return fmt.Errorf("limits: must be at most %d", maxCurrencies)
	case p.Discount < 0 || p.Discount > wholeShare:
		return fmt.Errorf("discount: must be 0 to %d hundredths of a per cent", wholeShare)
	case p.Discount > 0 && len(p.Limits) == 0:
		return errors.New("discount: only a product with limits has one; a fixed product has a wholesale price")
	case p.Wholesale != nil && len(p.Limits) > 0:
		return errors.New("wholesale: only a fixed product has one; a product with limits has a discount")
	case p.Wholesale != nil && !payable(*p.Wholesale, 0):
		return fmt.Errorf("wholesale: must be 0 to %d, in a currency of three digits", money.MaxMinor)
	case p.RecipientAmount != nil && !payable(*p.RecipientAmount, 0):
		return fmt.Errorf("recipientAmount: must be 0 to %d, in a currency of three digits", money.MaxMinor)
	}
	for _, err := range []error{p.checkType(), checkValues(p.Values), checkLimits(p.Limits)} {
		if err != nil {
			return err
		}
	}
	return nil
}

// checkType holds a product to what its type says of its amounts.
func (p Product) checkType() error {
	kind := string(p.Type)
	switch {
	case strings.HasSuffix(kind, "_FIXED") && len(p.Values) == 0:
		return fmt.Errorf("values: a product of type %s needs one", kind)
	case strings.HasSuffix(kind, "_VARIABLE") && len(p.Limits) == 0:
		return fmt.Errorf("limits: a product of type %s needs them", kind)
	}
	return nil
}

func checkValues(values []money.Amount) error {
	for i, v := range values {
		if !payable(v, 1) {
			return fmt.Errorf("values: each must be 1 to %d, in a currency of three digits", money.MaxMinor)
		}
		if slices.ContainsFunc(values[:i], func(other money.Amount) bool { return other.Currency == v.Currency }) {
			return fmt.Errorf("values: currency %s stands there twice", v.Currency)
		}
	}
	return nil
}

func checkLimits(limits []Limit) error {
	for i, l := range limits {
		if !payable(money.Amount{Minor: l.Min, Currency: l.Currency}, 1) || l.Max > money.MaxMinor {
			return fmt.Errorf("limits: each must be 1 to %d, in a currency of three digits", money.MaxMinor)
		}
		if l.Max < l.Min {
			return errors.New("limits: the most must not be below the least")
		}
		if slices.ContainsFunc(limits[:i], func(other Limit) bool { return other.Currency == l.Currency }) {
			return fmt.Errorf("limits: currency %s stands there twice", l.Currency)
		}
	}
	return nil
}

func (p Product) checkTexts() error {
	d := p.Description
	switch {
	case !text(d.Primary, 0, maxDescription) || !text(d.Short, 0, maxDescription):
		return fmt.Errorf("description: a text must be at most %d characters", maxDescription)
	case len(d.Additional) > maxDescriptions:
		return fmt.Errorf("description: must have at most %d additional texts", maxDescriptions)
	case len(p.Instructions) > maxInstructions:
		return fmt.Errorf("instructions: must be at most %d lines", maxInstructions)
	}
	for name, value := range d.Additional {
		if !text(name, 1, maxChannelText) || !text(value, 0, maxDescription) {
			return fmt.Errorf("description: an additional text needs a name of at most %d characters and has at most %d", maxChannelText, maxDescription)
		}
	}
	for _, line := range p.Instructions {
		if !text(line, 0, maxInstruction) {
			return fmt.Errorf("instructions: a line must be at most %d characters", maxInstruction)
		}
	}
	return nil
}

func (p Product) checkContents() error {
	if v := p.Validity; v != nil && (v.Duration < 0 || !slices.Contains(chronoUnits, v.Unit)) {
		return errors.New("validity: must be 0 or more of one of the contract's units of time")
	}
	if len(p.Contents) > maxContents {
		return fmt.Errorf("contents: must be at most %d", maxContents)
	}
	for _, c := range p.Contents {
		if c.Amount < 0 || !slices.Contains(contentUnits, c.Unit) {
			return fmt.Errorf("contents: each must be 0 or more of %s", strings.Join(contentUnits, ", "))
		}
	}
	return nil
}

func (p Product) checkChannels() error {
	if len(p.Channels) > maxChannels {
		return fmt.Errorf("channels: must be at most %d", maxChannels)
	}
	for _, c := range p.Channels {
		if !text(c.Name, 1, maxChannelText) {
			return fmt.Errorf("channels: a name must be 1 to %d characters", maxChannelText)
		}
		if !text(c.DisplayName, 0, maxChannelText) || !text(c.DisplayCategory, 0, maxChannelText) || !text(c.Identifier, 0, maxChannelText) {
			return fmt.Errorf("channels: a text must be at most %d characters", maxChannelText)
		}
	}
	return nil
}

// Check names the first setting of a network that cannot be. That no two networks have the same prefix is for who
// knows them all.
func (n Network) Check() error {
	switch {
	case !ident.Alphanumeric(n.ID, 1, maxNetworkID):
		return fmt.Errorf("id: must be 1 to %d letters and digits", maxNetworkID)
	case !text(n.Name, 1, maxNetworkName):
		return fmt.Errorf("name: must be 1 to %d characters", maxNetworkName)
	case !isCountry(n.Country):
		return errors.New("country: must be two capital letters (ISO 3166-1)")
	case len(n.Prefixes) > maxPrefixes:
		return fmt.Errorf("prefixes: must be at most %d", maxPrefixes)
	}
	seen := make(map[string]bool, len(n.Prefixes))
	for _, prefix := range n.Prefixes {
		if !isPrefix(prefix) {
			return fmt.Errorf("prefixes: each must be 1 to %d digits, the first from 1 to 9", maxPrefix)
		}
		if seen[prefix] {
			return fmt.Errorf("prefixes: %s stands there twice", prefix)
		}
		seen[prefix] = true
	}
	return n.Promotion.check()
}

func (p *Promotion) check() error {
	switch {
	case p == nil:
		return nil
	case !text(p.Name, 1, maxPromotion) || !text(p.Text, 1, maxPromotion):
		return fmt.Errorf("promotion: name and text must be 1 to %d characters", maxPromotion)
	case !p.Start.IsZero() && !p.End.IsZero() && p.End.Before(p.Start):
		return errors.New("promotion: must not end before it starts")
	}
	return nil
}

// Check names the first setting of a batch that cannot be.
func (b Batch) Check() error {
	switch {
	case b.Product <= 0:
		return errors.New("product: a batch needs one")
	case !ident.Alphanumeric(b.Name, 0, maxBatchName):
		return fmt.Errorf("name: must be at most %d letters and digits", maxBatchName)
	case b.InStock < 0:
		return errors.New("inStock: must not be negative")
	}
	return nil
}

// CheckSerial says what is wrong with a voucher's serial (contract: Voucher.serialNumber).
func CheckSerial(s string) error {
	if !ident.Alphanumeric(s, 1, maxSerial) {
		return fmt.Errorf("must be 1 to %d letters and digits", maxSerial)
	}
	return nil
}

// payable says whether an amount can stand in a message and is not below a least one.
func payable(a money.Amount, least money.Minor) bool {
	return a.Minor >= least && a.Minor <= money.MaxMinor && a.Currency > 0 && a.Currency <= 999
}

func isCountry(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

func isPrefix(s string) bool {
	return s != "" && len(s) <= maxPrefix && s[0] != '0' && strings.Trim(s, "0123456789") == ""
}

// text says whether a text is valid UTF-8 of so many characters.
func text(s string, least, most int) bool {
	n := utf8.RuneCountInString(s)
	return n >= least && n <= most && utf8.ValidString(s)
}
