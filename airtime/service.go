// Package airtime holds the rules of airtime: what a purchase needs to be approved, which voucher it gets or which
// provider tops a subscriber up, what it costs the account, and what an advice does to all of that (docs/rules.md
// section 3).
//
// It promises that no voucher is sold twice, that a top-up is asked of its provider once, that every decision is made
// from values that were loaded together and is saved together, that money moves by balanced entries only, and that a
// refusal is a *decline.Error. It knows no wire and no database, and never reads the clock: instants enter with the
// messages. What waits for a provider is bounded by contexts, and only package secret draws randomness.
package airtime

import (
	"context"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// Service is the airtime contract in the domain's own words. The vendor implements it, and so does whatever stands
// in front of one.
//
// Errors of all methods: a *decline.Error is a refusal; a *decline.NotTaken left nothing behind; a *decline.Unknown
// says that somebody is still at work on it; any other error is an unknown outcome.
type Service interface {
	// Request asks for a purchase, or for a voucher in the older way. The refusals, in their order of checks:
	// DuplicateRecord, AccountAlreadySettled, TransactionNotSupported, InvalidProduct, InvalidMSISDN, InvalidAmount,
	// LimitExceeded, InsufficientFunds, OutOfStock, and those of the provider.
	Request(ctx context.Context, r *Request) (*Response, error)
	// Trial answers what Request would answer at this instant, without a voucher, and leaves no trace. Its id is
	// neither asked nor taken.
	Trial(ctx context.Context, r *Request) (*Response, error)
	// Advise confirms or reverses an earlier request. nil means that it is final, whether it had an effect or
	// repeated an earlier advice. The refusals are UnableToLocateRecord, DuplicateRecord, AccountAlreadySettled,
	// GeneralError, InvalidAmount and, for a top-up that its provider cannot take back, TransactionNotSupported. The
	// answer is the upstream's, of who passed the advice on; nil when it is to be made from the words.
	Advise(ctx context.Context, a *Advice) (*txn.Answer, error)
	// Status gives the answer that a purchase had: its response, or its refusal. Further refusals: FormatError when
	// the query names no purchase, UnableToLocateRecord, and AccountAlreadySettled once it is reversed.
	Status(ctx context.Context, q *Query) (*Response, error)
	// LookUp tells what is known of a subscriber's number. An unknown number is no error.
	LookUp(ctx context.Context, l *LookUp) (*Subscriber, error)
	// Products gives the products on sale, by their ids.
	Products(ctx context.Context, l *Listing) (*Range, error)
}

// Request is one request of either family. What is absent is empty.
type Request struct {
	Family     txn.Family // txn.Purchase or txn.Voucher
	ID         ident.ID
	Sender     *txn.Sender
	Received   time.Time     // by the server's clock
	Product    string        // id of the product
	Amount     *money.Amount // the requested amount; nil when none was named
	Recipient  ident.MSISDN  // who is to be topped up
	Buyer      ident.MSISDN
	Channel    string            // the way the customer came in (originator.channelId); empty when not told
	Collect    bool              // money is still to be collected (paymentMethods), which this vendor cannot
	Merchant   string            // id of the merchant it comes from, for search only; empty leaves it to Origin
	References []ident.Reference // third-party identifiers
	Labels     []string          // transaction labels, for search only
	Body       []byte            // the message as received, for keeping, without what must not rest
	// Wire is the message as it was received, for who passes it on. It is never kept, is sent once, and holds until the
	// method returns. nil has it composed from the words.
	Wire   txn.Wire
	Origin *txn.Origin // who sends it, where it is to be composed
}

// Response is what an approved request brings.
type Response struct {
	Reference string        // our own reference for the purchase, letters and digits
	Provider  string        // name of the provider
	Product   *Product      // as it was when it was sold
	Amount    *money.Amount // what was approved; nil when the product has no value
	Recipient ident.MSISDN  // empty without one; of a Status it stands in Request only
	Voucher   *Issued       // nil of a top-up and of a trial
	// Request is the message as it was kept, of a Status only.
	Request []byte
	// References are the third-party identifiers of an answer that came from an upstream.
	References []ident.Reference
	Answer     *txn.Answer // as it came from upstream; nil when it is to be made from the words
}

// Issued is a voucher as its buyer sees it.
type Issued struct {
	PIN          VoucherPIN
	Serial       string
	Batch        string    // batch number; may be empty
	Expiry       time.Time // zero when it never expires
	Instructions []string
}

// Advice is a confirmation or a reversal of an earlier request.
type Advice struct {
	txn.Advice
	Serial string // of a confirmation: the serial of the voucher that was handed over; empty when not told
}

// Query asks how a purchase ended: by its id, or else by its reference.
type Query struct {
	Sender    *txn.Sender
	Received  time.Time
	ID        ident.ID // wins over the reference
	Reference string
	Provider  string   // needed with a reference, and not compared
	Wire      txn.Wire // the parameters as they were received, for who passes them on; nil has them composed
}

// LookUp asks about a subscriber's number.
type LookUp struct {
	Sender   *txn.Sender
	Received time.Time
	MSISDN   ident.MSISDN
	Operator string       // the network that the sender believes it belongs to; empty when not told
	Buyer    ident.MSISDN // some providers insist on it
	Filter   Filter
	Wire     txn.Wire // the parameters as they were received, for who passes them on; nil has them composed
}

// Listing asks for the products on sale.
type Listing struct {
	Sender   *txn.Sender
	Received time.Time
	Filter   Filter
	Wire     txn.Wire // the parameters as they were received, for who passes them on; nil has them composed
}

// Range is what is on sale.
type Range struct {
	Offers []Offer
	Answer *txn.Answer // as it came from upstream; nil when it is to be made from the words
}

// Offer is a product that is on sale.
type Offer struct {
	*Product
	Network *Network // that it is for; nil when it is for any, or its network is not known
}

// Filter keeps only some products. What is empty keeps all.
type Filter struct {
	Type     ProductType
	Channel  string
	Category string // display category on a channel, or the name of the promotion it belongs to
}

// Subscriber is what is known of a number.
type Subscriber struct {
	MSISDN    ident.MSISDN
	Country   string // two letters; empty when unknown
	Network   *Network
	Asked     string          // the operator that the look-up named
	Balance   *ledger.Balance // when the provider tells it
	Currency  money.Currency
	Products  []Offer
	Promotion *Promotion
	Answer    *txn.Answer // as it came from upstream; nil when it is to be made from the words
}

// referenceLetter begins our references of purchases.
const referenceLetter = 'A'

// Reference gives the printable reference of the purchase with this seq.
func Reference(seq int64) string { return txn.Reference(referenceLetter, seq) }

// ParseReference reads a reference made by Reference.
func ParseReference(s string) (seq int64, ok bool) { return txn.ParseReference(referenceLetter, s) }
