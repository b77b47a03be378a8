package giftcard

import (
	"context"
	"slices"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// maxHolderCards is how many cards of a holder are looked at: one is an answer, two are too many.
const maxHolderCards = 2

// lookUp answers from committed records beside the writers. Its id is checked and taken, but saved behind, with
// a later commit; the answer does not wait for that (rule V7).
func (i *Issuer) lookUp(ctx context.Context, r *Request) (*Response, error) {
	w := r.Sender.World
	land, alone := i.intake.Flights.TakeOffAlone(w, r.ID)
	if !alone {
		return nil, txn.Duplicate(r.ID, nil)
	}
	recorded := false
	defer func() {
		if !recorded {
			land()
		}
	}()
	d, err := i.prepare(r)
	if err != nil {
		return nil, err
	}
	l := &sight{decision: d}
	if err := i.store.View(ctx, d.keys(), l.run); err != nil {
		return nil, err
	}
	if l.used {
		return nil, d.refusal
	}
	i.store.Later(Keys{World: w, IDs: []ident.ID{r.ID}}, l.record, land)
	recorded = true
	if d.refusal != nil {
		return nil, d.refusal
	}
	return d.response, nil
}

// sight is one look-up on its way to an answer.
type sight struct {
	*decision
	used bool // the id was in use before
}

func (l *sight) run(tx Tx) error {
	l.tx, l.now, l.refusal, l.response = tx, l.request.Received.In(l.issuer.location), nil, nil
	used := txn.Used(tx.Messages(l.request.ID), txn.LookUp, txn.Request)
	if l.used = len(used) > 0; l.used {
		l.refusal = txn.Duplicate(l.request.ID, txn.Own(used, l.request.Sender.Account))
		return nil
	}
	c, refusal := l.find()
	if refusal != nil {
		l.refusal = refusal
		return nil
	}
	return l.show(c)
}

// find gives the card that the look-up names, or the only card of the holder it names (docs/rules.md section 6).
func (l *sight) find() (Card, *decline.Error) {
	r := l.request
	if refusal := l.permitted(); refusal != nil {
		return Card{}, refusal
	}
	if r.Card.PAN.IsZero() {
		return l.findByHolder()
	}
	c, found := l.tx.CardByNumber(l.number)
	if !found {
		return Card{}, unknownCard("card")
	}
	return c, nil
}

func (l *sight) findByHolder() (Card, *decline.Error) {
	if refusal := l.request.holderPermitted(); refusal != nil {
		return Card{}, refusal
	}
	var cards []int64
	for _, digest := range l.issuer.holderKeys(l.request.Sender.World, l.request.Holder) {
		for _, id := range l.tx.CardsOf(digest, maxHolderCards) {
			if !slices.Contains(cards, id) {
				cards = append(cards, id)
			}
		}
	}
	switch len(cards) {
	case 0:
		return Card{}, decline.New(decline.UnableToLocateRecord, "no card of this holder is known").At("cardHolder")
	case 1:
		return l.tx.Card(cards[0]), nil
	}
	return Card{}, decline.New(decline.InvalidCardNumber, "the holder has several cards").At("cardHolder")
}

// holderPermitted refuses a look-up by card holder whose sender may not ask for it.
func (r *Request) holderPermitted() *decline.Error {
	if !r.Sender.HolderLookUps {
		return decline.New(decline.TransactionNotSupported, "the account may not look up by card holder").At("cardHolder")
	}
	return nil
}

func (l *sight) show(c Card) error {
	l.card = &c
	if refusal := l.findProduct(); refusal != nil {
		l.refusal = refusal
		return nil
	}
	l.response = &Response{
		Reference: txn.HashReference(lookUpLetter, l.issuer.keys.ID(c.World, l.request.ID)), Balance: c.Balance, Currency: c.Currency, Status: c.Status,
	}
	if c.Product != 0 {
		l.response.Product = l.product
	}
	if !l.request.Card.PAN.IsZero() {
		return nil
	}
	pan, err := RevealPAN(l.issuer.keys, l.tx.Detail(c.ID))
	l.response.Card, l.response.Expiry = pan, c.Expiry
	return err
}

// record takes the id, unless another message was faster.
func (l *sight) record(tx Tx) error {
	r := l.request
	if len(txn.Used(tx.Messages(r.ID), txn.LookUp, txn.Request)) > 0 {
		return nil
	}
	m := txn.Message{
		Seq: tx.NextSeq(), World: r.Sender.World, ID: r.ID, Account: r.Sender.Account, Family: txn.LookUp,
		Role: txn.Request, State: txn.Answered, At: r.Received,
	}
	if l.card != nil {
		m.Card = l.card.ID
	}
	if l.refusal != nil {
		m.State, m.Reason = txn.Declined, l.refusal.Reason
	}
	tx.Insert(m)
	return nil
}

// panContext binds a sealed card number to its purpose.
var panContext = []byte("card number")

// SealPAN encrypts a card number for keeping.
func SealPAN(keys *secret.Keys, pan ident.PAN) ([]byte, error) {
	return keys.Seal([]byte(pan.Reveal()), panContext)
}

// RevealPAN opens the card number in a card's detail.
func RevealPAN(keys *secret.Keys, d Detail) (ident.PAN, error) {
	plain, err := keys.Open(d.SealedPAN, panContext)
	if err != nil {
		return ident.PAN{}, err
	}
	return ident.ParsePAN(string(plain))
}
