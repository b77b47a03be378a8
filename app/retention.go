package app

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/store"
)

// Retention is how long messages are kept (docs/decisions/0021).
type Retention struct {
	Messages time.Duration // from when a message was received until it may be pruned; 0 keeps everything
	IDs      time.Duration // and until what was left of it is forgotten, its id included; 0 never
}

// Bounds of pruning.
const (
	retainEvery = time.Hour
	retainRest  = 10 * time.Millisecond // between two parts, at least, so that messages have the committer to themselves
	retainShare = 4                     // or so many times as long as the part took
	retainAgain = 16                    // how often in a row a part is tried that the store has no room for
	retainLease = "retention"
)

// pruned are the metrics of pruning.
type pruned struct {
	messages, forgotten prometheus.Counter
	oldest              prometheus.Gauge
}

func newPruned(r prometheus.Registerer) *pruned {
	p := &pruned{
		messages:  prometheus.NewCounter(prometheus.CounterOpts{Name: "scrip_pruned_messages_total", Help: "Messages that were pruned."}),
		forgotten: prometheus.NewCounter(prometheus.CounterOpts{Name: "scrip_forgotten_ids_total", Help: "Ids of pruned messages that were forgotten."}),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "scrip_oldest_message_seconds", Help: "Age of the oldest message that is kept whole, when it was last looked.",
		}),
	}
	r.MustRegister(p.messages, p.forgotten, p.oldest)
	return p
}

// retain prunes what is older than is kept, again and again. On a store that several processes share one of them does it.
func (a *App) retain(ctx context.Context) {
	again(ctx, retainEvery, func() { a.complain(ctx, "prune old messages", a.Retain(ctx, a.settings.Now())) })
}

// Retain prunes what is older than is kept, part by part and with a rest after each, and then forgets what is older still.
// It gives up, without an error, when another process is at it.
func (a *App) Retain(ctx context.Context, now time.Time) error {
	driver := a.Store.Driver()
	defer func() { _ = driver.Release(context.WithoutCancel(ctx), retainLease) }() // it ends by itself otherwise
	oldest, before := time.Time{}, now.Add(-a.settings.Retention.Messages)
	for after, more := int64(0), true; more; {
		var done store.Pruned
		held, err := a.inParts(ctx, func() (err error) { done, err = a.Store.Prune(ctx, before, after); return err })
		if err != nil || !held {
			return err
		}
		a.pruned.messages.Add(float64(done.Messages))
		if !done.Oldest.IsZero() && (oldest.IsZero() || done.Oldest.Before(oldest)) {
			oldest = done.Oldest
		}
		after, more = done.Next, done.Next != 0
	}
	a.pruned.oldest.Set(0)
	if !oldest.IsZero() {
		a.pruned.oldest.Set(now.Sub(oldest).Seconds())
	}
	return a.forget(ctx, now)
}

// forget forgets ids that are older than is remembered.
func (a *App) forget(ctx context.Context, now time.Time) error {
	if a.settings.Retention.IDs == 0 {
		return nil
	}
	before := now.Add(-a.settings.Retention.IDs)
	for gone := 1; gone > 0; {
		held, err := a.inParts(ctx, func() (err error) { gone, err = a.Store.ForgetPruned(ctx, before); return err })
		if err != nil || !held {
			return err
		}
		a.pruned.forgotten.Add(float64(gone))
	}
	return nil
}

// inParts does one part, while this process holds the lease, and rests. When the store has no room for it, it waits until
// there is some.
func (a *App) inParts(ctx context.Context, part func() error) (held bool, err error) {
	for range retainAgain {
		if held, err = a.Store.Driver().Lease(ctx, retainLease); err != nil || !held {
			return held, err
		}
		began := time.Now()
		err = part()
		rest := max(retainRest, retainShare*time.Since(began))
		var turned *decline.NotTaken
		busy := errors.As(err, &turned) && turned.Cause == decline.Overloaded
		if busy {
			rest = max(rest, turned.After)
		}
		select {
		case <-time.After(rest):
		case <-ctx.Done():
			return held, errors.Join(err, ctx.Err())
		}
		if !busy {
			return held, err
		}
	}
	return held, err
}
