package airtime

import (
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
)

// Product is something that is sold: a voucher, or a top-up of a subscriber. A published product is shared and never
// changed: a change makes a new edition, and what was sold goes on pointing to the edition it was sold as.
type Product struct {
	Number  int32 // our own number, from 1, the same for all editions
	Edition int32 // number of this edition among all editions of all products, from 1
	World   ident.World

	ID          string // key by which messages name it, 1 to 20 letters and digits
	Barcode     string // at most 13 letters and digits
	Name        string // at most 120 characters
	Description Description
	Type        ProductType
	Withdrawn   bool // not sold any more

	TopUp    bool   // credited to a subscriber by Provider; otherwise a voucher with a PIN
	Provider string // name of the provider of a top-up
	Network  string // id of the mobile network it is for; empty when it is for any

	// Values are the face values of a fixed product, at most one for each currency. The first is its value when a
	// request names none. A variable product has Limits instead. A product with neither has no value.
	Values []money.Amount
	Limits []Limit
	// Wholesale is what a fixed product costs the account that sells it; nil is the face value that it is sold for.
	Wholesale *money.Amount
	// Discount is how much less than the amount a variable product costs, in hundredths of a per cent.
	Discount        int32
	RecipientAmount *money.Amount // what the recipient gets, in the currency of the destination
	Validity        *Validity
	Contents        []Content
	Channels        []Channel
	Promotion       string // name of the promotion it belongs to; empty for none

	Source       Source
	Returned     Returned
	LowStock     int64    // at or below this many vouchers in stock there is an alarm; 0 is never
	Instructions []string // lines that tell the customer how to redeem a voucher
}

// ProductType is a product's class (contract: Product.ProductType).
type ProductType string

// The product types.
const (
	AirtimeFixed    ProductType = "AIRTIME_FIXED"
	AirtimeVariable ProductType = "AIRTIME_VARIABLE"
	SMSBundle       ProductType = "SMS_BUNDLE"
	Data            ProductType = "DATA"
	AppRelated      ProductType = "APP_RELATED"
	Combo           ProductType = "COMBO"
	DataFixed       ProductType = "DATA_FIXED"
	DataVariable    ProductType = "DATA_VARIABLE"
	VoiceBundle     ProductType = "VOICE_BUNDLE"
)

// Source is where the vouchers of a product come from.
type Source string

// The sources.
const (
	FromStock Source = "stock" // brought in by imports
	Made      Source = "made"  // made at the moment of the sale: a sandbox is never out of stock
)

// Returned is what becomes of a voucher whose sale is reversed.
type Returned string

// What becomes of it.
const (
	ToQuarantine Returned = "quarantine" // its PIN may have been seen
	ToStock      Returned = "stock"
)

// Limit is the least and the most of a variable product in one currency.
type Limit struct {
	Currency money.Currency
	Min, Max money.Minor
}

// Description is the texts that describe a product.
type Description struct {
	Primary, Short string
	Additional     map[string]string
}

// Validity is how long a product can be used. Unit is one of the contract's ChronoUnit.
type Validity struct {
	Duration int64
	Unit     string
}

// Content is one quantity that a product contains. Unit is KB, MB, GB, Unit or Minutes.
type Content struct {
	Amount int64
	Unit   string
}

// Channel is how a product is shown on one sales channel.
type Channel struct {
	Name, DisplayName, DisplayCategory, Identifier string
	SortOrder                                      *float64
}

// Network is a mobile network operator and the numbers that belong to it.
type Network struct {
	Number    int32
	World     ident.World
	ID        string // 1 to 20 letters and digits
	Name      string // at most 40 characters
	Country   string // ISO 3166-1, two letters
	Prefixes  []string
	Promotion *Promotion
}

// Promotion is an offer to a network's subscribers. Zero times do not bound it.
type Promotion struct {
	Name       string // what products and look-ups name it by
	Text       string
	Start, End time.Time
}

// Catalogue gives what is on sale as it stands now.
type Catalogue interface {
	// ProductByID gives the newest edition of a product.
	ProductByID(w ident.World, id string) (*Product, bool)
	// Edition gives a product as it was sold.
	Edition(w ident.World, edition int32) (*Product, bool)
	// Products gives the newest editions of all products, by id.
	Products(w ident.World) []*Product
	// NetworkOf gives the network whose longest prefix a number begins with.
	NetworkOf(w ident.World, m ident.MSISDN) (*Network, bool)
	// Network gives a network by its id.
	Network(w ident.World, id string) (*Network, bool)
}
