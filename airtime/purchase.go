package airtime

import (
	"cmp"
	"slices"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// purchase is one request on its way to an answer. What is above tx is prepared once; what is below is made anew each
// time the store lets it run.
type purchase struct {
	vendor     *Vendor
	request    *Request
	product    *Product // nil when there is none to be sold
	body       []byte
	references []int64
	face       money.Amount // what is bought; zero for a product without a value
	price      money.Amount // what the account pays
	unfit      *decline.Error

	tx      Tx
	message txn.Message
	float   Float
	voucher Voucher
	batch   Batch
	refusal *decline.Error
}

// prepare does all that needs no record before the message takes its turn: it judges what the request says by itself,
// seals its body, and hashes what it will be found by.
func (v *Vendor) prepare(r *Request) (*purchase, error) {
	body, err := v.intake.Seal(r.Body)
	if err != nil {
		return nil, err
	}
	p := &purchase{vendor: v, request: r, body: body, references: v.foundBy(r)}
	p.unfit = p.judgeMessage()
	return p, nil
}

// foundBy gives the hashes of the third-party identifiers, the merchant and hour, the recipient's number and the labels.
func (v *Vendor) foundBy(r *Request) []int64 {
	w := r.Sender.World
	hashes := v.intake.RequestHashes(w, r.References, cmp.Or(r.Merchant, r.Origin.MerchantID()), r.Received)
	if !r.Recipient.IsZero() {
		hashes = append(hashes, v.keys.Found(w, secret.ByMSISDN, r.Recipient.Reveal()))
	}
	for _, label := range r.Labels[:min(len(r.Labels), txn.MaxReferences)] {
		hashes = append(hashes, v.keys.Found(w, secret.ByLabel, label))
	}
	slices.Sort(hashes)
	return slices.Compact(hashes)
}

func (p *purchase) isTopUp() bool { return p.product != nil && p.product.TopUp && p.unfit == nil }

// provider gives who is to be asked; nil when nobody of that name is connected.
func (p *purchase) provider() Provider { return p.vendor.settings.Providers[p.product.Provider] }

func (p *purchase) keys() Keys {
	r := p.request
	k := Keys{World: r.Sender.World, IDs: []ident.ID{r.ID}, At: r.Received}
	if p.unfit != nil {
		return k
	}
	if !p.product.TopUp && p.product.Source == FromStock {
		k.Stock = p.product.Number
	}
	if r.Sender.Prepaid {
		k.Float = r.Sender.Account
	}
	return k
}

// judgeMessage makes those checks of docs/rules.md section 3 that need no record, in their order.
func (p *purchase) judgeMessage() *decline.Error {
	if refusal := p.request.Permitted(); refusal != nil {
		return refusal
	}
	if p.request.Collect && !p.vendor.settings.Compatible {
		return decline.New(decline.TransactionNotSupported, "no money is collected here").At("paymentMethods")
	}
	for _, check := range []func() *decline.Error{p.findProduct, p.checkRecipient, p.findPrice} {
		if refusal := check(); refusal != nil {
			return refusal
		}
	}
	return nil
}

// Permitted refuses a request whose sender may not ask for its family or sell its product, with TransactionNotSupported,
// and gives nil for any other.
func (r *Request) Permitted() *decline.Error {
	switch {
	case !r.Sender.MayAsk(r.Family):
		return decline.New(decline.TransactionNotSupported, "the account may not ask for a %s", r.Family)
	case !r.Sender.MaySell(r.Product):
		return decline.New(decline.TransactionNotSupported, "the account may not sell this product").At("product.productId")
	}
	return nil
}

// Foresee gives a refusal that a request of a sender who is permitted to ask will have here for what operators have set,
// whatever the records say, and nil when there is none: InvalidProduct when the product that it names is not on sale.
func (v *Vendor) Foresee(r *Request) *decline.Error {
	_, refusal := v.onSale(r)
	return refusal
}

// onSale gives the product that a request names.
func (v *Vendor) onSale(r *Request) (*Product, *decline.Error) {
	found, ok := v.settings.Catalogue.ProductByID(r.Sender.World, r.Product)
	switch {
	case !ok:
		return nil, decline.New(decline.InvalidProduct, "there is no such product").At("product.productId")
	case found.Withdrawn:
		return nil, decline.New(decline.InvalidProduct, "the product is not sold any more").At("product.productId")
	case found.TopUp && r.Family == txn.Voucher:
		return nil, decline.New(decline.InvalidProduct, "the product is no voucher").At("product.productId")
	}
	return found, nil
}

func (p *purchase) findProduct() (refusal *decline.Error) {
	p.product, refusal = p.vendor.onSale(p.request)
	return refusal
}

// checkRecipient asks for a number that the product can serve. A top-up for one network needs a number of that
// network; a voucher only must not be for another network's. That a network claims a number makes it possible only
// under a country code that no numbering plan has.
func (p *purchase) checkRecipient() *decline.Error {
	m := p.request.Recipient
	if m.IsZero() {
		if p.product.TopUp {
			return invalidMSISDN("a top-up needs a number")
		}
		return nil
	}
	n, claimed := p.vendor.settings.Catalogue.NetworkOf(p.request.Sender.World, m)
	wanted := p.product.Network
	switch {
	case !possible(m) && (!claimed || planned(m)):
		return invalidMSISDN("there can be no such number")
	case wanted != "" && claimed && n.ID != wanted:
		return invalidMSISDN("the number is of another network")
	case wanted != "" && !claimed && p.product.TopUp:
		return invalidMSISDN("the number is not known to be of the network")
	}
	return nil
}

func invalidMSISDN(text string) *decline.Error {
	return decline.New(decline.InvalidMSISDN, "%s", text).At("recipientMsisdn")
}

func (p *purchase) findPrice() (refusal *decline.Error) {
	if p.face, refusal = p.product.face(p.request.Amount); refusal == nil {
		p.price = p.product.Price(p.face)
	}
	return refusal
}

// run decides the request and records it. It may run again.
func (p *purchase) run(tx Tx) error {
	r := p.request
	p.begin(tx)
	if used := txn.Used(tx.Messages(r.ID), r.Family, txn.Request); len(used) > 0 {
		p.refusal = txn.Duplicate(r.ID, txn.Own(used, r.Sender.Account))
		return nil
	}
	p.message = txn.Message{
		Seq: tx.NextSeq(), World: r.Sender.World, ID: r.ID, Account: r.Sender.Account, Family: r.Family,
		Role: txn.Request, State: txn.Open, At: r.Received, References: p.references, Body: p.body,
	}
	if p.product != nil {
		p.message.Product = p.product.Edition
	}
	if p.refusal = txn.Late(tx, r.Sender, r.Family, r.ID, Late); p.refusal == nil {
		p.refusal = p.judge()
	}
	if p.refusal != nil {
		p.message.State, p.message.Reason = txn.Declined, p.refusal.Reason
		tx.Insert(p.message)
		return nil
	}
	return p.approve()
}

// try decides what run would decide of a request that nobody has sent before, and changes nothing.
func (p *purchase) try(tx Tx) error {
	p.begin(tx)
	p.refusal = p.judge()
	return nil
}

func (p *purchase) begin(tx Tx) {
	p.tx, p.message, p.refusal = tx, txn.Message{}, nil
	p.float, p.voucher, p.batch = Float{}, Voucher{}, Batch{}
}

// judge makes the business checks in their order. It changes nothing in the store.
func (p *purchase) judge() *decline.Error {
	if p.unfit != nil {
		return p.unfit
	}
	if refusal := txn.Full(p.tx, p.paces(), p.face.Minor, decline.LimitExceeded); refusal != nil {
		return refusal
	}
	if refusal := p.checkFloat(); refusal != nil {
		return refusal
	}
	if p.product.TopUp {
		return p.checkProvider()
	}
	return p.findVoucher()
}

func (p *purchase) paces() []txn.Pace {
	return paces(p.request.Sender, p.request.Family, p.request.Received)
}

// paces gives the rules of an account that bear on a request of a family. Airtime has none for each product.
func paces(s *txn.Sender, f txn.Family, at time.Time) []txn.Pace {
	return txn.Paces(nil, s.Velocity, true, int64(s.Account), f, at)
}

// checkFloat asks for enough on the float of an account that buys against one.
func (p *purchase) checkFloat() *decline.Error {
	s := p.request.Sender
	if !s.Prepaid || p.price.Minor == 0 {
		return nil
	}
	refusal := decline.New(decline.InsufficientFunds, "the prepaid balance is too low").At("amounts.requestAmount")
	f, found := p.tx.Float(s.Account)
	switch {
	case !found:
		refusal.Text = "the account has no prepaid balance"
		return refusal
	case f.Currency != p.price.Currency:
		refusal.Text = "the prepaid balance is kept in currency " + f.Currency.String()
		return refusal
	case f.Balance.Available < p.price.Minor:
		face := p.face
		return refusal.With(decline.Detail{Requested: &face, Balance: &money.Amount{Minor: f.Balance.Available, Currency: f.Currency}})
	}
	p.float = f
	return nil
}

func (p *purchase) checkProvider() *decline.Error {
	if p.provider() == nil {
		return decline.New(decline.UpstreamUnavailable, "the product's provider is not connected")
	}
	return nil
}

// findVoucher takes the oldest voucher of the batch that expires first. One that is made for its sale is made later.
func (p *purchase) findVoucher() *decline.Error {
	if p.product.Source == Made {
		return nil
	}
	for _, b := range p.tx.Batches(p.product.Number, p.request.Received) {
		if v, found := p.tx.Next(b.Number); found {
			p.voucher, p.batch = v, b
			return nil
		}
	}
	return decline.New(decline.OutOfStock, "the product is out of stock").At("product.productId")
}

// approve sells the voucher, or puts the top-up down as being worked on, and charges the account.
func (p *purchase) approve() error {
	m := &p.message
	m.Amount, m.Currency, m.Prepaid = p.face.Minor, p.face.Currency, p.request.Sender.Prepaid
	if p.request.Amount != nil {
		m.Requested = m.Amount
	}
	if p.product.TopUp {
		m.State = txn.Working
	} else if err := p.sell(); err != nil {
		return err
	}
	if err := charge(p.tx, *m, p.price, m.Seq, 0, ledger.Pending); err != nil {
		return err
	}
	txn.Count(p.tx, p.paces(), p.face.Minor, decline.LimitExceeded) // which judge has asked for already
	p.tx.Insert(*m)
	return nil
}

// sell gives the voucher to the message.
func (p *purchase) sell() error {
	m := &p.message
	if p.product.Source == Made {
		made, err := makeVoucher(p.vendor.keys, m.World, p.tx.NextSeq(), m.Seq)
		if err != nil {
			return err
		}
		p.voucher = made.Voucher
		p.tx.AddVoucher(made)
		m.Voucher, m.Links = made.ID, []txn.Link{{Card: made.ID}}
		return nil
	}
	v := &p.voucher
	m.Voucher, m.Links = v.ID, []txn.Link{{Card: v.ID, Previous: v.LastMessage}}
	v.Status, v.LastMessage = Sold, m.Seq
	p.tx.PutVoucher(*v)
	return nil
}

// charge books one entry for the price of a purchase: made by the message with a seq, at a place among its entries.
// The account's float pays, or what the account owes. A price of zero is no entry.
func charge(tx Tx, m txn.Message, price money.Amount, by int64, n int, phase ledger.Phase) error {
	if price.Minor == 0 {
		return nil
	}
	owner := int64(m.Account)
	e := ledger.Entry{
		Message: by, N: n, Request: m.Seq, Amount: price.Minor, Currency: price.Currency, Phase: phase,
		Debit: ledger.AccountOf(ledger.Funding, owner), Credit: ledger.AccountOf(ledger.Airtime, owner),
	}
	if m.Prepaid {
		e.Debit = ledger.AccountOf(ledger.Float, owner)
		if err := debitFloat(tx, m.Account, e); err != nil {
			return err
		}
	}
	tx.Enter(e)
	return nil
}

// debitFloat keeps the balance of a float up with an entry that it pays.
func debitFloat(tx Tx, account ident.Account, e ledger.Entry) (err error) {
	if e.Phase == ledger.Posted { // it left when it was pending
		return nil
	}
	f, found := tx.Float(account)
	if !found {
		return errNoFloat
	}
	if f.Balance, err = f.Balance.Debited(e); err == nil {
		tx.PutFloat(f)
	}
	return err
}

// response gives what the buyer of a voucher gets. The PIN is opened here, after the commit and outside the store's turn.
func (p *purchase) response() (*Response, error) {
	response := p.answer()
	if p.product.TopUp {
		return response, nil
	}
	issued, err := p.vendor.issued(p.voucher, p.batch, p.product)
	response.Voucher = issued
	return response, err
}

func (p *purchase) answer() *Response {
	response := &Response{
		Reference: Reference(p.message.Seq), Provider: p.vendor.providerOf(p.product), Product: p.product, Recipient: p.request.Recipient,
	}
	if p.face.Currency != 0 {
		face := p.face
		response.Amount = &face
	}
	return response
}

// providerOf names who provides a product: its provider, or for vouchers ourselves.
func (v *Vendor) providerOf(p *Product) string {
	if p.TopUp {
		return p.Provider
	}
	return v.settings.Institution.Identifier
}

// issued gives a voucher as its buyer sees it.
func (v *Vendor) issued(sold Voucher, b Batch, p *Product) (*Issued, error) {
	pin, err := RevealPIN(v.keys, sold)
	if err != nil {
		return nil, err
	}
	return &Issued{PIN: pin, Serial: sold.Serial, Batch: b.Name, Expiry: b.Expiry, Instructions: p.Instructions}, nil
}
