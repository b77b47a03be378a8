package saf

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

var yes = Verdict{Outcome: Delivered}

// smallLine gives a line with room for few items, that an empty store has been read for.
func smallLine(p Pace) *Line {
	l := NewLine(p, func(a ident.Account) string { return fmt.Sprint(a) })
	l.held, l.page = 8, 4
	for read, lacks := l.Missing(noon); lacks; read, lacks = l.Missing(noon) {
		l.Loaded(read, nil, noon)
	}
	return l
}

func itemAt(seq int64) Item {
	return Item{Seq: seq, Request: seq, Account: 1, Role: txn.Reversal, State: Waiting}
}

// mustNext gives the item that is sent next, which must have this seq.
func mustNext(t *testing.T, l *Line, now time.Time, seq int64) {
	t.Helper()
	if i, found := l.Next(now); !found || i.Seq != seq {
		t.Fatalf("item %d (%t) is sent, want %d", i.Seq, found, seq)
	}
}

func mustRest(t *testing.T, l *Line, now time.Time) {
	t.Helper()
	if i, found := l.Next(now); found {
		t.Fatalf("item %d is sent, want none", i.Seq)
	}
}

func TestALineIsSentFromItsHeadInAWindow(t *testing.T) {
	l := smallLine(Pace{Window: 2})
	for _, seq := range []int64{3, 1, 2} {
		if !l.Offer(itemAt(seq)) {
			t.Fatal("it is not taken")
		}
	}
	mustNext(t, l, noon, 1)
	mustNext(t, l, noon, 2)
	mustRest(t, l, noon)
	if c := l.Done(2, yes, noon, 0); !c.Drop || c.Put || !c.Final {
		t.Errorf("an answer for good asks for %+v", c)
	}
	mustNext(t, l, noon, 3)
}

func TestOneRequestHasOneAdviceOnItsWay(t *testing.T) {
	l := smallLine(Pace{})
	first, second, third := itemAt(1), itemAt(2), itemAt(3)
	second.Request, third.Request = 1, 1
	for _, i := range []Item{first, third, second} {
		l.Offer(i)
	}
	mustNext(t, l, noon, 1)
	mustRest(t, l, noon)
	l.Done(1, Verdict{Outcome: Again}, noon, 0)
	mustRest(t, l, noon) // what comes later does not overtake it
	now := noon.Add(time.Minute)
	mustNext(t, l, now, 1)
	l.Done(1, yes, now, 0)
	mustNext(t, l, now, 2)
	l.Done(2, Verdict{Outcome: Refused}, now, 0)
	mustNext(t, l, now, 3)
}

func TestWhatHasNoAnswerWaitsItsTime(t *testing.T) {
	l := smallLine(Pace{MinWait: 2 * time.Second})
	l.Offer(itemAt(1))
	mustNext(t, l, noon, 1)
	c := l.Done(1, Verdict{Outcome: Again, Why: "reset"}, noon, 0)
	if !c.Put || c.Left || c.Item.Attempts != 1 || c.Item.Why != "reset" || !c.Item.Tried.Equal(noon) {
		t.Errorf("the first time in vain asks for %+v", c)
	}
	mustRest(t, l, noon.Add(time.Second-1))
	if at := l.Wake(noon); !at.Equal(noon.Add(time.Second)) {
		t.Errorf("there is something again at %s", at)
	}
	now := noon.Add(time.Second)
	mustNext(t, l, now, 1)
	if c := l.Done(1, Verdict{Outcome: Again, After: time.Minute}, now, 0); c.Put || c.Item.Attempts != 2 {
		t.Errorf("the second time, a second later, asks for %+v", c)
	}
	mustRest(t, l, now.Add(time.Minute-1)) // as the upstream wants it
	mustNext(t, l, now.Add(time.Minute), 1)
}

