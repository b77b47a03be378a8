package saf

import (
	"cmp"
	"slices"
	"time"

	"github.com/scripworks/scrip/ident"
)

// Bounds of a line.
const (
	held        = 1024             // items in memory that wait; the others are read on when these become fewer
	page        = 512              // items that are read at once
	sidePage    = 64               // of the parked ones
	saveEvery   = 10 * time.Second // how often at most the attempts of one item are saved
	checkEvery  = time.Minute      // how often a line that has all in memory looks whether the store has more
	checkRest   = 20               // or how many times as long as that took, where much of it belongs to stopped credentials,
	checkAtLast = 10 * time.Minute // and how often at least
)

// Line is the queue of one upstream as far as it is in memory: a bounded part of what waits, from its head on. It decides
// what is sent when, what is read when, and what becomes of what was sent. Whoever runs it does these things and tells
// it. It is not safe for concurrent use.
//
// What waits in the store and is not in memory is read on in passes, each from the head to the end. While a pass has not
// come to the end the line is behind: what is offered is left to the pass, unless it could be sent at once because so
// little is in memory. Once it has, offers are taken directly, and a pass now and then finds what was never offered.
// Where other processes queue for the same upstream passes come more often: see Share.
type Line struct {
	pace    Pace // a full one
	lane    func(ident.Account) string
	breaker *Breaker
	held    int // items in memory at most, but for the parked ones
	page    int // items that are read at once
	paused  bool
	stops   map[string]Stop // by lane

	entries map[int64]*entry // all in memory but the parked ones, by seq
	heads   map[int64]*entry // of those, the first of each request
	ready   pile             // what may be sent, by seq
	backing pile             // what waits for its time, by time
	flying  int              // how many of entries are being sent
	side    []Item           // parked ones that are to be tried in this pass
	beside  *entry           // the parked one that is being sent
	headed  bool             // the head was the last probe
	answers uint64           // definite ones so far: who fails while it grows fails alone
	repeats int64
	sideAt  time.Time // when side was read
	shared

	settling map[int64]bool // left the line, but the store may not know yet
	settled  map[int64]bool // those of which the store learnt while a page was being read

	waiting pass // of the line
	parked  pass // of what stands beside it
	behind  bool // the store has more than is in memory
	read    int64
	ignored int64 // the greatest seq that was offered in vain since a page was last asked for
	age     int   // raised when what is in memory is thrown away: a page of before is too old
	pages   int   // that have been asked for
}

// entry is an item in memory.
type entry struct {
	Item
	due     time.Time // until when it waits
	bidden  bool      // the upstream has said until when
	saved   time.Time // when its attempts were
	answers uint64    // of the line when it was last sent in vain, or came
	alone   int       // how often it was sent in vain while others got through
	vain    int       // how often as the breaker's probe
	probe   int       // its number as the breaker's probe; 0 when it is none
	place   place
	index   int    // in its pile
	next    *entry // of the same request
	stale   bool   // an operator may have changed the item in the store
	came    int    // how many pages had been asked for then
}

// place is where an entry is.
type place uint8

const (
	inLine  place = iota // behind another one of the same request
	isReady              // in ready
	isBack               // in backing
	isSent               // on its way
)

// NewLine makes a line with nothing in memory, that reads the store from the head. lane gives the name of the credential
// that an account's messages go under; nil has one for all.
func NewLine(p Pace, lane func(ident.Account) string) *Line {
	if lane == nil {
		lane = func(ident.Account) string { return "" }
	}
	p = p.Full()
	return &Line{
		pace: p, lane: lane, breaker: NewBreaker(p), held: held, page: page, stops: map[string]Stop{},
		entries: map[int64]*entry{}, heads: map[int64]*entry{},
		settling: map[int64]bool{}, settled: map[int64]bool{},
		ready: pile{before: bySeq}, backing: pile{before: byDue}, behind: true,
		waiting: pass{running: true}, parked: pass{running: true},
	}
}

// IsOpen says whether the upstream does not answer: the breaker lets no more than a probe through.
func (l *Line) IsOpen() bool { return !l.breaker.IsClosed() }

// Sends says whether an item is on its way.
func (l *Line) Sends(seq int64) bool {
	e := l.entries[seq]
	return e != nil && e.place == isSent || l.beside != nil && l.beside.Seq == seq
}

