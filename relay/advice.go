package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// advise takes an advice over: it is judged by our own record and committed with its item, and then waits for a while for
// what the upstream says. A nil answer without an error says that it is taken over, or that there was nothing to do.
func (r *Relay) advise(ctx context.Context, a *txn.Advice) (*txn.Answer, error) {
	end, err := r.begin()
	if err != nil {
		return nil, err
	}
	defer end()
	land, err := r.intake.Await(ctx, a)
	if err != nil {
		return nil, err
	}
	defer land()
	done, err := r.alone(ctx, a)
	if err != nil {
		return nil, err
	}
	defer done()
	e, err := r.prepare(a)
	if err != nil {
		return nil, err
	}
	return e.take(ctx)
}

// alone waits until no other advice of the same request is being decided, and keeps others from it until done is called:
// what is acknowledged as a repeat must not be taken back by a refusal of the first one.
func (r *Relay) alone(ctx context.Context, a *txn.Advice) (done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, r.settings.Hold)
	defer cancel()
	for {
		if done, ok := r.ending.TakeOffAlone(a.Sender.World, a.RequestID); ok {
			return done, nil
		}
		if r.ending.Wait(ctx, a.Sender.World, a.RequestID) != nil {
			return nil, txn.ErrInFlight
		}
	}
}

// ending is one advice on its way to its upstream. What is above tx is prepared once; what is below is made anew each
// time the store lets it run.
type ending struct {
	*txn.Ending
	relay  *Relay
	rules  *rules
	wire   txn.Wire
	sealed []byte

	at   time.Time // when it is decided
	tx   saf.Tx
	item saf.Item // zero when nothing is to be sent
}

var _ txn.Effect = (*ending)(nil)

func (r *Relay) prepare(a *txn.Advice) (*ending, error) {
	e := &ending{relay: r, rules: rulesOf(a.Family), wire: a.Wire}
	if e.wire == nil {
		e.wire = exchange.ComposeAdvice(a)
	}
	var err error
	if e.sealed, err = r.intake.Seal(e.wire); err != nil {
		return nil, err
	}
	e.Ending, err = r.intake.Prepare(a, e)
	return e, err
}

// take decides the advice and has it sent.
func (e *ending) take(ctx context.Context) (*txn.Answer, error) {
	err := e.decide(ctx)
	if errors.Is(err, txn.ErrInFlight) {
		if err = e.awaitRequest(ctx); err == nil {
			err = e.decide(ctx)
		}
	}
	if err == nil {
		e.relay.bring(e.item)
	}
	switch {
	case err != nil:
		return nil, err
	case e.Refusal != nil:
		return nil, e.refused(ctx)
	case e.item.Seq == 0:
		return nil, nil
	}
	return e.deliver(ctx)
}

