package airtime

import (
	"context"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// Payment is an operator's deposit to an account's float, or a withdrawal from it.
type Payment struct {
	World    ident.World
	Account  ident.Account
	ID       ident.ID // of the act
	At       time.Time
	Amount   money.Amount // above zero
	Withdraw bool
	// Note is called in the same commit, with the seq of the act and the float before and after.
	Note func(tx Tx, message int64, before, after Float) error
}

// Pay moves money between an account's float and us by one balanced entry. The first deposit makes the float, in its
// currency. It declines with InvalidAmount, and with InsufficientFunds a withdrawal of more than is available.
func (v *Vendor) Pay(ctx context.Context, p Payment) error {
	var refusal *decline.Error
	keys := Keys{World: p.World, IDs: []ident.ID{p.ID}, Float: p.Account}
	err := v.store.Update(ctx, keys, func(tx Tx) error {
		f, found := tx.Float(p.Account)
		if !found {
			f = Float{Account: p.Account, World: p.World, Currency: p.Amount.Currency}
		}
		if refusal = p.check(f); refusal != nil {
			return nil
		}
		return p.pay(tx, f)
	})
	if err == nil && refusal != nil {
		return refusal
	}
	return err
}

func (p Payment) check(f Float) *decline.Error {
	book, err := f.Balance.Book.Add(p.Amount.Minor)
	switch {
	case !payable(p.Amount, 1):
		return decline.New(decline.InvalidAmount, "the amount must be above zero").At("amount")
	case p.Amount.Currency != f.Currency:
		return decline.New(decline.InvalidAmount, "the float is kept in currency %s", f.Currency).At("amount")
	case p.Withdraw && p.Amount.Minor > f.Balance.Available:
		return decline.New(decline.InsufficientFunds, "the available balance is too low").At("amount")
	case !p.Withdraw && (err != nil || book > money.MaxMinor):
		return decline.New(decline.InvalidAmount, "the float would hold too much").At("amount")
	}
	return nil
}

func (p Payment) pay(tx Tx, before Float) (err error) {
	m := txn.Message{
		Seq: tx.NextSeq(), World: p.World, ID: p.ID, Family: txn.Adjustment, Role: txn.Request, State: txn.Confirmed,
		At: p.At, Amount: p.Amount.Minor, Final: p.Amount.Minor, Currency: p.Amount.Currency,
	}
	e := ledger.Entry{
		Message: m.Seq, Request: m.Seq, Amount: p.Amount.Minor, Currency: p.Amount.Currency, Phase: ledger.Direct,
		Debit: ledger.AccountOf(ledger.Adjustment, 0), Credit: ledger.AccountOf(ledger.Float, int64(p.Account)),
	}
	after, move := before, before.Balance.Credited
	if p.Withdraw {
		e.Debit, e.Credit, move = e.Credit, e.Debit, before.Balance.Debited
	}
	if after.Balance, err = move(e); err != nil {
		return err
	}
	after.LastMessage = m.Seq
	tx.PutFloat(after)
	tx.Enter(e)
	tx.Insert(m)
	return p.Note(tx, m.Seq, before, after)
}