// Offer brings an item that has just been committed. It says whether the item is in memory, so that it will be sent as
// soon as its turn comes; one that is not will be read.
func (l *Line) Offer(i Item) bool {
	if l.entries[i.Seq] != nil {
		return true
	}
	if i.State != Waiting || l.isStopped(i.Account) || l.wasRead(i.Seq) || l.follows && (l.paused || l.IsOpen()) {
		return false
	}
	if len(l.entries) >= l.held || l.behind && len(l.entries) >= l.pace.Window {
		l.fallBehind(i.Seq)
		return false
	}
	l.add(i)
	return true
}

// wasRead says whether what is offered has been read from the store already, or will be.
func (l *Line) wasRead(seq int64) bool {
	if l.on { // places do not come in order
		return l.isSettled(seq)
	}
	return seq <= l.read
}

// fallBehind leaves an offer to a pass.
func (l *Line) fallBehind(seq int64) {
	if l.follows {
		return // of the holder
	}
	l.mine(seq)
	l.behind = true
	l.ignored = max(l.ignored, seq)
	if !l.waiting.running {
		l.waiting = pass{running: true}
	}
}

// add takes an item into memory.
func (l *Line) add(i Item) {
	e := &entry{Item: i, answers: l.answers, came: l.pages}
	l.entries[i.Seq] = e
	first := l.heads[i.Request]
	if first == nil {
		l.lead(e)
		return
	}
	if e.Seq < first.Seq && first.place != isSent { // offered out of order
		l.lift(first)
		e.next = first
		l.lead(e)
		return
	}
	for first.next != nil && first.next.Seq < e.Seq {
		first = first.next
	}
	e.next, first.next = first.next, e
}

// lead makes an entry the first of its request, and puts it in line.
func (l *Line) lead(e *entry) {
	if e.Request != 0 {
		l.heads[e.Request] = e
	}
	l.ready.push(e, isReady)
}

// lift takes an entry from its pile.
func (l *Line) lift(e *entry) {
	switch e.place {
	case isReady:
		l.ready.remove(e)
	case isBack:
		l.backing.remove(e)
	case isSent:
		l.flying--
	}
	e.place = inLine
}

// remove takes an entry out of memory. The next one of its request steps forward.
func (l *Line) remove(e *entry) {
	l.lift(e)
	delete(l.entries, e.Seq)
	if e.Request == 0 {
		return
	}
	if first := l.heads[e.Request]; first != e {
		for first.next != e {
			first = first.next
		}
		first.next = e.next
		return
	}
	if e.next == nil {
		delete(l.heads, e.Request)
		return
	}
	l.lead(e.next)
}

// Next gives the item to be sent now, which is on its way from then on; Done must be told how it ended. There is none
// while the window is full, nothing is due, the line is paused, or the breaker is open and it is not time for a probe.
func (l *Line) Next(now time.Time) (Item, bool) {
	if !l.Ready(now) {
		return Item{}, false
	}
	for e := l.backing.first(); e != nil && !now.Before(e.due); e = l.backing.first() {
		l.backing.remove(e)
		l.ready.push(e, isReady)
	}
	e := l.ready.first()
	for ; e != nil && l.isOver(e, now); e = l.ready.first() {
		l.remove(e)
	}
	if e != nil && l.isBeside(e.Request) { // an operator has just put it back in line
		l.ready.remove(e)
		e.due = now.Add(l.pace.MinWait)
		l.backing.push(e, isBack)
		e = l.ready.first()
	}
	if e == nil {
		return Item{}, false
	}
	if !l.breaker.IsClosed() {
		e = l.prober(e)
	}
	l.send(e)
	return e.Item, true
}

// prober gives what probes next: the head, and by turns with it, once the breaker yields, whichever of the others was
// sent least.
func (l *Line) prober(head *entry) *entry {
	chosen := head
	if l.breaker.yields() && l.headed {
		for _, e := range l.ready.entries {
			if e != head && (chosen == head || sentLess(e, chosen)) && !l.isBeside(e.Request) {
				chosen = e
			}
		}
	}
	l.headed = chosen == head
	return chosen
}

func sentLess(a, b *entry) bool {
	return a.Attempts < b.Attempts || a.Attempts == b.Attempts && a.Seq < b.Seq
}

// isBeside says whether an advice of a request is being sent beside the line.
func (l *Line) isBeside(request int64) bool { return l.beside != nil && l.beside.Request == request }

// Ready says whether Next may give an item.
func (l *Line) Ready(now time.Time) bool {
	switch {
	case l.paused || l.flying >= l.pace.Window || !l.breaker.IsClosed() && !l.breaker.MayProbe(now):
		return false
	case l.ready.first() != nil:
		return true
	}
	e := l.backing.first()
	return e != nil && !now.Before(e.due)
}

