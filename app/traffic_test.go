package app_test

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
)

// traffic is what several tills do with a few cards, and what they remember of it.
type traffic struct {
	cards   []card
	opening int64
	tills   []*cashier
}

// worker is somebody at a till. Not all that he remembers is looked for after each crash.
type worker struct {
	random  *rand.Rand
	checked int // of what he remembers, how much was found again after an earlier crash
}

// workers gives each of so many people chances of their own.
func workers(seed uint64, count int) (all []worker) {
	for n := range count {
		all = append(all, worker{random: rand.New(rand.NewPCG(seed, uint64(n)))})
	}
	return all
}

// due says whether to look for what he remembers at a place: what is new, what had no answer, and a sample of the rest.
func (w *worker) due(n int, unanswered bool) bool {
	return n >= w.checked || unanswered || w.random.IntN(w.checked) < crashSample
}

// together lets all work until no answers come.
func together[W any](all []W, step func(W) bool) {
	var working sync.WaitGroup
	for _, w := range all {
		working.Go(func() {
			for step(w) {
			}
		})
	}
	working.Wait()
}

// cashier works at one till and remembers each request.
type cashier struct {
	worker
	sent     []*sent
	stopping bool // the server may say that it is stopping
}

// sent is one request and what became of it, as far as its sender knows.
type sent struct {
	resource, id string
	card         int
	amount       int64
	approved     bool   // false: no answer came
	advice       string // confirmations, reversals, or empty
	adviceID     string
	accepted     bool // the advice; false: no answer came
}

func newTraffic(seed uint64, tills int, opening int64, cards ...card) *traffic {
	r := &traffic{cards: cards, opening: opening}
	for _, w := range workers(seed, tills) {
		r.tills = append(r.tills, &cashier{worker: w})
	}
	return r
}

// run lets all tills work until no answer comes, and calls answered for each answer that did come.
func (r *traffic) run(t testing.TB, l *till, answered func()) {
	together(r.tills, func(c *cashier) bool { return c.step(t, l, r.cards, answered) })
}

// step does one thing: something new, or an advice to something that was left open. It says whether answers come.
func (c *cashier) step(t testing.TB, l *till, cards []card, answered func()) bool {
	switch draw := c.random.IntN(10); {
	case draw == 0:
		a := l.ask("lookupGiftcard", newID(), cards[c.random.IntN(len(cards))], -1)
		return c.came(t, a, http.StatusCreated, answered)
	case draw <= 2:
		if s := c.leftOpen(); s != nil {
			return c.advise(t, l, s, answered)
		}
	}
	s := &sent{resource: "redemptions", id: newID(), card: c.random.IntN(len(cards)), amount: 1 + c.random.Int64N(50)}
	if c.random.IntN(3) == 0 {
		s.resource = "loads"
	}
	c.sent = append(c.sent, s)
	s.approved = c.came(t, l.ask(s.resource, s.id, cards[s.card], s.amount), http.StatusCreated, answered)
	if !s.approved || c.random.IntN(4) == 0 {
		return s.approved
	}
	return c.advise(t, l, s, answered)
}

// leftOpen picks an approved request without an advice.
func (c *cashier) leftOpen() *sent {
	if len(c.sent) == 0 {
		return nil
	}
	if s := c.sent[c.random.IntN(len(c.sent))]; s.approved && s.advice == "" {
		return s
	}
	return nil
}

// advise ends a request, more often confirming than reversing.
func (c *cashier) advise(t testing.TB, l *till, s *sent, answered func()) bool {
	s.advice, s.adviceID = "confirmations", newID()
	if c.random.IntN(3) == 0 {
		s.advice = "reversals"
	}
	s.accepted = c.came(t, l.advise(s), http.StatusAccepted, answered)
	return s.accepted
}

// advise sends a request's advice, or sends it again.
func (l *till) advise(s *sent) answer {
	if s.advice == "reversals" {
		return l.reverse(s.resource, s.id, s.adviceID)
	}
	return l.confirm(s.resource, s.id, s.adviceID)
}

// came says whether the answer came that was wanted. Any other is a fault, unless the server may say that it is
// stopping; then it is as good as none.
func (c *cashier) came(t testing.TB, a answer, want int, answered func()) bool {
	stops := a.status == http.StatusServiceUnavailable || a.status == http.StatusInternalServerError && want == http.StatusAccepted
	if a.status == 0 || c.stopping && stops {
		return false
	}
	if a.status != want {
		t.Errorf("answered %v, want %d", a, want)
		return false
	}
	answered()
	return true
}

// expected gives what a card must have, by what the tills know.
func (r *traffic) expected(number int) (book, available int64) {
	book, available = r.opening, r.opening
	for _, c := range r.tills {
		for _, s := range c.sent {
			switch {
			case s.card != number || s.advice == "reversals":
			case s.resource == "redemptions":
				book, available = book-s.amount, available-s.amount
			default:
				book += s.amount
				if s.advice == "confirmations" {
					available += s.amount
				}
			}
		}
	}
	return book, available
}
