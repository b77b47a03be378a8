package airtime

import (
	"context"
	"errors"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// Settlement is an operator's ending of a purchase that nobody confirmed or reversed, or whose provider does not say
// how it ended.
type Settlement struct {
	World     ident.World
	Family    txn.Family // of the request: purchases and vouchers have ids of their own
	RequestID ident.ID
	Role      txn.Role // Confirmation: it took place. Reversal: it did not, or is to be undone.
	ID        ident.ID // of the act
	At        time.Time
	Sender    *txn.Sender // the account whose request it is
	// Note is called in the same commit, with the seq of the act; it records who did it and why.
	Note func(tx Tx, message int64) error
}

// Settle ends a request for its sender. A later advice of the sender that agrees is acknowledged, one that disagrees is
// refused.
//
// What is open is confirmed or reversed as by an advice: a top-up's provider is asked to take it back, where it can;
// where it cannot, the operator's word counts. What a provider is still at work on is asked for first; if that does not
// end it, the operator's word counts. It declines with UnableToLocateRecord, and with TransactionNotSupported what has
// ended already or the provider refuses to take back. A *decline.Unknown: the act stands, and the provider has yet to
// agree. A *decline.NotTaken: nothing was done, because a provider is being asked at this moment.
func (v *Vendor) Settle(ctx context.Context, s Settlement) error {
	request, err := v.find(ctx, s)
	if err != nil {
		return err
	}
	effect := &effect{vendor: v}
	var e *txn.Ending
	err = v.inTurn(ctx, request, func(ctx context.Context) error {
		if err := v.resolve(ctx, request, question{now: s.At, gone: s.Role == txn.Reversal}); err != nil && ctx.Err() != nil {
			return err
		}
		e, err = v.settle(ctx, s, request, effect)
		return err
	})
	switch {
	case errors.Is(err, txn.ErrInFlight):
		return &decline.NotTaken{Cause: decline.Overloaded, Text: "its provider is being asked at this moment", After: time.Second}
	case err != nil:
		return err
	case !effect.asks:
		v.tellConfirmed(e)
		return nil
	}
	err = v.agree(ctx, e)
	if errors.Is(err, txn.ErrInFlight) {
		return v.unknown(s.RequestID)
	}
	return err
}

// find gives the request as it was a moment ago.
func (v *Vendor) find(ctx context.Context, s Settlement) (request txn.Message, err error) {
	err = v.store.View(ctx, Keys{World: s.World, IDs: []ident.ID{s.RequestID}}, func(tx Tx) error {
		request = txn.Message{}
		for _, m := range tx.Messages(s.RequestID) {
			if m.Role == txn.Request && m.Family == s.Family && m.Account == s.Sender.Account {
				request = m
			}
		}
		return nil
	})
	if err == nil && request.Seq == 0 {
		return request, txn.Unlocated()
	}
	return request, err
}

// settle records the act. The caller has the request's turn.
func (v *Vendor) settle(ctx context.Context, s Settlement, request txn.Message, effect *effect) (*txn.Ending, error) {
	e, err := v.intake.Prepare(&txn.Advice{
		Family: s.Family, Role: s.Role, ID: s.ID, RequestID: s.RequestID, Sender: s.Sender, Received: s.At,
	}, effect)
	if err != nil {
		return nil, err
	}
	var refusal *decline.Error
	keys := Keys{World: s.World, IDs: []ident.ID{s.ID, s.RequestID}}
	err = v.store.Update(ctx, keys, func(tx Tx) error {
		refusal = nil
		effect.begin(tx)
		now, found := tx.MessageAt(request.Seq)
		if !found {
			return errUnresolved
		}
		if effect.final, refusal = v.maySettle(now); refusal != nil {
			return nil
		}
		if err := e.Settle(tx, now); err != nil {
			return err
		}
		return s.Note(tx, e.Message.Seq)
	})
	if err == nil && refusal != nil {
		err = refusal
	}
	return e, err
}

// maySettle says whether the operator's word alone ends a request, or refuses what has ended.
func (v *Vendor) maySettle(m txn.Message) (final bool, refusal *decline.Error) {
	switch {
	case m.State == txn.Working || m.State == txn.Reversing:
		return true, nil
	case m.State != txn.Open:
		return false, decline.New(decline.TransactionNotSupported, "the request is %s", m.State)
	case m.Voucher != 0:
		return true, nil
	}
	p, err := v.providerFor(m)
	return err != nil || !p.Can().Reverses, nil
}