// awaitRequest waits for the outcome of a request that was sent while its advice came in, or asks for that of one that is
// being asked about anyway.
func (e *ending) awaitRequest(ctx context.Context) error {
	if e.Request.State == txn.Working && e.Request.Ended != 0 {
		if e.relay.askNow(ctx, e.Request) != nil {
			return txn.ErrInFlight
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.relay.settings.Hold)
	defer cancel()
	if e.relay.intake.Flights.Wait(ctx, e.Request.World, e.Request.ID) != nil {
		return txn.ErrInFlight
	}
	return e.awaitOthers(ctx)
}

// awaitOthers waits until no other process has the request in hand, or an advice of it that may still be taken back.
func (e *ending) awaitOthers(ctx context.Context) error {
	if !e.relay.isShared() {
		return nil
	}
	m := e.Request
	keys := saf.Keys{World: m.World, Seqs: []int64{m.Seq}}
	if m.State != txn.Working {
		keys.Items = []int64{m.Ended}
	}
	err := e.relay.poll(ctx, keys, func(tx saf.Tx) bool {
		now, found := tx.MessageAt(m.Seq)
		return !found || (now.State != txn.Working || now.Ended != 0) && !e.relay.mayBeTakenBack(tx, now)
	})
	if err != nil {
		return txn.ErrInFlight
	}
	return nil
}

// decide judges and records the advice, whatever its sender does. Nothing is judged by an advice that another process may
// still take back: the error is txn.ErrInFlight.
func (e *ending) decide(ctx context.Context) error {
	a := e.Advice
	keys := saf.Keys{World: a.Sender.World, IDs: a.Keys()}
	e.at = e.relay.settings.Now().Truncate(time.Millisecond)
	return e.relay.settings.Store.Update(context.WithoutCancel(ctx), keys, func(tx saf.Tx) error {
		e.tx, e.item = tx, saf.Item{}
		err := e.Run(tx)
		if err == nil && e.item.Seq == 0 && e.relay.mayBeTakenBack(tx, e.Request) {
			return txn.ErrInFlight
		}
		return err
	})
}

// Whole implements txn.Effect.
func (e *ending) Whole(t *txn.Ending) (full money.Minor, partial bool) {
	full, partial = e.rules.whole(t.Request)
	u := e.relay.upstreams[t.Request.Upstream]
	return full, partial && (u == nil || !u.Profile.NoPartial)
}

// OtherEnding implements txn.Effect.
func (e *ending) OtherEnding(t *txn.Ending) decline.Reason {
	return e.rules.otherEnding(t.Advice.Role, t.Request.Family)
}

// Check refuses to reverse what stands where there are no reversals (docs/rules.md section 6).
func (e *ending) Check(t *txn.Ending) *decline.Error {
	u := e.relay.upstreams[t.Request.Upstream]
	if t.Advice.Role == txn.Reversal && u != nil && u.Profile.NoReversals {
		return decline.New(decline.TransactionNotSupported, "the upstream takes nothing back, and it has approved this").With(t.Detail())
	}
	return nil
}

// Apply puts the advice into its upstream's queue. One that the upstream has no place for is answered here, which its
// record says by naming no upstream.
func (e *ending) Apply(t *txn.Ending) error {
	u := e.relay.upstreams[t.Request.Upstream]
	if u == nil {
		return fmt.Errorf("relay: request %s was passed on to %q, which is not configured", t.Request.ID, t.Request.Upstream)
	}
	value := t.Request.Amount
	if t.Advice.Role == txn.Confirmation {
		t.Confirm()
		value = t.Request.Final
		if u.Profile.NoConfirmations {
			t.Message.Upstream = ""
			return nil
		}
	}
	t.Message.Amount = value
	e.item = saf.Item{
		Seq: t.Message.Seq, Upstream: u.Name, World: t.Message.World, Account: t.Message.Account, Family: t.Message.Family,
		Role: t.Message.Role, ID: t.Message.ID, Request: t.Request.Seq, RequestID: t.Request.ID, At: e.at,
		Amount: value, Currency: t.Request.Currency, Body: e.sealed, State: saf.Waiting,
	}
	e.tx.AddItem(e.item)
	return nil
}

// deliver offers the advice to its line and waits for what the upstream says, but not for long, and not when nobody is
// there any more to be told.
func (e *ending) deliver(ctx context.Context) (*txn.Answer, error) {
	queue := e.relay.upstreams[e.item.Upstream].queue
	if ctx.Err() != nil {
		queue.enqueue(e.item)
		return nil, nil
	}
	offered := queue.offer(e.item, e.wire)
	ctx, cancel := context.WithTimeout(ctx, e.relay.settings.AdviceWait)
	defer cancel()
	answer, err, final := offered.await(ctx)
	var refusal *decline.Error
	switch {
	case !final:
		return nil, nil
	case !errors.As(err, &refusal):
		return answer, nil
	case saf.Read(e.Advice.Role, err).Outcome == saf.Delivered:
		return nil, refusal
	}
	stands, err := e.takeBack(ctx, refusal)
	offered.recorded(err)
	switch {
	case err != nil:
		return nil, err
	case stands:
		return nil, nil
	}
	return nil, refusal
}

// takeBack undoes, in one commit, an advice that its upstream has refused while its sender still waits: the request is
// open again, and whoever asked decides. When that cannot be committed, the advice needs attention. It stands when its item is
// gone: an operator has closed it, or another process has had a yes.
func (e *ending) takeBack(ctx context.Context, refusal *decline.Error) (stands bool, err error) {
	err = e.relay.keep(ctx, e.Request, func(tx saf.Tx, request txn.Message) error {
		stands = false
		advice, found := tx.MessageAt(e.item.Seq)
		if !found || request.Ended != e.item.Seq {
			return nil // a try that seemed to fail was saved
		}
		if _, queued := tx.Item(e.item.Seq); !queued {
			stands = true
			return nil
		}
		if e.relay.isShared() && e.relay.age(e.item) >= e.relay.settings.AdviceWait+takenBackBy {
			return fmt.Errorf("%w: others may have judged by it", errGone)
		}
		request.State, request.Ended, request.Final = txn.Open, 0, 0
		advice.State, advice.Reason = txn.Declined, refusal.Reason
		tx.Amend(request)
		tx.Amend(advice)
		tx.DropItem(e.item.Seq)
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("take back a refused %s: %w", e.Advice.Role, err)
	}
	return stands, nil
}

// refused gives why the advice was refused. Why an activation stands that has been confirmed its card alone tells, and the
// card is the upstream's: once that has heard of the confirmation it can only refuse the reversal, and so it is asked for
// its reason. Whatever it says, the advice stays refused.
func (e *ending) refused(ctx context.Context) error {
	m := e.Request
	u := e.relay.upstreams[m.Upstream]
	if e.Refusal.Reason != decline.CardActivated || m.State != txn.Confirmed || u == nil {
		return e.Refusal
	}
	ctx, cancel := context.WithTimeout(ctx, e.relay.settings.AdviceWait)
	defer cancel()
	if !e.relay.delivered(ctx, m) {
		return e.Refusal
	}
	passed := *e.Advice
	passed.Wire = e.wire
	err := e.relay.put(ctx, u, passed.Role.String(), m.Account, func(ctx context.Context) error {
		_, err := u.advise(ctx, &passed)
		return err
	})
	var theirs *decline.Error
	switch {
	case errors.As(err, &theirs) && theirs.Reason != decline.UnableToLocateRecord:
		return theirs
	case err == nil:
		e.relay.settings.Log.Error("an upstream has reversed what it had confirmed", "upstream", u.Name, "id", string(m.ID))
		e.relay.alarm(Contradicted, m.Account)
	}
	return e.Refusal
}

// deliveredPoll is how often it is looked whether an item is gone, which is noted behind.
const deliveredPoll = 20 * time.Millisecond

// delivered waits until what ended a request has left its queue.
func (r *Relay) delivered(ctx context.Context, m txn.Message) bool {
	for {
		queued := true
		err := r.settings.Store.View(ctx, saf.Keys{World: m.World, Items: []int64{m.Ended}}, func(tx saf.Tx) error {
			_, queued = tx.Item(m.Ended)
			return nil
		})
		if err == nil && !queued {
			return true
		}
		select {
		case <-time.After(deliveredPoll):
		case <-ctx.Done():
			return false
		}
	}
}

// Upstream tells to whom a request of an account was passed on, so that its advices go there, too. It is empty when a
// service of our own took it.
func (r *Relay) Upstream(ctx context.Context, s *txn.Sender, f txn.Family, request ident.ID) (upstream string, found bool, err error) {
	keys := saf.Keys{World: s.World, IDs: []ident.ID{request}}
	err = r.settings.Store.View(ctx, keys, func(tx saf.Tx) error {
		upstream, found = "", false
		for _, m := range tx.Messages(request) {
			if m.Role == txn.Request && m.Account == s.Account && m.Family == f {
				upstream, found = m.Upstream, true
			}
		}
		return nil
	})
	return upstream, found, err
}
