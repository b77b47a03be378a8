package saf

import (
	"math"
	"time"
)

// Bounds of a line that is shared.
const (
	lookBackEvery = time.Second // how often its holder reads the line again; rarer where that takes long, as checkRest says
	sideRest      = lookBackEvery
	maxOwn        = 1 << 14 // items of our own that are left to a pass and remembered as ours
)

// shared is what a line knows of the other processes that queue for its upstream in the same store. One of them holds the
// line: it reads the store and sends what is there. The others send what they have just committed themselves, and let go
// of it once that has had its time.
//
// Places do not come in order across processes, and items are changed and deleted by all of them. So the holder reads the
// line from the head again and again, as far as it is in memory and on from there: what it misses comes in, and what is
// not there any more goes. What another process has just brought it leaves alone for a while.
type shared struct {
	on      bool
	follows bool          // another process holds the line, or nobody does yet
	sends   time.Duration // how long whoever has committed an item sends it
	young   time.Duration // how long it is left alone by the others
	own     Recent        // items of our own that are young, perhaps, and not in memory
}

// Recent remembers seqs for a while. Its memory is bounded, so it may forget some. The zero value is empty.
type Recent struct {
	now, before map[int64]bool
	turned      time.Time
}

// Add remembers a seq. Too many are not remembered.
func (r *Recent) Add(seq int64) {
	if r.now == nil {
		r.now = map[int64]bool{}
	}
	if len(r.now) < maxOwn {
		r.now[seq] = true
	}
}

// Has says whether a seq is remembered.
func (r *Recent) Has(seq int64) bool { return r.now[seq] || r.before[seq] }

// Turn forgets what has been there for longer than a while, and nothing that came later. It is called now and then.
func (r *Recent) Turn(now time.Time, while time.Duration) {
	if now.Sub(r.turned) >= while {
		r.now, r.before, r.turned = nil, r.now, now
	}
}

// Share says that other processes queue for the upstream, too, and that this one does not hold the line yet. Whoever has
// committed an item sends it for as long as sends says after that; the holder leaves what others have committed alone for
// as long as young says. It is called before anything else.
func (l *Line) Share(sends, young time.Duration) {
	l.shared = shared{on: true, sends: sends, young: young}
	l.Follow()
}

// Leads says whether this process sends what is in the store: nobody else does, or it holds the line.
func (l *Line) Leads() bool { return !l.follows }

// Lead makes this process the holder of the line. It reads the store from the head.
func (l *Line) Lead() {
	l.follows = false
	l.restart()
	l.parked, l.side = pass{running: true}, nil
}

// Follow leaves the line to others. What is on its way stays so.
func (l *Line) Follow() {
	l.follows = true
	l.restart()
	l.parked, l.side = pass{}, nil
	l.keep(func(*entry) bool { return false })
}

// Expire lets go of what has had its time, where others hold the line.
func (l *Line) Expire(now time.Time) {
	l.own.Turn(now, l.young)
	if l.follows {
		l.keep(func(e *entry) bool { return !l.isOver(e, now) })
	}
}

// mine remembers an item that has been left to a pass as one of our own.
func (l *Line) mine(seq int64) {
	if l.on && !l.follows {
		l.own.Add(seq)
	}
}

// isOver says whether an entry is to be left to the holder of the line.
func (l *Line) isOver(e *entry, now time.Time) bool {
	return l.follows && !isWithin(now.Sub(e.At), l.sends)
}

// isOthers says whether an item has just been brought by another process, which is sending it.
func (l *Line) isOthers(i *Item, now time.Time) bool {
	return l.on && isWithin(now.Sub(i.At), l.young) && !l.own.Has(i.Seq)
}

// isWithin says whether an age is less than a bound, either way: the clocks of two processes differ a little, and what is
// much ahead is not to be waited for.
func isWithin(age, bound time.Duration) bool { return age < bound && age > -bound }

// looksBack says whether it is time to read the line from the head again.
func (l *Line) looksBack(now time.Time) bool {
	at := l.backAgain()
	return !at.IsZero() && !now.Before(at)
}

// backAgain gives when that will be; the zero time while it is not known.
func (l *Line) backAgain() time.Time {
	p := &l.waiting
	if !l.on || l.follows || !p.running || p.reading || !p.isThrough(l.read) {
		return time.Time{}
	}
	return p.again()
}

// isThrough says whether a pass has read again what was read before it, or as much of that as there is room for.
func (p *pass) isThrough(read int64) bool { return p.full || p.cursor > 0 && p.cursor >= read }

// again gives when the next pass of a shared line begins.
func (p *pass) again() time.Time {
	return p.began.Add(min(max(lookBackEvery, checkRest*p.took), checkAtLast))
}

// mark notes how long a pass took to read again what had been read before it.
func (p *pass) mark(read int64, now time.Time) {
	if p.took == 0 && p.isThrough(read) {
		p.took = now.Sub(p.began)
	}
}

// compare throws out of memory what is not in line any more, as a page that was read shows: another process has dropped it,
// or an operator has taken it out of line. What has come since the page was asked for is not in it.
func (l *Line) compare(p Page, items []Item, upto int64) {
	if !l.on || p.State != Waiting {
		return
	}
	there := make(map[int64]bool, len(items))
	for i := range items {
		there[items[i].Seq] = true
	}
	for seq, e := range l.entries {
		if seq <= p.After || seq > upto || there[seq] || e.came >= p.number {
			continue
		}
		if e.place == isSent {
			e.stale = true
		} else {
			l.remove(e)
		}
	}
}

// upto gives the seq up to which a page shows all there is.
func (p Page) upto(items []Item) int64 {
	if len(items) < p.Limit {
		return math.MaxInt64
	}
	return items[len(items)-1].Seq
}

// refresh reads those parked items again that have been in memory for a while and are still to be tried.
func (l *Line) refresh(now time.Time) {
	if l.on && len(l.side) > 0 && now.Sub(l.sideAt) >= sideRest {
		if !l.parked.running {
			l.parked = pass{running: true, began: now}
		}
		l.parked.cursor, l.side = l.side[0].Seq-1, nil
	}
}
