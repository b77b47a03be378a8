package conform

import (
	"fmt"
	"strings"
)

// message builds the message of a step, and names the card whose balances the answer states.
func (r *run) message(s Step) (m Message, card string, err error) {
	m = Message{Act: Request, Account: r.account, ID: r.name(s.Keys["id"]), Time: r.clock()}
	m.Edits = r.fillEdits(s.Edits)
	if s.isAdvice() {
		card = r.advice(s, &m)
		return m, card, nil
	}
	m.Kind = Kind(s.Verb)
	card = s.Keys[mainCard(m.Kind)]
	if m.Kind.airtime() {
		r.saleRequest(s, &m)
	} else if err := r.request(s, &m); err != nil {
		return Message{}, "", err
	}
	if _, sent := r.requests[s.Keys["id"]]; !sent && s.Keys["id"] != "" {
		r.requests[s.Keys["id"]] = sentRequest{kind: m.Kind, card: card, product: s.Keys["product"]}
	}
	return m, card, nil
}

func (r *run) advice(s Step, m *Message) (card string) {
	request := r.requests[s.Keys["of"]]
	m.Kind, m.RequestID = Kind(or(s.Keys["kind"], string(request.kind))), r.name(s.Keys["of"])
	m.Act = Confirmation
	if s.Verb == "reverse" {
		m.Act, m.Reason = Reversal, or(s.Keys["reason"], "TIMEOUT")
	}
	currency := r.currency(request.card)
	if offer, sold := r.offers[request.product]; sold {
		currency = offer.currency()
	}
	m.Approved = amount(s.Keys["approved"], or(s.Keys["currency"], currency))
	return request.card
}

func (r *run) request(s Step, m *Message) error {
	card := s.Keys["card"]
	m.Card = r.cardField(card, s.Keys["expiry"])
	r.giveDefaults(s, m, card)
	m.Target = r.cardField(s.Keys["to"], s.Keys["toExpiry"])
	if m.Target != nil {
		m.Target.ClearPIN = s.Keys["toPin"]
	}
	m.Holder = nil
	if m.Kind == Lookup {
		m.Holder = r.holder(s.Keys)
	}
	if m.Kind == Activate || s.Keys["product"] != "" {
		name := or(s.Keys["product"], r.productOf(card))
		if name == "" {
			return fmt.Errorf("%s has no product", card)
		}
		m.Product = r.name(name)
	}
	m.Points = optional(s.Keys["points"])
	return nil
}

// giveDefaults fills in PIN and amount. A PIN that the script gives the card when it sets it up stands for
// the one that the target's card has.
func (r *run) giveDefaults(s Step, m *Message, card string) {
	m.Amount = amount(s.Keys["amount"], or(s.Keys["currency"], r.currency(card)))
	if m.Card == nil {
		return
	}
	m.Card.ClearPIN, m.Card.EncryptedPIN = s.Keys["pin"], s.Keys["encryptedPin"]
	if held := r.cards[card]; held != nil {
		m.Card.ClearPIN = stands(m.Card.ClearPIN, held.spec.ClearPIN, held.ClearPIN)
		m.Card.EncryptedPIN = stands(m.Card.EncryptedPIN, held.spec.EncryptedPIN, held.EncryptedPIN)
	}
	if object, ok := s.Keys["pinObject"]; ok {
		kind, value, _ := strings.Cut(object, ":")
		m.Card.PIN = &PIN{Type: kind, Value: r.fill(value)}
	}
}

// stands returns the actual PIN for the one of the script, and any other as it is.
func stands(text, script, actual string) string {
	if text == script {
		if text == "" {
			return ""
		}
		return actual
	}
	return text
}

func amount(minor, currency string) *Amount {
	n := optional(minor)
	if n == nil {
		return nil
	}
	return &Amount{Minor: *n, Currency: currency}
}

// defaultCurrency is the currency of what does not name one.
const defaultCurrency = "710"

func (r *run) currency(card string) string {
	if held := r.cards[card]; held != nil {
		return held.spec.Currency
	}
	return defaultCurrency
}

func (r *run) productOf(card string) string {
	if held := r.cards[card]; held != nil {
		return held.product
	}
	return ""
}

// unknownPAN is a number that no issuer has given to a card: its range is not assigned.
const unknownPAN = "0000001111111111116"

// cardField is what a message says about a card: its PAN and, unless told otherwise, its expiry.
func (r *run) cardField(name, expiry string) *Card {
	if name == "" {
		return nil
	}
	c := Card{PAN: unknownPAN, Expiry: "4010"}
	if held := r.cards[name]; held != nil {
		c = Card{PAN: held.PAN, Expiry: held.Expiry}
	}
	switch expiry {
	case "":
	case "none":
		c.Expiry = ""
	case "wrong":
		c.Expiry = anotherMonth(c.Expiry)
	default:
		c.Expiry = expiry
	}
	return &c
}

// anotherMonth is a date of the same year that differs.
func anotherMonth(expiry string) string {
	if len(expiry) != 4 || expiry[2:] == "12" {
		return "4011"
	}
	return expiry[:2] + "12"
}

// holder gives the names of a card holder fresh values of the right form, the same for the same name.
func (r *run) holder(keys map[string]string) *Holder {
	h := Holder{}
	if name := keys["profile"]; name != "" {
		h.ProfileID = r.name(name)
	}
	if name := keys["msisdn"]; name != "" {
		if r.names[name] == "" {
			r.names[name] = "+27" + randomDigits(9)
		}
		h.MSISDN = r.names[name]
	}
	if name := keys["email"]; name != "" {
		if r.names[name] == "" {
			r.names[name] = randomText() + "@example.org"
		}
		h.Email = r.names[name]
	}
	if h == (Holder{}) {
		return nil
	}
	return &h
}

// clock is the sender's time. It ends in .120 so that a server which trims zeros is found out by every
// message (rule C8).
func (r *run) clock() string { return r.options.Now().UTC().Format("2006-01-02T15:04:05") + ".120Z" }
