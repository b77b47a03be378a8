package saf

import "time"

// yieldAfter is how many probes may fail in a row before others than the head take part: it may be what the upstream
// cannot answer, and would keep everybody out for ever.
const yieldAfter = 4

// askRest is the part of a wait that requests keep to as well.
const askRest = 4

// Breaker keeps messages from an upstream that does not answer. It is closed at first, opens when BreakAfter messages in
// a row had no answer, and then lets one probe at a time through, at growing intervals. Any definite answer closes it,
// also one to a message that was sent before it opened.
//
// The head of the queue is the probe, so that a dead upstream costs no request. But once yieldAfter probes have failed in
// a row the head alone tells too little: from then on the queue probes with its head and with one of the others by turns,
// and between two of its probes one request may go, when a quarter of the wait is over. A dead upstream then still sees
// one message at a time, two for each wait at most, and the waits grow as before.
type Breaker struct {
	pace     Pace // a full one
	state    int  // index in BreakerStates
	unknowns int  // in a row
	failures int  // probes in a row
	probe    int  // the number of the probe that is on its way, or was last
	due      time.Time
	ask      time.Time // from when on a request may go although the queue can probe
	asked    bool      // one has, since the queue last probed
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

// yields says whether so many probes have failed that others than the head take part.
func (b *Breaker) yields() bool { return b.failures >= yieldAfter }

// MayAsk says whether a request may be the probe although the queue has something to probe with.
func (b *Breaker) MayAsk(now time.Time) bool {
	return b.state == open && b.yields() && !b.asked && !now.Before(b.ask)
}

// Hurry lets the next probe go now.
func (b *Breaker) Hurry() { b.due, b.ask = time.Time{}, time.Time{} }

// Probe says that an item is on its way as the probe, and gives the number, above 0, under which its outcome is told.
func (b *Breaker) Probe() int {
	b.asked = false
	return b.begin()
}

// Ask is Probe for a request.
func (b *Breaker) Ask() int {
	b.asked = true
	return b.begin()
}

func (b *Breaker) begin() int {
	b.probe++
	b.state = probing
	return b.probe
}

// Answered says that the upstream has answered something for good.
func (b *Breaker) Answered() { b.state, b.unknowns, b.failures, b.asked = closed, 0, 0, false }

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
	wait := b.pace.wait(b.failures+1, jitter)
	b.due, b.ask = now.Add(max(after, wait)), now.Add(max(after, wait/askRest))
}

// Untold says that a message came to no outcome at all: it was not sent, or its sender left. A probe goes again at once.
func (b *Breaker) Untold(probe int) {
	if b.awaits(probe) {
		b.state, b.asked = open, false
	}
}

// awaits says whether this is the probe that is on its way. One from before the breaker last closed is not.
func (b *Breaker) awaits(probe int) bool { return b.state == probing && b.probe == probe }
