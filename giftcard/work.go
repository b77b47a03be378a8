package giftcard

import (
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// Work is what one message does to cards and money. Cards are taken into it, changed there, and saved together
// by Finish with the entries and the chain of each card's messages.
type Work struct {
	tx      Tx
	message int64
	cards   []*Card
	entries []ledger.Entry
}

// NewWork begins the work of the message with a seq.
func NewWork(tx Tx, message int64) *Work { return &Work{tx: tx, message: message} }

// Card takes a card into the work. What is changed through the pointer is saved.
func (w *Work) Card(id int64) *Card {
	for _, c := range w.cards {
		if c.ID == id {
			return c
		}
	}
	return w.add(w.tx.Card(id))
}

func (w *Work) add(c Card) *Card {
	kept := &c
	w.cards = append(w.cards, kept)
	return kept
}

// Enter books an entry for the money of a request. An amount of zero is no entry. An error is a fault: the
// balance would wrap around.
func (w *Work) Enter(request int64, phase ledger.Phase, debit, credit ledger.Account, amount money.Minor, currency money.Currency) error {
	if amount == 0 {
		return nil
	}
	e := ledger.Entry{
		Message: w.message, N: len(w.entries), Request: request,
		Debit: debit, Credit: credit, Amount: amount, Currency: currency, Phase: phase,
	}
	if debit.Class() == ledger.Card && phase != ledger.Posted { // what is posted left the card when it was pending
		c := w.Card(debit.Owner())
		after, err := c.Balance.Debited(e)
		if err != nil {
			return err
		}
		c.Balance = after
	}
	if credit.Class() == ledger.Card {
		c := w.Card(credit.Owner())
		after, err := c.Balance.Credited(e)
		if err != nil {
			return err
		}
		c.Balance = after
	}
	w.entries = append(w.entries, e)
	return nil
}

// Follow moves what has come free on replaced cards to the cards that took over from them (docs/rules.md 2.5).
func (w *Work) Follow(request int64) error {
	for at := 0; at < len(w.cards); at++ {
		old := w.cards[at]
		if old.Status != ReplacedConfirmed || old.Balance.Available == 0 {
			continue
		}
		heir := w.Card(old.Successor)
		for heir.Status == ReplacedConfirmed {
			heir = w.Card(heir.Successor)
		}
		if err := w.Enter(request, ledger.Direct, old.Account(), heir.Account(), old.Balance.Available, old.Currency); err != nil {
			return err
		}
	}
	return nil
}

// Finish saves the entries and the changed cards, and gives the links that put the message into the chain of each
// card taken into the work.
func (w *Work) Finish() []txn.Link {
	for _, e := range w.entries {
		w.tx.Enter(e)
	}
	var links []txn.Link
	for _, c := range w.cards {
		links = append(links, txn.Link{Card: c.ID, Previous: c.LastMessage})
		c.LastMessage = w.message
		w.tx.PutCard(*c)
	}
	return links
}
