package giftcard_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcard/giftcardtest"
	"github.com/scripworks/scrip/store/fleet"
	"github.com/scripworks/scrip/txn"
)

// Whatever is sent, by whomever, in whatever order: the issuer answers what the model answers, every card has the
// model's balances and status after each message, and the books add up in the end. All kinds of requests have to
// come to all kinds of ends, lest the model and the issuer agree by declining everything.
func TestIssuerDoesWhatThePlainModelDoes(t *testing.T) {
	ends := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		p := newPair(t)
		p.open(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"messages": p.sendSome,
			"operator": p.operate,
			"":         p.compareCards,
		})
		booksAreRight(rt, p.issuer)
		for _, r := range p.model.requests {
			ends[string(r.kind)+" "+r.state]++
		}
	})
	t.Log(ends)
	if testing.Short() {
		return // too few sequences for all of them
	}
	for _, kind := range []conform.Kind{conform.Activate, conform.Load, conform.Redeem, conform.Void, conform.Transfer, conform.Replace} {
		for _, state := range []string{"confirmed", "reversed", "declined"} {
			if ends[string(kind)+" "+state] == 0 {
				t.Errorf("no %s was %s", kind, state)
			}
		}
	}
}

// pair is an issuer and the model of what it should do, with the same products and cards.
type pair struct {
	issuer *giftcardtest.Issuer
	model  *model
	pans   []string // cards, and the order in which the store has them
	sent   []conform.Message
	ids    int
}

// theProducts have a rule each, so that a failing sequence says which one it is about.
var theProducts = []giftcard.Product{
	{ID: "plain", Currency: 710, Opening: giftcard.OpeningSum, StartBalance: 1000},
	{ID: "fixed", Currency: 710, Opening: giftcard.OpeningFixed, StartBalance: 500, PINTries: 2},
	{ID: "limits", Currency: 710, Opening: giftcard.OpeningRequested, MinLoad: 100, MaxLoad: 500, MaxBalance: 1200, SingleLoad: true},
	{ID: "once", Currency: 710, Opening: giftcard.OpeningSum, StartBalance: 300, SingleUse: true},
	{ID: "paced", Currency: 710, Opening: giftcard.OpeningSum, StartBalance: 400, PINRequired: true,
		Velocity: []txn.Velocity{{Family: txn.Redemption, Window: 24 * time.Hour, MaxCount: 1}}},
	{ID: "dollars", Currency: 840, Opening: giftcard.OpeningSum, StartBalance: 1000},
}

// theCards are few, so that messages meet on them. The first are brought into use, one for each product.
var theCards = []struct{ currency, pin string }{
	{"710", ""}, {"710", "7052"}, {"710", ""}, {"710", ""}, {"710", "1234"}, {"840", ""}, {"710", ""}, {"710", "4711"}, {"710", ""},
}

func newPair(t *testing.T) *pair {
	i := giftcardtest.New(t, giftcardtest.Settings{Open: fleet.Memory(t)})
	m := &model{
		now: i.Now(), products: map[string]*giftcard.Product{}, cards: map[string]*modelCard{}, requests: map[string]*modelRequest{},
		used: map[string]bool{}, sent: map[sentID]string{}, early: map[sentID]bool{}, paces: map[string]int64{},
	}
	p := &pair{issuer: i, model: m}
	for n := range theProducts {
		m.products[theProducts[n].ID] = &theProducts[n]
		if err := i.Sell(theProducts[n]); err != nil {
			t.Fatal(err)
		}
	}
	for n, c := range theCards {
		expiry := giftcard.ExpiryIn(i.Now(), 1+3*n).String() // the first expires before long
		made, err := i.Card(t.Context(), conform.CardSpec{Currency: c.currency, Expiry: expiry, ClearPIN: c.pin})
		if err != nil {
			t.Fatal(err)
		}
		p.pans = append(p.pans, made.PAN)
		m.cards[made.PAN] = &modelCard{status: giftcard.New, currency: c.currency, expiry: expiry, seeded: c.pin, pin: c.pin}
	}
	return p
}

// open brings a card of each product into use.
func (p *pair) open(t *rapid.T) {
	for n, product := range theProducts {
		request := conform.Message{
			Act: conform.Request, Kind: conform.Activate, ID: fmt.Sprintf("open-%d", n), Account: "a", Product: product.ID,
			Card: &conform.Card{PAN: p.pans[n], Expiry: p.model.cards[p.pans[n]].expiry},
		}
		if product.PINRequired {
			request.Card.ClearPIN = "7052"
		}
		if product.Opening == giftcard.OpeningRequested {
			request.Amount = &conform.Amount{Minor: 300, Currency: product.Currency.String()}
		}
		p.send(t, request)
		p.send(t, conform.Message{Act: conform.Confirmation, Kind: conform.Activate, ID: fmt.Sprintf("opened-%d", n), RequestID: request.ID, Account: "a"})
	}
}

