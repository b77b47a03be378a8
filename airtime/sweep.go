package airtime

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scripworks/scrip/txn"
)

// Bounds of a sweep.
const (
	// SweepTime is how long one call of Resolve asks providers; the next goes on where it stopped.
	SweepTime   = 10 * time.Second
	resolvePage = 256 // messages in memory at once, besides those that are being asked about
	resolvers   = 32  // questions to one provider at once
	// silence is how long a sweep waits for one of them to end. A provider that lets all of them wait for that long is left
	// out of the rest of the sweep, so that it does not hold up the others.
	silence = 2 * time.Second
)

// Resolve goes once through all top-ups of our own whose provider has not said how they ended, and tries to end those that this
// process is not asking for already. left is how many remain: for the next sweep, or for an operator. It may be called
// as often as one likes, by one caller at a time, before Close. An error is the store's, or that of ctx. Of several processes
// on a store one does well to call it: nothing goes wrong when two do, but providers are asked twice.
//
// It asks for SweepTime at most, and the next call begins with the first that was left out then; the rest is only
// counted. What is being asked at its end goes on, until ctx ends or the vendor gives up.
//
// A top-up that was being worked on is ended by its provider's status. Where the provider has none but takes back, it
// is taken back, once nobody can be sending it any more: ProviderTimeout after it was placed. That the provider has
// never received it counts only after twice that time (docs/rules.md 3.2), because an order may still be on its way.
// A reversal is asked for again until the provider agrees or refuses. Nothing is guessed: what none of this can end
// is left.
func (v *Vendor) Resolve(ctx context.Context, now time.Time) (left int, err error) {
	asking, cancel := context.WithTimeout(ctx, SweepTime)
	defer cancel()
	s := &sweep{vendor: v, life: ctx, time: asking, now: now, silent: map[string]bool{}, next: -1}
	if err = s.through(v.sweepFrom, math.MaxInt64); err == nil {
		err = s.through(0, v.sweepFrom)
	}
	v.sweepFrom = max(0, s.next)
	s.wait()
	if err == nil {
		err = ctx.Err()
	}
	return s.seen - int(s.ended.Load()), err
}

// sweep is one call of Resolve.
type sweep struct {
	vendor *Vendor
	life   context.Context // of the questions
	time   context.Context // ends when the sweep stops asking
	now    time.Time
	silent map[string]bool // providers that are left out
	next   int64           // the seq before the first top-up that was left out; -1 when there is none
	seen   int
	ended  atomic.Int64
	asking sync.WaitGroup
}

// through asks about all that stand unresolved with a seq above after and up to last.
func (s *sweep) through(after, last int64) error {
	for after < last {
		page, err := s.vendor.settings.Unsettled.Working(s.life, after, resolvePage)
		if err != nil {
			return err
		}
		for _, m := range page {
			if after = m.Seq; after > last {
				return nil
			}
			if m.Upstream != "" {
				continue // the relay asks about what it has passed on
			}
			s.seen++
			s.put(m)
		}
		if len(page) < resolvePage {
			return nil
		}
	}
	return nil
}

// put asks about one, beside the others, if its provider has time for that.
func (s *sweep) put(m txn.Message) {
	p, err := s.vendor.edition(m)
	if err != nil || s.vendor.lanes[p.Provider] == nil {
		return // nobody is connected whom it could be asked of
	}
	leave, ok := s.enter(p.Provider)
	if !ok {
		if s.next < 0 {
			s.next = m.Seq - 1
		}
		return
	}
	if !s.vendor.join() {
		leave()
		return
	}
	s.asking.Go(func() {
		defer s.vendor.all.Done()
		defer leave()
		if s.resolve(m) {
			s.ended.Add(1)
		}
	})
}

// enter takes a place among the questions to a provider. It is not ok when none comes free soon.
func (s *sweep) enter(provider string) (leave func(), ok bool) {
	if s.time.Err() != nil || s.silent[provider] {
		return nil, false
	}
	lane := s.vendor.lanes[provider]
	patience, cancel := context.WithTimeout(s.time, silence)
	defer cancel()
	select {
	case lane <- struct{}{}:
		return func() { <-lane }, true
	case <-patience.Done():
		s.silent[provider] = s.time.Err() == nil
	}
	return nil, false
}

// resolve says whether a top-up has ended.
func (s *sweep) resolve(m txn.Message) bool {
	pass, ok := s.vendor.turns.TakeOffAlone(m.World, m.ID)
	if !ok {
		return false
	}
	defer pass()
	ctx, cancel := context.WithCancel(s.life)
	defer cancel()
	defer context.AfterFunc(s.vendor.life, cancel)()
	return s.vendor.resolve(ctx, m, question{now: s.now}) == nil
}

// wait returns when all questions have ended, or the sweep's time has.
func (s *sweep) wait() {
	over := make(chan struct{})
	go func() {
		s.asking.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-s.time.Done():
	}
}