func TestARefusalNeedsAttention(t *testing.T) {
	l := smallLine(Pace{})
	for seq, v := range map[int64]Verdict{
		1: {Outcome: Refused, Why: "no"}, 2: {Outcome: NoCredential, Why: LacksCredential}, 3: {Outcome: Unreadable, Why: "?"},
	} {
		l.Offer(itemAt(seq))
		mustNext(t, l, noon, seq)
		c := l.Done(seq, v, noon, 0)
		if !c.Put || c.Drop || !c.Left || !c.Final || c.Item.State != Attention || c.Item.Why != v.Why {
			t.Errorf("%+v asks for %+v", v, c)
		}
		l.Saved(seq)
	}
	if !l.IsEmpty() {
		t.Error("they are still in line")
	}
}

func TestAnOpenBreakerIsProbedByTheHead(t *testing.T) {
	l := smallLine(Pace{Window: 4, BreakAfter: 2})
	for seq := range int64(4) {
		l.Offer(itemAt(seq + 1))
	}
	for seq := range int64(3) {
		mustNext(t, l, noon, seq+1)
	}
	l.Done(1, Verdict{Outcome: Again}, noon, 0)
	if c := l.Done(2, Verdict{Outcome: Again}, noon, 0); !c.Opened {
		t.Error("the breaker has not opened")
	}
	mustRest(t, l, noon)
	if _, after, ok := l.Admit(noon.Add(time.Hour)); ok || after < time.Second {
		t.Errorf("a request may go, or again after %s", after)
	}
	now := l.Wake(noon)
	mustNext(t, l, now, 1)
	mustRest(t, l, now.Add(time.Hour)) // one at a time
	l.Done(1, yes, now, 0)
	mustNext(t, l, now, 2) // without waiting for its time, which the outage had put off
	mustNext(t, l, now, 4)
	if probe, _, ok := l.Admit(now); !ok || probe != 0 {
		t.Error("a request may not go")
	}
}

func TestAnUpstreamThatCannotSayYetIsThere(t *testing.T) {
	l := smallLine(Pace{BreakAfter: 1})
	l.Offer(itemAt(1))
	mustNext(t, l, noon, 1)
	if c := l.Done(1, Verdict{Outcome: Again, Heard: true}, noon, 0); c.Opened || c.Item.Attempts != 1 {
		t.Errorf("it asks for %+v", c)
	}
	mustRest(t, l, noon)
	if l.Told(0, Verdict{Outcome: Again}, noon, 0); !l.IsOpen() {
		t.Fatal("the breaker has not opened")
	}
	now := l.Wake(noon)
	mustNext(t, l, now, 1)
	if l.Done(1, Verdict{Outcome: Again, Heard: true}, now, 0); l.IsOpen() {
		t.Error("it has been heard of, and the breaker is open")
	}
}

func TestRequestsProbeForAnEmptyQueue(t *testing.T) {
	l := smallLine(Pace{BreakAfter: 2})
	l.Told(0, Verdict{Outcome: Again}, noon, 0)
	if !l.Told(0, Verdict{Outcome: Again}, noon, 0) {
		t.Fatal("the breaker has not opened")
	}
	if _, _, ok := l.Admit(noon); ok {
		t.Error("a request goes before it is time")
	}
	now := l.Wake(noon)
	probe, _, ok := l.Admit(now)
	if !ok {
		t.Fatal("no request may probe")
	}
	if _, _, second := l.Admit(now); second {
		t.Error("two may")
	}
	l.Untold(probe)
	if probe, _, ok = l.Admit(now); !ok {
		t.Error("the next may not, although the first came to nothing")
	}
	l.Told(probe, Verdict{Outcome: Refused}, now, 0)
	if l.IsOpen() {
		t.Error("an answer does not close the breaker")
	}
}

