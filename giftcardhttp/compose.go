package giftcardhttp

import (
	"strings"
	"sync"

	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// Compose makes the body of a request from its words and its Origin, which it needs. Received is the time it tells. The
// error is a *decline.Error of reason FormatError, with the dotted path of the first word that is missing, is not as the
// contract wants it, or has no place in a request of this family; or of reason FunctionNotSupported when the contract has
// no such family. Points and hashed PINs cannot be said in words. Its text never quotes a word.
func Compose(r *giftcard.Request) (txn.Wire, error) {
	k, known := kindOf(r.Family)
	if !known {
		return nil, notOurs()
	}
	d := exchange.DraftRequest(model(k.request().Schema), exchange.Head{
		ID: r.ID, Time: r.Received, Origin: r.Origin, References: r.References,
	})
	composeCards(d, r)
	d.Ask(r.Amount)
	if r.Product != "" && d.Fits("product.id") {
		d.Open("product")
		d.Text("id", r.Product)
		d.Close()
	}
	composeHolder(d, r.Holder)
	if r.Points {
		d.Refuse("points.requestAmount", "points.requestAmount: how many points is not told")
	}
	return d.Finish()
}

// ComposeAdvice makes the body of a confirmation or a reversal from its words. Received is the time it tells, TIMEOUT the
// reason of a reversal that has none. The error is as that of Compose.
func ComposeAdvice(a *txn.Advice) (txn.Wire, error) {
	k, known := kindOf(a.Family)
	if !known || k == lookUp {
		return nil, notOurs()
	}
	m := model(k.advice(a.Role).Schema)
	d := exchange.DraftAdvice(m, a)
	if m.Has("tenders") {
		d.OpenList("tenders")
		d.CloseList()
	}
	return d.Finish()
}

func notOurs() error {
	return decline.New(decline.FunctionNotSupported, "the contract of gift cards has no such message")
}

// composing is the document by which what is composed is judged.
var composing = sync.OnceValues(func() (*wire.Document, error) { return wire.Compile(Document) })

// model gives a schema of the document. The document is part of the program, and has it.
func model(schema string) *wire.Model {
	document, err := composing()
	if err != nil {
		panic(err)
	}
	m, err := document.Model(schema)
	if err != nil {
		panic(err)
	}
	return m
}

// composeCards writes the cards. A look-up may name the card's holder instead.
func composeCards(d *exchange.Draft, r *giftcard.Request) {
	first, second := cardNames(r.Family)
	if r.Family == txn.LookUp && r.Card == (giftcard.Presented{}) && r.Holder.IsZero() {
		d.Refuse(first, first+" may not be null")
	}
	composeCard(d, first, r.Card)
	switch {
	case second != "":
		composeCard(d, second, r.Target)
	case r.Target != giftcard.Presented{}:
		d.Refuse("targetCard", "targetCard has no place in this message")
	}
}

func composeCard(d *exchange.Draft, name string, p giftcard.Presented) {
	if p == (giftcard.Presented{}) {
		return // missed in the end, where there must be one
	}
	d.Open(name)
	d.Say("pan", p.PAN.Reveal())
	d.Say("expiryDate", p.Expiry)
	d.Say("clearPin", p.PIN.Clear)
	d.Say("encryptedPin", encrypted(d, name, p.PIN.Encrypted))
	d.Close()
	if p.Hashed {
		d.Refuse(name+".pin", name+".pin: the hash is not told")
	}
}

// encrypted gives an encrypted PIN in the capital hexadecimal digits that the contract wants and our document does not
// insist on.
func encrypted(d *exchange.Draft, card, pin string) string {
	pin = strings.ToUpper(pin)
	if strings.Trim(pin, "0123456789ABCDEF") != "" {
		d.Refuse(card+".encryptedPin", card+".encryptedPin must be hexadecimal digits")
	}
	return pin
}

func composeHolder(d *exchange.Draft, h giftcard.Holder) {
	if h.IsZero() || !d.Fits("cardHolder") {
		return
	}
	if h.MSISDN != "" {
		if _, err := ident.ParseMSISDN(h.MSISDN); err != nil {
			d.Refuse("cardHolder.msisdn", "cardHolder.msisdn must be a number in international form")
		}
	}
	d.Open("cardHolder")
	d.Say("profileId", h.ProfileID)
	d.Say("msisdn", h.MSISDN)
	d.Say("emailAddress", h.EmailAddress)
	d.Close()
}
