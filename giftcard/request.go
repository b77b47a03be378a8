package giftcard

import (
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// decision is one request on its way to an answer. What is above tx is prepared once; what is below is made
// anew each time the store lets it run.
type decision struct {
	issuer               *Issuer
	request              *Request
	body                 []byte
	references           []int64
	number, targetNumber CardKey
	pin, targetPIN       presentedPIN
	holder               HolderDigests

	tx       Tx
	now      time.Time // in the issuer's time zone
	message  txn.Message
	work     *Work
	card     *Card // nil until found
	target   *Card // nil until found
	product  *Product
	response *Response
	refusal  *decline.Error
}

func (d *decision) keys() Keys {
	k := Keys{World: d.request.Sender.World, IDs: []ident.ID{d.request.ID}, Cards: []CardKey{d.number}}
	if d.targetNumber != nil {
		k.Cards = append(k.Cards, d.targetNumber)
	}
	return k
}

// run decides the request and records it. It may run again.
func (d *decision) run(tx Tx) error {
	r := d.request
	d.tx, d.now = tx, r.Received.In(d.issuer.location)
	d.card, d.target, d.product, d.response, d.refusal = nil, nil, nil, nil, nil
	if used := txn.Used(tx.Messages(r.ID), r.Family, txn.Request); len(used) > 0 {
		d.refusal = txn.Duplicate(r.ID, txn.Own(used, r.Sender.Account))
		return nil
	}
	d.message = txn.Message{
		Seq: tx.NextSeq(), World: r.Sender.World, ID: r.ID, Account: r.Sender.Account, Family: r.Family,
		Role: txn.Request, State: txn.Open, At: r.Received, References: d.references, Body: d.body,
	}
	d.work = NewWork(tx, d.message.Seq)
	if d.refusal = d.judge(); d.refusal != nil {
		d.decline()
		return nil
	}
	return d.approve()
}

// judge makes the business checks in their order. It changes nothing but what a wrong or right PIN changes.
func (d *decision) judge() *decline.Error {
	r := d.request
	if refusal := txn.Late(d.tx, r.Sender, r.Family, r.ID, Late); refusal != nil {
		return refusal
	}
	if refusal := d.permitted(); refusal != nil {
		return refusal
	}
	if refusal := d.findCards(); refusal != nil {
		return refusal
	}
	switch r.Family {
	case txn.Activation:
		return d.judgeActivation()
	case txn.Load:
		return d.judgeLoad()
	case txn.Redemption:
		return d.judgeRedemption()
	case txn.Void:
		return d.judgeVoid()
	case txn.Replace:
		return d.judgeReplace()
	case txn.Transfer:
		return d.judgeTransfer()
	}
	return decline.New(decline.FunctionNotSupported, "there is no such request")
}

func (d *decision) permitted() *decline.Error {
	if refusal := d.request.Permitted(); refusal != nil {
		return refusal
	}
	if d.request.Points && !d.issuer.compatible {
		return decline.New(decline.FunctionNotSupported, "points are not kept here").At("points.requestAmount")
	}
	return nil
}

// Permitted refuses a request whose sender may not ask for its family or touch its cards, with TransactionNotSupported,
// and gives nil for any other. It needs no record of the cards.
func (r *Request) Permitted() *decline.Error {
	s := r.Sender
	switch {
	case !s.MayAsk(r.Family):
		return decline.New(decline.TransactionNotSupported, "the account may not ask for a %s", r.Family)
	case !s.MayTouch(r.Card.PAN) || (!r.Target.PAN.IsZero() && !s.MayTouch(r.Target.PAN)):
		return decline.New(decline.TransactionNotSupported, "the account may not touch cards of this range")
	}
	return nil
}

// PermittedUnseen is Permitted, and refuses an activation of a product that its sender may not sell, too: that is all that
// can be told of a permission without the card. Of other families the card tells the product, whatever the request names.
func (r *Request) PermittedUnseen() *decline.Error {
	if refusal := r.Permitted(); refusal != nil {
		return refusal
	}
	if r.Family == txn.Activation && !r.Sender.MaySell(r.Product) {
		return decline.New(decline.TransactionNotSupported, "the account may not sell this product").At("product.id")
	}
	return nil
}

// Foresee gives a refusal that a request of a sender who is permitted to ask will have here for what operators have set,
// whatever the records say, and nil when only they can tell: InvalidProduct when an activation names no product, and
// TransactionNotSupported when the sender may not look up by card holder.
func (i *Issuer) Foresee(r *Request) (refusal *decline.Error) {
	switch {
	case r.Family == txn.Activation:
		_, refusal = i.named(r)
	case r.Family == txn.LookUp && r.Card.PAN.IsZero():
		refusal = r.holderPermitted()
	}
	return refusal
}

// findCards loads the cards that the request names, and the product of the first.
func (d *decision) findCards() *decline.Error {
	c, found := d.tx.CardByNumber(d.number)
	if !found {
		return unknownCard("card")
	}
	d.card = d.work.add(c)
	if d.request.Family == txn.Replace || d.request.Family == txn.Transfer {
		t, found := d.tx.CardByNumber(d.targetNumber)
		if !found || t.ID == c.ID {
			return unknownCard("targetCard")
		}
		d.target = d.work.add(t)
	}
	if d.request.Family == txn.Activation {
		return d.nameProduct()
	}
	return d.findProduct()
}

func unknownCard(field string) *decline.Error {
	return decline.New(decline.InvalidCardNumber, "there is no such card").At(field)
}

func (d *decision) nameProduct() *decline.Error {
	p, refusal := d.issuer.named(d.request)
	if refusal != nil {
		return refusal
	}
	return d.useProduct(p)
}

// named gives the product that a request names.
func (i *Issuer) named(r *Request) (*Product, *decline.Error) {
	p, found := i.products.ProductByID(r.Sender.World, r.Product)
	if !found {
		return nil, decline.New(decline.InvalidProduct, "there is no such product").At("product")
	}
	return p, nil
}

// findProduct brings the product of an activated card. A card that was never activated has none, and none of its
// rules apply.
func (d *decision) findProduct() *decline.Error {
	if d.card.Product == 0 {
		d.product = &Product{Currency: d.card.Currency}
		return nil
	}
	p, found := d.issuer.products.Product(d.card.World, d.card.Product)
	if !found {
		return decline.New(decline.InvalidProduct, "the card's product is gone")
	}
	return d.useProduct(p)
}

func (d *decision) useProduct(p *Product) *decline.Error {
	if !d.request.Sender.MaySell(p.ID) {
		return decline.New(decline.TransactionNotSupported, "the account may not touch cards of this product")
	}
	d.product = p
	return nil
}

// checkAmount asks for an amount above zero in the card's currency.
func (d *decision) checkAmount() *decline.Error {
	a := d.request.Amount
	switch {
	case a == nil:
		return invalidAmount("an amount is needed")
	case a.Minor <= 0:
		return invalidAmount("the amount must be above zero")
	case a.Currency != d.card.Currency:
		return invalidAmount("the card is kept in currency %s", d.card.Currency)
	}
	return nil
}

func invalidAmount(format string, args ...any) *decline.Error {
	return decline.New(decline.InvalidAmount, format, args...).At("amounts.requestAmount")
}

// checkUsable asks for a card that is active and not blocked.
func (d *decision) checkUsable(c *Card) *decline.Error {
	switch {
	case c.Status == New || c.Status == Activated:
		return d.notActivated(c)
	case c.Status != ActivatedConfirmed:
		return d.voided(c)
	}
	return frozen(c)
}

func frozen(c *Card) *decline.Error {
	if c.Frozen {
		return decline.New(decline.CardBlocked, "the card is frozen")
	}
	return nil
}

// notActivated names the pending or reversed activation, to the account that sent it.
func (d *decision) notActivated(c *Card) *decline.Error {
	refusal := decline.New(decline.CardNotActivated, "the card is not activated")
	a, ended, mine := d.told(c.Activation)
	if !mine {
		return refusal
	}
	detail := decline.Detail{ActivationID: a.ID, RequestTime: a.At}
	if a.State == txn.Reversed {
		detail.ReversalID, detail.ReversalTime = ended.ID, ended.At
	}
	return refusal.With(detail)
}

// activated names the activation in force, to the account that sent it.
func (d *decision) activated(c *Card) *decline.Error {
	refusal := decline.New(decline.CardActivated, "the card is activated already")
	a, ended, mine := d.told(c.Activation)
	if !mine {
		return refusal
	}
	detail := decline.Detail{ActivationID: a.ID}
	if a.State == txn.Confirmed {
		detail.ConfirmationID, detail.ConfirmTime = ended.ID, ended.At
	}
	return refusal.With(detail)
}

// voided names the void, to the account that sent it. A replaced card refuses requests as a voided one does.
func (d *decision) voided(c *Card) *decline.Error {
	refusal := decline.New(decline.CardVoided, "the card is voided or replaced")
	v, ended, mine := d.told(c.Void)
	if !mine {
		return refusal
	}
	detail := decline.Detail{VoidID: v.ID}
	if v.State == txn.Confirmed {
		detail.ConfirmationID, detail.ConfirmTime = ended.ID, ended.At
	}
	return refusal.With(detail)
}

// told gives a request and what ended it when the sender may be told of it. Of what was pruned there is nothing to tell.
func (d *decision) told(seq int64) (request, ended txn.Message, mine bool) {
	if seq == 0 {
		return request, ended, false
	}
	request, found := d.tx.MessageAt(seq)
	if !found || request.Pruned || request.Account != d.request.Sender.Account {
		return request, ended, false
	}
	if request.Ended != 0 {
		ended, _ = d.tx.MessageAt(request.Ended)
	}
	return request, ended, true
}

// checkExpiry asks for the card's own expiry, not past. An absent one counts as wrong (docs/rules.md 1.4).
func (d *decision) checkExpiry(c *Card, p Presented) *decline.Error {
	if !c.expiryIs(p.Expiry) {
		return decline.New(decline.CardExpired, "the expiry is not the card's").At("card.expiryDate")
	}
	if c.expired(d.now) {
		return decline.New(decline.CardExpired, "the card has expired").At("card.expiryDate")
	}
	return nil
}

func (c *Card) expiryIs(sent string) bool { return c.Expiry == 0 || sent == c.Expiry.String() }

// checkFunds asks for enough available balance. The balance is left out when the card has a PIN.
func (d *decision) checkFunds(amount money.Minor) *decline.Error {
	if amount <= d.card.Balance.Available {
		return nil
	}
	refusal := decline.New(decline.InsufficientFunds, "the available balance is too low").At("amounts.requestAmount")
	detail := decline.Detail{Requested: d.request.Amount}
	if !d.card.HasPIN {
		detail.Balance = &money.Amount{Minor: d.card.Balance.Available, Currency: d.card.Currency}
	}
	return refusal.With(detail)
}

// checkVelocity is the last check; what it counts stays counted because nothing can refuse after it.
func (d *decision) checkVelocity(amount money.Minor) *decline.Error {
	found := paces(d.request.Family, d.request.Received, d.card.ID, d.product, d.request.Sender)
	return txn.Count(d.tx, found, amount, decline.DoNotHonour)
}

// decline records the refused request; its id is used up. A wrong PIN stays counted.
func (d *decision) decline() {
	d.message.State, d.message.Reason = txn.Declined, d.refusal.Reason
	d.nameCards()
	d.message.Links = d.work.Finish()
	d.tx.Insert(d.message)
}

func (d *decision) nameCards() {
	if d.card != nil {
		d.message.Card = d.card.ID
	}
	if d.target != nil {
		d.message.Target = d.target.ID
	}
}

// approve applies the request and records it.
func (d *decision) approve() error {
	d.nameCards()
	d.message.Currency = d.card.Currency
	answering := d.card
	var err error
	switch d.request.Family {
	case txn.Activation:
		err = d.applyActivation()
	case txn.Load:
		err = d.applyLoad()
	case txn.Redemption:
		err = d.applyRedemption()
	case txn.Void:
		d.applyVoid()
	case txn.Replace:
		answering = d.target
		err = d.applyReplace()
	case txn.Transfer:
		err = d.applyTransfer()
	}
	if err != nil {
		return err
	}
	d.message.Links = d.work.Finish()
	d.tx.Insert(d.message)
	d.answer(answering)
	return nil
}

func (d *decision) answer(c *Card) {
	d.response = &Response{
		Reference: Reference(d.message.Seq), Balance: c.Balance, Currency: c.Currency, Status: c.Status,
	}
	if d.card.Product != 0 {
		d.response.Product = d.product
	}
	if asked := d.asked(); asked > 0 { // approvals are never partial
		d.response.Requested, d.response.Approved = &asked, &asked
	}
}

// asked gives the amount that the request named, where its family has one.
func (d *decision) asked() money.Minor {
	switch d.request.Family {
	case txn.Activation, txn.Load, txn.Redemption, txn.Transfer:
		return d.requested()
	}
	return 0
}

// sender gives the ledger account of a class that belongs to the request's sender.
func (d *decision) sender(c ledger.Class) ledger.Account {
	return ledger.AccountOf(c, int64(d.request.Sender.Account))
}

// take sets the amount of a load, redemption or transfer: all of it was requested.
func (d *decision) take() money.Minor {
	d.message.Amount = d.request.Amount.Minor
	d.message.Requested = d.message.Amount
	return d.message.Amount
}
