package admin

import (
	"context"
	"errors"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/money"
)

// Adjustment is a credit, a debit or a write-off of one card.
type Adjustment struct {
	Kind     Act // CreditCard, DebitCard or WriteOffCard
	Amount   money.Minor
	Currency money.Currency // 0 is the card's own
}

// Adjust moves money between a card and the issuer by one balanced entry, with a reason. A credit or debit needs
// a card in use; a debit takes no more than is available. A write-off takes all that is available on a card that
// is voided or expired.
func (o *Office) Adjust(ctx context.Context, by By, id int64, a Adjustment) (CardView, error) {
	if err := by.mayWithReason(a.Kind); err != nil {
		return CardView{}, err
	}
	card, err := o.findCard(ctx, by.World, id)
	if err != nil {
		return CardView{}, err
	}
	if err := a.check(card); err != nil {
		return CardView{}, err
	}
	err = o.issuer.Correct(ctx, giftcard.Correction{
		Card: id, World: by.World, ID: o.newID(), At: by.At,
		Amount: a.Amount, WriteOff: a.Kind == WriteOffCard, Debit: a.Kind == DebitCard,
		Note: func(tx giftcard.Tx, message int64, before, after giftcard.Card) error {
			return o.note(tx, by.World, message, by.entry(a.Kind, cardSubject(id)).from(cardFacts(before), cardFacts(after)))
		},
	})
	if err != nil {
		return CardView{}, o.nameSuccessor(ctx, card, err)
	}
	return o.cardView(ctx, by.World, id)
}

func (a Adjustment) check(c giftcard.Card) error {
	switch {
	case a.Kind != CreditCard && a.Kind != DebitCard && a.Kind != WriteOffCard:
		return invalid("kind", "must be credit, debit or writeOff")
	case a.Kind == WriteOffCard && a.Amount != 0:
		return invalid("amount", "must not be given: a write-off takes all that is available")
	case a.Kind != WriteOffCard && (a.Amount <= 0 || a.Amount > money.MaxMinor):
		return invalid("amount", "must be 1 to %d", money.MaxMinor)
	case a.Currency != 0 && a.Currency != c.Currency:
		return invalid("currency", "must be the card's, %s", c.Currency)
	case a.Kind == WriteOffCard && c.Balance.Available == 0:
		return refuse(Conflict, "nothing is available on the card")
	}
	return nil
}

// nameSuccessor tells of a replaced card which one took over from it.
func (o *Office) nameSuccessor(ctx context.Context, c giftcard.Card, err error) error {
	var refusal *decline.Error
	if !errors.As(err, &refusal) || c.Successor == 0 {
		return err
	}
	name, nameErr := o.cardNamed(ctx, c.Successor)
	if nameErr != nil {
		return err
	}
	return refuse(Conflict, "the card was replaced by card %d (%s): adjust that one", name.Number, name.Masked)
}