// poisoned gives a line whose breaker is open, and whose head, 1, was sent in vain as often as it takes others to take
// part; and the instant at which the next probe is due. items stand behind the head.
func poisoned(t *testing.T, items ...int64) (*Line, time.Time) {
	t.Helper()
	l, now := smallLine(Pace{BreakAfter: 2}), noon
	l.Offer(itemAt(1))
	for range 2 + yieldAfter {
		now = now.Add(DefaultMaxWait)
		mustNext(t, l, now, 1)
		l.Done(1, Verdict{Outcome: Again}, now, 0)
	}
	now = l.breaker.Due()
	for _, seq := range items {
		l.Offer(itemAt(seq))
	}
	return l, now
}

func TestOthersProbeByTurnsWithAHeadThatIsTheTrouble(t *testing.T) {
	l, now := poisoned(t, 2, 3, 4)
	for _, seq := range []int64{2, 1, 3, 1, 4, 1, 2} {
		mustNext(t, l, now, seq)
		mustRest(t, l, now.Add(time.Hour)) // one at a time
		if c := l.Done(seq, Verdict{Outcome: Again}, now, 0); c.Item.State != Waiting {
			t.Fatalf("nobody got through, and %d is %s", seq, c.Item.State)
		}
		now = l.breaker.Due()
	}
	mustNext(t, l, now, 1)
	l.Done(1, Verdict{Outcome: Again}, now, 0)
	now = l.breaker.Due()
	mustNext(t, l, now, 3)
	if l.Done(3, yes, now, 0); l.IsOpen() {
		t.Fatal("a neighbour got through, and the breaker is open")
	}
	mustNext(t, l, now, 1)
	if c := l.Done(1, Verdict{Outcome: Again}, now, 0); c.Item.State != Parked || !c.Put || l.IsOpen() {
		t.Errorf("what kept the others out asks for %+v", c)
	}
	mustNext(t, l, now, 2)
	if c := l.Done(2, Verdict{Outcome: Again}, now, 0); c.Item.State != Waiting {
		t.Errorf("what failed with it is %s", c.Item.State)
	}
}
func TestARequestMayGoBetweenProbesOfAHeadThatIsTheTrouble(t *testing.T) {
	l, due := poisoned(t)
	failed := due.Add(-8 * time.Second) // half of the fifth wait, without jitter
	if _, _, ok := l.Admit(failed.Add(2*time.Second - 1)); ok {
		t.Error("a request goes at once")
	}
	now := failed.Add(2 * time.Second)
	probe, _, ok := l.Admit(now)
	if !ok {
		t.Fatal("no request may go before the head does")
	}
	mustRest(t, l, due) // one at a time
	l.Told(probe, Verdict{Outcome: Again}, due, 0)
	now = l.breaker.Due()
	if _, _, ok := l.Admit(now); ok {
		t.Error("a second one may before the queue has probed")
	}
	mustNext(t, l, now, 1)
	l.Done(1, Verdict{Outcome: Again}, now, 0)
	now = l.breaker.Due()
	probe, _, ok = l.Admit(now)
	if l.Told(probe, Verdict{Outcome: Refused}, now, 0); !ok || l.IsOpen() {
		t.Fatal("an answer to a request does not close the breaker")
	}
	mustNext(t, l, now, 1)
	if c := l.Done(1, Verdict{Outcome: Again}, now, 0); c.Item.State != Parked {
		t.Errorf("what kept the requests out is %s", c.Item.State)
	}
}

func TestTheHeadAloneProbesAtFirst(t *testing.T) {
	l, now := smallLine(Pace{BreakAfter: 1}), noon
	l.Offer(itemAt(1))
	l.Offer(itemAt(2))
	for range 1 + yieldAfter {
		if _, _, ok := l.Admit(now); ok && l.IsOpen() {
			t.Fatal("a request goes in its place")
		}
		mustNext(t, l, now, 1)
		l.Done(1, Verdict{Outcome: Again}, now, 0)
		now = l.breaker.Due()
	}
}

