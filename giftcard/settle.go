package giftcard

import (
	"context"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// Settlement is an operator's ending of a request that nobody confirmed or reversed.
type Settlement struct {
	World     ident.World
	RequestID ident.ID
	Role      txn.Role // Confirmation or Reversal
	ID        ident.ID // of the act
	At        time.Time
	Sender    *txn.Sender // the account whose request it is
	// Note is called in the same commit, with the seq of the act; it records who did it and why.
	Note func(tx Tx, message int64) error
}

// Settle ends an open request for its sender. A later advice of the sender that agrees is acknowledged, one that
// disagrees is refused. It declines what is not open: UnableToLocateRecord, TransactionNotSupported.
func (i *Issuer) Settle(ctx context.Context, s Settlement) error {
	var refusal *decline.Error
	err := i.store.Update(ctx, Keys{World: s.World, IDs: []ident.ID{s.ID, s.RequestID}}, func(tx Tx) error {
		refusal = nil
		request := findRequest(tx, s)
		if request.Seq == 0 {
			refusal = txn.Unlocated()
			return nil
		}
		if request.State != txn.Open {
			refusal = decline.New(decline.TransactionNotSupported, "the request is %s", request.State)
			return nil
		}
		return i.settle(tx, s, request)
	})
	if err == nil && refusal != nil {
		return refusal
	}
	return err
}

// findRequest finds the gift card request with the id: airtime has ids of its own (rule V7).
func findRequest(tx Tx, s Settlement) txn.Message {
	for _, m := range tx.Messages(s.RequestID) {
		if m.Role == txn.Request && !m.Family.IsAirtime() && m.Account == s.Sender.Account {
			return m
		}
	}
	return txn.Message{}
}

func (i *Issuer) settle(tx Tx, s Settlement, request txn.Message) error {
	act := &txn.Advice{Family: request.Family, Role: s.Role, ID: s.ID, RequestID: s.RequestID, Sender: s.Sender, Received: s.At}
	e, err := i.intake.Prepare(act, &ending{issuer: i, tx: tx})
	if err != nil {
		return err
	}
	if err := e.Settle(tx, request); err != nil {
		return err
	}
	return s.Note(tx, e.Message.Seq)
}

// Correction is an operator's credit, debit or write-off of one card.
type Correction struct {
	Card     int64
	World    ident.World
	ID       ident.ID // of the act
	At       time.Time
	Amount   money.Minor // above zero; of a write-off ignored, since all that is available goes
	WriteOff bool        // to breakage: only from a card whose void is confirmed, or an expired one
	Debit    bool        // off the card instead of onto it
	// Note is called in the same commit, with the seq of the act and the card before and after.
	Note func(tx Tx, message int64, before, after Card) error
}

// Correct moves money between a card and the issuer by one balanced entry. It declines with InvalidAmount,
// InsufficientFunds, CardVoided (a replaced card: correct its successor) and TransactionNotSupported (a
// write-off of a card that is still in use).
func (i *Issuer) Correct(ctx context.Context, c Correction) error {
	var refusal *decline.Error
	err := i.store.Update(ctx, Keys{World: c.World, IDs: []ident.ID{c.ID}}, func(tx Tx) error {
		card := tx.Card(c.Card)
		amount := c.Amount
		if c.WriteOff {
			amount = card.Balance.Available
		}
		if refusal = i.checkCorrection(c, card, amount); refusal != nil {
			return nil
		}
		return correct(tx, c, card, amount)
	})
	if err == nil && refusal != nil {
		return refusal
	}
	return err
}

// checkCorrection makes the checks of a correction. A card that a void or replacement may still come back from is not
// written off: its balance would be missing then.
func (i *Issuer) checkCorrection(c Correction, card Card, amount money.Minor) *decline.Error {
	expired := card.Status == ActivatedConfirmed && card.expired(c.At.In(i.location))
	switch {
	case amount <= 0 || amount > money.MaxMinor:
		return decline.New(decline.InvalidAmount, "the amount must be above zero").At("amount")
	case c.WriteOff && card.Status != VoidedConfirmed && !expired:
		return decline.New(decline.TransactionNotSupported, "only a card whose void is confirmed, or an expired one, is written off")
	case !c.WriteOff && (card.Status == Replaced || card.Status == ReplacedConfirmed):
		return decline.New(decline.CardVoided, "the card was replaced: correct the card that took over")
	case !c.WriteOff && card.Status != ActivatedConfirmed:
		return decline.New(decline.CardNotActivated, "the card is not active")
	case (c.WriteOff || c.Debit) && amount > card.Balance.Available:
		return decline.New(decline.InsufficientFunds, "the available balance is too low").At("amount")
	case !c.WriteOff && !c.Debit:
		return i.checkCredit(card, amount)
	}
	return nil
}

// checkCredit holds a credit to the maximum of a load.
func (i *Issuer) checkCredit(card Card, amount money.Minor) *decline.Error {
	p, found := i.products.Product(card.World, card.Product)
	if !found {
		return decline.New(decline.InvalidProduct, "the card's product is gone")
	}
	if refusal := checkMaximum(&card, p, amount); refusal != nil {
		return refusal.At("amount")
	}
	return nil
}

func correct(tx Tx, c Correction, card Card, amount money.Minor) error {
	m := txn.Message{
		Seq: tx.NextSeq(), World: c.World, ID: c.ID, Family: txn.Adjustment, Role: txn.Request, State: txn.Confirmed,
		At: c.At, Card: c.Card, Amount: amount, Final: amount, Currency: card.Currency,
	}
	debit, credit := ledger.AccountOf(ledger.Adjustment, 0), card.Account()
	switch {
	case c.WriteOff:
		debit, credit = card.Account(), ledger.AccountOf(ledger.Breakage, 0)
	case c.Debit:
		debit, credit = credit, debit
	}
	w := NewWork(tx, m.Seq)
	if err := w.Enter(m.Seq, ledger.Direct, debit, credit, amount, card.Currency); err != nil {
		return err
	}
	after := *w.Card(c.Card)
	m.Links = w.Finish()
	tx.Insert(m)
	return c.Note(tx, m.Seq, card, after)
}
