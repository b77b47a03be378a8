package saf

import (
	"cmp"
	"time"
)

// pass is one reading of what is in a state, from the head to the end.
type pass struct {
	began   time.Time
	due     time.Time // when it goes on, or the next one begins
	cursor  int64     // the seq that was read last
	running bool
	reading bool          // a page has been asked for
	full    bool          // there was no room for what was read last
	took    time.Duration // of a shared line: what was read before it was read again by then
}

// Page is a part of the queue that a line wants to read.
type Page struct {
	State State
	After int64 // seqs above it
	Limit int

	age    int       // of what is in memory
	number int       // how many had been asked for with it
	asked  time.Time // when: what it brings is as old then as it may be taken for
}

// wants says whether a pass is to be read on now.
func (p *pass) wants(now time.Time) bool { return !p.reading && !now.Before(p.due) }

// ask begins a pass that is not running, and says from where it reads on.
func (p *pass) ask(now time.Time) (after int64) {
	if !p.running {
		*p = pass{running: true}
	}
	if p.cursor == 0 {
		p.began = now
	}
	p.reading = true
	return p.cursor
}

// Lacks says whether Missing would give a page.
func (l *Line) Lacks(now time.Time) bool { return l.lacksWaiting(now) || l.lacksParked(now) }

func (l *Line) lacksWaiting(now time.Time) bool {
	p := &l.waiting
	switch {
	case l.follows || !p.wants(now):
		return false
	case len(l.entries)+l.page <= l.held:
		return true
	}
	return l.on && (!p.isThrough(l.read) || l.looksBack(now)) // what is in memory is read again
}

func (l *Line) lacksParked(now time.Time) bool {
	return !l.follows && l.parked.wants(now) && len(l.side) == 0 && l.beside == nil && !l.paused && l.sparesParked()
}

// Missing gives a page that is to be read now, if any. Loaded or Failed must be called with it. Pages may be read one
// after the other only.
func (l *Line) Missing(now time.Time) (Page, bool) {
	switch {
	case l.lacksWaiting(now):
		if l.looksBack(now) {
			l.waiting = pass{running: true}
		}
		l.ignored = 0
		return l.ask(Waiting, &l.waiting, l.page, now), true
	case l.lacksParked(now):
		return l.ask(Parked, &l.parked, sidePage, now), true
	}
	return Page{}, false
}

// ask asks for the next page of a pass.
func (l *Line) ask(s State, of *pass, limit int, now time.Time) Page {
	l.pages++
	return Page{State: s, After: of.ask(now), Limit: limit, age: l.age, number: l.pages, asked: now}
}

// Failed says that a page could not be read.
func (l *Line) Failed(p Page, now time.Time) {
	if of := l.passOf(p); of != nil {
		of.reading, of.due = false, now.Add(l.pace.MinWait)
	}
	l.forgetSettled()
}

// Loaded brings a page.
func (l *Line) Loaded(p Page, items []Item, now time.Time) {
	defer l.forgetSettled()
	of := l.passOf(p)
	if of == nil {
		return
	}
	of.reading, of.full = false, false
	l.compare(p, items, p.upto(items))
	for i := range items {
		if of.full = l.on && p.State == Waiting && len(l.entries) >= l.held && l.entries[items[i].Seq] == nil; of.full {
			break
		}
		of.cursor = items[i].Seq
		if !l.isSettled(of.cursor) && !l.isStopped(items[i].Account) {
			l.take(p, items[i])
		}
	}
	if p.State == Waiting {
		of.mark(l.read, now)
		l.read = max(l.read, of.cursor)
	} else {
		l.sideAt = now
	}
	if len(items) < p.Limit && !of.full {
		l.end(of, now)
	}
}

// passOf gives the pass that a page is of; nil when it has begun anew since.
func (l *Line) passOf(p Page) *pass {
	switch {
	case p.age != l.age:
		return nil
	case p.State == Parked:
		return &l.parked
	}
	return &l.waiting
}

// take brings an item that was read into memory.
func (l *Line) take(p Page, i Item) {
	e := l.entries[i.Seq]
	switch {
	case e != nil:
		e.stale = e.stale && p.State != e.State // unless it is still what it was when it was sent
	case l.beside != nil && l.beside.Seq == i.Seq: // its end brings it back
	case l.isOthers(&i, p.asked):
	case p.State == Waiting:
		l.add(i)
	case p.asked.Sub(i.Tried) >= l.pace.MaxWait/2: // else it is just parked
		l.side = append(l.side, i)
	}
}

// end ends a pass, unless something was offered in vain that it has not come to.
func (l *Line) end(of *pass, now time.Time) {
	if of == &l.parked {
		*of = pass{due: of.began.Add(l.pace.MaxWait)}
		return
	}
	if l.ignored > of.cursor {
		return
	}
	if l.behind = false; l.on {
		of.took = cmp.Or(of.took, now.Sub(of.began))
		*of = pass{due: of.again()}
		return
	}
	*of = pass{due: now.Add(min(max(checkEvery, checkRest*now.Sub(of.began)), checkAtLast))}
}

// isSettled says whether an item has left the line since the store was asked, or the store does not know yet.
func (l *Line) isSettled(seq int64) bool { return l.settling[seq] || l.settled[seq] }

// Saved says that the store has learnt of a change that Done asked for, or has failed to: then the item is read again
// one day.
func (l *Line) Saved(seq int64) {
	delete(l.settling, seq)
	if l.waiting.reading || l.parked.reading {
		l.settled[seq] = true
	}
}

func (l *Line) forgetSettled() {
	if len(l.settled) > 0 && !l.waiting.reading && !l.parked.reading {
		clear(l.settled)
	}
}

// Rewind throws away what is in memory, but for what is on its way, and reads the store from the head again: somebody has
// changed items there. Credentials that were not let in are tried again, and a breaker's probe goes at once.
func (l *Line) Rewind() {
	clear(l.stops)
	l.breaker.Hurry()
	l.restart()
	l.parked, l.side = pass{running: true}, nil
	l.keep(func(e *entry) bool { return false })
	for _, e := range l.entries {
		e.stale = true
	}
	if l.beside != nil {
		l.beside.stale = true
	}
}

// Reread reads the store from the head again beside what is in memory: items may have come there that were not offered.
func (l *Line) Reread() { l.restart() }

// restart begins to read what waits from the head again. A page that is being read is of before.
func (l *Line) restart() {
	l.age++
	l.waiting, l.parked.reading, l.behind = pass{running: true}, false, !l.follows
}

// keep throws out of memory what is not on its way and is not wanted there.
func (l *Line) keep(wanted func(e *entry) bool) {
	for _, e := range l.entries {
		if e.place != isSent && !wanted(e) {
			l.remove(e)
			l.mine(e.Seq) // so that it is not taken for another process's when it is read again
		}
	}
}

// Wake gives the next instant at which there may be something to send or to read that there is not now; the zero time
// when nothing but an event can bring that.
func (l *Line) Wake(now time.Time) time.Time {
	var next time.Time
	for _, t := range []time.Time{l.backing.due(), l.breaker.Due(), l.waiting.due, l.parked.due, l.backAgain()} {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	return next
}