func TestWhatFailedAloneOnceIsNotParkedByAnOutage(t *testing.T) {
	l, now := smallLine(Pace{BreakAfter: 2, Window: 1}), noon
	l.Offer(itemAt(1))
	l.Offer(itemAt(2))
	mustNext(t, l, now, 1)
	l.Done(1, Verdict{Outcome: Again}, now, 0)
	mustNext(t, l, now, 2)
	l.Done(2, yes, now, 0)
	for range 5 * yieldAfter { // the first time it fails alone
		now = now.Add(DefaultMaxWait)
		mustNext(t, l, now, 1)
		if c := l.Done(1, Verdict{Outcome: Again}, now, 0); c.Item.State != Waiting {
			t.Fatalf("nobody gets through, and it is %s", c.Item.State)
		}
	}
}

func TestWhatIsParkedProbesForAnEmptyQueue(t *testing.T) {
	l, now := smallLine(Pace{BreakAfter: 1}), noon
	now = now.Add(DefaultMaxWait)
	parked := itemAt(1)
	parked.State = Parked
	l.Told(0, Verdict{Outcome: Again}, now, 0) // by a request
	if !l.IsOpen() {
		t.Fatal("the breaker has not opened")
	}
	inStore := map[State][]Item{Parked: {parked}}
	readAll(l, inStore, now, func() {})
	if _, found := l.NextParked(now); found {
		t.Error("it goes before a probe may")
	}
	now = l.Wake(now)
	l.Offer(itemAt(2))
	if _, found := l.NextParked(now); found {
		t.Error("it goes although something waits")
	}
	mustNext(t, l, now, 2)
	l.Done(2, Verdict{Outcome: NoCredential}, now, 0)
	if i, found := l.NextParked(now); !found || i.Seq != 1 {
		t.Fatal("nothing probes")
	}
	if _, _, ok := l.Admit(now.Add(time.Hour)); ok {
		t.Error("a request goes beside it")
	}
	if l.Done(1, Verdict{Outcome: Again}, now, 0); l.breaker.State() != "open" || !l.Wake(now).After(now) {
		t.Errorf("in vain, and the breaker is %s until %s", l.breaker.State(), l.Wake(now))
	}
	now = now.Add(2 * DefaultMaxWait)
	readAll(l, inStore, now, func() {})
	if _, found := l.NextParked(now); !found {
		t.Fatal("it does not probe again")
	}
	if l.Done(1, yes, now, 0); l.IsOpen() {
		t.Error("its answer does not close the breaker")
	}
}

func TestWhatFailsAloneIsParkedAndTriedBeside(t *testing.T) {
	l, now := smallLine(Pace{Window: 1, ParkAfter: 3, BreakAfter: 100, MaxWait: 10 * time.Second}), noon
	l.Offer(itemAt(1))
	other := int64(2)
	for fails := 1; fails < 4; fails++ {
		mustNext(t, l, now, 1)
		c := l.Done(1, Verdict{Outcome: Again}, now, 0)
		if parked := c.Item.State == Parked; parked != (fails == 4) || parked != c.Left {
			t.Fatalf("after %d times: %+v", fails, c)
		}
		l.Offer(itemAt(other))
		mustNext(t, l, now, other)
		l.Done(other, yes, now, 0)
		other, now = other+1, now.Add(time.Minute)
	}
	mustNext(t, l, now, 1)
	c := l.Done(1, Verdict{Outcome: Again}, now, 0)
	if c.Item.State != Parked || !c.Put || !c.Left || c.Final {
		t.Fatalf("it fails alone for the third time, and that asks for %+v", c)
	}
	mustRest(t, l, now.Add(time.Hour))
	l.Saved(1)
	now = now.Add(10 * time.Second)
	for read, lacks := l.Missing(now); lacks; read, lacks = l.Missing(now) {
		l.Loaded(read, map[State][]Item{Parked: {c.Item}}[read.State], now)
	}
	l.Offer(itemAt(50))
	mustNext(t, l, now, 50)
	if i, found := l.NextParked(now); !found || i.Seq != 1 {
		t.Error("it is not tried again")
	}
	if c := l.Done(1, Verdict{Outcome: Again}, now, 0); c.Item.Attempts != 5 || !c.Put || c.Left {
		t.Errorf("it is tried in vain, and that asks for %+v", c)
	}
}

