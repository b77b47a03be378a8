package airtime

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// Advise implements Service. What its provider is still at work on is asked for now: an advice whose request cannot be
// told to have ended within the hold, or whose reversal the provider has not agreed to by then, has an error that asks
// for it again.
func (v *Vendor) Advise(ctx context.Context, a *Advice) (*txn.Answer, error) {
	return nil, v.advise(ctx, a)
}

func (v *Vendor) advise(ctx context.Context, a *Advice) error {
	ctx, cancel := context.WithTimeout(ctx, v.settings.Hold)
	defer cancel()
	land, err := v.intake.Await(ctx, &a.Advice)
	if err != nil {
		return err
	}
	defer land()
	effect := &effect{vendor: v, serial: a.Serial}
	e, err := v.intake.Prepare(&a.Advice, effect)
	if err != nil {
		return err
	}
	if err = v.end(ctx, e, effect); errors.Is(err, txn.ErrInFlight) && e.Request.Seq != 0 {
		if err := v.ask(ctx, e.Request, v.wanted(e, effect)); err != nil {
			return err
		}
		if effect.asks {
			return v.agreed(ctx, e)
		}
		effect.asked = e.Request
		err = v.end(ctx, e, effect)
	}
	switch {
	case err != nil:
		return err
	case e.Refusal != nil:
		return e.Refusal
	case effect.differs:
		v.alarm(SerialDiffers, a.Sender.Account)
	case effect.asks:
		return v.agree(ctx, e)
	}
	v.tellConfirmed(e)
	return nil
}

// end gives the advice its turn.
func (v *Vendor) end(ctx context.Context, e *txn.Ending, f *effect) error {
	a := e.Advice
	keys := Keys{World: a.Sender.World, IDs: a.Keys()}
	if a.Sender.Prepaid {
		keys.Float = a.Sender.Account
	}
	return v.store.Update(context.WithoutCancel(ctx), keys, func(tx Tx) error {
		f.begin(tx)
		return e.Run(tx)
	})
}

// wanted is what an advice asks of the provider that is at work on its request. A reversal may be recorded meanwhile.
func (v *Vendor) wanted(e *txn.Ending, f *effect) question {
	q := question{now: e.Advice.Received}
	if q.gone = e.Advice.Role == txn.Reversal; q.gone {
		q.reverse = func(ctx context.Context) error {
			e.Overtakes = true
			return v.end(ctx, e, f)
		}
	}
	return q
}

// agree has the provider take back a top-up whose reversal has been recorded, and gives the answer to that reversal.
func (v *Vendor) agree(ctx context.Context, e *txn.Ending) error {
	if err := v.ask(ctx, e.Request, question{now: e.Advice.Received, gone: true}); err != nil {
		return err
	}
	return v.agreed(ctx, e)
}

// agreed gives the answer to a reversal that its provider has been asked for.
func (v *Vendor) agreed(ctx context.Context, e *txn.Ending) error {
	reversal := txn.Message{}
	err := v.store.View(ctx, Keys{World: e.Request.World}, func(tx Tx) error {
		reversal, _ = tx.MessageAt(e.Message.Seq)
		return nil
	})
	switch {
	case err != nil:
		return err
	case reversal.State == txn.Accepted:
		return nil
	case reversal.State == txn.Declined:
		return unreversible().With(decline.Detail{RequestID: e.Request.ID, RequestTime: e.Request.At})
	}
	return txn.ErrInFlight
}

func unreversible() *decline.Error {
	return decline.New(decline.TransactionNotSupported, "the provider does not take the top-up back")
}

var _ txn.Effect = (*effect)(nil)

// effect is what a confirmation or a reversal means to vouchers, top-ups and the money for them. What is above tx is
// prepared once; what is below is made anew each time the store lets the advice run.
type effect struct {
	vendor *Vendor
	serial string // of the voucher that a confirmation says was handed over
	// final says that nobody else has to agree: an operator tells what has happened.
	final bool
	// asked is the request as it was before its provider was asked about it for this advice, if that was so.
	asked txn.Message

	tx      Tx
	asks    bool // the provider has to agree
	differs bool // the serial is not the one that was sold
}

func (f *effect) begin(tx Tx) { f.tx, f.asks, f.differs = tx, false, false }

// The reasons to refuse what has ended otherwise (docs/rules.md 3.1).
const (
	Late        = decline.AccountAlreadySettled // of a request whose reversal came before it (rule L8)
	OtherEnding = decline.AccountAlreadySettled // of an advice whose request has ended the other way (L5, L6)
)

// Whole gives the amount that stands for all of a request in its advices: nothing of airtime is confirmed for less (rule
// L15).
func Whole(request txn.Message) (full money.Minor, partial bool) { return request.Amount, false }

// Whole implements txn.Effect.
func (f *effect) Whole(e *txn.Ending) (full money.Minor, partial bool) { return Whole(e.Request) }

// OtherEnding implements txn.Effect.
func (f *effect) OtherEnding(*txn.Ending) decline.Reason { return OtherEnding }

