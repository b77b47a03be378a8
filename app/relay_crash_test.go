package app_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/relay/relaytest"
	"github.com/scripworks/scrip/txn"
)

// Bounds of the crash tests of relays.
const (
	relaySellers  = 6
	relayAnswers  = 60  // a life ends after that many answers at most,
	relayBoundary = 400 // or at one of so many boundaries

	fewDeals         = 2   // are made where no rounds are asked for
	fewestBoundaries = 6   // of one deal: two commits and a message
	mostBoundaries   = 100 // more would be a loop
)

// Killed at any instant and at any boundary under load, in front of an upstream that loses, doubles, delays and reorders
// messages and answers, a relay sees every request through to the one ending that its sender knows of.
func TestCrashOfARelay(t *testing.T) {
	inEachStore(t, func(t *testing.T, in newPlace) { crashRelays(t, in, 1, relaytest.All) })
}

// The same is true of two relays in a row of which one, or the other, is killed. What is turned away by a relay for the
// moment is not doubled between them: of two copies of a request one could be turned away and the other one taken, which
// nobody who asks can tell.
func TestCrashOfRelaysInARow(t *testing.T) {
	var single []relaytest.Mischief
	for _, m := range relaytest.All {
		if m != relaytest.Doubled && m != relaytest.DoubledOld {
			single = append(single, m)
		}
	}
	inEachStore(t, func(t *testing.T, in newPlace) { crashRelays(t, in, 2, single) })
}

// crashRelays kills relays in a row again and again. between is what is done to messages from one to the next.
func crashRelays(t *testing.T, in newPlace, relays int, between []relaytest.Mischief) {
	random, seed := crashRandom(t)
	m := openMarket(t)
	delay := time.Duration(1+2*random.IntN(2)) * relayTimeout / 2 // shorter than an answer is waited for, or longer
	for n := range relays {
		kinds := between
		if n == 0 {
			kinds = relaytest.All
		}
		m.addRelay(t, in, &relaytest.Hostile{Odds: 0.25, Kinds: kinds, Seed: seed + uint64(n), Delay: delay})
	}
	for _, s := range m.stations {
		s.revive(t, mortality(random))
	}
	m.hire(t, seed, relaySellers, m.stations[0].at)
	for range fromEnvironment(t, crashRoundsEnv, crashRounds) {
		s := m.nextDeath(t, random)
		s.p.wasKilled(t)
		s.verify(t)
		s.revive(t, mortality(random))
	}
	for _, s := range m.stations { // what is left to do they live through
		s.p.kill()
		s.revive(t, forEver)
	}
	m.awaitAnswers(t, relayAnswers)
	m.close(t)
	states := m.agree(t)
	for _, state := range []txn.State{txn.Open, txn.Confirmed, txn.Reversed} {
		if states[state] == 0 {
			t.Errorf("nothing was %s in the end, so nothing was proved of that", state)
		}
	}
}

// awaitAnswers lets the sellers go on for so many answers more.
func (m *market) awaitAnswers(t *testing.T, more int64) {
	t.Helper()
	select {
	case <-m.answers.after(more):
	case <-time.After(patience):
		t.Fatal("no answers come")
	}
}

// nextDeath waits until a relay has died at its boundary, or kills one some time after so many answers. It gives the one
// that is dead.
func (m *market) nextDeath(t *testing.T, random *rand.Rand) *station {
	t.Helper()
	first, last := m.stations[0], m.stations[len(m.stations)-1]
	select {
	case <-first.p.exited:
		return first
	case <-last.p.exited:
		return last
	case <-m.answers.after(1 + random.Int64N(relayAnswers)):
	case <-time.After(patience):
		t.Fatal("no answers come")
	}
	victim := m.stations[random.IntN(len(m.stations))]
	time.AfterFunc(within(random, crashAfter)*time.Duration(random.IntN(2)), victim.p.kill)
	<-victim.p.exited
	return victim
}