func TestACredentialThatIsNotLetInStopsOnlyItsOwn(t *testing.T) {
	l := smallLine(Pace{})
	theirs := itemAt(2)
	theirs.Account = 2
	later := itemAt(3)
	for _, i := range []Item{itemAt(1), theirs, later} {
		l.Offer(i)
	}
	mustNext(t, l, noon, 1)
	if c := l.Done(1, Verdict{Outcome: Halted, Why: "401"}, noon, 0); !c.Stopped || !c.Put || c.Left || c.Item.State != Waiting {
		t.Errorf("it asks for %+v", c)
	}
	mustNext(t, l, noon, 2)
	mustRest(t, l, noon)
	if l.Offer(itemAt(4)) {
		t.Error("one of the same credential is taken")
	}
	var v View
	if l.View(&v); len(v.Stopped) != 1 || v.Stopped[0] != (Stop{Account: 1, Since: noon, Why: "401"}) || v.InFlight != 1 {
		t.Errorf("seen as %+v", v)
	}
	l.Rewind()
	read, _ := l.Missing(noon)
	l.Loaded(read, []Item{itemAt(1), theirs, later, itemAt(4)}, noon)
	mustNext(t, l, noon, 1)
	mustNext(t, l, noon, 3)
}

func TestAPageThatWasReadBeforeAnOfferIsNotTheEnd(t *testing.T) {
	l := smallLine(Pace{Window: 1})
	l.Rewind()
	l.behind = true
	read, _ := l.Missing(noon)
	if !l.Offer(itemAt(6)) {
		t.Fatal("what could be sent at once is not taken")
	}
	if l.Offer(itemAt(7)) {
		t.Fatal("what has to wait is taken before the store is read")
	}
	l.Loaded(read, nil, noon) // the page is of before
	if read, lacks := l.Missing(noon); !lacks || read.State != Waiting {
		t.Fatal("the line believes that it has all")
	} else {
		l.Loaded(read, []Item{itemAt(6), itemAt(7)}, noon)
	}
	mustNext(t, l, noon, 6)
	l.Done(6, Verdict{Outcome: Delivered}, noon, 0)
	mustNext(t, l, noon, 7)
	if l.Offer(itemAt(8)); l.behind {
		t.Error("it is still behind")
	}
}

func TestWhatLackedACredentialBeforeALookIsTriedAgain(t *testing.T) {
	l := smallLine(Pace{})
	l.Offer(itemAt(1))
	mustNext(t, l, noon, 1)
	l.Rewind() // there is one by now
	if c := l.Done(1, Verdict{Outcome: NoCredential, Why: LacksCredential}, noon, 0); c.Drop || c.Put || c.Left || c.Final {
		t.Errorf("it asks for %+v", c)
	}
	read, lacks := l.Missing(noon)
	if !lacks {
		t.Fatal("it is not read again")
	}
	l.Loaded(read, []Item{itemAt(1)}, noon)
	mustNext(t, l, noon, 1)
	if c := l.Done(1, Verdict{Outcome: NoCredential, Why: LacksCredential}, noon, 0); c.Item.State != Attention || !c.Put {
		t.Errorf("without one after all it asks for %+v", c)
	}
}

// model is a line with all that is around it: a store, its pages and commits in any delay, offers in any order, an
// upstream that does what it likes, and operators.
type model struct {
	*rapid.T
	line      *Line
	now       time.Time
	seq       int64
	rows      map[int64]Item
	unoffered []Item
	read      *Page // on its way, with what it brings
	found     []Item
	flying    map[int64]Item
	besides   int
	probes    map[int64]bool // of flying, what was sent while the breaker was open
	delivered map[int64]bool
	unsaved   []Change
	paused    bool
}

