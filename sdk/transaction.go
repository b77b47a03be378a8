package sdk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcardhttp"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// Operation is what a transaction does.
type Operation string

// The operations.
const (
	OpActivation Operation = "activation"
	OpLoad       Operation = "load"
	OpRedemption Operation = "redemption"
	OpVoid       Operation = "void"
	OpReplace    Operation = "replace"
	OpTransfer   Operation = "transfer"
	OpPurchase   Operation = "purchase"
	OpVoucher    Operation = "voucher" // bought with Provision
)

// Amount is a number of minor units, such as cents, in a currency of three ISO 4217 digits. The zero value is no amount.
type Amount struct {
	Minor    int64
	Currency string
}

// String gives the amount for people, as in "1250 minor of 710".
func (a Amount) String() string {
	if a == (Amount{}) {
		return "no amount"
	}
	return fmt.Sprintf("%d minor of %s", a.Minor, a.Currency)
}

func amountOf(minor money.Minor, c money.Currency) Amount {
	if c == 0 {
		return Amount{}
	}
	return Amount{int64(minor), c.String()}
}

func amountOrNone(a *money.Amount) Amount {
	if a == nil {
		return Amount{}
	}
	return amountOf(a.Minor, a.Currency)
}

// amount reads what a program asks for; 0 is none, unless it is needed.
func (t *Till) amount(minor int64, currency string, needed bool) (*money.Amount, error) {
	switch {
	case minor == 0 && !needed:
		return nil, nil
	case minor <= 0 || minor > int64(money.MaxMinor):
		return nil, &Invalid{"Amount", fmt.Sprintf("must be from 1 to %d minor units", money.MaxMinor)}
	}
	c := t.currency
	if currency != "" {
		var err error
		if c, err = money.ParseCurrency(currency); err != nil {
			return nil, &Invalid{"Currency", "must be three digits of ISO 4217"}
		}
	}
	if c == 0 {
		return nil, &Invalid{"Currency", "is needed, here or in the settings"}
	}
	return &money.Amount{Minor: money.Minor(minor), Currency: c}, nil
}

// Transaction is an approved request. It waits for Confirm or Reverse.
type Transaction struct {
	ID        string // the request's, by which the upstream knows it
	Operation Operation
	Amount    Amount    // approved in all; none of a void, and of a product without a value
	At        time.Time // when it was sent
	Reference string    // as the program gave it; empty when it gave none

	till       *Till
	family     txn.Family
	references []ident.Reference
	serial     string // of the voucher that was sold
}

// Confirm says that the transaction went through. nil means that this is on the disk, and has been delivered or will
// be. To confirm again changes nothing.
//
// A *Declined is the upstream's no: the transaction is as it was before. One that is ErrEnded says that it was
// reversed already, by the program or by SettleWithin. One with DUPLICATE_RECORD says that the upstream has had the
// message before, so that it may have been confirmed there: find out before you end it again. After a *NotTaken or an
// *Unknown, which come when the directory cannot be used, call it again.
func (t *Transaction) Confirm(ctx context.Context) error {
	return t.end(ctx, txn.Confirmation, nil, "")
}

// ConfirmPart confirms less than was approved, in minor units of the transaction's currency, and gives the rest back.
// It is for activations, loads, redemptions and transfers; anything else is declined with INVALID_AMOUNT. The errors
// are Confirm's.
func (t *Transaction) ConfirmPart(ctx context.Context, minor int64) error {
	amount, err := t.till.amount(minor, t.Amount.Currency, true)
	if err != nil {
		return err
	}
	return t.end(ctx, txn.Confirmation, amount, "")
}

// Reverse says that the transaction never took effect. nil means that this is on the disk, and has been delivered or
// will be. To reverse again changes nothing, and that the upstream never had the request is no error. The errors are
// Confirm's; ErrEnded says that it was confirmed already.
func (t *Transaction) Reverse(ctx context.Context) error {
	return t.end(ctx, txn.Reversal, nil, txn.Cancelled)
}

