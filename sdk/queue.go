package sdk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/adminhttp"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// Queue is what waits to be delivered.
type Queue struct {
	Depth     int       // confirmations, reversals and questions that are being delivered
	Oldest    time.Time // since when the oldest of them waits; zero when nothing does
	Attention int       // that wait for a person; see Till.Attention
	Away      bool      // the upstream has not answered for a while, and is tried by one message at a time until it does
	// Stopped says why nothing is sent at all: the upstream does not accept the credential, or is not the contracts'
	// server. It is empty while things are sent. Till.Resume tries again.
	Stopped string
}

// Age is for how long the oldest has been waiting at an instant; 0 when nothing waits.
func (q Queue) Age(now time.Time) time.Duration {
	if q.Oldest.IsZero() {
		return 0
	}
	return now.Sub(q.Oldest)
}

// Queue tells what waits to be delivered. What has been delivered a moment ago may still be counted.
func (t *Till) Queue(ctx context.Context) (Queue, error) {
	levels, err := t.store.Driver().Levels(ctx)
	if err != nil {
		return Queue{}, fmt.Errorf("sdk: count the queue: %w", err)
	}
	var q Queue
	for _, l := range levels {
		if l.State == saf.Attention {
			q.Attention += l.Count
			continue
		}
		q.Depth += l.Count
		if q.Oldest.IsZero() || l.Oldest.Before(q.Oldest) {
			q.Oldest = l.Oldest
		}
	}
	for _, view := range t.relay.Queues() {
		q.Away = view.Breaker != saf.BreakerStates[0]
		for _, stop := range view.Stopped {
			q.Stopped = stop.Why
		}
	}
	return q, nil
}

// Resume has the queue tried again at once after Queue.Stopped, once what was wrong has been put right upstream. Open
// does so, too.
func (t *Till) Resume() { t.relay.Look(upstream) }

// How often Drain looks: each look counts the whole queue, so they become fewer the longer it takes.
const (
	drainFirst = 20 * time.Millisecond
	drainMost  = time.Second
)

// Drain waits until nothing waits to be delivered any more. It is ErrAttention when only what needs attention is
// left, and the context's error when that ends first. What other goroutines confirm and reverse meanwhile is waited
// for as well. Give it a context with a deadline: while the upstream is away, or nothing is sent at all
// (Queue.Stopped), it goes on waiting.
func (t *Till) Drain(ctx context.Context) error {
	for wait := drainFirst; ; wait = min(2*wait, drainMost) {
		q, err := t.Queue(ctx)
		switch {
		case err != nil:
			return err
		case q.Depth == 0 && q.Attention > 0:
			return ErrAttention
		case q.Depth == 0:
			return nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("sdk: %d wait to be delivered: %w", q.Depth, ctx.Err())
		}
	}
}

// Undelivered is a decision that cannot be delivered: the upstream refused it when nobody waited for its answer any
// more, or does not let the till in. The two sides disagree until a person has looked at it.
type Undelivered struct {
	ID            string    // of the confirmation or the reversal; of a question the transaction's
	TransactionID string    // of the request it is about
	Operation     Operation // of that request
	Decision      string    // confirmation, reversal, or request: a question how the request ended
	Amount        Amount    // what is at stake
	Since         time.Time
	Attempts      int
	Why           string // for people

	till *Till
	seq  int64
}

// Attention lists what waits for a person, oldest first.
func (t *Till) Attention(ctx context.Context) ([]*Undelivered, error) {
	var all []*Undelivered
	for after := int64(0); ; {
		items, err := t.store.Driver().Items(ctx, upstream, []saf.State{saf.Attention}, after, settledPage)
		if err != nil {
			return nil, fmt.Errorf("sdk: list what needs attention: %w", err)
		}
		for _, i := range items {
			after = i.Seq
			all = append(all, &Undelivered{
				ID: string(i.ID), TransactionID: string(i.RequestID), Operation: Operation(i.Family.String()), Decision: i.Role.String(),
				Amount: amountOf(i.Amount, i.Currency), Since: i.At, Attempts: i.Attempts, Why: i.Why, till: t, seq: i.Seq,
			})
		}
		if len(items) < settledPage {
			return all, nil
		}
	}
}

// Retry puts it back into the queue, once what was wrong has been put right.
func (s *Undelivered) Retry(ctx context.Context, reason string) error {
	return s.act(func(o *admin.Office, by admin.By) error {
		_, err := o.RetryItem(ctx, by, s.seq)
		return err
	}, reason)
}

// Close gives it up: it is sent no more, because the two sides have been brought to agree by other means. reason is
// kept. Where Decision is request, confirmed says how that request ended; otherwise it means nothing.
func (s *Undelivered) Close(ctx context.Context, confirmed bool, reason string) error {
	var ending txn.Role
	if s.Decision == txn.Request.String() {
		ending = txn.Reversal
		if confirmed {
			ending = txn.Confirmation
		}
	}
	return s.act(func(o *admin.Office, by admin.By) error {
		_, err := o.CloseItem(ctx, by, s.seq, ending)
		return err
	}, reason)
}

// act does what a person has decided, and keeps who did what for which reason.
func (s *Undelivered) act(do func(*admin.Office, admin.By) error, reason string) error {
	t := s.till
	by := admin.By{Operator: "till", Role: admin.Admin, World: ident.Production, At: t.settings.now(), Reason: reason}
	err := do(t.office, by)
	var refusal *admin.Refusal
	if errors.As(err, &refusal) {
		return &Invalid{"Undelivered", refusal.Error()}
	}
	if err != nil {
		return explain(err, s.TransactionID, false)
	}
	return nil
}

// openOffice makes the place where that is done. There are no accounts or products in it.
func (t *Till) openOffice(ctx context.Context) error {
	register, err := admin.LoadRegister(ctx, t.store.Driver(), adminhttp.Codec{})
	if err != nil {
		return fmt.Errorf("sdk: %w", err)
	}
	t.office = admin.NewOffice(admin.Settings{
		Store: store.Admin(t.store), Reports: t.store.Driver(), Register: register, Keys: t.keys, Codec: adminhttp.Codec{},
		Queues: t.relay, NewID: secret.NewID,
	})
	return nil
}
