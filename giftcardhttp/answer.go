package giftcardhttp

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// object writes one JSON object, member by member, into a growing body. Values that come from a message are
// copied as they stood in it, so that times, references and unknown members come back as they were sent.
type object struct {
	b     []byte
	first bool
}

func (o *object) name(name string) {
	if o.first {
		o.first = false
	} else {
		o.b = append(o.b, ',')
	}
	o.b = append(o.b, '"')
	o.b = append(o.b, name...)
	o.b = append(o.b, '"', ':')
}

// quoted begins a member whose name the sender chose.
func (o *object) quoted(name string) {
	if o.first {
		o.first = false
	} else {
		o.b = append(o.b, ',')
	}
	o.b = append(appendText(o.b, name), ':')
}

func (o *object) open(name string) {
	o.name(name)
	o.b = append(o.b, '{')
	o.first = true
}

func (o *object) close() {
	o.b = append(o.b, '}')
	o.first = false
}

// raw writes a value that is JSON already, and nothing when it is absent.
func (o *object) raw(name string, value []byte) {
	if value != nil {
		o.name(name)
		o.b = append(o.b, value...)
	}
}

// echo writes a value as it stood in the message; nothing when it is absent.
func (o *object) echo(name string, v wire.Value) {
	if v.Exists() {
		o.name(name)
		o.b = appendEcho(o.b, v)
	}
}

var null = []byte("null")