// seldom draws true once in n.
func seldom(t *rapid.T, n int, what string) bool { return rapid.IntRange(1, n).Draw(t, what) == n }

// send puts a message to both, and wants the same answer.
func (p *pair) send(t *rapid.T, msg conform.Message) {
	want := p.model.take(msg)
	answer, err := p.issuer.Do(context.Background(), msg)
	if err != nil {
		t.Fatal(err)
	}
	got := map[int]string{201: approved, 202: accepted}[answer.Status]
	if got == "" {
		got = answer.ErrorType
	}
	t.Logf("%s -> %s", msg, got)
	if got != want || (answer.Status == 404) != (want == "UNABLE_TO_LOCATE_RECORD") {
		t.Fatalf("%s is answered %d %s, the model answers %s", msg, answer.Status, got, want)
	}
	p.sent = append(p.sent, msg)
}

// id draws an id that is mostly fresh.
func (p *pair) id(t *rapid.T) string {
	if len(p.sent) > 0 && seldom(t, 8, "used id") {
		return rapid.SampledFrom(p.sent).Draw(t, "whose").ID
	}
	p.ids++
	return fmt.Sprintf("id-%d", p.ids)
}

// sendSome sends requests and advices and compares the cards after each.
func (p *pair) sendSome(t *rapid.T) {
	for range rapid.IntRange(1, 12).Draw(t, "messages") {
		switch kind := rapid.IntRange(1, 20).Draw(t, "what"); {
		case kind <= 9:
			p.sendRequest(t)
		case kind <= 18:
			p.sendAdvice(t)
		default:
			p.sendAgain(t)
		}
		p.compareCards(t)
	}
}

// sendAgain sends an advice that was sent before, under its own id or a new one, and maybe with another amount.
func (p *pair) sendAgain(t *rapid.T) {
	advices := slices.DeleteFunc(slices.Clone(p.sent), func(m conform.Message) bool { return m.Act == conform.Request })
	msg := rapid.SampledFrom(advices).Draw(t, "again")
	if rapid.Bool().Draw(t, "under a new id") {
		msg.ID = p.id(t)
	}
	if rapid.Bool().Draw(t, "another amount") {
		msg.Approved = drawAmount(t)
	}
	p.send(t, msg)
}

func (p *pair) sendRequest(t *rapid.T) {
	msg := conform.Message{
		Act: conform.Request, ID: p.id(t), Account: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "account"),
		Kind: rapid.SampledFrom([]conform.Kind{
			conform.Activate, conform.Activate, conform.Load, conform.Load, conform.Redeem, conform.Redeem, conform.Redeem,
			conform.Transfer, conform.Transfer, conform.Replace, conform.Replace, conform.Void, conform.Lookup,
		}).Draw(t, "kind"),
	}
	inUse, fresh := giftcard.ActivatedConfirmed, giftcard.New
	msg.Card = p.card(t, "card", inUse)
	switch msg.Kind {
	case conform.Activate:
		msg.Card = p.card(t, "new card", fresh)
		msg.Product = rapid.SampledFrom([]string{"plain", "fixed", "limits", "once", "paced", "dollars", "unknown"}).Draw(t, "product")
		if rapid.Bool().Draw(t, "opening amount") {
			msg.Amount = drawAmount(t)
		}
	case conform.Load, conform.Redeem:
		msg.Amount = drawAmount(t)
	case conform.Transfer:
		msg.Target, msg.Amount = p.card(t, "target", inUse), drawAmount(t)
		msg.Target.ClearPIN = ""
	case conform.Replace:
		msg.Target = p.card(t, "target", fresh)
	}
	p.send(t, msg)
}

