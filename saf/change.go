package saf

import "time"

// Change is what comes of an item that was sent.
type Change struct {
	Item Item // as it is now
	// From is the state in which it was sent. Unless the outcome is final, what an operator did meanwhile stands.
	From State
	// Drop and Put say what to do in the store; neither: nothing.
	Drop, Put bool
	Final     bool // it was answered for good, or cannot be sent
	Left      bool // it has left the line over the change in the store: Saved must be told
	Opened    bool // the breaker has opened over it
	Stopped   bool // what goes under its credential has stopped over it
	Gone      bool // it is not in memory any more, although it may wait in the store: others send it, or a pass brings it back
}

// Done says what came of an item that Next or NextParked gave.
func (l *Line) Done(seq int64, v Verdict, now time.Time, jitter float64) Change {
	e := l.entries[seq]
	if l.beside != nil && l.beside.Seq == seq {
		e, l.beside = l.beside, nil
	}
	c := Change{From: e.State}
	// What is parked is known to have no answer: that says nothing, unless it was asked to probe.
	if e.State == Waiting || v.Outcome != Again || v.Heard || e.probe != 0 {
		c.Opened = l.judge(e.probe, v, now, jitter)
	}
	if e.probe != 0 && v.Outcome == Again {
		e.vain++
	}
	e.probe = 0
	switch v.Outcome {
	case Delivered:
		c.Drop, c.Final = true, true
	case Refused:
		e.failed(v, now)
		fallthrough
	case NoCredential, Unreadable:
		switch {
		case v.Outcome == NoCredential && e.stale: // there may be one by now
			l.forget(e, &c)
		case v.Outcome != Refused && l.follows: // the holder of the line may do better
			l.letGo(e, &c)
		}
		if c.Gone {
			break
		}
		e.State, e.Why, c.Put, c.Final = Attention, v.Why, true, true
	case Halted:
		c.Stopped = l.stop(e, v, now)
		e.failed(v, now)
		c.Put = true
	default:
		l.again(e, v, now, jitter, &c)
	}
	l.leave(e, &c)
	c.Item = e.Item
	return c
}

// failed notes that an item was sent in vain.
func (e *entry) failed(v Verdict, now time.Time) {
	e.Attempts++
	e.Tried, e.Why, e.saved = now, v.Why, now
}

// leave takes an entry from the line whose change goes to the store, unless it waits on.
func (l *Line) leave(e *entry, c *Change) {
	c.Left = c.Final || e.State != c.From
	if c.Left {
		l.settling[e.Seq] = true
	}
	if l.entries[e.Seq] == e && (c.Left || l.isStopped(e.Account)) {
		l.remove(e)
	}
}

// stop stops what goes under an entry's credential. It says whether that went on until now.
func (l *Line) stop(e *entry, v Verdict, now time.Time) bool {
	if l.isStopped(e.Account) {
		return false
	}
	lane := l.lane(e.Account)
	l.stops[lane] = Stop{Account: e.Account, Since: now, Why: v.Why}
	l.keep(func(e *entry) bool { return l.lane(e.Account) != lane })
	return true
}

// again has an entry without an answer wait, or parks it when it keeps failing while others get through.
func (l *Line) again(e *entry, v Verdict, now time.Time, jitter float64, c *Change) {
	saved := e.saved
	e.failed(v, now)
	isAlone := e.answers != l.answers
	if isAlone {
		e.alone, e.answers = e.alone+1, l.answers
	}
	switch {
	case e.stale: // the store knows better
		l.forget(e, c)
		c.Put = true
		return
	case c.From == Parked:
		c.Put = true
		return
	case e.alone >= l.patience(), isAlone && e.vain >= yieldAfter: // the latter would open the breaker again
		e.State, c.Put = Parked, true
		return
	}
	l.await(e, v, now, jitter)
	if l.follows && (!l.breaker.IsClosed() || l.isOver(e, e.due)) {
		l.letGo(e, c)
		return
	}
	if c.Put = now.Sub(saved) >= saveEvery; !c.Put {
		e.saved = saved
	}
}

// await puts an entry back into line: at once while the breaker is open, since the head is the probe, and otherwise when
// its time has come.
func (l *Line) await(e *entry, v Verdict, now time.Time, jitter float64) {
	l.lift(e)
	e.bidden = v.After > 0
	if !l.breaker.IsClosed() && !e.bidden {
		l.ready.push(e, isReady)
		return
	}
	e.due = now.Add(max(v.After, l.pace.wait(e.Attempts, jitter)))
	l.backing.push(e, isBack)
}

// patience gives how often an entry may fail alone. When those that wait for their time fill the memory they would hold
// up the others, so then it is once.
func (l *Line) patience() int {
	if len(l.backing.entries) >= l.held/2 {
		return 1
	}
	return l.pace.ParkAfter
}

// forget leaves an entry to the next pass, which begins at once.
func (l *Line) forget(e *entry, c *Change) {
	l.letGo(e, c)
	l.mine(e.Seq)
	l.restart()
}

// letGo throws an entry out of memory.
func (l *Line) letGo(e *entry, c *Change) {
	if l.entries[e.Seq] == e {
		l.remove(e)
	}
	c.Gone = true
}