func (l *Line) send(e *entry) {
	l.ready.remove(e)
	e.place = isSent
	l.flying++
	if !l.breaker.IsClosed() {
		e.probe = l.breaker.Probe()
	}
	if e.Attempts > 0 {
		l.repeats++
	}
}

// NextParked gives a parked item to be tried now, as Next does. There is one at a time, so that it holds up nobody. While
// the breaker is open there is none, unless nothing else can be the probe.
func (l *Line) NextParked(now time.Time) (Item, bool) {
	if l.paused || l.beside != nil || !l.sparesParked() || !l.breaker.IsClosed() && !l.breaker.MayProbe(now) {
		return Item{}, false
	}
	l.refresh(now)
	for len(l.side) > 0 {
		i := l.side[0]
		l.side = l.side[1:]
		if l.isStopped(i.Account) || i.Request != 0 && l.heads[i.Request] != nil {
			continue // its turn comes with the next pass
		}
		l.beside = &entry{Item: i, answers: l.answers}
		if !l.breaker.IsClosed() {
			l.beside.probe = l.breaker.Probe()
		}
		l.repeats++
		return i, true
	}
	return Item{}, false
}

// sparesParked says whether what is parked may be sent when its time has come: the upstream answers, or nothing waits.
func (l *Line) sparesParked() bool { return l.breaker.IsClosed() || len(l.entries) == 0 && !l.behind }

// isStopped says whether an account's credential is not let in.
func (l *Line) isStopped(a ident.Account) bool {
	if len(l.stops) == 0 {
		return false
	}
	_, stopped := l.stops[l.lane(a)]
	return stopped
}

// Admit says whether a request may be sent, and under which number as a probe. When it may not, after says when to try
// again.
func (l *Line) Admit(now time.Time) (probe int, after time.Duration, ok bool) {
	b := l.breaker
	switch {
	case b.IsClosed():
		return 0, 0, true
	case b.MayProbe(now) && l.cannotProbe(), b.MayAsk(now):
		return b.Ask(), 0, true
	}
	return 0, max(b.due.Sub(now), l.pace.MinWait), false
}

// cannotProbe says whether the queue has nothing to probe with.
func (l *Line) cannotProbe() bool {
	return l.paused || l.ready.first() == nil && (!l.behind || len(l.entries) > 0)
}

// Told says what came of a request that was admitted, and whether the breaker has opened over it.
func (l *Line) Told(probe int, v Verdict, now time.Time, jitter float64) (opened bool) {
	return l.judge(probe, v, now, jitter)
}

// Untold says that a request that was admitted came to no outcome: its sender left, or it was not sent.
func (l *Line) Untold(probe int) { l.breaker.Untold(probe) }

// judge tells the breaker. When it opens, what waits for its time gets into line, so that the head is the probe; what
// the upstream wants to be left alone with waits on.
func (l *Line) judge(probe int, v Verdict, now time.Time, jitter float64) (opened bool) {
	wasClosed := l.breaker.IsClosed()
	switch {
	case v.isDefinite():
		l.answers++
		l.breaker.Answered()
	case v.Heard:
		l.breaker.Answered()
	case v.Outcome == Again:
		l.breaker.Silent(probe, v.After, now, jitter)
	default:
		l.breaker.Untold(probe)
	}
	if !wasClosed || l.breaker.IsClosed() {
		return false
	}
	if l.follows { // it will take longer
		l.keep(func(*entry) bool { return false })
	}
	for _, e := range slices.Clone(l.backing.entries) {
		if !e.bidden {
			l.backing.remove(e)
			l.ready.push(e, isReady)
		}
	}
	return true
}

// Pause stops the line, or lets it go on. What is on its way stays so.
func (l *Line) Pause(paused bool) { l.paused = paused }

// IsPaused says whether the line is stopped by an operator.
func (l *Line) IsPaused() bool { return l.paused }

// IsEmpty says whether nothing waits: not in memory, not in the store as far as is known, and nothing is on its way.
func (l *Line) IsEmpty() bool {
	return len(l.entries) == 0 && l.beside == nil && !l.behind && len(l.settling) == 0
}

// View fills in what the line knows of a view: all but the counts.
func (l *Line) View(v *View) {
	v.InFlight, v.Repeats, v.Breaker, v.Paused, v.Leads = l.flying, l.repeats, l.breaker.State(), l.paused, l.Leads()
	if l.beside != nil {
		v.InFlight++
	}
	for _, s := range l.stops {
		v.Stopped = append(v.Stopped, s)
	}
	slices.SortFunc(v.Stopped, func(a, b Stop) int { return cmp.Compare(a.Account, b.Account) })
}
