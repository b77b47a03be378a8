package giftcardhttp

import (
	"strings"
	"time"

	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// request turns a body that has been judged into a request. The violation that it can add is one that the document
// cannot say: that a look-up needs a card or its holder.
func (s *Server) request(x *exchange) (*giftcard.Request, []wire.Violation) {
	msg, o := x.message, x.target.operation
	r := &giftcard.Request{
		Family: o.family, ID: x.ident(), Sender: x.sender, Received: x.received,
		Points: o.family == txn.Redemption && msg.Has(s.slots.pointsAsk),
		Holder: s.holder(msg), References: s.references(msg),
	}
	if o.family != txn.LookUp { // of a look-up only its id is kept
		r.Body = kept(msg.Body())
	}
	r.Product, _ = msg.Text(s.slots.productID)
	first, second := s.cards(o.family)
	r.Card = presented(msg, first)
	if second != nil {
		r.Target = presented(msg, *second)
	}
	var wrong []wire.Violation
	if r.Amount, wrong = s.amount(msg, s.slots.requestAmount, s.slots.requestMinor, s.slots.requestCurrency); wrong != nil {
		return nil, wrong
	}
	if r.Family == txn.LookUp && r.Card.PAN.IsZero() && !msg.Has(s.slots.cardHolder) {
		return nil, []wire.Violation{{Field: "card", Msg: "card may not be null"}}
	}
	return r, nil
}

// advice turns a body that has been judged into an advice.
func (s *Server) advice(x *exchange) (*txn.Advice, []wire.Violation) {
	msg, o := x.message, x.target.operation
	a := &txn.Advice{
		Family: o.family, Role: o.role, ID: x.ident(), RequestID: ident.ID(strings.Clone(x.requestID)), Sender: x.sender,
		Received: x.received, References: s.references(msg), Body: kept(msg.Body()),
	}
	var wrong []wire.Violation
	a.Approved, wrong = s.amount(msg, s.slots.approvedAmount, s.slots.approvedMinor, s.slots.approvedCurrency)
	return a, wrong
}

// cards gives the places of the cards that a family names.
func (s *Server) cards(f txn.Family) (first cardSlots, second *cardSlots) {
	switch f {
	case txn.Replace:
		return s.slots.oldCard, &s.slots.newCard
	case txn.Transfer:
		return s.slots.sourceCard, &s.slots.targetCard
	}
	return s.slots.card, nil
}

// amount reads an amount; nil when there is none.
func (s *Server) amount(msg *wire.Message, whole, minor, currency wire.Slot) (*money.Amount, []wire.Violation) {
	if !msg.Has(whole) {
		return nil, nil
	}
	value, _ := msg.Amount(minor)
	digits, _ := msg.Text(currency)
	c, err := money.ParseCurrency(digits)
	if err != nil {
		return nil, []wire.Violation{{Field: "amounts", Msg: "amounts " + err.Error()}}
	}
	return &money.Amount{Minor: money.Minor(value), Currency: c}, nil
}

// presented reads a card. The newer pin object takes precedence over the two plain fields.
func presented(msg *wire.Message, c cardSlots) giftcard.Presented {
	var p giftcard.Presented
	digits, _ := msg.Text(c.pan)
	p.PAN, _ = ident.ParsePAN(digits)
	p.Expiry, _ = msg.Text(c.expiry)
	if !msg.Has(c.pin) {
		p.PIN.Clear, _ = msg.Text(c.clearPIN)
		p.PIN.Encrypted, _ = msg.Text(c.encryptedPIN)
		return p
	}
	switch kind, _ := msg.Text(c.pinType); kind {
	case "CLEAR_PIN":
		p.PIN.Clear, _ = msg.Text(c.pinText)
	case "ENCRYPTED_PIN":
		p.PIN.Encrypted, _ = msg.Text(c.pinBlock)
	case "HASHED_PIN":
		p.Hashed = true
	}
	return p
}

func (s *Server) holder(msg *wire.Message) (h giftcard.Holder) {
	if !msg.Has(s.slots.cardHolder) {
		return h
	}
	h.ProfileID, _ = msg.Text(s.slots.profileID)
	h.MSISDN, _ = msg.Text(s.slots.msisdn)
	h.EmailAddress, _ = msg.Text(s.slots.emailAddress)
	return h
}

func (s *Server) references(msg *wire.Message) []ident.Reference {
	if !msg.Has(s.slots.references) {
		return nil
	}
	const usual = 4
	found := make([]ident.Reference, 0, usual)
	for element := range msg.Elements(s.slots.references) {
		var r ident.Reference
		r.Institution, _ = element.Member("institutionId").Text()
		r.Identifier, _ = element.Member("transactionIdentifier").Text()
		found = append(found, r)
	}
	return found
}

// kept is a body as it may rest: without card numbers and PINs, at any depth.
func kept(body []byte) []byte { return wire.Cut(body, isSecret) }

func isSecret(name []byte) bool {
	switch string(name) {
	case "pan", "clearPin", "encryptedPin", "pin", "pinBlock", "accountNumber", "hash", "cardNumber":
		return true
	}
	return false
}

// clock gives an instant as our own times are written: three fractional digits and Z (rule C8).
func clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