// card draws a card as a message names it: mostly rightly, and mostly one of the status that the message needs.
func (p *pair) card(t *rapid.T, what string, status giftcard.Status) *conform.Card {
	if seldom(t, 30, "unknown "+what) {
		return &conform.Card{PAN: "1", Expiry: "4010"}
	}
	fitting := slices.DeleteFunc(slices.Clone(p.pans), func(pan string) bool { return p.model.cards[pan].status != status })
	if len(fitting) == 0 || seldom(t, 3, "any "+what) {
		fitting = p.pans
	}
	pan := rapid.SampledFrom(fitting).Draw(t, what)
	kept := p.model.cards[pan]
	c := &conform.Card{PAN: pan, Expiry: kept.expiry, ClearPIN: kept.pin}
	if seldom(t, 15, "wrong expiry") {
		c.Expiry = rapid.SampledFrom([]string{"", "1510"}).Draw(t, "expiry")
	}
	if seldom(t, 10, "other PIN") {
		c.ClearPIN = rapid.SampledFrom([]string{"", "0815", "4711"}).Draw(t, "PIN")
	}
	return c
}

func drawAmount(t *rapid.T) *conform.Amount {
	return &conform.Amount{
		Minor:    rapid.SampledFrom([]int64{100, 100, 100, 100, 200, 200, 300, 300, 1, 400, 500, 501, 99, 1000, 0, -1}).Draw(t, "amount"),
		Currency: rapid.SampledFrom([]string{"710", "710", "710", "710", "710", "710", "710", "840"}).Draw(t, "currency"),
	}
}

// sendAdvice confirms or reverses something that was sent, or something that was not (yet).
func (p *pair) sendAdvice(t *rapid.T) {
	msg := conform.Message{
		Account: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "account"), Kind: conform.Load,
		Act:       rapid.SampledFrom([]conform.Act{conform.Confirmation, conform.Confirmation, conform.Reversal}).Draw(t, "act"),
		RequestID: fmt.Sprintf("id-%d", p.ids+rapid.IntRange(2, 4).Draw(t, "to come")),
	}
	if len(p.sent) > 0 && !seldom(t, 10, "unknown") {
		of := rapid.SampledFrom(p.candidates(t)).Draw(t, "of")
		msg.RequestID, msg.Kind = of.ID, of.Kind
		if !seldom(t, 10, "any account") {
			msg.Account = of.Account
		}
	}
	if seldom(t, 15, "any kind") || msg.Kind == conform.Lookup {
		msg.Kind = rapid.SampledFrom([]conform.Kind{conform.Activate, conform.Load, conform.Redeem, conform.Void, conform.Transfer, conform.Replace}).Draw(t, "kind")
	}
	if seldom(t, 4, "final amount") {
		msg.Approved = drawAmount(t)
	}
	msg.ID = p.id(t)
	p.send(t, msg)
}

// candidates are the messages that an advice may be about: mostly those that wait for one.
func (p *pair) candidates(t *rapid.T) []conform.Message {
	open := slices.DeleteFunc(slices.Clone(p.sent), func(m conform.Message) bool {
		r := p.model.requests[m.ID]
		return m.Act != conform.Request || r == nil || r.state != "open"
	})
	if len(open) == 0 || seldom(t, 3, "any request") {
		return p.sent
	}
	return open
}

// operate does now and then what is not a message.
func (p *pair) operate(t *rapid.T) {
	if rapid.Bool().Draw(t, "freeze") {
		p.freeze(t)
	} else {
		p.moveClock(t)
	}
}

func (p *pair) freeze(t *rapid.T) {
	pan, frozen := rapid.SampledFrom(p.pans).Draw(t, "card"), seldom(t, 6, "frozen")
	p.model.cards[pan].frozen = frozen
	if err := p.issuer.Change(context.Background(), pan, func(c *giftcard.Card) { c.Frozen = frozen }); err != nil {
		t.Fatal(err)
	}
}

func (p *pair) moveClock(t *rapid.T) {
	d := time.Duration(rapid.IntRange(1, 48).Draw(t, "hours")) * time.Hour
	p.model.now = p.model.now.Add(d)
	if err := p.issuer.Advance(context.Background(), d); err != nil {
		t.Fatal(err)
	}
}

// compareCards wants the store's cards to be the model's.
func (p *pair) compareCards(t *rapid.T) {
	kept, err := p.issuer.Store.Driver().Cards(context.Background(), 0, len(p.pans)+1)
	if err != nil || len(kept) != len(p.pans) {
		t.Fatalf("%d cards: %v", len(kept), err)
	}
	for n, pan := range p.pans {
		want := p.model.cards[pan]
		got := fmt.Sprint(kept[n].Status, kept[n].Balance.Book, kept[n].Balance.Available, kept[n].Frozen)
		if wanted := fmt.Sprint(want.status, want.book, want.available, want.frozen); got != wanted {
			t.Fatalf("card %d is %s, the model says %s", n, got, wanted)
		}
	}
}