// careful are texts that a value holds if it may have something in it that is never answered.
var careful = [][]byte{null, []byte(`\`), []byte(`pan"`), []byte(`in"`), []byte(`Block"`), []byte(`Number"`), []byte(`hash"`)}

func needsCare(raw []byte) bool {
	return slices.ContainsFunc(careful, func(text []byte) bool { return bytes.Contains(raw, text) })
}

func appendElements(b []byte, v wire.Value) []byte {
	b = append(b, '[')
	first := true
	for element := range v.Elements() {
		if !first {
			b = append(b, ',')
		}
		first = false
		if !element.Exists() {
			b = append(b, null...)
			continue
		}
		b = appendEcho(b, element)
	}
	return append(b, ']')
}

// appendEcho copies a value but for what an answer never has: members that are null (C5), and card numbers and PINs
// in members that the contract does not have. Most values have none, and are copied as they are.
func appendEcho(b []byte, v wire.Value) []byte {
	raw := v.Raw()
	switch {
	case raw[0] != '{' && raw[0] != '[' || !needsCare(raw):
		return append(b, raw...)
	case raw[0] == '[':
		return appendElements(b, v)
	}
	o := &object{b: append(b, '{'), first: true}
	for name, member := range v.Members() {
		if !member.Exists() || isSecret([]byte(name)) {
			continue
		}
		o.quoted(name)
		o.b = appendEcho(o.b, member)
	}
	return append(o.b, '}')
}

// text writes a text of our own.
func (o *object) text(name, value string) {
	o.name(name)
	o.b = appendText(o.b, value)
}

// say writes a text of our own unless it is empty.
func (o *object) say(name, value string) {
	if value != "" {
		o.text(name, value)
	}
}

func (o *object) amount(name string, value money.Minor, c money.Currency) {
	o.open(name)
	o.name("amount")
	o.b = strconv.AppendInt(o.b, int64(value), 10)
	o.name("currency")
	o.b = append(o.b, '"')
	o.b = append(c.AppendTo(o.b), '"')
	o.close()
}

// appendText quotes a text. What is no UTF-8 in it, such as an unescaped byte of a path, becomes the replacement
// character, since JSON has no way to say it.
func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// approval writes the body of an approved request (docs/rules.md 1.5).
func (s *Server) approval(b []byte, x *exchange, r *giftcard.Response) []byte {
	o := &object{b: append(b, '{'), first: true}
	msg := x.message
	for _, echo := range []struct {
		name string
		slot wire.Slot
	}{{"id", s.slots.id}, {"time", s.slots.time}, {"originator", s.slots.originator}, {"client", s.slots.client}} {
		o.echo(echo.name, msg.Value(echo.slot))
	}
	s.parties(o, msg, r.Reference)
	s.slip(o, x.target.operation, r.Reference)
	for _, echo := range []struct {
		name string
		slot wire.Slot
	}{
		{"basketRef", s.slots.basketRef}, {"tranType", s.slots.tranType}, {"srcAccType", s.slots.srcAccType},
		{"destAccType", s.slots.destAccType}, {"stan", s.slots.stan}, {"rrn", s.slots.rrn},
	} {
		o.echo(echo.name, msg.Value(echo.slot))
	}
	s.balances(o, r)
	s.showCards(o, x, r)
	s.showPosInfo(o, x)
	s.showProduct(o, x.target.operation, r)
	return append(o.b, '}')
}

// parties writes settlement entity and receiver, ours when the request left them out (S2), and the request's
// third-party identifiers followed by one of ours for each of the two (S3).
func (s *Server) parties(o *object, msg *wire.Message, reference string) {
	settlementID, receiverID := s.institutionID, s.institutionID
	if msg.Has(s.slots.settlementEntity) {
		settlementID = msg.Raw(s.slots.settlementID)
		o.echo("settlementEntity", msg.Value(s.slots.settlementEntity))
	} else {
		o.raw("settlementEntity", s.institution)
	}
	if msg.Has(s.slots.receiver) {
		receiverID = msg.Raw(s.slots.receiverID)
		o.echo("receiver", msg.Value(s.slots.receiver))
	} else {
		o.raw("receiver", s.institution)
	}
	o.name("thirdPartyIdentifiers")
	o.b = append(o.b, '[')
	for element := range msg.Elements(s.slots.references) {
		o.b = append(appendEcho(o.b, element), ',')
	}
	o.b = append(appendReference(o.b, settlementID, reference), ',')
	o.b = append(appendReference(o.b, receiverID, reference), ']')
}

func appendReference(b, institution []byte, reference string) []byte {
	b = append(append(b, `{"institutionId":`...), institution...)
	b = append(append(b, `,"transactionIdentifier":"`...), reference...)
	return append(b, '"', '}')
}

// slip writes what a till prints (S6).
func (s *Server) slip(o *object, op *operation, reference string) {
	o.open("slipData")
	o.name("messageLines")
	o.b = append(o.b, `[{"text":"GIFT CARD `...)
	o.b = append(o.b, slipNames[op.family]...)
	o.b = append(o.b, `"}]`...)
	o.text("issuerReference", reference)
	o.close()
}

var slipNames = map[txn.Family]string{
	txn.Activation: "ACTIVATION", txn.Load: "LOAD", txn.Redemption: "REDEMPTION", txn.Void: "VOID",
	txn.Replace: "REPLACEMENT", txn.Transfer: "TRANSFER", txn.LookUp: "BALANCE",
}

func (s *Server) balances(o *object, r *giftcard.Response) {
	o.open("amounts")
	if r.Requested != nil {
		o.amount("requestAmount", *r.Requested, r.Currency)
	}
	if r.Approved != nil {
		o.amount("approvedAmount", *r.Approved, r.Currency)
	}
	o.amount("balanceAmount", r.Balance.Book, r.Currency)
	o.amount("availableBalance", r.Balance.Available, r.Currency)
	o.close()
}

// showCards writes the request's cards without their PINs. A look-up by holder brings the card that was found.
func (s *Server) showCards(o *object, x *exchange, r *giftcard.Response) {
	if !r.Card.IsZero() {
		o.open("card")
		o.text("pan", r.Card.Reveal())
		if r.Expiry != 0 {
			o.text("expiryDate", r.Expiry.String())
		}
		o.close()
		return
	}
	first, second := s.cards(x.target.operation.family)
	showCard(o, x.message, first)
	if second != nil {
		showCard(o, x.message, *second)
	}
}

func showCard(o *object, msg *wire.Message, c cardSlots) {
	o.open(c.name)
	o.raw("pan", msg.Raw(c.pan))
	o.raw("expiryDate", msg.Raw(c.expiry))
	o.raw("rank", msg.Raw(c.rank))
	o.close()
}

// showPosInfo echoes posInfo; a look-up's answer must have one.
func (s *Server) showPosInfo(o *object, x *exchange) {
	if x.target.operation.family == txn.LookUp && !x.message.Has(s.slots.posInfo) {
		o.raw("posInfo", []byte("{}"))
		return
	}
	o.echo("posInfo", x.message.Value(s.slots.posInfo))
}

// showProduct writes the card's product where the rules have it: activation, void, replace and look-up.
func (s *Server) showProduct(o *object, op *operation, r *giftcard.Response) {
	if r.Product == nil || op.family == txn.Load || op.family == txn.Redemption || op.family == txn.Transfer {
		return
	}
	o.open("product")
	o.text("id", r.Product.ID)
	o.say("barcode", r.Product.Barcode)
	o.say("type", r.Product.Type)
	o.close()
}

// receipt writes the body of an accepted advice: the members of the declared model as they were sent (S4).
func (s *Server) receipt(b []byte, msg *wire.Message) []byte {
	o := &object{b: append(b, '{'), first: true}
	o.raw("id", msg.Raw(s.slots.id))
	o.raw("requestId", msg.Raw(s.slots.requestID))
	o.raw("time", msg.Raw(s.slots.time))
	s.identifiers(o, msg)
	o.raw("stan", msg.Raw(s.slots.stan))
	o.raw("rrn", msg.Raw(s.slots.rrn))
	if amounts := msg.Value(s.slots.amounts); amounts.Exists() {
		o.name("amounts")
		o.b = appendAmounts(o.b, amounts)
	}
	return append(o.b, '}')
}

// appendAmounts copies amounts as they were sent, but for one that was sent as a string: on output an amount is
// always a number (rule C7).
func appendAmounts(b []byte, v wire.Value) []byte {
	o := &object{b: append(b, '{'), first: true}
	for name, member := range v.Members() {
		if !member.Exists() {
			continue
		}
		o.quoted(name)
		raw := member.Raw()
		minor, err := wire.ParseAmount(raw)
		switch {
		case raw[0] == '{':
			o.b = appendAmounts(o.b, member)
		case name == "amount" && err == nil:
			o.b = strconv.AppendInt(o.b, int64(minor), 10)
		default:
			o.b = appendEcho(o.b, member)
		}
	}
	return append(o.b, '}')
}

// identifiers writes the third-party identifiers of an advice.
func (s *Server) identifiers(o *object, msg *wire.Message) {
	o.name("thirdPartyIdentifiers")
	o.b = append(o.b, '[')
	first := true
	for element := range msg.Elements(s.slots.references) {
		if !first {
			o.b = append(o.b, ',')
		}
		first = false
		o.b = appendEcho(o.b, element)
	}
	o.b = append(o.b, ']')
}
