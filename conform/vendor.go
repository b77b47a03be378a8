package conform

import (
	"context"
	"time"
)

// Vendor is what a target offers for airtime beside messages, which the contract does not have. A target that cannot do
// one returns an error made by Lacks. Embed NoVendor to offer only some.
type Vendor interface {
	// Offer adds an airtime product, or finds a fitting one, and returns its id.
	Offer(ctx context.Context, o Offer) (id string, err error)
	// Withdraw takes a product from sale.
	Withdraw(ctx context.Context, product string) error
	// Batch brings vouchers of a product into stock, and returns the batch number under which they are sold.
	Batch(ctx context.Context, b Batch) (name string, err error)
	// Stock counts the vouchers of a product that can be sold.
	Stock(ctx context.Context, product string) (int64, error)
	// Network adds a mobile network with numbers of its own, or finds one, and returns its id.
	Network(ctx context.Context, n Network) (id string, err error)
	// Number finds a number that the network of this id has, or for an empty id one that no network has, and whose top-ups
	// go like this.
	Number(ctx context.Context, network string, topUps Behaviour) (string, error)
	// Prepay gives an account a prepaid balance, which it buys against from here on.
	Prepay(ctx context.Context, account string, amount Amount) error
	// Prepaid tells both balances of an account's float.
	Prepaid(ctx context.Context, account string) (book, available int64, err error)
}

// Offer is an airtime product to be set up: of fixed values, or between Min and Max. Zero and empty mean that
// nothing is said.
type Offer struct {
	// ID is a fresh id of letters and digits that the target may use.
	ID string
	// TopUp is a product that is credited to a number; otherwise it is a voucher.
	TopUp bool
	// Plenty is a voucher that is never out of stock.
	Plenty bool
	// Values are the face values, at most one in each currency.
	Values []Amount
	// Min and Max bound the amount of a variable product, in Currency.
	Min, Max int64
	Currency string
	// Wholesale is what the product costs the account; nil is its first value. Discount is how much less than the
	// amount a variable product costs, in hundredths of a per cent.
	Wholesale *Amount
	Discount  int64
	// RecipientAmount is what the recipient gets.
	RecipientAmount *Amount
	// Type is a product type of the contract, Channel one that the product is listed on, under Category.
	Type, Channel, Category string
	// Promotion is the offer that the product belongs to, Network the id of the network that it is for.
	Promotion, Network string
	// ToStock puts a voucher whose sale is reversed back into stock, and not into quarantine.
	ToStock bool
}

// Behaviour is what a provider does with the top-ups of a number.
type Behaviour string

// The behaviours.
const (
	Credits Behaviour = ""        // credits them, and takes back what is reversed
	Refuses Behaviour = "refused" // declines them: DECLINED_BY_MNO
	Limits  Behaviour = "limited" // declines them: LIMIT_EXCEEDED
	Late    Behaviour = "late"    // says long after it has credited them that it has
	Silent  Behaviour = "silent"  // credits them and does not answer, but tells when it is asked for their status
	Loses   Behaviour = "lost"    // does not answer, and when asked does not know them
	Spends  Behaviour = "spent"   // credits them, and cannot take them back
)

// Batch is vouchers that come together and expire together.
type Batch struct {
	// Name is a fresh batch number of letters and digits that the target may use.
	Name    string
	Product string
	Count   int64
	// Expiry is until when they can be sold; zero is for ever.
	Expiry time.Time
}

// Network is a mobile network.
type Network struct {
	// ID is a fresh id of letters and digits that the target may use.
	ID, Name string
	// Country is the ISO 3166-1 code of two letters.
	Country string
	// Promotion is the name of its offer, empty for none.
	Promotion string
}

// NoVendor lacks everything, for a target to embed that offers some of Vendor or none of it.
type NoVendor struct{}

var _ Vendor = NoVendor{}

// Offer lacks.
func (NoVendor) Offer(context.Context, Offer) (string, error) {
	return "", Lacks("no airtime products can be set up")
}

// Withdraw lacks.
func (NoVendor) Withdraw(context.Context, string) error {
	return Lacks("no airtime product can be withdrawn")
}

// Batch lacks.
func (NoVendor) Batch(context.Context, Batch) (string, error) {
	return "", Lacks("no vouchers can be brought into stock")
}

// Stock lacks.
func (NoVendor) Stock(context.Context, string) (int64, error) {
	return 0, Lacks("its stock cannot be counted")
}

// Network lacks.
func (NoVendor) Network(context.Context, Network) (string, error) {
	return "", Lacks("no networks can be set up")
}

// Number lacks.
func (NoVendor) Number(context.Context, string, Behaviour) (string, error) {
	return "", Lacks("it has no known numbers")
}

// Prepay lacks.
func (NoVendor) Prepay(context.Context, string, Amount) error {
	return Lacks("no account can be given a float")
}

// Prepaid lacks.
func (NoVendor) Prepaid(context.Context, string) (book, available int64, err error) {
	return 0, 0, Lacks("no account's float can be seen")
}
