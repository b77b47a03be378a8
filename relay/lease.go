package relay

import (
	"context"
	"sync"
	"time"

	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// Leases say which of the processes on a store does what one alone is to do at a time. A lease is a matter of order, never of
// safety.
type Leases interface {
	// Lease takes the lease with a name for LeaseTime, or prolongs one that this process holds, and says whether it holds
	// it now.
	Lease(ctx context.Context, name string) (held bool, err error)
	// Release gives a lease up. One that this process does not hold stays as it is.
	Release(ctx context.Context, name string) error
}

// LeaseTime is how long a lease lives after it was last taken.
const LeaseTime = 5 * time.Second

// Bounds of what several processes leave to each other.
const (
	renewEvery   = time.Second            // how often a lease is asked for, and prolonged
	renewTimeout = 2 * time.Second        // for one answer
	leaseMargin  = 500 * time.Millisecond // before its end a lease counts as lost
	takenBackBy  = 2 * time.Second        // after adviceWait a refusal is taken back no more
	leftAlone    = 3 * time.Second        // after adviceWait others may send what a process has committed
	awaitFirst   = 50 * time.Millisecond  // before the store is asked again what another process has made of a request
	awaitMost    = 500 * time.Millisecond // later on
)

// isShared says whether other processes may be at work on the store.
func (r *Relay) isShared() bool { return r.settings.Leases != nil }

// brought are the items that this process has committed lately.
type brought struct {
	mu   sync.Mutex
	seqs saf.Recent
}

func (b *brought) add(seq int64, now time.Time, while time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seqs.Turn(now, while)
	b.seqs.Add(seq)
}

// bring remembers an item that has been committed here.
func (r *Relay) bring(i saf.Item) {
	if r.isShared() && i.Seq != 0 {
		r.brought.add(i.Seq, r.settings.Now(), r.settings.AdviceWait+leftAlone)
	}
}

func (b *brought) has(seq int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seqs.Has(seq)
}

// age gives for how long an item has been queued, whichever of two clocks is ahead.
func (r *Relay) age(i saf.Item) time.Duration { return r.settings.Now().Sub(i.At).Abs() }

// mayBeTakenBack says whether what ended a request is an advice that another process has just committed, and may still be
// told to its sender as refused.
func (r *Relay) mayBeTakenBack(tx saf.Tx, request txn.Message) bool {
	if !r.isShared() || request.Ended == 0 || r.brought.has(request.Ended) {
		return false
	}
	i, queued := tx.Item(request.Ended)
	if !queued || i.State != saf.Waiting || i.Role == txn.Request || r.age(i) >= r.settings.AdviceWait+leftAlone {
		return false
	}
	advice, found := tx.MessageAt(request.Ended)
	return found && !isOwn(advice, i)
}

// poll waits until something holds in the store. It asks now, and then now and again until ctx ends.
func (r *Relay) poll(ctx context.Context, keys saf.Keys, holds func(saf.Tx) bool) error {
	for wait := awaitFirst; ; wait = min(2*wait, awaitMost) {
		over := false
		err := r.settings.Store.View(ctx, keys, func(tx saf.Tx) error {
			over = holds(tx)
			return nil
		})
		if err == nil && over {
			return nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
