package sdk

import (
	"context"
	"encoding/json"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// Order buys airtime: a voucher with a PIN, or a top-up of the recipient.
type Order struct {
	Product   string   // its id
	Amount    int64    // in minor units; 0 names none, and leaves it to the product
	Currency  string   // of Amount; empty is the till's
	Recipient string   // whose number is to be topped up; needed for that, empty for a voucher
	Buyer     string   // the number of who buys it; some providers insist on it
	Labels    []string // by which the transaction can be searched for upstream
	Reference string   // the program's own
}

// Purchase is an approved order. End it with Confirm or Reverse: confirm once the voucher has been handed over.
type Purchase struct {
	Transaction
	Provider  string // with Answer.Reference it names the purchase in a question for its status; may be empty
	Product   Product
	Recipient string
	Voucher   *Voucher // nil of a top-up
	Answer    Answer
}

// Voucher is what a customer takes home. Its PIN is as good as money: it never prints, and is not kept.
type Voucher struct {
	PIN          string
	Serial       string
	Batch        string    // may be empty
	Expiry       time.Time // zero when it never expires
	Instructions []string  // lines that tell how to redeem it
}

// String gives the serial alone.
func (v *Voucher) String() string {
	if v == nil {
		return "no voucher"
	}
	return "voucher " + v.Serial
}

// GoString gives the serial alone.
func (v *Voucher) GoString() string { return "sdk.Voucher(" + v.String() + ")" }

// Product is something on sale. What is not known is zero.
type Product struct {
	ID, Barcode, Name string
	Type              string // such as AIRTIME_FIXED, DATA or COMBO
	Description       string
	TopUp             bool     // credited to a subscriber; otherwise a voucher
	Values            []Amount // face values; of a variable product, its least and its most
	Price             Amount   // wholesale
	RecipientAmount   Amount   // what the recipient gets
	Operator          string   // id of the mobile network it is for
}

// Purchase buys airtime. The errors are *Declined, *NotTaken, *Unknown and *Invalid, as the package says.
func (t *Till) Purchase(ctx context.Context, o Order) (*Purchase, error) {
	return t.buy(ctx, txn.Purchase, o)
}

// Provision buys a voucher in the older way of the contract, for upstreams that know no other. It has no place for a
// recipient. The errors are those of Purchase.
func (t *Till) Provision(ctx context.Context, o Order) (*Purchase, error) {
	return t.buy(ctx, txn.Voucher, o)
}

func (t *Till) buy(ctx context.Context, f txn.Family, o Order) (*Purchase, error) {
	r, err := t.order(f, o)
	if err != nil {
		return nil, err
	}
	response, err := ask(t, func(id ident.ID) (*airtime.Response, error) {
		if err := t.compose(r, id, o.Reference); err != nil {
			return nil, err
		}
		ctx, seen := witnessed(ctx)
		response, err := t.airtime.Request(ctx, r)
		return response, seen.truth(err)
	})
	if err != nil {
		return nil, explain(err, string(r.ID), true)
	}
	p := bought(response)
	p.Transaction = t.transaction(r.ID, f, r.Received, o.Reference, response.References)
	p.Amount = amountOrNone(response.Amount)
	p.Recipient = o.Recipient
	if p.Voucher != nil {
		p.serial = p.Voucher.Serial
	}
	return p, nil
}

// order turns what a program wants into words.
func (t *Till) order(f txn.Family, o Order) (*airtime.Request, error) {
	r := &airtime.Request{Family: f, Product: o.Product, Labels: o.Labels}
	var err error
	if err := checkReference(o.Reference); err != nil {
		return nil, err
	}
	if o.Product == "" {
		return nil, &Invalid{"Product", "is needed"}
	}
	if r.Amount, err = t.amount(o.Amount, o.Currency, false); err != nil {
		return nil, err
	}
	if r.Recipient, err = number("Recipient", o.Recipient); err != nil {
		return nil, err
	}
	r.Buyer, err = number("Buyer", o.Buyer)
	return r, err
}

// number reads a subscriber's number, which may be empty.
func number(field, text string) (m ident.MSISDN, err error) {
	if text == "" {
		return m, nil
	}
	if m, err = ident.ParseMSISDN(text); err != nil {
		return m, &Invalid{field, err.Error()}
	}
	return m, nil
}

// compose makes the message of a request under an id.
func (t *Till) compose(r *airtime.Request, id ident.ID, reference string) (err error) {
	r.ID, r.Sender, r.Received, r.Origin = id, t.sender, t.settings.now(), t.origin
	r.References = t.references(id, reference)
	if r.Wire, err = airtimehttp.Compose(r); err != nil {
		return unsayable(err)
	}
	r.Body = exchange.Keep(r.Wire)
	return nil
}

// bought turns an answer into values, all but the transaction.
func bought(r *airtime.Response) *Purchase {
	p := &Purchase{Provider: r.Provider, Recipient: r.Recipient.Reveal(), Answer: answerOf(r.Reference, r.Answer)}
	if r.Product != nil {
		p.Product = productOf(r.Product)
	}
	if v := r.Voucher; v != nil {
		p.Voucher = &Voucher{v.PIN.Reveal(), v.Serial, v.Batch, v.Expiry, v.Instructions}
	}
	return p
}

func productOf(p *airtime.Product) Product {
	values := make([]Amount, 0, len(p.Values)+2*len(p.Limits))
	for _, v := range p.Values {
		values = append(values, amountOf(v.Minor, v.Currency))
	}
	for _, l := range p.Limits {
		values = append(values, amountOf(l.Min, l.Currency), amountOf(l.Max, l.Currency))
	}
	return Product{
		ID: p.ID, Barcode: p.Barcode, Name: p.Name, Type: string(p.Type), Description: p.Description.Primary, TopUp: p.TopUp,
		Values: values, Price: amountOrNone(p.Wholesale), RecipientAmount: amountOrNone(p.RecipientAmount), Operator: p.Network,
	}
}

// Quote is what Purchase would have answered.
type Quote struct {
	Amount  Amount
	Product Product
	Answer  Answer
}

// Trial asks what Purchase would answer now, and changes nothing. The errors are those of Purchase; an *Unknown is
// not reversed, since there is nothing to reverse.
func (t *Till) Trial(ctx context.Context, o Order) (*Quote, error) {
	r, err := t.order(txn.Purchase, o)
	if err != nil {
		return nil, err
	}
	if err := t.compose(r, t.newID(), o.Reference); err != nil {
		return nil, err
	}
	ctx, seen := witnessed(ctx)
	response, err := t.airtime.Trial(ctx, r)
	if err != nil {
		return nil, explain(seen.truth(err), string(r.ID), false)
	}
	p := bought(response)
	return &Quote{amountOrNone(response.Amount), p.Product, p.Answer}, nil
}

// Status asks how a purchase ended, by its ID: for one that Open has handed back it brings the voucher again. The
// errors are *Declined, which is what the purchase itself was declined with, or says with ACCOUNT_ALREADY_SETTLED
// that it has been reversed; *NotTaken, and *Unknown when the upstream cannot say yet.
func (t *Till) Status(ctx context.Context, id string) (*Purchase, error) {
	parsed, err := ident.ParseID(id)
	if err != nil {
		return nil, &Invalid{"id", err.Error()}
	}
	return t.status(ctx, &airtime.Query{ID: parsed})
}

// StatusByReference asks how a purchase ended by the upstream's own reference, Purchase.Answer.Reference, and by its
// Provider. The errors are those of Status.
func (t *Till) StatusByReference(ctx context.Context, reference, provider string) (*Purchase, error) {
	if reference == "" || provider == "" {
		return nil, &Invalid{"reference", "reference and provider are both needed"}
	}
	return t.status(ctx, &airtime.Query{Reference: reference, Provider: provider})
}

func (t *Till) status(ctx context.Context, q *airtime.Query) (*Purchase, error) {
	q.Sender, q.Received = t.sender, t.settings.now()
	ctx, seen := witnessed(ctx)
	response, err := t.airtime.Status(ctx, q)
	if err != nil {
		return nil, explain(seen.truth(err), string(q.ID), false)
	}
	p := bought(response)
	id := q.ID
	if id == "" {
		id = answeredID(response)
	}
	m, err := t.request(ctx, id, txn.Purchase)
	if err != nil {
		return nil, explain(err, string(id), false)
	}
	p.Transaction = Transaction{ID: string(id), Operation: OpPurchase, till: t, family: txn.Purchase, references: response.References}
	if m != nil { // otherwise it is not the till's own: it can be looked at and not ended
		p.Transaction = t.unsettled(m).Transaction
	}
	p.Amount = amountOrNone(response.Amount)
	if p.Voucher != nil {
		p.serial = p.Voucher.Serial
	}
	return p, nil
}

// answeredID reads the purchase's id out of the answer about it.
func answeredID(r *airtime.Response) ident.ID {
	var read struct{ ID string }
	if r.Answer == nil || json.Unmarshal(r.Answer.Body, &read) != nil {
		return ""
	}
	return ident.ID(read.ID)
}

// Filter keeps only some products. What is empty keeps all.
type Filter struct {
	Type     string // such as AIRTIME_FIXED
	Channel  string
	Category string
}

func (f Filter) words() airtime.Filter {
	return airtime.Filter{Type: airtime.ProductType(f.Type), Channel: f.Channel, Category: f.Category}
}

// Products lists what is on sale on a channel; an empty one is any. The errors are *Declined, *NotTaken and *Unknown.
func (t *Till) Products(ctx context.Context, channel string) ([]Product, error) {
	ctx, seen := witnessed(ctx)
	found, err := t.airtime.Products(ctx, &airtime.Listing{
		Sender: t.sender, Received: t.settings.now(), Filter: airtime.Filter{Channel: channel},
	})
	if err != nil {
		return nil, explain(seen.truth(err), "", false)
	}
	return offered(found.Offers), nil
}

func offered(offers []airtime.Offer) []Product {
	products := make([]Product, len(offers))
	for i, o := range offers {
		products[i] = productOf(o.Product)
		if o.Network != nil {
			products[i].Operator = o.Network.ID
		}
	}
	return products
}

// Number asks about a subscriber's number.
type Number struct {
	MSISDN   string // with its country, with or without a plus sign
	Operator string // the network that it is believed to belong to; empty when that is not known
	Buyer    string // some providers insist on it
	Filter   Filter // of the products for it
}

// Subscriber is what is known of a number. What is not known is zero.
type Subscriber struct {
	MSISDN    string
	Country   string // two letters
	Operator  Party
	Balance   Amount
	Products  []Product // that can be bought for it
	Promotion string
}

// LookUpMSISDN asks about a subscriber's number. One that nobody knows is no error. The errors are *Declined,
// *NotTaken, *Unknown and *Invalid.
func (t *Till) LookUpMSISDN(ctx context.Context, n Number) (*Subscriber, error) {
	l := &airtime.LookUp{Sender: t.sender, Received: t.settings.now(), Operator: n.Operator, Filter: n.Filter.words()}
	var err error
	if l.MSISDN, err = ident.ParseMSISDN(n.MSISDN); err != nil {
		return nil, &Invalid{"MSISDN", err.Error()}
	}
	if l.Buyer, err = number("Buyer", n.Buyer); err != nil {
		return nil, err
	}
	ctx, seen := witnessed(ctx)
	known, err := t.airtime.LookUp(ctx, l)
	if err != nil {
		return nil, explain(seen.truth(err), "", false)
	}
	return subscriber(n.MSISDN, known), nil
}

func subscriber(msisdn string, known *airtime.Subscriber) *Subscriber {
	s := &Subscriber{MSISDN: msisdn, Country: known.Country, Products: offered(known.Products)}
	if known.Network != nil {
		s.Operator = Party{known.Network.ID, known.Network.Name}
	}
	if known.Balance != nil {
		s.Balance = amountOf(money.Minor(known.Balance.Book), known.Currency)
	}
	if known.Promotion != nil {
		s.Promotion = known.Promotion.Text
	}
	return s
}