func TestNothingIsLostAndNothingIsSentTwiceAtOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{
			T: t, now: noon, rows: map[int64]Item{}, flying: map[int64]Item{}, probes: map[int64]bool{}, delivered: map[int64]bool{},
			line: NewLine(Pace{Window: 3, ParkAfter: 2, BreakAfter: 4}, func(a ident.Account) string { return fmt.Sprint(a) }),
		}
		m.line.held, m.line.page = 8, 4
		t.Repeat(map[string]func(*rapid.T){
			"":         func(*rapid.T) { m.check() },
			"commit":   m.commit,
			"commit 2": m.commit,
			"offer":    m.offer,
			"ask":      m.ask,
			"load":     m.load,
			"send":     m.send,
			"send 2":   m.send,
			"answer":   m.answer,
			"save":     m.save,
			"operate":  m.operate,
			"time":     func(t *rapid.T) { m.now = m.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "s")) * time.Second) },
		})
		m.settle()
	})
}

// commit adds an item to the store, of a request of its own or of one before.
func (m *model) commit(t *rapid.T) {
	m.seq++
	i := itemAt(m.seq)
	i.Request = max(1, m.seq-rapid.Int64Range(0, 2).Draw(t, "before"))
	i.Account = ident.Account(1 + i.Request%3)
	m.rows[i.Seq] = i
	m.unoffered = append(m.unoffered, i)
}

// offer offers something that is committed, in any order; or somebody forgets to.
func (m *model) offer(t *rapid.T) {
	if len(m.unoffered) == 0 {
		t.Skip()
	}
	at := rapid.IntRange(0, len(m.unoffered)-1).Draw(t, "which")
	if rapid.IntRange(0, 9).Draw(t, "forget") > 0 {
		m.line.Offer(m.unoffered[at])
	}
	m.unoffered = slices.Delete(m.unoffered, at, at+1)
}

// ask begins to read a page, which brings what is there now.
func (m *model) ask(t *rapid.T) {
	if m.read != nil {
		t.Skip()
	}
	expected := m.line.Lacks(m.now)
	read, lacks := m.line.Missing(m.now)
	if lacks != expected {
		t.Fatal("what is lacking is not what is missing")
	}
	if lacks {
		m.read, m.found = &read, nil
		for _, seq := range slices.Sorted(maps.Keys(m.rows)) {
			if i := m.rows[seq]; i.State == read.State && seq > read.After && len(m.found) < read.Limit {
				m.found = append(m.found, i)
			}
		}
	}
}

// load brings the page that was asked for, unless the store fails.
func (m *model) load(t *rapid.T) {
	if m.read == nil {
		t.Skip()
	}
	m.loaded(rapid.IntRange(0, 9).Draw(t, "fails") == 0)
}

func (m *model) loaded(fails bool) {
	if fails {
		m.line.Failed(*m.read, m.now)
	} else {
		m.line.Loaded(*m.read, m.found, m.now)
	}
	m.read = nil
}

// send sends what the line says.
func (m *model) send(t *rapid.T) {
	wasOpen := m.line.IsOpen()
	i, found := m.line.Next(m.now)
	parked := !found
	if parked {
		i, found = m.line.NextParked(m.now)
	}
	if !found {
		return
	}
	m.mustBeFree(i)
	switch {
	case m.paused:
		m.Fatal("a paused line sends")
	case parked && wasOpen && len(m.line.entries) > 0:
		m.Fatal("what is parked probes, although something waits")
	}
	if wasOpen {
		m.probes[i.Seq] = true
	}
	if parked {
		m.besides++
	}
	m.flying[i.Seq] = i
}