// Check refuses to reverse a top-up that stands and that its provider cannot take back, or has just refused to
// (docs/rules.md section 6).
func (f *effect) Check(e *txn.Ending) *decline.Error {
	if e.Advice.Role == txn.Confirmation || e.Request.Voucher != 0 {
		return nil
	}
	p, err := f.vendor.providerFor(e.Request)
	if f.refused() || err == nil && !p.Can().Reverses {
		return unreversible().With(e.Detail())
	}
	return nil // what the provider is missing for, Apply tells
}

// refused says whether the provider has refused to take the top-up back when it was asked for this advice. It is not
// asked for the same one again.
func (f *effect) refused() bool {
	switch f.asked.State {
	case txn.Reversing:
		reversal, found := f.tx.MessageAt(f.asked.Ended)
		return found && reversal.State == txn.Declined
	case txn.Working:
		return slices.ContainsFunc(f.tx.Messages(vendorsOwn(f.asked)), func(m txn.Message) bool {
			return m.Request == f.asked.Seq && m.State == txn.Declined
		})
	}
	return false
}

// Apply moves the voucher and the money. What was passed on since somebody sent its advice here is not the vendor's to
// end: the advice has to come again.
func (f *effect) Apply(e *txn.Ending) error {
	if e.Request.Upstream != "" {
		return txn.ErrInFlight
	}
	if e.Advice.Role == txn.Confirmation {
		return f.confirm(e)
	}
	e.Message.Amount = e.Request.Amount
	if e.Request.Voucher != 0 {
		return f.takeBack(e)
	}
	return f.reverse(e)
}

// confirm posts the price. The voucher stays as it is: that its sale is confirmed stands in the message of the sale.
func (f *effect) confirm(e *txn.Ending) error {
	if f.serial != "" {
		f.differs = e.Request.Voucher == 0 || f.tx.Voucher(e.Request.Voucher).Serial != f.serial
	}
	if err := f.close(e, txn.Declined); err != nil {
		return err
	}
	e.Confirm()
	return f.book(e, ledger.Posted)
}

func (f *effect) book(e *txn.Ending, phase ledger.Phase) error {
	price, err := f.vendor.priceOf(e.Request)
	if err != nil {
		return err
	}
	return charge(f.tx, e.Request, price, e.Message.Seq, 0, phase)
}

// takeBack puts a voucher into quarantine, or back into stock, as its product says.
func (f *effect) takeBack(e *txn.Ending) error {
	p, err := f.vendor.edition(e.Request)
	if err != nil {
		return err
	}
	v := f.tx.Voucher(e.Request.Voucher)
	e.Message.Links = []txn.Link{{Card: v.ID, Previous: v.LastMessage}}
	v.Status, v.LastMessage = Quarantined, e.Message.Seq
	if p.Returned == ToStock && v.Batch != 0 {
		v.Status = InStock
	}
	f.tx.PutVoucher(v)
	return f.vendor.undo(f.tx, e.Request, e.Message.Seq, 0)
}

// reverse records that the provider is to take a top-up back; or, when nobody has to agree, that nothing is credited.
func (f *effect) reverse(e *txn.Ending) error {
	if !f.final {
		if _, err := f.vendor.providerFor(e.Request); err != nil {
			return err
		}
		e.Message.State, f.asks = txn.Working, true
		return nil
	}
	if err := f.close(e, txn.Accepted); err != nil {
		return err
	}
	return f.vendor.undo(f.tx, e.Request, e.Message.Seq, 0)
}

// close ends, with a state, the reversal that the request has been waiting for until an operator decided.
func (f *effect) close(e *txn.Ending, state txn.State) error {
	if e.Request.State != txn.Reversing {
		return nil
	}
	reversal, found := f.tx.MessageAt(e.Request.Ended)
	if !found {
		return fmt.Errorf("message %d is missing", e.Request.Ended)
	}
	if reversal.State = state; state == txn.Declined {
		reversal.Reason = decline.TransactionNotSupported
	}
	f.tx.Amend(reversal)
	return nil
}

// edition gives a product as it was when it was sold.
func (v *Vendor) edition(m txn.Message) (*Product, error) {
	p, found := v.settings.Catalogue.Edition(m.World, m.Product)
	if !found {
		return nil, fmt.Errorf("edition %d is missing", m.Product)
	}
	return p, nil
}

// priceOf gives what a purchase was charged.
func (v *Vendor) priceOf(m txn.Message) (money.Amount, error) {
	p, err := v.edition(m)
	if err != nil {
		return money.Amount{}, err
	}
	return p.Price(money.Amount{Minor: m.Amount, Currency: m.Currency}), nil
}

// providerFor gives the provider of a top-up.
func (v *Vendor) providerFor(m txn.Message) (Provider, error) {
	p, err := v.edition(m)
	if err != nil {
		return nil, err
	}
	provider := v.settings.Providers[p.Provider]
	if provider == nil {
		return nil, fmt.Errorf("provider %q is not connected", p.Provider)
	}
	return provider, nil
}

// vendorsOwn gives the id of the reversal by which the vendor itself takes a top-up back. It is the same each time.
func vendorsOwn(m txn.Message) ident.ID { return ident.ID("vendor-" + Reference(m.Seq)) }
