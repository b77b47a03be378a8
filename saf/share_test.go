package saf

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/ident"
)

const (
	sendsFor = 5 * time.Second
	youngFor = 8 * time.Second
)

// sharedLine gives a small line that others share, and that this process holds or not. The store is empty.
func sharedLine(t *testing.T, leads bool) *Line {
	l := NewLine(Pace{}, func(a ident.Account) string { return fmt.Sprint(a) })
	l.held, l.page = 8, 4
	l.Share(sendsFor, youngFor)
	if leads {
		l.Lead()
	}
	readSome(t, l, nil, noon)
	return l
}

// bornAt gives an item that was committed at an instant.
func bornAt(seq int64, at time.Time) Item {
	i := itemAt(seq)
	i.At = at
	return i
}

// old gives items that were committed long ago, as a store has them.
func old(seqs ...int64) map[State][]Item {
	found := map[State][]Item{}
	for _, seq := range seqs {
		found[Waiting] = append(found[Waiting], bornAt(seq, noon.Add(-time.Hour)))
	}
	return found
}

func TestWhoDoesNotHoldTheLineReadsNothing(t *testing.T) {
	l := sharedLine(t, false)
	for range 100 {
		if p, lacks := l.Missing(noon); lacks {
			t.Fatalf("it reads %+v", p)
		}
	}
	l.Lead()
	readSome(t, l, old(1), noon)
	mustNext(t, l, noon, 1)
}

func TestWhoDoesNotHoldTheLineSendsItsOwnWhileTheyAreYoung(t *testing.T) {
	l := sharedLine(t, false)
	for seq := int64(1); seq <= 3; seq++ {
		if !l.Offer(bornAt(seq, noon)) {
			t.Fatalf("%d is not taken", seq)
		}
	}
	mustNext(t, l, noon, 1)
	if c := l.Done(1, Verdict{Outcome: Again}, noon, 0); c.Gone || c.Left {
		t.Errorf("it gives up at once: %+v", c)
	}
	mustNext(t, l, noon, 2)
	now := noon.Add(4900 * time.Millisecond)
	if c := l.Done(2, Verdict{Outcome: Again}, now, 0); !c.Gone || c.Put || c.Drop || c.Left {
		t.Errorf("it keeps what cannot be sent again in time: %+v", c)
	}
	mustNext(t, l, now, 1)
	mustRest(t, l, noon.Add(sendsFor))
	if c := l.Done(1, yes, noon.Add(sendsFor), 0); !c.Drop {
		t.Errorf("what is answered late asks for %+v", c)
	}
	if len(l.entries) != 0 {
		t.Errorf("%d are still in memory", len(l.entries))
	}
}

func TestWhatHasHadItsTimeIsLetGo(t *testing.T) {
	l := sharedLine(t, false)
	l.Offer(bornAt(1, noon))
	l.Expire(noon.Add(sendsFor - 1))
	if len(l.entries) != 1 {
		t.Error("it is let go too early")
	}
	l.Expire(noon.Add(sendsFor))
	if len(l.entries) != 0 {
		t.Error("it is still in memory")
	}
}

func TestWhoDoesNotHoldTheLineLeavesWhatItCannotSendToTheHolder(t *testing.T) {
	for name, v := range map[string]Verdict{
		"no credential": {Outcome: NoCredential, Why: LacksCredential}, "no key": {Outcome: Unreadable, Why: "no key"},
	} {
		l := sharedLine(t, false)
		l.Offer(bornAt(1, noon))
		mustNext(t, l, noon, 1)
		if c := l.Done(1, v, noon, 0); !c.Gone || c.Put || c.Drop || len(l.entries) != 0 {
			t.Errorf("%s: %+v", name, c)
		}
	}
	l := sharedLine(t, false)
	l.Offer(bornAt(1, noon))
	mustNext(t, l, noon, 1)
	if c := l.Done(1, Verdict{Outcome: Refused, Why: "refused"}, noon, 0); !c.Put || c.Item.State != Attention {
		t.Errorf("a refusal asks for %+v", c)
	}
}

