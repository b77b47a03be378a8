package relay

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// sendAll sends one item after the other. A window of these run at once.
func (q *queue) sendAll() {
	for {
		i, body, more := q.next()
		if !more {
			return
		}
		q.attempt(i, body)
	}
}

// next waits for the next item of the line. The body is nil unless it is at hand.
func (q *queue) next() (i saf.Item, body txn.Wire, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for ; !q.closed; q.able.Wait() {
		q.checkHeld()
		if now := q.now(); q.hasRoom() {
			if i, more = q.line.Next(now); more {
				q.handOn(now)
				return i, q.bodyAtHand(i.Seq), true
			}
		}
	}
	return saf.Item{}, nil, false
}

// handOn wakes another sender if there is something for it, too. The caller holds mu.
func (q *queue) handOn(now time.Time) {
	if q.line.Ready(now) {
		q.able.Signal()
	}
}

// bodyAtHand gives the body of an item whose sender still waits; nil when it has to be opened.
func (q *queue) bodyAtHand(seq int64) txn.Wire {
	if o := q.offers[seq]; o != nil {
		return o.body
	}
	return nil
}

// sendParked tries what is parked, one item after the other.
func (q *queue) sendParked() {
	for {
		i, more := q.nextParked()
		if !more {
			return
		}
		q.attempt(i, nil)
	}
}

func (q *queue) nextParked() (saf.Item, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for ; !q.closed; q.beside.Wait() {
		q.checkHeld()
		now := q.now()
		if i, found := q.line.NextParked(now); found {
			return i, true
		}
		if q.line.Lacks(now) {
			wake(q.kick)
		}
	}
	return saf.Item{}, false
}

// attempt sends an item once and deals with what comes of it.
func (q *queue) attempt(i saf.Item, body txn.Wire) {
	if body == nil && len(i.Body) > 0 {
		opened, err := q.keys.OpenBody(i.Body)
		if err != nil {
			q.conclude(i, nil, err, saf.Verdict{Outcome: saf.Unreadable, Why: err.Error()})
			return
		}
		body = opened
	}
	answer, err := q.send(q.life, i, body)
	q.conclude(i, answer, err, saf.Read(i.Role, err))
}

// conclude does what an outcome asks for: in the line, for who waits, and in the store.
func (q *queue) conclude(i saf.Item, answer *txn.Answer, err error, v saf.Verdict) {
	q.mu.Lock()
	now, wasOpen := q.now(), q.line.IsOpen()
	c := q.line.Done(i.Seq, v, now, rand.Float64())
	mine := q.tell(c, answer, err, v)
	if mine {
		q.save(c)
	}
	if c.Opened || c.Stopped {
		q.releaseIdle()
	}
	if wasOpen || v.Outcome == saf.Again || q.line.Lacks(now) {
		q.wakeAll()
	}
	if q.lacking.told(i.Account, v.Outcome) {
		wake(q.revive)
	}
	isOpen := q.line.IsOpen()
	q.mu.Unlock()
	q.sayTurn(wasOpen, isOpen, v)
	if mine {
		q.report(c, v, err)
	}
}

// tell tells who waits for an item, if anybody does, unless it may still be answered in time. It gives false when what
// came of it is theirs to record. The caller holds mu.
func (q *queue) tell(c saf.Change, answer *txn.Answer, err error, v saf.Verdict) (mine bool) {
	o := q.offers[c.Item.Seq]
	if o == nil || !(c.Left || c.Gone || c.Stopped || q.line.IsOpen() || q.closed) {
		return true
	}
	delete(q.offers, c.Item.Seq)
	if refused := v.Outcome == saf.Refused; refused || v.Outcome == saf.Delivered {
		o.answer, o.err, o.final = answer, err, true
		o.isRefused, o.change = refused, c
	}
	return !o.settle() || !o.isRefused
}

// report says what operators should know of a change.
func (q *queue) report(c saf.Change, v saf.Verdict, err error) {
	i := slog.Group("advice", "id", c.Item.ID, "account", c.Item.Account, "role", c.Item.Role.String(), "attempts", c.Item.Attempts)
	var refusal *decline.Error
	switch {
	case c.Item.State == saf.Attention:
		q.log.Error("an advice needs attention", "upstream", q.upstream, i, "why", c.Item.Why)
		if q.refused != nil && errors.As(err, &refusal) {
			q.refused(c.Item, refusal)
		}
	case c.Stopped:
		q.log.Error("the upstream turns a credential away; its advices wait", "upstream", q.upstream, i, "why", v.Why)
	case c.Left && c.Item.State == saf.Parked:
		q.log.Warn("an advice is parked: it fails while others get through", "upstream", q.upstream, i, "why", c.Item.Why)
	}
}

// sayTurn tells operators that an upstream has gone, or is back.
func (q *queue) sayTurn(wasOpen, isOpen bool, v saf.Verdict) {
	switch {
	case isOpen && !wasOpen:
		q.log.Warn("the upstream does not answer; it is probed", "upstream", q.upstream, "why", v.Why)
	case wasOpen && !isOpen:
		q.log.Info("the upstream answers again", "upstream", q.upstream)
	}
}
