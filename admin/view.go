package admin

import (
	"context"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
)

// CardView is a card as operators see it: never with its whole number, nor with a PIN.
type CardView struct {
	giftcard.Card
	Masked      string
	ProductID   string // empty when it has none
	HolderKnown bool
	PINLocked   bool
	Successor   CardName // zero when it was not replaced
}

// CardName is how a card is named to people.
type CardName struct {
	Number int64
	Masked string
}

// FindCard gives the card with a number. The number is compared by its digest and kept nowhere.
func (o *Office) FindCard(ctx context.Context, by By, pan ident.PAN) (CardView, error) {
	if err := by.may(SeeCards); err != nil {
		return CardView{}, err
	}
	key := giftcard.CardKey(o.keys.PAN(by.World, pan))
	var card giftcard.Card
	found := false
	err := o.store.View(ctx, giftcard.Keys{World: by.World, Cards: []giftcard.CardKey{key}}, func(tx Tx) error {
		card, found = tx.CardByNumber(key)
		return nil
	})
	if err != nil {
		return CardView{}, err
	}
	if !found {
		return CardView{}, unknownCard()
	}
	return o.view(ctx, card)
}

// Card shows the card with an id.
func (o *Office) Card(ctx context.Context, by By, id int64) (CardView, error) {
	if err := by.may(SeeCards); err != nil {
		return CardView{}, err
	}
	return o.cardView(ctx, by.World, id)
}

func unknownCard() *Refusal { return refuse(NotFound, "there is no such card") }

func (o *Office) cardView(ctx context.Context, w ident.World, id int64) (CardView, error) {
	card, err := o.findCard(ctx, w, id)
	if err != nil {
		return CardView{}, err
	}
	return o.view(ctx, card)
}

// findCard gives a card that exists for everybody.
func (o *Office) findCard(ctx context.Context, w ident.World, id int64) (giftcard.Card, error) {
	cards, err := o.reports.Cards(ctx, id-1, 1)
	if err != nil {
		return giftcard.Card{}, err
	}
	if len(cards) == 0 || cards[0].ID != id || cards[0].World != w || o.hidden(cards[0]) {
		return giftcard.Card{}, unknownCard()
	}
	return cards[0], nil
}

func (o *Office) view(ctx context.Context, c giftcard.Card) (CardView, error) {
	detail, err := o.detail(ctx, c.ID)
	if err != nil {
		return CardView{}, err
	}
	v := CardView{Card: c, Masked: detail.Masked, HolderKnown: detail.Holder != giftcard.HolderDigests{}}
	if p, found := o.register.Product(c.World, c.Product); found {
		v.ProductID = p.ID
		v.PINLocked = p.PINTries > 0 && c.WrongPINs >= p.PINTries
	}
	if c.Successor != 0 {
		v.Successor, err = o.cardNamed(ctx, c.Successor)
	}
	return v, err
}

// cardName gives a card's name; the zero name for no card.
func cardName(tx Tx, id int64) CardName {
	if id == 0 {
		return CardName{}
	}
	return CardName{Number: id, Masked: tx.Detail(id).Masked}
}

// cardNamed looks up a card's name.
func (o *Office) cardNamed(ctx context.Context, id int64) (CardName, error) {
	d, err := o.detail(ctx, id)
	return CardName{Number: id, Masked: d.Masked}, err
}

func (o *Office) detail(ctx context.Context, id int64) (giftcard.Detail, error) {
	details, err := o.reports.Details(ctx, id-1, 1)
	if err != nil {
		return giftcard.Detail{}, err
	}
	if len(details) == 0 || details[0].Card != id {
		return giftcard.Detail{}, refuse(NotFound, "the card has no detail")
	}
	return details[0], nil
}
