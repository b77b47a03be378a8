package giftcard

import (
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

var _ txn.Effect = (*ending)(nil)

// ending is what a confirmation or a reversal means to cards and their money.
type ending struct {
	issuer *Issuer

	tx   Tx
	work *Work
}

// Late is why a request is refused whose reversal came before it (rule L8; docs/rules.md section 6).
const Late = decline.GeneralError

// OtherEnding gives the reasons of docs/rules.md 2.4 and 2.5 for a request that has ended the other way, as far as they
// can be told without the card.
func OtherEnding(advice txn.Role, f txn.Family) decline.Reason {
	switch {
	case advice == txn.Confirmation:
		return decline.GeneralError
	case f == txn.Activation:
		return decline.CardActivated
	case f == txn.Void:
		return decline.CardVoided
	}
	return decline.TransactionNotSupported
}

// Whole gives the amount that stands for all of a request in its advices, and whether less may be confirmed: it is the
// part of it that the request named. What has no such part, a void or a replacement, cannot be confirmed for less.
func Whole(request txn.Message) (full money.Minor, partial bool) {
	if request.Requested > 0 {
		return request.Requested, true
	}
	return request.Amount, false
}

// OtherEnding implements txn.Effect.
func (e *ending) OtherEnding(t *txn.Ending) decline.Reason {
	if t.Advice.Role == txn.Reversal && t.Request.Family == txn.Activation {
		return e.activationStands(t.Request)
	}
	return OtherEnding(t.Advice.Role, t.Request.Family)
}

// activationStands tells why a confirmed activation cannot be reversed: the card has been voided or replaced
// since, or else that it is activated.
func (e *ending) activationStands(request txn.Message) decline.Reason {
	if e.tx.Card(request.Card).Status > ActivatedConfirmed {
		return decline.CardVoided
	}
	return decline.CardActivated
}

// Check refuses, for the public test server's clients only, to reverse a load or redemption on a card voided since
// (docs/rules.md 2.4 and section 8).
func (e *ending) Check(t *txn.Ending) *decline.Error {
	f := t.Request.Family
	if !e.issuer.compatible || t.Advice.Role != txn.Reversal || (f != txn.Load && f != txn.Redemption) {
		return nil
	}
	if c := e.tx.Card(t.Request.Card); c.Status == Voided || c.Status == VoidedConfirmed {
		return decline.New(decline.CardVoided, "the card has been voided since").With(t.Detail())
	}
	return nil
}

// Whole implements txn.Effect.
func (e *ending) Whole(t *txn.Ending) (full money.Minor, partial bool) { return Whole(t.Request) }

// Apply moves the cards and the money. What was passed on since somebody sent its advice here is not the issuer's to end:
// the advice has to come again.
func (e *ending) Apply(t *txn.Ending) error {
	if t.Request.Upstream != "" {
		return txn.ErrInFlight
	}
	t.Message.Card, t.Message.Target = t.Request.Card, t.Request.Target
	e.work = NewWork(e.tx, t.Message.Seq)
	effect := e.confirm
	if t.Advice.Role == txn.Reversal {
		effect = e.reverse
	}
	if err := effect(t); err != nil {
		return err
	}
	if err := e.work.Follow(t.Request.Seq); err != nil {
		return err
	}
	t.Message.Links = e.work.Finish()
	return nil
}

// accounts gives the two sides of a request's money.
func accounts(r txn.Message) (debit, credit ledger.Account) {
	card, target := ledger.AccountOf(ledger.Card, r.Card), ledger.AccountOf(ledger.Card, r.Target)
	switch r.Family {
	case txn.Activation, txn.Load:
		return ledger.AccountOf(ledger.Funding, int64(r.Account)), card
	case txn.Redemption:
		return card, ledger.AccountOf(ledger.Redeemed, int64(r.Account))
	}
	return card, target
}

// confirm posts what was pending, releases what was not confirmed, and moves the cards on.
func (e *ending) confirm(t *txn.Ending) error {
	t.Confirm()
	r := t.Request
	switch r.Family {
	case txn.Activation:
		e.work.Card(r.Card).Status = ActivatedConfirmed
	case txn.Void:
		e.work.Card(r.Card).Status = VoidedConfirmed
		return nil // a void moves no money
	case txn.Replace:
		e.work.Card(r.Card).Status = ReplacedConfirmed
		e.work.Card(r.Target).Status = ActivatedConfirmed
	}
	debit, credit := accounts(r)
	if err := e.work.Enter(r.Seq, ledger.Posted, debit, credit, r.Final, r.Currency); err != nil {
		return err
	}
	return e.work.Enter(r.Seq, ledger.Released, debit, credit, r.Amount-r.Final, r.Currency)
}

// reverse releases what was pending and takes the cards back to where they were.
func (e *ending) reverse(t *txn.Ending) error {
	r := t.Request
	t.Message.Amount = r.Amount
	if r.Family == txn.Void {
		e.reopen(e.work.Card(r.Card))
		e.giveBack(t, 0)
		return nil
	}
	debit, credit := accounts(r)
	if err := e.work.Enter(r.Seq, ledger.Released, debit, credit, r.Amount, r.Currency); err != nil {
		return err
	}
	e.giveBack(t, r.Amount)
	switch r.Family {
	case txn.Activation:
		closeActivation(e.tx, e.work.Card(r.Card))
	case txn.Load:
		e.unload(r.Card)
	case txn.Replace:
		old := e.work.Card(r.Card)
		e.reopen(old)
		old.Successor = 0
		closeActivation(e.tx, e.work.Card(r.Target))
	}
	return nil
}

// unload takes a reversed load out of the count of the card, and of the cards that took over from it with the count.
func (e *ending) unload(card int64) {
	for card != 0 {
		c := e.work.Card(card)
		c.Loads = max(0, c.Loads-1)
		card = c.Successor
	}
}

// reopen makes a voided or replaced card active again.
func (e *ending) reopen(c *Card) { c.Status, c.Void = ActivatedConfirmed, 0 }

// giveBack takes a reversed request out of the velocity windows it was counted in.
func (e *ending) giveBack(t *txn.Ending, amount money.Minor) {
	r := t.Request
	product := r.Product
	if product == 0 && r.Card != 0 {
		product = e.tx.Card(r.Card).Product
	}
	p, _ := e.issuer.products.Product(r.World, product)
	txn.GiveBack(e.tx, paces(r.Family, r.At, r.Card, p, t.Advice.Sender), amount)
}