func TestWhoDoesNotHoldTheLineTakesNothingForAnUpstreamThatIsAway(t *testing.T) {
	l := sharedLine(t, false)
	for seq := int64(1); seq <= DefaultBreakAfter+2; seq++ {
		l.Offer(bornAt(seq, noon))
	}
	for seq := int64(1); seq <= DefaultBreakAfter; seq++ {
		mustNext(t, l, noon, seq)
	}
	for seq := int64(1); seq <= DefaultBreakAfter; seq++ {
		l.Done(seq, Verdict{Outcome: Again}, noon, 0)
	}
	if !l.IsOpen() || len(l.entries) != 0 || l.Offer(bornAt(9, noon)) {
		t.Errorf("open %t with %d in memory, and it takes more", l.IsOpen(), len(l.entries))
	}
	if _, _, ok := l.Admit(noon.Add(time.Minute)); !ok {
		t.Error("no request may probe, and nothing else can")
	}
}

func TestWhatOthersHaveJustBroughtIsLeftToThem(t *testing.T) {
	for name, skew := range map[string]time.Duration{"same clock": 0, "a clock ahead": 2 * time.Second, "a clock behind": -2 * time.Second} {
		l := sharedLine(t, true)
		theirs := map[State][]Item{Waiting: {bornAt(1, noon.Add(skew))}}
		for at := noon; at.Before(noon.Add(youngFor + min(skew, 0))); at = at.Add(time.Second) {
			readSome(t, l, theirs, at)
			mustRest(t, l, at)
		}
		at := noon.Add(youngFor + max(skew, 0) + lookBackEvery)
		readSome(t, l, theirs, at)
		if i, found := l.Next(at); !found || i.Seq != 1 {
			t.Errorf("%s: it is not sent when its node has not", name)
		}
	}
}

// What a page shows was so when it was asked for. By the time it is here another process may have sent what it had just
// brought, and that would go out a second time.
func TestWhatWasYoungWhenAPageWasAskedForIsLeftToOthersHoweverLongThatTook(t *testing.T) {
	l := sharedLine(t, true)
	asked := noon.Add(lookBackEvery)
	p, lacks := l.Missing(asked)
	if !lacks {
		t.Fatal("nothing is read")
	}
	slow := asked.Add(youngFor)
	l.Loaded(p, []Item{bornAt(1, asked)}, slow)
	mustRest(t, l, slow)
	later := slow.Add(checkAtLast)
	readSome(t, l, map[State][]Item{Waiting: {bornAt(1, asked)}}, later)
	mustNext(t, l, later, 1)
}

func TestAClockThatIsFarAheadHoldsUpNothing(t *testing.T) {
	l := sharedLine(t, true)
	at := noon.Add(lookBackEvery)
	readSome(t, l, map[State][]Item{Waiting: {bornAt(1, noon.Add(time.Hour))}}, at)
	mustNext(t, l, at, 1)
}

func TestTheHolderSendsItsOwnAtOnceHoweverTheyCome(t *testing.T) {
	l := sharedLine(t, true)
	inStore := map[State][]Item{}
	for seq := int64(1); seq <= 30; seq++ { // more than fit
		inStore[Waiting] = append(inStore[Waiting], bornAt(seq, noon))
		l.Offer(bornAt(seq, noon))
	}
	for seq := int64(1); seq <= 30; seq++ {
		readSome(t, l, inStore, noon)
		mustNext(t, l, noon, seq)
		inStore[Waiting] = inStore[Waiting][1:]
		l.Done(seq, yes, noon, 0)
		l.Saved(seq)
	}
	l.Offer(bornAt(40, noon))
	l.Rewind()
	readSome(t, l, map[State][]Item{Waiting: {bornAt(40, noon)}}, noon)
	mustNext(t, l, noon, 40)
}

// Places do not come in order: what is committed below what has been read is found within about a second, also behind a
// memory that is full.
func TestWhatComesBelowThePlaceThatWasReadIsFound(t *testing.T) {
	for _, many := range []int64{1, 6, 100} {
		l := sharedLine(t, true)
		var seqs []int64
		for n := range many {
			seqs = append(seqs, 1000+n)
		}
		at := noon.Add(2 * lookBackEvery)
		readSome(t, l, old(seqs...), at)
		for _, late := range []int64{500, 501} {
			seqs = slices.Insert(seqs, int(late-500), late)
			due := l.Wake(at)
			if due.IsZero() || due.After(at.Add(lookBackEvery)) {
				t.Fatalf("behind %d it looks back at %v, now is %v", many, due, at)
			}
			if at = due; many > int64(l.held) {
				readSome(t, l, old(seqs...), at) // there is room for one once another has gone
				mustNext(t, l, at, 1000+late-500)
				l.Done(1000+late-500, yes, at, 0)
				l.Saved(1000 + late - 500)
				seqs = slices.DeleteFunc(seqs, func(s int64) bool { return s == 1000+late-500 })
				at = at.Add(lookBackEvery)
			}
			readSome(t, l, old(seqs...), at)
			mustNext(t, l, at, late)
		}
	}
}