func (t *Transaction) end(ctx context.Context, role txn.Role, approved *money.Amount, why txn.ReversalReason) error {
	err := t.advise(ctx, role, approved, why)
	if err == nil {
		t.till.hands.drop(ident.ID(t.ID))
	}
	var refusal *decline.Error
	if !errors.As(err, &refusal) {
		return explain(err, t.ID, false)
	}
	state, err := t.state(context.WithoutCancel(ctx))
	switch {
	case err != nil:
		return explain(err, t.ID, false)
	case role == txn.Reversal && state == txn.Reversed && refusal.Reason == decline.UnableToLocateRecord:
		return nil // the upstream never had the request: both sides agree that nothing has happened
	}
	declined := declinedWith(refusal, t.ID)
	declined.ended = role == txn.Confirmation && state == txn.Reversed || role == txn.Reversal && state == txn.Confirmed
	return declined
}

// advise sends an advice under a fresh id, and under another one when the till's own record has that: then nothing has
// been sent. An upstream that says so has had the advice, and one that keeps no books of advices would apply another.
func (t *Transaction) advise(ctx context.Context, role txn.Role, approved *money.Amount, why txn.ReversalReason) error {
	a := &airtime.Advice{Advice: txn.Advice{
		Family: t.family, Role: role, RequestID: ident.ID(t.ID), Sender: t.till.sender, Received: t.till.settings.now(),
		Approved: approved, References: t.references, Why: why, Origin: t.till.origin,
	}}
	if role == txn.Confirmation && t.namesVoucher() {
		a.Serial = t.serial
	}
	a.ID = t.till.newID()
	err := t.till.advise(ctx, a)
	if taken := duplicate(err); taken != nil && taken.Wire == nil {
		a.ID = t.till.newID()
		return t.till.advise(ctx, a)
	}
	return err
}

// namesVoucher says whether a confirmation names the voucher: in the older way always, and that of a purchase where it can.
func (t *Transaction) namesVoucher() bool {
	const longest = 20
	return t.family == txn.Voucher || ident.Alphanumeric(t.serial, 1, longest)
}

// advise hands an advice to the relay, which judges and keeps it before it is sent.
func (t *Till) advise(ctx context.Context, a *airtime.Advice) (err error) {
	if a.Family.IsAirtime() {
		a.Wire, err = airtimehttp.ComposeAdvice(a)
	} else {
		a.Wire, err = giftcardhttp.ComposeAdvice(&a.Advice)
	}
	if err != nil {
		return unsayable(err)
	}
	a.Body = exchange.Keep(a.Wire)
	if a.Family.IsAirtime() {
		_, err = t.airtime.Advise(ctx, a)
	} else {
		_, err = t.giftcard.Advise(ctx, &a.Advice)
	}
	return err
}

// state is how the transaction stands in the till's own record; Absent when that has none of it.
func (t *Transaction) state(ctx context.Context) (txn.State, error) {
	request, err := t.till.request(ctx, ident.ID(t.ID), t.family)
	if err != nil || request == nil {
		return txn.Absent, err
	}
	return request.State, nil
}

// request finds a request of the till's own by its id; nil when it sent none.
func (t *Till) request(ctx context.Context, id ident.ID, f txn.Family) (found *txn.Message, err error) {
	keys := saf.Keys{World: ident.Production, IDs: []ident.ID{id}}
	err = store.Queue(t.store).View(ctx, keys, func(tx saf.Tx) error {
		found = txn.Own(txn.Used(tx.Messages(id), f, txn.Request), account)
		return nil
	})
	return found, err
}

// ask sends a request under a fresh id, and once more under another one when that was in use: only who makes the ids
// can do that. The reversal of what went out under the first is the relay's business.
func ask[R any](t *Till, send func(id ident.ID) (R, error)) (R, error) {
	response, err := held(t, t.newID(), send)
	if duplicate(err) != nil {
		return held(t, t.newID(), send)
	}
	return response, err
}

// held sends a request and notes when its answer came: from then on the program has it in its hands.
func held[R any](t *Till, id ident.ID, send func(id ident.ID) (R, error)) (R, error) {
	t.hands.reach(id)
	response, err := send(id)
	if err != nil {
		t.hands.drop(id)
		return response, err
	}
	t.hands.hold(id, t.settings.now())
	return response, nil
}

// duplicate gives the refusal of an id that was in use: the upstream's has its words in Wire, the till's own has none.
// It is nil for anything else.
func duplicate(err error) *decline.Error {
	var refusal *decline.Error
	if errors.As(err, &refusal) && refusal.Reason == decline.DuplicateRecord {
		return refusal
	}
	return nil
}