// mortality says at which boundary each life of a relay ends; 0 is when it is killed.
func mortality(random *rand.Rand) func() int64 {
	return func() int64 { return random.Int64N(relayBoundary) * random.Int64N(2) }
}

// forEver lets a relay live until it is killed.
func forEver() int64 { return 0 }

// boundaryDeals are the deals during which a relay is killed at each boundary. The first few stand for all where no rounds
// are asked for.
var boundaryDeals = []struct {
	resource, advice string
	mischief         relaytest.Mischief // done to the first message to each path
}{
	{"redemptions", "confirmations", relaytest.None},
	{"purchases", "reversals", relaytest.AnswerLost},
	{"purchases", "reversals", relaytest.None},
	{"purchases", "confirmations", relaytest.DoubledOld},
	{"purchases", "reversals", relaytest.Lost},
	{"purchases", "", relaytest.Late},
	{"redemptions", "reversals", relaytest.TimedOut},
	{"loads", "reversals", relaytest.None},
	{"loads", "confirmations", relaytest.Doubled},
	{"activations", "confirmations", relaytest.Halved},
	{refusable, "reversals", relaytest.None},
}

// Killed at each boundary of one deal in turn, and soon after it has started again once more, a relay sees the deal
// through.
func TestCrashOfARelayAtEveryBoundary(t *testing.T) {
	inEachStore(t, crashAtEveryBoundary)
}

func crashAtEveryBoundary(t *testing.T, in newPlace) {
	deals := boundaryDeals
	if fromEnvironment(t, crashRoundsEnv, 0) == 0 {
		deals = deals[:fewDeals]
	}
	for _, c := range deals {
		t.Run(fmt.Sprintf("%s, %s, mischief %d", c.resource, c.advice, c.mischief), func(t *testing.T) {
			t.Parallel()
			m, first := openMarket(t), &firstOnes{mischief: c.mischief, came: map[string]bool{}}
			m.addRelay(t, in, &relaytest.Hostile{Delay: 2 * relayTimeout, Choose: first.choose})
			m.sellers = []*seller{{market: m, at: m.stations[0].at, account: "rich"}}
			m.stations[0].revive(t, forEver) // which makes its store
			m.stations[0].hasty = true
			at := int64(1)
			for ; m.crashAt(t, c.resource, c.advice, at); at++ {
				if at == mostBoundaries {
					t.Fatal("the relay never comes to the end of its deal")
				}
				first.forget()
			}
			if t.Logf("%d boundaries", at-1); at <= fewestBoundaries {
				t.Error("that are too few for a request and its advice")
			}
			m.stations[0].revive(t, forEver)
			m.close(t)
			m.agree(t)
		})
	}
}

// firstOnes does something to the first message to each path.
type firstOnes struct {
	mischief relaytest.Mischief
	mu       sync.Mutex
	came     map[string]bool
}

func (f *firstOnes) choose(r *http.Request) relaytest.Mischief {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.came[r.URL.Path] {
		return relaytest.None
	}
	f.came[r.URL.Path] = true
	return f.mischief
}

// forget lets all paths be new.
func (f *firstOnes) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.came = map[string]bool{}
}

// crashAt has one deal made while the relay dies at a boundary, and at one of the first ones of its next life. It says
// whether it has died at all.
func (m *market) crashAt(t *testing.T, resource, advice string, at int64) (crashed bool) {
	t.Helper()
	s, lives := m.stations[0], []int64{at, 1 + at%7, 0}
	dieAt := func() (at int64) {
		at, lives = lives[0], lives[1:]
		return at
	}
	s.p.kill()
	s.revive(t, dieAt)
	done := make(chan struct{})
	m.selling.Go(func() {
		defer close(done)
		m.sellers[0].deals(t, resource, advice)
		s.idles(t)
	})
	for {
		select {
		case <-s.p.exited:
			s.p.wasKilled(t)
			s.revive(t, dieAt)
		case <-done:
			crashed = len(lives) < 2
			s.p.kill()
			if m.agreeOn(t, m.sellers[0].last()); t.Failed() {
				t.FailNow()
			}
			return crashed
		}
	}
}
