package giftcard

import (
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// ending is one advice on its way to an answer. What is above tx is prepared once; what is below is made anew
// each time the store lets it run.
type ending struct {
	issuer     *Issuer
	advice     *Advice
	body       []byte
	references []int64
	operator   bool // an operator's settlement: nobody's own request, and no compatibility

	tx      Tx
	request txn.Message // the request it is about; its zero value when there is none
	message txn.Message
	work    *Work
	refusal *decline.Error
}

// run decides the advice and records it. It may run again.
func (e *ending) run(tx Tx) error {
	a := e.advice
	e.tx, e.request, e.refusal = tx, txn.Message{}, nil
	last, repeated := e.sentBefore()
	if last != nil && !repeated {
		e.refusal = duplicate(a.ID, last)
		return nil
	}
	e.message = txn.Message{
		World: a.Sender.World, ID: a.ID, Account: a.Sender.Account, Family: a.Family, Role: a.Role,
		State: txn.Accepted, At: a.Received, References: e.references, Body: e.body,
	}
	verdict, refusal := e.judge()
	if refusal == nil && verdict == txn.Apply {
		return e.apply()
	}
	e.refusal = refusal
	e.record(last, verdict)
	return nil
}

// sentBefore finds the last message of the same account with the advice's id, and says whether that was the
// same advice: of the same kind, for the same request (rule L4a).
func (e *ending) sentBefore() (last *txn.Message, repeated bool) {
	a := e.advice
	messages := e.tx.Messages(a.ID)
	for i := len(messages) - 1; i >= 0; i-- {
		m := &messages[i]
		if m.Account != a.Sender.Account {
			continue
		}
		return m, m.Role == a.Role && m.Family == a.Family && e.names(m)
	}
	return nil, false
}

// names says whether an earlier advice named the same request.
func (e *ending) names(m *txn.Message) bool {
	if m.Request == 0 {
		return m.Names == e.hash()
	}
	request, found := e.tx.MessageAt(m.Request)
	return found && request.ID == e.advice.RequestID
}

func (e *ending) hash() int64 {
	return e.issuer.keys.ID(e.advice.Sender.World, e.advice.RequestID)
}

// judge makes the checks of docs/rules.md 1.4 for advices in their order, up to the effect.
func (e *ending) judge() (txn.Verdict, *decline.Error) {
	if refusal := e.locate(); refusal != nil {
		return 0, refusal
	}
	verdict := txn.Judge(e.request.State, e.advice.Role)
	switch verdict {
	case txn.Locate, txn.Remember:
		return verdict, unlocated()
	case txn.NotApproved:
		return verdict, decline.New(decline.GeneralError, "the request was declined").With(e.detail())
	case txn.OtherEnding:
		return verdict, e.otherEnding()
	}
	if refusal := e.checkAmount(); refusal != nil {
		return 0, refusal
	}
	if verdict == txn.Apply {
		return verdict, e.checkCompatible()
	}
	return verdict, nil
}

func unlocated() *decline.Error {
	return decline.New(decline.UnableToLocateRecord, "there is no such request")
}

// locate finds the request. One of another account or of another kind is not found by a confirmation; a reversal
// of it is refused, because 404 would tell the sender that it had succeeded (rules A2 and L13).
func (e *ending) locate() *decline.Error {
	a, foreign := e.advice, false
	messages := e.tx.Messages(a.RequestID)
	for _, m := range messages {
		mine := m.Account == a.Sender.Account
		if mine && m.Role == txn.Request && m.Family == a.Family {
			e.request = m
			return nil
		}
		foreign = foreign || !mine
	}
	if len(messages) == 0 {
		return nil
	}
	if a.Role == txn.Confirmation {
		return unlocated()
	}
	refusal := decline.New(decline.GeneralError, "the request cannot be reversed by this message")
	if foreign {
		refusal.Alarm, refusal.Account = decline.ForeignReversal, a.Sender.Account
	}
	return refusal
}

// detail names the request, and what ended it (docs/rules.md 2.4).
func (e *ending) detail() decline.Detail {
	detail := decline.Detail{RequestID: e.request.ID, RequestTime: e.request.At}
	e.addEnding(&detail, e.advice.Role, e.advice.ID, e.message)
	if ended, found := e.ended(); found {
		e.addEnding(&detail, ended.Role, ended.ID, ended)
	}
	return detail
}

func (e *ending) ended() (txn.Message, bool) {
	if e.request.Ended == 0 {
		return txn.Message{}, false
	}
	return e.tx.MessageAt(e.request.Ended)
}

func (e *ending) addEnding(detail *decline.Detail, role txn.Role, id ident.ID, m txn.Message) {
	if role == txn.Reversal {
		detail.ReversalID, detail.ReversalTime = id, m.At
	} else {
		detail.ConfirmationID, detail.ConfirmTime = id, m.At
	}
}

// otherEnding gives the refusal of docs/rules.md 2.4 and 2.5 for a request that has ended the other way.
func (e *ending) otherEnding() *decline.Error {
	reason := decline.TransactionNotSupported
	switch {
	case e.advice.Role == txn.Confirmation:
		reason = decline.GeneralError
	case e.request.Family == txn.Activation:
		reason = e.activationStands()
	case e.request.Family == txn.Void:
		reason = decline.CardVoided
	}
	return decline.New(reason, "the request has ended the other way").With(e.detail())
}

// activationStands tells why a confirmed activation cannot be reversed: the card has been voided or replaced
// since, or else that it is activated.
func (e *ending) activationStands() decline.Reason {
	if e.tx.Card(e.request.Card).Status > ActivatedConfirmed {
		return decline.CardVoided
	}
	return decline.CardActivated
}

// checkCompatible refuses, for the public test server's clients only, to reverse a load or redemption on a card
// voided since (docs/rules.md 2.4 and section 8).
func (e *ending) checkCompatible() *decline.Error {
	f := e.request.Family
	if !e.issuer.compatible || e.operator || e.advice.Role != txn.Reversal || (f != txn.Load && f != txn.Redemption) {
		return nil
	}
	if c := e.tx.Card(e.request.Card); c.Status == Voided || c.Status == VoidedConfirmed {
		return decline.New(decline.CardVoided, "the card has been voided since").With(e.detail())
	}
	return nil
}

// checkAmount judges the final amount that an advice names (rule L15). For a repeat it must be the one confirmed.
func (e *ending) checkAmount() *decline.Error {
	named := e.advice.Approved
	if named == nil {
		return nil
	}
	full, partial := e.whole()
	expected := full
	if e.request.State == txn.Confirmed {
		expected = full - (e.request.Amount - e.request.Final)
	}
	switch {
	case e.request.State == txn.Declined: // a reversal of what never took effect
		return nil
	case named.Currency != e.request.Currency || named.Minor <= 0 || named.Minor > full:
	case named.Minor == expected:
		return nil
	case partial && e.advice.Role == txn.Confirmation && e.request.State == txn.Open:
		return nil
	}
	return decline.New(decline.InvalidAmount, "the final amount cannot be that").At("amounts.approvedAmount").With(e.detail())
}

// whole gives the amount that stands for all of a request in its advices, and whether less may be confirmed.
func (e *ending) whole() (full money.Minor, partial bool) {
	if e.request.Requested > 0 {
		return e.request.Requested, true
	}
	return e.request.Amount, false
}

// record keeps an advice that has no effect. One that was sent before and had the same outcome stands already.
func (e *ending) record(last *txn.Message, verdict txn.Verdict) {
	if e.refusal != nil {
		e.message.State, e.message.Reason = txn.Declined, e.refusal.Reason
	}
	if last != nil && last.State == e.message.State && last.Reason == e.message.Reason {
		return
	}
	e.message.Seq = e.tx.NextSeq()
	e.message.Request = e.request.Seq
	if e.request.Seq == 0 {
		e.message.Names = e.hash()
	}
	e.tx.Insert(e.message)
	if verdict == txn.Remember {
		e.remember()
	}
}

// remember keeps a reversal of a request that was never seen, so that the request is declined if it comes (L7, L8).
func (e *ending) remember() {
	a := e.advice
	if _, known := e.tx.Remembered(a.Sender.Account, a.RequestID); !known {
		e.tx.Remember(a.Sender.Account, a.RequestID, e.message.Seq)
	}
}

// apply ends the request, once.
func (e *ending) apply() error {
	e.message.Seq = e.tx.NextSeq()
	e.message.Request = e.request.Seq
	e.message.Card, e.message.Target, e.message.Currency = e.request.Card, e.request.Target, e.request.Currency
	e.work = NewWork(e.tx, e.message.Seq)
	effect := e.confirm
	if e.advice.Role == txn.Reversal {
		effect = e.reverse
	}
	if err := effect(); err != nil {
		return err
	}
	if err := e.work.Follow(e.request.Seq); err != nil {
		return err
	}
	e.request.State, e.request.Ended = txn.Ending(e.advice.Role), e.message.Seq
	e.tx.Amend(e.request)
	e.message.Links = e.work.Finish()
	e.tx.Insert(e.message)
	return nil
}

// accounts gives the two sides of the request's money.
func (e *ending) accounts() (debit, credit ledger.Account) {
	r := e.request
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
func (e *ending) confirm() error {
	r := &e.request
	r.Final = r.Amount
	if full, partial := e.whole(); partial && e.advice.Approved != nil {
		r.Final = r.Amount - (full - e.advice.Approved.Minor)
	}
	e.message.Amount = r.Final
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
	debit, credit := e.accounts()
	if err := e.work.Enter(r.Seq, ledger.Posted, debit, credit, r.Final, r.Currency); err != nil {
		return err
	}
	return e.work.Enter(r.Seq, ledger.Released, debit, credit, r.Amount-r.Final, r.Currency)
}

// reverse releases what was pending and takes the cards back to where they were.
func (e *ending) reverse() error {
	r := e.request
	e.message.Amount = r.Amount
	if r.Family == txn.Void {
		e.reopen(e.work.Card(r.Card))
		e.giveBack(0)
		return nil
	}
	debit, credit := e.accounts()
	if err := e.work.Enter(r.Seq, ledger.Released, debit, credit, r.Amount, r.Currency); err != nil {
		return err
	}
	e.giveBack(r.Amount)
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
func (e *ending) giveBack(amount money.Minor) {
	r := e.request
	product := r.Product
	if product == 0 && r.Card != 0 {
		product = e.tx.Card(r.Card).Product
	}
	p, _ := e.issuer.products.Product(r.World, product)
	giveBack(e.tx, paces(r.Family, r.At, r.Card, p, e.advice.Sender), amount)
}
