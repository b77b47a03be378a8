package relay

import (
	"errors"
	"log/slog"
	"math/rand/v2"

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
	for !q.closed {
		now := q.now()
		if i, found := q.line.Next(now); found {
			if q.line.Ready(now) {
				q.able.Signal()
			}
			if o := q.offers[i.Seq]; o != nil {
				body = o.body
			}
			return i, body, true
		}
		q.able.Wait()
	}
	return saf.Item{}, nil, false
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
	for !q.closed {
		if i, found := q.line.NextParked(); found {
			return i, true
		}
		q.beside.Wait()
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
	c, o := q.judge(i.Seq, v)
	if o != nil && c.Final {
		o.answer, o.err, o.final = answer, err, v.Outcome == saf.Delivered || v.Outcome == saf.Refused
		if v.Outcome == saf.Refused {
			o.change = c
		}
		if o.settle() && v.Outcome == saf.Refused {
			return // it is theirs to record
		}
	} else if o != nil {
		o.settle()
	}
	q.save(c)
	q.report(c, v, err)
}

// judge tells the line what came of an item, wakes whom that concerns, and gives the offer that has ended by it, if any.
func (q *queue) judge(seq int64, v saf.Verdict) (saf.Change, *offer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now, wasOpen := q.now(), q.line.IsOpen()
	c := q.line.Done(seq, v, now, rand.Float64())
	o := q.offers[seq]
	if c.Left || c.Stopped || q.line.IsOpen() || q.closed {
		delete(q.offers, seq)
	} else {
		o = nil // it is sent again, and may be answered in time
	}
	if c.Opened || c.Stopped {
		q.releaseIdle()
	}
	if wasOpen || v.Outcome == saf.Again || q.line.Lacks(now) {
		q.wakeAll()
	}
	if q.lacking.told(c.Item.Account, v.Outcome) {
		wake(q.revive)
	}
	return c, o
}

// save has the store learn of a change, with a later commit.
func (q *queue) save(c saf.Change) {
	var done func()
	if c.Left {
		done = func() { q.saved(c.Item.Seq) }
	}
	keys := saf.Keys{World: c.Item.World}
	switch {
	case c.Drop:
		q.store.Later(keys, func(tx saf.Tx) error { tx.DropItem(c.Item.Seq); return nil }, done)
	case c.Put:
		keys.Items = []int64{c.Item.Seq}
		q.store.Later(keys, func(tx saf.Tx) error { return put(tx, c) }, done)
	}
}

// put changes an item, unless it has been closed by an operator. What is not final gives way to what an operator did.
func put(tx saf.Tx, c saf.Change) error {
	there, found := tx.Item(c.Item.Seq)
	if found && (c.Final || there.State == c.From) {
		tx.PutItem(c.Item)
	}
	return nil
}

// saved tells the line that the store has learnt of a change, or has failed to.
func (q *queue) saved(seq int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.line.Saved(seq)
	if q.line.IsEmpty() {
		q.empty.Broadcast()
	}
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
	if c.Opened {
		q.sayOpened(v)
	}
}

func (q *queue) sayOpened(v saf.Verdict) {
	q.log.Warn("the upstream does not answer; it is probed", "upstream", q.upstream, "why", v.Why)
}