// mustBeFree checks that an item may be sent.
func (m *model) mustBeFree(i Item) {
	if _, there := m.rows[i.Seq]; (!there || m.delivered[i.Seq]) && !m.line.on { // others drop, too
		m.Fatalf("%d is sent although it is delivered or closed", i.Seq)
	}
	for _, other := range m.flying {
		if other.Request == i.Request {
			m.Fatalf("%d and %d of one request are sent at once", i.Seq, other.Seq)
		}
	}
}

// answer ends something that is on its way.
func (m *model) answer(t *rapid.T) {
	if len(m.flying) == 0 {
		t.Skip()
	}
	seq := rapid.SampledFrom(slices.Sorted(maps.Keys(m.flying))).Draw(t, "seq")
	m.done(seq, Verdict{
		Outcome: rapid.SampledFrom([]Outcome{Delivered, Delivered, Again, Again, Again, Refused, Halted, NoCredential}).Draw(t, "outcome"),
		Heard:   rapid.IntRange(0, 9).Draw(t, "heard") == 0,
		After:   time.Duration(rapid.SampledFrom([]int{0, 0, 0, 100}).Draw(t, "after")) * time.Second,
	})
}

func (m *model) done(seq int64, v Verdict) {
	if m.flying[seq].State == Parked {
		m.besides--
	}
	delete(m.flying, seq)
	delete(m.probes, seq)
	c := m.line.Done(seq, v, m.now, 0.5)
	if !m.line.IsOpen() { // what is still on its way is no probe any more
		clear(m.probes)
	}
	if c.Item.Seq != seq || c.Drop != (v.Outcome == Delivered) || c.Drop && c.Put {
		m.Fatalf("%+v asks for %+v", v, c)
	}
	if c.Drop {
		m.delivered[seq] = true
	}
	if c.Drop || c.Put {
		m.unsaved = append(m.unsaved, c)
	}
}

// save commits a change, or fails to, so that what was delivered may be sent again.
func (m *model) save(t *rapid.T) {
	if len(m.unsaved) == 0 {
		t.Skip()
	}
	at := rapid.IntRange(0, len(m.unsaved)-1).Draw(t, "which")
	m.saved(at, rapid.IntRange(0, 9).Draw(t, "fails") == 0)
}

func (m *model) saved(at int, fails bool) {
	c := m.unsaved[at]
	m.unsaved = slices.Delete(m.unsaved, at, at+1)
	row, there := m.rows[c.Item.Seq]
	switch {
	case fails:
		delete(m.delivered, c.Item.Seq)
	case c.Drop:
		delete(m.rows, c.Item.Seq)
	case there && (c.Final || row.State == c.From):
		m.rows[c.Item.Seq] = c.Item
	}
	if c.Left {
		m.line.Saved(c.Item.Seq)
	}
}

// operate does what an operator can do.
func (m *model) operate(t *rapid.T) {
	act := rapid.SampledFrom([]string{"pause", "resume", "look", "retry", "park", "close"}).Draw(t, "act")
	if act == "pause" || act == "resume" {
		m.paused = act == "pause"
		m.line.Pause(m.paused)
	}
	if act == "pause" {
		return
	}
	seq := rapid.Int64Range(1, max(1, m.seq)).Draw(t, "seq")
	isOffered := !slices.ContainsFunc(m.unoffered, func(i Item) bool { return i.Seq == seq })
	if row, there := m.rows[seq]; there && isOffered {
		switch act {
		case "retry":
			row.State = Waiting
			m.rows[seq] = row
		case "park":
			row.State = Parked
			m.rows[seq] = row
		case "close":
			delete(m.rows, seq)
		}
	}
	m.line.Rewind()
}

