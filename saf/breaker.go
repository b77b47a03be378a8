package saf

import "time"

// yieldAfter is how many probes of the queue may fail before a request may probe as well: what heads the queue may be
// what the upstream cannot answer, and would keep everybody out for ever.
const yieldAfter = 4

// Breaker keeps messages from an upstream that does not answer. It is closed at first, opens when BreakAfter messages in
// a row had no answer, and then lets one probe at a time through, at growing intervals. Any definite answer closes it,
// also one to a message that was sent before it opened.
type Breaker struct {
	pace     Pace // a full one
	state    int  // index in BreakerStates
	unknowns int  // in a row
	failures int  // probes in a row
	probe    int  // the number of the probe that is on its way, or was last
	due      time.Time
}

// The states, as indices of BreakerStates.
const (
	closed  = 0
	open    = 1
	probing = 2
)

// NewBreaker makes a closed breaker.
func NewBreaker(p Pace) *Breaker { return &Breaker{pace: p.Full()} }

// State gives one of BreakerStates.
func (b *Breaker) State() string { return BreakerStates[b.state] }

// IsClosed says whether everything may be sent.
func (b *Breaker) IsClosed() bool { return b.state == closed }

// Due gives when the next probe may go; the zero time while none is awaited.
func (b *Breaker) Due() time.Time {
	if b.state == open {
		return b.due
	}
	return time.Time{}
}

// MayProbe says whether an open breaker's next probe may go now.
func (b *Breaker) MayProbe(now time.Time) bool { return b.state == open && !now.Before(b.due) }

// yields says whether the queue has probed in vain so often that requests take part.
func (b *Breaker) yields() bool { return b.failures >= yieldAfter }

// Hurry lets the next probe go now.
func (b *Breaker) Hurry() { b.due = time.Time{} }

// Probe says that the probe is on its way, and gives the number, above 0, under which its outcome is told.
func (b *Breaker) Probe() int {
	b.probe++
	b.state = probing
	return b.probe
}

// Answered says that the upstream has answered something for good.
func (b *Breaker) Answered() { b.state, b.unknowns, b.failures = closed, 0, 0 }

// Silent says that a message had no answer, and how long the upstream wants to be left alone. probe is its number as a
// probe; 0 when it was none.
func (b *Breaker) Silent(probe int, after time.Duration, now time.Time, jitter float64) {
	switch {
	case b.awaits(probe):
		b.failures++
	case b.state != closed:
		return // sent before it opened
	default:
		if b.unknowns++; b.unknowns < b.pace.BreakAfter {
			return
		}
	}
	b.state = open
	b.due = now.Add(max(after, b.pace.wait(b.failures+1, jitter)))
}

// Untold says that a message came to no outcome at all: it was not sent, or its sender left. A probe goes again at once.
func (b *Breaker) Untold(probe int) {
	if b.awaits(probe) {
		b.state = open
	}
}

// awaits says whether this is the probe that is on its way. One from before the breaker last closed is not.
func (b *Breaker) awaits(probe int) bool { return b.state == probing && b.probe == probe }