// readSome reads what a line wants to know now, page by page as a store would give it, and says how many pages that took.
func readSome(t *testing.T, l *Line, inStore map[State][]Item, now time.Time) (pages int) {
	for p, lacks := l.Missing(now); lacks; p, lacks = l.Missing(now) {
		var found []Item
		for _, i := range inStore[p.State] {
			if i.Seq > p.After && len(found) < p.Limit {
				found = append(found, i)
			}
		}
		l.Loaded(p, found, now)
		if pages++; pages > 10_000 {
			t.Fatal("it reads for ever")
		}
	}
	return pages
}

// A queue of very many items is not read again and again: only what is in memory is, and a little more.
func TestALongLineIsNotReadAgainWhole(t *testing.T) {
	l := sharedLine(t, true)
	var seqs []int64
	for seq := range int64(4000) {
		seqs = append(seqs, seq+1)
	}
	inStore, at := old(seqs...), noon.Add(time.Hour)
	readSome(t, l, inStore, at)
	for range 20 {
		at = at.Add(lookBackEvery)
		if pages := readSome(t, l, inStore, at); pages == 0 || pages > l.held/l.page+2 {
			t.Fatalf("%d pages are read again", pages)
		}
	}
	if len(l.entries) > l.held {
		t.Errorf("%d are in memory", len(l.entries))
	}
}

// What belongs to a credential that is not let in is passed over each time, so a line with much of that is read again the
// more rarely the longer it takes.
func TestALineThatTakesLongToReadIsReadAgainRarely(t *testing.T) {
	l := sharedLine(t, true)
	l.stops["1"] = Stop{Account: 1}
	var seqs []int64
	for seq := range int64(400) {
		seqs = append(seqs, seq+1)
	}
	inStore, at, read := old(seqs...), noon.Add(time.Hour), 0
	for end := at.Add(time.Hour); at.Before(end); {
		if p, lacks := l.Missing(at); lacks {
			at = at.Add(100 * time.Millisecond) // a page takes that long
			var found []Item
			for _, i := range inStore[p.State] {
				if i.Seq > p.After && len(found) < p.Limit {
					found = append(found, i)
				}
			}
			l.Loaded(p, found, at)
			read++
			continue
		}
		next := l.Wake(at)
		if next.IsZero() {
			t.Fatal("it never wakes")
		}
		at = next
	}
	if spent := time.Duration(read) * 100 * time.Millisecond; spent > 6*time.Minute || read < 400 {
		t.Errorf("%d pages in an hour take %s of it", read, spent)
	}
}

// What is not in line any more, because another process has delivered it, or an operator there has closed it or taken it
// out of line, is not sent again and again.
func TestWhatOthersHaveTakenOutOfLineIsNotSentAgain(t *testing.T) {
	l, at := sharedLine(t, true), noon.Add(time.Hour)
	readSome(t, l, old(1, 2, 3), at)
	mustNext(t, l, at, 1)
	mustNext(t, l, at, 2)
	at = at.Add(lookBackEvery)
	readSome(t, l, old(2), at) // 3 has gone while it waited, and 1 while it is on its way
	mustRest(t, l, at)
	if c := l.Done(1, Verdict{Outcome: Again}, at, 0); !c.Gone {
		t.Errorf("what is gone stays in memory: %+v", c)
	}
	if c := l.Done(2, Verdict{Outcome: Again}, at, 0); c.Gone {
		t.Errorf("what is there is forgotten: %+v", c)
	}
	at = at.Add(time.Hour)
	readSome(t, l, old(2), at)
	mustNext(t, l, at, 2)
	mustRest(t, l, at)
}

func TestAPageOfBeforeThrowsNothingOut(t *testing.T) {
	l, at := sharedLine(t, true), noon.Add(time.Hour)
	p, lacks := l.Missing(at)
	if !lacks {
		t.Fatal("nothing is read")
	}
	l.Offer(bornAt(1, at))
	l.Loaded(p, nil, at) // it was read before the item was there
	mustNext(t, l, at, 1)
}

