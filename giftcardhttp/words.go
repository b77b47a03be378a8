package giftcardhttp

import (
	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// read turns a body that has been judged into a request. The error is an *exchange.Malformed, of what the document
// cannot say: an unknown currency, or a look-up that has neither a card nor its holder.
func (s *Server) read(x *exchange.Exchange) (*giftcard.Request, error) {
	msg, family := x.Message, x.Operation.Family
	r := &giftcard.Request{
		Family: family, ID: x.ID(), Sender: x.Sender, Received: x.Received,
		Points: family == txn.Redemption && msg.Has(s.slots.pointsAsk),
		Holder: s.holder(msg), References: x.References(),
	}
	if family != txn.LookUp { // of a look-up only its id is kept
		r.Body = x.Kept()
	}
	r.Wire = x.Wire()
	r.Product, _ = msg.Text(s.slots.productID)
	r.Channel, _ = msg.Text(s.slots.channelID)
	r.Merchant, _ = msg.Text(s.slots.merchantID)
	first, second := s.slots.cardsOf(family)
	r.Card = presented(msg, first)
	if second != nil {
		r.Target = presented(msg, *second)
	}
	var err error
	if r.Amount, err = x.RequestAmount(); err != nil {
		return nil, err
	}
	if family == txn.LookUp && r.Card.PAN.IsZero() && !msg.Has(s.slots.cardHolder) {
		return nil, exchange.Wrong("card", "card may not be null")
	}
	return r, nil
}

// cardNames are the members of a family's request that hold its cards; second is empty when it has one card only.
func cardNames(f txn.Family) (first, second string) {
	switch f {
	case txn.Replace:
		return "oldCard", "newCard"
	case txn.Transfer:
		return "sourceCard", "targetCard"
	}
	return "card", ""
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
