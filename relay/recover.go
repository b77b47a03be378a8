package relay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/scripworks/scrip/txn"
)

// Bounds of recovery.
const (
	recoverPage = 256 // requests that are read, and undone, together
	maxFailures = 16  // pages of which is told why something could not be undone
	maxStrays   = 4096
	tendEvery   = time.Second // how often it is tried to write down what became of requests, and looked for lost ones
)

// Start undoes what stands as sent: whoever was to hear of it is gone, and how it ended is unknown. Then it starts the
// lines and takes messages. It fails, and names the upstream, when something is in hand or queued for one that is not
// configured: it would wait for ever.
func (r *Relay) Start(ctx context.Context) error {
	r.started = r.settings.Now().Truncate(time.Millisecond) // as items keep it
	if err := r.checkConfigured(ctx); err != nil {
		return err
	}
	if err := r.Recover(ctx); err != nil {
		return fmt.Errorf("relay: recover what was in hand: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stage != starting {
		return errors.New("relay: it has been started or closed before")
	}
	for _, u := range r.upstreams {
		u.queue.start()
	}
	r.beside.Go(r.tend)
	r.stage = running
	return nil
}

// checkConfigured asks that whoever has something queued is still there.
func (r *Relay) checkConfigured(ctx context.Context) error {
	levels, err := r.settings.Reports.Levels(ctx)
	if err != nil {
		return fmt.Errorf("relay: count what is queued: %w", err)
	}
	missing := map[string]int{}
	for _, l := range levels {
		if r.upstreams[l.Upstream] == nil {
			missing[l.Upstream] += l.Count
		}
	}
	return unconfigured(missing)
}

func unconfigured(missing map[string]int) error {
	if len(missing) == 0 {
		return nil
	}
	var told []string
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		told = append(told, fmt.Sprintf("%q with %d", name, missing[name]))
	}
	return fmt.Errorf("relay: messages wait for an upstream that is not configured (%s): "+
		"keep it configured, without routes to it, until they are delivered or closed", strings.Join(told, ", "))
}

// Recover undoes every request that stands as sent and that no process has in hand any more, page by page. It is called at the
// start, and again and again while other processes may die; what two of them undo at once the second finds done. The error
// tells of those that could not be undone, among the others.
func (r *Relay) Recover(ctx context.Context) error {
	var failed []error
	for after := int64(0); ; {
		page, err := r.settings.Reports.Lost(ctx, after, recoverPage)
		if err != nil || len(page) == 0 {
			return errors.Join(append(failed, err)...)
		}
		if err := r.recoverPage(ctx, page); err != nil && len(failed) < maxFailures {
			failed = append(failed, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		after = page[len(page)-1].Seq
	}
}

// recoverPage undoes the requests of a page at the same time, so that they share commits.
func (r *Relay) recoverPage(ctx context.Context, page []txn.Message) error {
	var all sync.WaitGroup
	failed := make([]error, len(page))
	for i, m := range page {
		switch {
		case m.Upstream == "" || m.Ended != 0: // a vendor's own, or asked about already
		case r.upstreams[m.Upstream] == nil:
			failed[i] = unconfigured(map[string]int{m.Upstream: 1})
		default:
			all.Go(func() { failed[i] = r.undoLost(ctx, m, false) })
		}
	}
	all.Wait()
	return errors.Join(failed...)
}

// undoLost undoes a request from its record alone.
func (r *Relay) undoLost(ctx context.Context, m txn.Message, withdraw bool) error {
	references, err := r.identifiers(m)
	if err != nil { // a reversal is found by its request's id
		r.settings.Log.Error("a request is undone without the identifiers that it came with", "id", string(m.ID), "error", err)
	}
	ending, err := r.undoing(m, references)
	if err != nil {
		return err
	}
	ending.withdraw = withdraw
	return r.undo(ctx, ending)
}

// strays are the requests of which the store could not tell how they ended. Their senders have heard that nobody knows.
type strays struct {
	mu  sync.Mutex
	all map[int64]txn.Message
}

func (s *strays) add(m txn.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[int64]txn.Message{}
	}
	s.all[m.Seq] = m
}

func (s *strays) list() []txn.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.all))
}

func (s *strays) drop(seq int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, seq)
}

// full says that no more requests can be remembered, so that no more are taken.
func (s *strays) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all) >= maxStrays
}

// tend tries again and again to write down what became of strays, and looks for what other processes have lost, until the
// relay is closed.
func (r *Relay) tend() {
	again := time.NewTicker(tendEvery)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			r.sweepStrays(r.life)
			r.takeOver(r.life)
		case <-r.life.Done():
			return
		}
	}
}

// takeOver undoes what other processes have lost.
func (r *Relay) takeOver(ctx context.Context) {
	if !r.isShared() {
		return // nothing was lost but at the start
	}
	if err := r.Recover(ctx); err != nil && ctx.Err() == nil {
		if skipped, ok := r.logged.take("recover", r.settings.Now()); ok {
			r.settings.Log.Error("cannot take over what other processes had in hand", "error", err, "not_logged_before", skipped)
		}
	}
}

// sweepStrays undoes what it can of the strays, also what was saved as approved after all: its sender does not know. Those
// of a group are undone at the same time, so that one that cannot be does not hold up the others.
func (r *Relay) sweepStrays(ctx context.Context) {
	for group := range slices.Chunk(r.strays.list(), recoverPage) {
		var all sync.WaitGroup
		for _, m := range group {
			all.Go(func() {
				if err := r.undoLost(ctx, m, true); err == nil || errors.Is(err, errGone) {
					r.strays.drop(m.Seq)
				}
			})
		}
		if all.Wait(); ctx.Err() != nil {
			return
		}
	}
}
