package app_test

import (
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// Defaults and bounds of the crash tests.
const (
	crashRounds    = 3
	crashTills     = 8
	crashAnswers   = 400                   // a round ends after that many answers at most,
	crashAfter     = 5 * time.Millisecond  // and so much later at most
	crashAtStart   = 40 * time.Millisecond // within which a start is cut off
	crashSample    = 50                    // about as many requests of earlier rounds each till asks for again
	crashOpening   = 1_000_000_000         // minor units
	crashRoundsEnv = "SCRIP_CRASH_ROUNDS"
	crashSeedEnv   = "SCRIP_CRASH_SEED"
)

func fromEnvironment(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text, found := os.LookupEnv(name)
	if !found {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// crashRandom gives the random source of a crash test, and says how to get the same one again. It decides what the
// tills do and when the server is killed, as far as one process can decide that of another.
func crashRandom(t *testing.T) (*rand.Rand, uint64) {
	t.Helper()
	seed := fromEnvironment(t, crashSeedEnv, rand.Uint64())
	t.Logf("%s=%d", crashSeedEnv, seed)
	return rand.New(rand.NewPCG(seed, 0)), seed
}

func within(random *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(random.Int64N(int64(most)))
}

// Killed at any instant under load, a server finds on restart everything that it has acknowledged, nothing by
// halves, and all balances as its senders know them.
func TestCrashUnderLoad(t *testing.T) {
	inEachStore(t, crashUnderLoad)
}

func crashUnderLoad(t *testing.T, in newPlace) {
	random, seed := crashRandom(t)
	at := in(t)
	p := at.serve(t)
	l := p.account(t, "till", members{})
	p.product(t, "gold")
	var cards []card
	for n := range 6 {
		c := p.card(t, strconv.Itoa(6001000000000000+n))
		l.activate(t, c, crashOpening)
		cards = append(cards, c)
	}
	tills := newTraffic(seed, crashTills, crashOpening, cards...)
	for round := range fromEnvironment(t, crashRoundsEnv, crashRounds) {
		after := within(random, crashAfter) * time.Duration(random.IntN(2))
		crash(t, p, 1+random.Int64N(crashAnswers), after, func(answered func()) { tills.run(t, l, answered) })
		at.verify(t)
		if random.IntN(3) == 0 {
			crashWhileStarting(t, at.prepare(t), within(random, crashAtStart))
		}
		p = at.serve(t)
		l = p.at(l)
		found := tills.find(t, l)
		t.Logf("round %d: %d requests were found again", round, found)
	}
	for _, c := range tills.tills {
		c.checked = 0
	}
	tills.find(t, l)
	if code := p.stop(t); code != 0 {
		t.Errorf("stopped with exit code %d", code)
	}
	at.verify(t)
}

// crash puts the server under load and kills it some time after so many answers. At once is the best time to catch
// a server that answers before it has saved.
func crash(t *testing.T, p *process, answers int64, after time.Duration, load func(answered func())) {
	t.Helper()
	var came atomic.Int64
	load(func() {
		switch {
		case came.Add(1) != answers:
		case after == 0:
			p.kill()
		default:
			time.AfterFunc(after, p.kill)
		}
	})
	p.kill() // should an answer have been wrong, and the load have ended for that
	p.wasKilled(t)
}

// wasKilled waits until a server is gone, which must not have ended by itself.
func (p *process) wasKilled(t *testing.T) {
	t.Helper()
	<-p.exited
	if p.command.ProcessState.Exited() {
		t.Fatalf("the server ended by itself: %v\n%s", p.command.ProcessState, p.log)
	}
}

// find asks again for what is new since the last time, for what had no answer, for a sample of the rest, and for all
// balances.
func (r *traffic) find(t *testing.T, l *till) (found int) {
	t.Helper()
	for _, c := range r.tills {
		for n, s := range c.sent {
			if c.due(n, !s.approved || s.advice != "" && !s.accepted) {
				s.find(t, l, r.cards)
				found++
			}
		}
		c.checked = len(c.sent)
	}
	for n, c := range r.cards {
		book, available := l.balance(t, c)
		wantBook, wantAvailable := r.expected(n)
		if book != wantBook || available != wantAvailable {
			t.Errorf("card %d has book %d available %d; by what was acknowledged it must have %d and %d", n, book, available, wantBook, wantAvailable)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	return found
}

// find asks for a request and its advice again, and sees through what had no answer.
func (s *sent) find(t *testing.T, l *till, cards []card) {
	t.Helper()
	if !s.approved {
		s.reverseUnknown(t, l, cards)
		return
	}
	l.ask(s.resource, s.id, cards[s.card], s.amount).must(t, http.StatusBadRequest, "DUPLICATE_RECORD")
	switch s.advice {
	case "":
		return
	case "confirmations":
		l.advise(s).must(t, http.StatusAccepted, "")
		l.reverse(s.resource, s.id, newID()).must(t, http.StatusBadRequest, "TRANSACTION_NOT_SUPPORTED")
	default:
		l.advise(s).must(t, http.StatusAccepted, "")
		l.confirm(s.resource, s.id, newID()).must(t, http.StatusBadRequest, "GENERAL_ERROR")
	}
	s.accepted = true
}

// reverseUnknown reverses a request that had no answer. It is there, or it never will be.
func (s *sent) reverseUnknown(t *testing.T, l *till, cards []card) {
	t.Helper()
	s.advice, s.adviceID = "reversals", newID()
	a, late := l.advise(s), "DUPLICATE_RECORD"
	switch a.status {
	case http.StatusAccepted:
		s.approved, s.accepted = true, true
	case http.StatusNotFound:
		a.must(t, http.StatusNotFound, "UNABLE_TO_LOCATE_RECORD")
		late = "GENERAL_ERROR"
	default:
		t.Fatalf("the reversal of a request without an answer: %v", a)
	}
	l.ask(s.resource, s.id, cards[s.card], s.amount).must(t, http.StatusBadRequest, late)
}

// crashWhileStarting starts a server and kills it before it is ready, or soon after.
func crashWhileStarting(t *testing.T, p *process, after time.Duration) {
	t.Helper()
	p.spawn(t)
	time.AfterFunc(after, p.kill)
	p.wasKilled(t)
}

// Killed while it makes its store, a server is whole when it is started again: with its keys, and with the first
// operator whose token it was given.
func TestCrashAtFirstStart(t *testing.T) {
	inEachStore(t, crashAtFirstStart)
}

func crashAtFirstStart(t *testing.T, in newPlace) {
	random, _ := crashRandom(t)
	for range 2 * fromEnvironment(t, crashRoundsEnv, crashRounds) {
		at := in(t)
		for range 1 + random.IntN(3) {
			crashWhileStarting(t, at.prepare(t), within(random, 2*crashAtStart))
		}
		p := at.serve(t)
		l := p.account(t, "till", members{})
		p.product(t, "gold")
		l.activate(t, p.card(t, "6001000000000000"), 100)
		p.kill()
		at.verify(t)
	}
}