// check holds the line to its bounds.
func (m *model) check() {
	switch {
	case len(m.flying)-m.besides > 3 || m.besides > 1:
		m.Fatalf("%d are sent at once, %d of them parked ones", len(m.flying), m.besides)
	case len(m.probes) > 1 && m.line.IsOpen():
		m.Fatalf("there are %d probes", len(m.probes))
	case len(m.line.entries) > m.line.held+m.line.page:
		m.Fatalf("%d items are in memory", len(m.line.entries))
	case len(m.line.settled) > 0 && m.read == nil:
		m.Fatal("what was settled is remembered for ever")
	case m.line.ready.first() != nil && !m.line.Ready(m.now) && !m.paused && !m.line.IsOpen() && len(m.flying) == 0:
		m.Fatal("something could be sent and is not")
	}
}

// settle has the upstream answer everything, and the store save everything. Then nothing may be left but what needs
// attention, or goes under a credential that is not let in; and once that is looked at, not even this.
func (m *model) settle() {
	m.paused = false
	m.line.Pause(false)
	m.unoffered = nil
	m.runDry()
	for _, row := range m.rows {
		if row.State != Attention && !m.line.isStopped(row.Account) {
			m.Fatalf("%+v is left over", row)
		}
	}
	m.line.Rewind()
	m.runDry()
	for _, row := range m.rows {
		if row.State != Attention {
			m.Fatalf("%+v is left over after a look", row)
		}
	}
	if !m.line.IsEmpty() || len(m.line.heads)+len(m.line.ready.entries)+len(m.line.backing.entries) > 0 {
		m.Fatal("the line is not empty, and nothing is in it")
	}
}

func (m *model) runDry() {
	for range 40 {
		for m.runOnce() {
		}
		m.now = m.now.Add(time.Minute)
	}
}

// runOnce saves, reads, and sends what can be, and says whether there was anything.
func (m *model) runOnce() (some bool) {
	for ; len(m.unsaved) > 0; some = true {
		m.saved(0, false)
	}
	for ; m.read != nil || m.line.Lacks(m.now); some = true {
		if m.read == nil {
			m.ask(m.T)
		}
		m.loaded(false)
	}
	for m.send(m.T); len(m.flying) > 0; m.send(m.T) {
		for _, seq := range slices.Sorted(maps.Keys(m.flying)) {
			m.done(seq, yes)
			some = true
		}
	}
	return some
}

func TestWhatIsReadAgainIsNotEmpty(t *testing.T) {
	for name, again := range map[string]func(*Line){"Rewind": (*Line).Rewind, "Reread": (*Line).Reread} {
		t.Run(name, func(t *testing.T) {
			l := smallLine(Pace{})
			if !l.IsEmpty() {
				t.Fatal("it is not empty to begin with")
			}
			again(l)
			if l.IsEmpty() || l.cannotProbe() {
				t.Error("it is empty before the store is read")
			}
			for read, lacks := l.Missing(noon); lacks; read, lacks = l.Missing(noon) {
				l.Loaded(read, nil, noon)
			}
			if !l.IsEmpty() {
				t.Error("nothing was read, and it is not empty")
			}
		})
	}
}

func TestWhatIsParkedOnItsWayLeavesTheLine(t *testing.T) {
	l, now := smallLine(Pace{}), noon
	l.Offer(itemAt(1))
	mustNext(t, l, now, 1)
	parked := itemAt(1)
	parked.State = Parked // by an operator
	inStore := map[State][]Item{Parked: {parked}}
	readAll(l, inStore, now, l.Rewind)
	if c := l.Done(1, Verdict{Outcome: Again}, now, 0); c.From != Waiting {
		t.Errorf("it ends with %+v", c)
	}
	for range 120 {
		now = now.Add(time.Second)
		readAll(l, inStore, now, func() {})
		mustRest(t, l, now)
	}
	if i, found := l.NextParked(now); !found || i.Seq != 1 {
		t.Error("it is not tried beside the line")
	}
}

// readAll reads all that a line wants to know after an act.
func readAll(l *Line, inStore map[State][]Item, now time.Time, act func()) {
	act()
	for read, lacks := l.Missing(now); lacks; read, lacks = l.Missing(now) {
		l.Loaded(read, inStore[read.State], now)
	}
}
