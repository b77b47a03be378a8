package airtime

import (
	"context"
	"errors"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/txn"
)

// statusTimeout is how long a provider may take to tell a status, unless ProviderTimeout is shorter.
const statusTimeout = 10 * time.Second

// question is what is wanted of a provider.
type question struct {
	now  time.Time
	gone bool // somebody wants it taken back
	// reverse records the sender's own reversal of what is still worked on, or that it is refused; nil when there is none.
	reverse func(ctx context.Context) error
}

// ask resolves a top-up for somebody who waits as long as ctx lasts. The work goes on when they leave. Only work takes a
// place among what is in hand; who waits for somebody else's does not. The error is txn.ErrInFlight when it is not
// resolved.
func (v *Vendor) ask(ctx context.Context, m txn.Message, q question) error {
	pass, err := v.awaitTurn(ctx, m)
	if err != nil {
		return err
	}
	end, err := v.begin()
	if err != nil {
		pass()
		return txn.ErrInFlight // the advice may stand already, so it must not be turned away
	}
	answer := make(chan error, 1)
	go func() {
		err := v.resolve(v.life, m, q)
		pass()
		end()
		answer <- err
	}()
	select {
	case err := <-answer:
		if err != nil {
			return txn.ErrInFlight
		}
		return nil
	case <-ctx.Done():
		return txn.ErrInFlight
	}
}

// inTurn does something about a request while nobody else of this process does.
func (v *Vendor) inTurn(ctx context.Context, m txn.Message, do func(context.Context) error) error {
	pass, err := v.awaitTurn(ctx, m)
	if err != nil {
		return err
	}
	defer pass()
	return do(ctx)
}

// awaitTurn takes the turn of a request until pass is called. It waits at most ProviderTimeout; the error is
// txn.ErrInFlight when the turn does not come.
func (v *Vendor) awaitTurn(ctx context.Context, m txn.Message) (pass func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	for {
		if pass, ok := v.turns.TakeOffAlone(m.World, m.ID); ok {
			return pass, nil
		}
		if v.turns.Wait(ctx, m.World, m.ID) != nil {
			return nil, txn.ErrInFlight
		}
	}
}

// resolve ends a top-up or its reversal if its provider tells how. nil means that it has ended, or that the sender's
// reversal is refused. The caller has its turn.
func (v *Vendor) resolve(ctx context.Context, m txn.Message, q question) error {
	m, err := v.reload(ctx, m)
	if err != nil {
		return err
	}
	switch m.State {
	case txn.Working:
		return v.resolveWorking(ctx, m, q)
	case txn.Reversing:
		return v.resolveReversing(ctx, m, q)
	}
	return nil
}

func (v *Vendor) reload(ctx context.Context, m txn.Message) (now txn.Message, err error) {
	err = v.store.View(ctx, Keys{World: m.World}, func(tx Tx) error {
		found := false
		if now, found = tx.MessageAt(m.Seq); !found {
			return errUnresolved
		}
		return nil
	})
	return now, err
}

// resolveWorking goes by the provider's status. A top-up that is wanted back, or whose provider has no status, is taken
// back.
func (v *Vendor) resolveWorking(ctx context.Context, m txn.Message, q question) error {
	p, err := v.providerFor(m)
	if err != nil {
		return err
	}
	can := p.Can()
	if can.Status {
		if e, known := v.status(ctx, p, m, q); known {
			return v.recorded(m, e)
		}
	}
	unsent := !q.now.Before(m.At.Add(v.timeout)) // nobody sends it any more
	if !can.Reverses || !unsent || (can.Status && !q.gone) {
		return errUnresolved
	}
	if m, err = v.beginReversal(ctx, m, q); err != nil || m.State != txn.Reversing {
		return err
	}
	return v.resolveReversing(ctx, m, q)
}

// status asks the provider how an order ended. known is false when that cannot be told now.
func (v *Vendor) status(ctx context.Context, p Provider, m txn.Message, q question) (e ending, known bool) {
	ctx, cancel := context.WithTimeout(ctx, min(v.timeout, statusTimeout))
	defer cancel()
	progress, err := p.Status(ctx, orderOf(m))
	if err != nil {
		return e, false
	}
	e.of = m.State
	switch progress.Stage {
	case Done:
		e.reference = progress.Reference
		return e, true
	case Failed:
		e.why = decline.New(decline.DeclinedByMNO, "the provider refused it")
		if progress.Why != nil {
			errors.As(byProvider(progress.Why), &e.why)
		}
		return e, true
	case NeverReceived:
		e.why = decline.New(decline.UpstreamUnavailable, "the provider has not received it")
		return e, q.now.After(m.At.Add(2 * v.timeout))
	}
	return e, false
}

// resolveReversing asks the provider again to take the top-up back, and goes by its status where it cannot.
func (v *Vendor) resolveReversing(ctx context.Context, m txn.Message, q question) error {
	p, err := v.providerFor(m)
	if err != nil {
		return err
	}
	e := ending{of: txn.Reversing}
	if !p.Can().Reverses {
		known := false
		if p.Can().Status {
			e, known = v.status(ctx, p, m, q)
		}
		if !known {
			return errUnresolved
		}
		return v.recorded(m, e)
	}
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	var refusal *decline.Error
	switch err := p.Reverse(ctx, orderOf(m)); {
	case err == nil:
		e.why = decline.New(decline.UpstreamUnavailable, "the provider has taken it back")
	case !errors.As(err, &refusal):
		return errUnresolved
	}
	return v.recorded(m, e)
}

// recorded saves how a top-up ended for somebody who does not ask how, only whether.
func (v *Vendor) recorded(m txn.Message, e ending) error {
	var unknown *decline.Unknown
	if err := v.record(m, e); errors.As(err, &unknown) {
		return errUnresolved
	}
	return nil
}

// beginReversal records who takes a top-up back whose outcome could not be learned, and gives the request as it stands
// then: by the sender's own reversal, or else by the vendor itself. It is recorded before the provider is asked, so that
// nothing else ends it meanwhile.
func (v *Vendor) beginReversal(ctx context.Context, m txn.Message, q question) (txn.Message, error) {
	if q.reverse == nil {
		return v.reverseByItself(m, q)
	}
	if err := q.reverse(ctx); err != nil {
		return m, err
	}
	return v.reload(ctx, m)
}

func (v *Vendor) reverseByItself(m txn.Message, q question) (txn.Message, error) {
	effect := &effect{vendor: v}
	e, err := v.intake.Prepare(&txn.Advice{
		Family: m.Family, Role: txn.Reversal, ID: vendorsOwn(m), RequestID: m.ID, Sender: v.sender(m.World, m.Account), Received: q.now,
	}, effect)
	if err != nil {
		return m, err
	}
	keys := Keys{World: m.World, IDs: e.Advice.Keys()}
	err = v.store.Update(context.WithoutCancel(v.life), keys, func(tx Tx) error {
		effect.begin(tx)
		now, found := tx.MessageAt(m.Seq)
		if !found || now.State != txn.Working {
			return errUnresolved
		}
		return e.Settle(tx, now)
	})
	return e.Request, err
}

// orderOf gives an order as a provider is reminded of it.
func orderOf(m txn.Message) Order {
	return Order{ID: m.ID, World: m.World, Placed: m.At, Reference: m.ProviderRef}
}
