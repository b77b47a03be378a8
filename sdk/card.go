package sdk

import (
	"context"
	"encoding/json"

	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcardhttp"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// Card is a gift card as the customer presents it. It prints masked, and is not kept.
type Card struct {
	PAN          string // 1 to 19 digits
	Expiry       string // YYMM; issuers take its absence for a wrong expiry wherever they check it
	PIN          string // in clear; empty when there is none
	EncryptedPIN string // in hex; empty when there is none
}

// String gives the masked number.
func (c Card) String() string { return ident.Mask(c.PAN) }

// GoString gives the masked number.
func (c Card) GoString() string { return "sdk.Card(" + c.String() + ")" }

func (c Card) presented(field string) (p giftcard.Presented, err error) {
	if p.PAN, err = ident.ParsePAN(c.PAN); err != nil {
		return p, &Invalid{field + ".PAN", err.Error()}
	}
	if c.Expiry != "" {
		if _, err := giftcard.ParseExpiry(c.Expiry); err != nil {
			return p, &Invalid{field + ".Expiry", "must be four digits YYMM"}
		}
	}
	p.Expiry, p.PIN = c.Expiry, giftcard.PIN{Clear: c.PIN, Encrypted: c.EncryptedPIN}
	return p, nil
}

// Holder is who a card belongs to. Empty members are not told.
type Holder struct{ ProfileID, MSISDN, Email string }

// CardProduct is a card's product as the issuer names it.
type CardProduct struct{ ID, Barcode, Type string }

// Approval is an approved request for a gift card. End it with Confirm, ConfirmPart or Reverse.
type Approval struct {
	Transaction
	Requested Amount // as the request named it; none of a void and a replace
	Balance   Amount // book balance after it: of a replace the new card's, of a transfer the source's
	Available Amount // what can be spent after it
	Product   CardProduct
	Answer    Answer
}

// Answer is what every answer brings along.
type Answer struct {
	Reference string   // the upstream's own, to be printed and asked for; may be empty
	Lines     []string // what it wants printed on the slip
	// Body is the answer as it came, for members that this package has no words for. It may hold the PIN of a voucher.
	Body []byte
}

// String hides the body.
func (a Answer) String() string { return "answer " + a.Reference }

// GoString hides the body.
func (a Answer) GoString() string { return "sdk.Answer(" + a.Reference + ")" }

// answerOf reads what all answers have in common. One that cannot be read has nothing to print.
func answerOf(reference string, a *txn.Answer) Answer {
	answer := Answer{Reference: reference}
	if a == nil {
		return answer
	}
	answer.Body = a.Body
	var read struct {
		SlipData struct{ MessageLines []struct{ Text string } }
	}
	if json.Unmarshal(a.Body, &read) != nil {
		return answer
	}
	for _, line := range read.SlipData.MessageLines {
		answer.Lines = append(answer.Lines, line.Text)
	}
	return answer
}

// Activation sells a card.
type Activation struct {
	Card      Card
	Product   string // its id
	Amount    int64  // to be loaded on it, in minor units; 0 names none, and leaves it to the product
	Currency  string // of Amount; empty is the till's
	Holder    Holder // to remember with the card
	Reference string // the program's own
}

// Activate asks for a card to be activated. The errors are *Declined, *NotTaken, *Unknown and *Invalid, as the
// package says.
func (t *Till) Activate(ctx context.Context, a Activation) (*Approval, error) {
	r := &giftcard.Request{Family: txn.Activation, Product: a.Product, Holder: a.Holder.words()}
	var err error
	if r.Card, err = a.Card.presented("Card"); err != nil {
		return nil, err
	}
	if a.Product == "" {
		return nil, &Invalid{"Product", "is needed"}
	}
	if r.Amount, err = t.amount(a.Amount, a.Currency, false); err != nil {
		return nil, err
	}
	return t.askIssuer(ctx, r, a.Reference)
}

func (h Holder) words() giftcard.Holder {
	return giftcard.Holder{ProfileID: h.ProfileID, MSISDN: h.MSISDN, EmailAddress: h.Email}
}

// Load puts money on a card. It can be spent once the load is confirmed.
type Load struct {
	Card      Card
	Amount    int64  // in minor units
	Currency  string // empty is the till's
	Reference string // the program's own
}

// Load asks for a load. The errors are *Declined, *NotTaken, *Unknown and *Invalid, as the package says.
func (t *Till) Load(ctx context.Context, l Load) (*Approval, error) {
	return t.askWithCard(ctx, txn.Load, l.Card, l.Amount, l.Currency, l.Reference)
}

// Redemption pays with a card.
type Redemption struct {
	Card      Card
	Amount    int64  // in minor units
	Currency  string // empty is the till's
	Reference string // the program's own
}

// Redeem asks for a redemption. The errors are *Declined, *NotTaken, *Unknown and *Invalid, as the package says.
func (t *Till) Redeem(ctx context.Context, r Redemption) (*Approval, error) {
	return t.askWithCard(ctx, txn.Redemption, r.Card, r.Amount, r.Currency, r.Reference)
}

func (t *Till) askWithCard(ctx context.Context, f txn.Family, c Card, minor int64, currency, reference string) (*Approval, error) {
	r := &giftcard.Request{Family: f}
	var err error
	if r.Card, err = c.presented("Card"); err != nil {
		return nil, err
	}
	if r.Amount, err = t.amount(minor, currency, true); err != nil {
		return nil, err
	}
	return t.askIssuer(ctx, r, reference)
}

// Void takes a card out of use, whatever is on it.
type Void struct {
	Card      Card
	Reference string // the program's own
}

// Void asks for a card to be voided. The errors are *Declined, *NotTaken, *Unknown and *Invalid, as the package says.
func (t *Till) Void(ctx context.Context, v Void) (*Approval, error) {
	r := &giftcard.Request{Family: txn.Void}
	var err error
	if r.Card, err = v.Card.presented("Card"); err != nil {
		return nil, err
	}
	return t.askIssuer(ctx, r, v.Reference)
}

// Replacement moves all that is on a card to a new one, which takes its place.
type Replacement struct {
	Old, New  Card
	Reference string // the program's own
}

// Replace asks for a card to be replaced. The errors are *Declined, *NotTaken, *Unknown and *Invalid, as the package
// says.
func (t *Till) Replace(ctx context.Context, p Replacement) (*Approval, error) {
	r := &giftcard.Request{Family: txn.Replace}
	var err error
	if r.Card, err = p.Old.presented("Old"); err != nil {
		return nil, err
	}
	if r.Target, err = p.New.presented("New"); err != nil {
		return nil, err
	}
	return t.askIssuer(ctx, r, p.Reference)
}

// Transfer moves money from one card to another.
type Transfer struct {
	From, To  Card
	Amount    int64  // in minor units
	Currency  string // empty is the till's
	Reference string // the program's own
}

// Transfer asks for a transfer. The errors are *Declined, *NotTaken, *Unknown and *Invalid, as the package says.
func (t *Till) Transfer(ctx context.Context, m Transfer) (*Approval, error) {
	r := &giftcard.Request{Family: txn.Transfer}
	var err error
	if r.Card, err = m.From.presented("From"); err != nil {
		return nil, err
	}
	if r.Target, err = m.To.presented("To"); err != nil {
		return nil, err
	}
	if r.Amount, err = t.amount(m.Amount, m.Currency, true); err != nil {
		return nil, err
	}
	return t.askIssuer(ctx, r, m.Reference)
}

// askIssuer sends a request that moves value.
func (t *Till) askIssuer(ctx context.Context, r *giftcard.Request, reference string) (*Approval, error) {
	if err := checkReference(reference); err != nil {
		return nil, err
	}
	if t.settings.Upstream.Without.Reversals {
		return nil, &Invalid{"Upstream.Without", "gift cards need an upstream that has reversals"}
	}
	response, err := ask(t, func(id ident.ID) (*giftcard.Response, error) { return t.sendToIssuer(ctx, r, id, reference) })
	if err != nil {
		return nil, explain(err, string(r.ID), true)
	}
	a := &Approval{
		Transaction: t.transaction(r.ID, r.Family, r.Received, reference, response.References),
		Requested:   requestedOf(r, response),
		Balance:     amountOf(response.Balance.Book, response.Currency), Available: amountOf(response.Balance.Available, response.Currency),
		Answer: answerOf(response.Reference, response.Answer),
	}
	a.Amount = minorOrNone(response.Approved, response.Currency)
	if p := response.Product; p != nil {
		a.Product = CardProduct{p.ID, p.Barcode, p.Type}
	}
	return a, nil
}

// requestedOf gives the amount that a request named, also when its answer leaves that out.
func requestedOf(r *giftcard.Request, response *giftcard.Response) Amount {
	if response.Requested == nil && r.Amount != nil {
		return amountOf(r.Amount.Minor, r.Amount.Currency)
	}
	return minorOrNone(response.Requested, response.Currency)
}

func minorOrNone(m *money.Minor, c money.Currency) Amount {
	if m == nil {
		return Amount{}
	}
	return amountOf(*m, c)
}

// sendToIssuer sends a request under an id.
func (t *Till) sendToIssuer(ctx context.Context, r *giftcard.Request, id ident.ID, reference string) (*giftcard.Response, error) {
	r.ID, r.Sender, r.Received, r.Origin = id, t.sender, t.settings.now(), t.origin
	r.References = t.references(id, reference)
	var err error
	if r.Wire, err = giftcardhttp.Compose(r); err != nil {
		return nil, unsayable(err)
	}
	if r.Family != txn.LookUp {
		r.Body = exchange.Keep(r.Wire)
	}
	ctx, seen := witnessed(ctx)
	response, err := t.giftcard.Request(ctx, r)
	return response, seen.truth(err)
}

// LookUp asks what is on a card: by the card, or by its holder where the upstream permits that.
type LookUp struct {
	Card   Card
	Holder Holder
}

// CardInfo is what is known of a card.
type CardInfo struct {
	Card               Card // found by its holder; empty when it was named
	Balance, Available Amount
	Product            CardProduct // zero while the card is not activated
	Answer             Answer
}

// LookUp asks about a card. It changes nothing, and there is nothing to confirm. The errors are *Declined, *NotTaken,
// *Unknown and *Invalid, as the package says.
func (t *Till) LookUp(ctx context.Context, l LookUp) (*CardInfo, error) {
	r := &giftcard.Request{Family: txn.LookUp, Holder: l.Holder.words()}
	var err error
	if l.Card.PAN != "" || l.Holder == (Holder{}) {
		if r.Card, err = l.Card.presented("Card"); err != nil {
			return nil, err
		}
	}
	response, err := ask(t, func(id ident.ID) (*giftcard.Response, error) { return t.sendToIssuer(ctx, r, id, "") })
	if err != nil {
		return nil, explain(err, string(r.ID), false)
	}
	t.hands.drop(r.ID) // there is nothing to decide
	info := &CardInfo{
		Balance: amountOf(response.Balance.Book, response.Currency), Available: amountOf(response.Balance.Available, response.Currency),
		Answer: answerOf(response.Reference, response.Answer),
	}
	if l.Card.PAN == "" && !response.Card.IsZero() {
		info.Card = Card{PAN: response.Card.Reveal(), Expiry: expiryText(response.Expiry)}
	}
	if p := response.Product; p != nil {
		info.Product = CardProduct{p.ID, p.Barcode, p.Type}
	}
	return info, nil
}

func expiryText(e giftcard.Expiry) string {
	if e == 0 {
		return ""
	}
	return e.String()
}