func TestWhatIsParkedIsReadAgainBeforeItIsTried(t *testing.T) {
	l, at := sharedLine(t, true), noon.Add(time.Hour)
	parked := func(seqs ...int64) map[State][]Item {
		found := old(seqs...)[Waiting]
		for i := range found {
			found[i].State = Parked
		}
		return map[State][]Item{Parked: found}
	}
	readSome(t, l, parked(1, 2, 3), at)
	if i, _ := l.NextParked(at); i.Seq != 1 {
		t.Fatalf("%d is tried first", i.Seq)
	}
	at = at.Add(time.Minute)
	l.Done(1, Verdict{Outcome: Again}, at, 0)
	if i, found := l.NextParked(at); found {
		t.Fatalf("%d is tried as it was a minute ago", i.Seq)
	}
	readSome(t, l, parked(1, 3), at) // 2 was closed
	if i, _ := l.NextParked(at); i.Seq != 3 {
		t.Errorf("%d is tried next", i.Seq)
	}
	l.Done(3, Verdict{Outcome: Again}, at, 0)
	for range 20 { // and it does not read for ever
		at = at.Add(time.Second)
		if pages := readSome(t, l, parked(1, 3), at); pages > 2 {
			t.Fatalf("%d pages are read", pages)
		}
	}
}

// The same as TestNothingIsLostAndNothingIsSentTwiceAtOnce, where the line goes from hand to hand, others bring items
// anywhere, and drop and change them.
func TestNothingIsLostOfASharedLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{
			T: t, now: noon, rows: map[int64]Item{}, flying: map[int64]Item{}, probes: map[int64]bool{}, delivered: map[int64]bool{},
			line: NewLine(Pace{Window: 3, ParkAfter: 2, BreakAfter: 4}, func(a ident.Account) string { return fmt.Sprint(a) }),
		}
		m.line.held, m.line.page = 8, 4
		m.line.Share(sendsFor, youngFor)
		s := sharing{m, rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)).Perm(4000)}
		t.Repeat(map[string]func(*rapid.T){
			"":       func(*rapid.T) { m.check() },
			"commit": s.commit,
			"bring":  s.bring,
			"offer":  m.offer,
			"ask":    m.ask,
			"ask 2":  m.ask,
			"load":   m.load,
			"load 2": m.load,
			"send":   m.send,
			"send 2": m.send,
			"answer": m.answer,
			"save":   m.save,
			"others": s.others,
			"hands":  s.changeHands,
			"time": func(t *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 9000).Draw(t, "ms")) * time.Millisecond)
			},
		})
		m.line.Lead()
		m.settle()
	})
}

// sharing is a model whose places come in no order.
type sharing struct {
	*model
	places []int
}

// commit adds an item of our own.
func (s sharing) commit(t *rapid.T) {
	if i, ok := s.add(t); ok {
		s.unoffered = append(s.unoffered, i)
	}
}

// bring has another process add one.
func (s sharing) bring(t *rapid.T) { s.add(t) }

func (s sharing) add(t *rapid.T) (Item, bool) {
	n := len(s.rows) + int(s.seq)
	if s.seq++; n >= len(s.places) {
		return Item{}, false
	}
	i := bornAt(int64(1+s.places[s.seq]), s.now)
	i.Request = 1 + i.Seq%7
	i.Account = ident.Account(1 + i.Request%3)
	s.rows[i.Seq] = i
	return i, true
}

// others has another process change an item.
func (s sharing) others(t *rapid.T) {
	all := make([]int64, 0, len(s.rows))
	for seq := range s.rows {
		all = append(all, seq)
	}
	if len(all) == 0 {
		t.Skip()
	}
	slices.Sort(all)
	row := s.rows[rapid.SampledFrom(all).Draw(t, "seq")]
	switch row.State = rapid.SampledFrom([]State{0, Waiting, Parked, Attention}).Draw(t, "state"); row.State {
	case 0:
		delete(s.rows, row.Seq)
	default:
		s.rows[row.Seq] = row
	}
}

func (s sharing) changeHands(t *rapid.T) {
	s.line.Expire(s.now)
	switch {
	case rapid.IntRange(0, 2).Draw(t, "who") > 0:
		if !s.line.Leads() {
			s.line.Lead()
		}
	case s.line.Leads():
		s.line.Follow()
	}
}
