package bench

import (
	"context"
	"math"
	"sync/atomic"
	"time"
)

// schedule says when cycles are due. Workers take one turn after the other; in an open loop each
// turn has its time, in a closed loop it is due when a worker is free to take it.
type schedule struct {
	start time.Time
	end   time.Time    // no cycle is due at or after it; zero is never
	rate  float64      // turns a second; 0 is the closed loop
	limit int64        // turns in all
	next  atomic.Int64 // the turns that were taken
	begun atomic.Int64 // those of them that a worker began in time
}

func newSchedule(start time.Time, rate float64, duration time.Duration, cycles int64) *schedule {
	s := &schedule{start: start, rate: rate, limit: math.MaxInt64}
	if cycles > 0 {
		s.limit = cycles
	}
	if duration > 0 {
		s.end = start.Add(duration)
	}
	if rate > 0 && duration > 0 {
		s.limit = min(s.limit, s.dueWithin(duration))
	}
	return s
}

// turn takes the next turn, waits until it is due and returns that instant. It is false when
// there are no more turns, or no time to take them: a closed loop stops at the end; an open one
// still does what was due before it, for maxDrain.
func (s *schedule) turn(ctx context.Context) (due time.Time, ok bool) {
	if ctx.Err() != nil {
		return time.Time{}, false
	}
	number := s.next.Add(1) - 1
	now := time.Now()
	if number >= s.limit || s.over(now) {
		return time.Time{}, false
	}
	if due = now; s.rate > 0 {
		due = s.start.Add(time.Duration(float64(number) / s.rate * float64(time.Second)))
		if !pause(ctx, due.Sub(now)) {
			return time.Time{}, false
		}
	}
	s.begun.Add(1)
	return due, true
}

func (s *schedule) over(now time.Time) bool {
	switch {
	case s.end.IsZero():
		return false
	case s.rate > 0:
		return !now.Before(s.end.Add(maxDrain))
	}
	return !now.Before(s.end)
}

// missed is the number of cycles that an open loop owed by now and never began.
func (s *schedule) missed(now time.Time) int64 {
	if s.rate == 0 {
		return 0
	}
	return max(min(s.dueWithin(now.Sub(s.start)), s.limit)-s.begun.Load(), 0)
}

// dueWithin is how many turns of an open loop are due in a time from its start, the first at once.
func (s *schedule) dueWithin(d time.Duration) int64 {
	return int64(math.Ceil(d.Seconds() * s.rate))
}

// pause waits, unless the context ends first, which makes it false.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
