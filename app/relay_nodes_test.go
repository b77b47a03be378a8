package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/relay/relaytest"
	"github.com/scripworks/scrip/txn"
)

// Bounds of the test of several relays on one database.
const (
	relayNodes   = 3
	relayDeaths  = 5                               // so many rounds of the other crash tests take about as long as one death
	fewestDeaths = 2                               // in any run
	takeOver     = relay.LeaseTime + 5*time.Second // at most, from the death of a queue's owner to the next one
	soonAfter    = 2 * time.Second                 // within which a relay sends what was brought to it, and saves what came of it
	surelyHeard  = relayTimeout / 2                // within which an answer finds its relay still waiting
	nowLeads     = "this process sends the queue of an upstream"
	leadsNoMore  = "another process may send the queue of an upstream"
)

// relays is a market with several relays in front of it, on one database: whoever sells sends to any of them, and all of them
// send to the one upstream.
type relays struct {
	*market
	station // what the relays have in common
	line    *relaytest.Hostile

	mu      sync.Mutex // guards all below
	alive   []*relayNode
	all     []*relayNode
	sent    []*sending          // in the order in which they came to the upstream
	first   map[string]*sending // of each advice, by its id
	brought map[string]bool     // ids of what came from sellers
}

// relayNode is one relay, and what was sent to it.
type relayNode struct {
	*process
	number int
	killed time.Time             // zero while it lives
	calls  map[string][]*calling // of sellers, by the id of the request that they are about
}

// calling is a message of a seller to a relay.
type calling struct{ began, ended time.Time }

// sending is a message of a relay to the upstream.
type sending struct {
	by              *relayNode
	role            txn.Role
	request, advice string // ids
	began, ended    time.Time
	status          int // what the upstream said; 0 is nothing that is whole
}

func (s *sending) String() string {
	return fmt.Sprintf("%s %s of request %s by relay %d at %s, answered %d", s.role, s.advice, s.request, s.by.number, s.began.Format(time.StampMilli), s.status)
}

// openRelays starts relays on a database of their own, with a bad line behind them.
func openRelays(t *testing.T, seed uint64) *relays {
	t.Helper()
	m := openMarket(t)
	m.wishes = []string{"redemptions", "redemptions", "loads", "purchases", "purchases", refusable}
	behind := newFront()
	behind.opens(m.house, nil)
	line := &relaytest.Hostile{Server: behind, Odds: 0.25, Seed: seed, Delay: relayTimeout / 2}
	m.lines = append(m.lines, line)
	c := &relays{
		market: m, line: line, station: station{front: newFront(), place: inDatabase(t)},
		first: map[string]*sending{}, brought: map[string]bool{},
	}
	c.Institution = "40000000"
	for name, l := range m.tills {
		c.Pairs = append(c.Pairs, app.Pair{Name: name, Password: l.password})
	}
	for range relayNodes {
		c.add(t)
	}
	return c
}

// add starts one more relay, with a way to the upstream that nobody else takes.
func (c *relays) add(t *testing.T) {
	t.Helper()
	n := &relayNode{number: len(c.all), calls: map[string][]*calling{}}
	wire := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.pass(n, w, r) }))
	t.Cleanup(wire.Close)
	t.Cleanup(c.line.Wait)
	told := c.relaying
	told.Upstream = wire.URL
	n.process = child{place: c.place, Relay: &told}.prepare(t)
	n.client.Transport = &noting{c, n, n.client.Transport}
	n.spawn(t)
	if !n.comesToServe(t) {
		t.Fatalf("the relay ended before it served: %v\n%s", n.command.ProcessState, n.log)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alive, c.all = append(c.alive, n), append(c.all, n)
}

// anyRelay sends each message to any of the relays, an advice perhaps to another one than its request.
func (c *relays) anyRelay() (h *house, gone, next <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.alive[rand.IntN(len(c.alive))]
	return n.house, n.exited, atOnce
}

// noting notes what sellers send to a relay.
type noting struct {
	in *relays
	to *relayNode
	http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (n *noting) RoundTrip(r *http.Request) (*http.Response, error) {
	read := readSending(r)
	if read == nil {
		return n.RoundTripper.RoundTrip(r)
	}
	c := &calling{began: time.Now()}
	n.in.mu.Lock()
	n.in.brought[read.advice] = true
	n.to.calls[read.request] = append(n.to.calls[read.request], c)
	n.in.mu.Unlock()
	response, err := n.RoundTripper.RoundTrip(r)
	n.in.mu.Lock()
	defer n.in.mu.Unlock()
	c.ended = time.Now()
	return response, err
}

// pass hands a relay's message on to the upstream, and notes it.
func (c *relays) pass(n *relayNode, w http.ResponseWriter, r *http.Request) {
	s := readSending(r)
	if s == nil { // a question
		c.line.ServeHTTP(w, r)
		return
	}
	s.by, s.began = n, time.Now()
	c.note(s)
	watched := &watchedAnswer{ResponseWriter: w}
	c.line.ServeHTTP(watched, r) // it panics rather than give half an answer
	c.mu.Lock()
	defer c.mu.Unlock()
	s.ended, s.status = time.Now(), watched.status
}

// note notes what comes to the upstream.
func (c *relays) note(s *sending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, s)
	if c.first[s.advice] == nil {
		c.first[s.advice] = s
	}
}

// readSending reads a message, and leaves it as it was; it is nil of one that is neither a request nor an advice.
func readSending(r *http.Request) *sending {
	if r.Body == nil {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	var m struct{ ID, RequestID string }
	switch {
	case err != nil || json.Unmarshal(body, &m) != nil || m.ID == "":
		return nil
	case strings.Contains(r.URL.Path, "/confirmations"):
		return &sending{role: txn.Confirmation, request: m.RequestID, advice: m.ID}
	case strings.Contains(r.URL.Path, "/reversals"):
		return &sending{role: txn.Reversal, request: m.RequestID, advice: m.ID}
	}
	return &sending{role: txn.Request, request: m.ID}
}

// watchedAnswer sees the status of an answer.
type watchedAnswer struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *watchedAnswer) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Flush implements http.Flusher.
func (w *watchedAnswer) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// reign is a time during which a relay owned the queue, as far as it knew.
type reign struct {
	of       *relayNode
	from, to time.Time
}

// reigns gives the times during which a relay owned the queue, by its log. The last one may go on until now.
func (n *relayNode) reigns() (all []reign) {
	for line := range strings.Lines(n.log.String()) {
		var said struct {
			Time time.Time
			Msg  string
		}
		if json.Unmarshal([]byte(line), &said) != nil {
			continue
		}
		switch said.Msg {
		case nowLeads:
			all = append(all, reign{of: n, from: said.Time})
		case leadsNoMore:
			all[len(all)-1].to = said.Time
		}
	}
	if last := len(all) - 1; last >= 0 && all[last].to.IsZero() {
		if all[last].to = n.killed; n.killed.IsZero() {
			all[last].to = time.Now()
		}
	}
	return all
}

// owns says whether a relay owns the queue.
func (n *relayNode) owns() bool {
	log := n.log.String()
	return strings.LastIndex(log, nowLeads) > strings.LastIndex(log, leadsNoMore)
}

// awaitOwner waits until one of those that live owns the queue.
func (c *relays) awaitOwner(t *testing.T) *relayNode {
	t.Helper()
	for deadline := time.Now().Add(takeOver); ; time.Sleep(lookEvery) {
		if at := slices.IndexFunc(c.alive, (*relayNode).owns); at >= 0 {
			return c.alive[at]
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody has taken the queue over within %s", takeOver)
		}
	}
}

// killOwner kills the relay that owns the queue, once it has acted as such, and waits until another one does.
func (c *relays) killOwner(t *testing.T) {
	t.Helper()
	owner := c.awaitOwner(t)
	c.awaitAct(t, owner)
	c.mu.Lock()
	c.alive = slices.DeleteFunc(c.alive, func(n *relayNode) bool { return n == owner })
	c.mu.Unlock()
	owner.kill()
	owner.wasKilled(t)
	owner.killed = time.Now()
	next := c.awaitOwner(t)
	t.Logf("relay %d took over from relay %d within %s", next.number, owner.number, time.Since(owner.killed).Round(time.Millisecond))
}

// awaitAct waits until the owner of the queue has sent what others had brought.
func (c *relays) awaitAct(t *testing.T, owner *relayNode) {
	t.Helper()
	acts := func(s *sending) bool { return s.by == owner && c.isAct(s) }
	for deadline := time.Now().Add(patience); ; time.Sleep(lookEvery) {
		c.mu.Lock()
		found := slices.ContainsFunc(c.sent, acts)
		c.mu.Unlock()
		if found {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("relay %d owns the queue, and sends nothing that others have brought", owner.number)
		}
	}
}

// isAct says whether a relay can only have sent something as the queue's owner: no seller had just brought it that, or
// something else of the same request, and it was not its own advice and new. The caller holds mu.
func (c *relays) isAct(s *sending) bool {
	if s.role == txn.Request || slices.ContainsFunc(s.by.calls[s.request], s.follows) {
		return false
	}
	first := c.first[s.advice]
	return c.brought[s.advice] || first.by != s.by || s.began.Sub(first.began) >= soonAfter
}

// follows says whether something was sent while a call was under way, or soon after.
func (s *sending) follows(c *calling) bool {
	return !s.began.Before(c.began) && (c.ended.IsZero() || s.began.Before(c.ended.Add(soonAfter)))
}

// end lets everything come to its end, and kills the relays.
func (c *relays) end(t *testing.T) {
	t.Helper()
	c.market.close(t)
	c.opens(c.alive[0].house, nil)
	c.idles(t)
	for _, n := range c.alive {
		n.killed = time.Now()
		n.kill()
	}
}

// Of several relays on one database one at a time owns the queue of their upstream. When it is killed another one owns it
// within seconds, and every request and advice comes to its one end, in order.
func TestCrashOfTheRelayThatOwnsTheQueue(t *testing.T) {
	workshopOf(t) // which skips in a short run
	random, seed := crashRandom(t)
	c := openRelays(t, seed)
	c.hire(t, seed, relaySellers, c.anyRelay)
	for range max(fromEnvironment(t, crashRoundsEnv, 0)/relayDeaths, fewestDeaths) {
		c.awaitAnswers(t, 1+relayAnswers/2+random.Int64N(relayAnswers))
		c.killOwner(t)
		c.add(t)
	}
	c.awaitAnswers(t, relayAnswers)
	c.end(t)
	c.compare(t, append([]books{c.station.read(t)}, c.market.read(t)...))
	c.countCards(t)
	c.countAirtime(t)
	c.booksAreRight(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.oneOwner(t)
	c.inOrder(t)
}

// oneOwner asks that no two relays owned the queue at the same time, by what they say and by what the upstream saw.
func (c *relays) oneOwner(t *testing.T) {
	t.Helper()
	all := c.reigns()
	for n := 1; n < len(all); n++ {
		if all[n].from.Before(all[n-1].to) {
			t.Errorf("relays %d and %d owned the queue at the same time, from %s", all[n-1].of.number, all[n].of.number, all[n].from)
		}
	}
	acts, now := make([]int, len(all)), 0
	for _, s := range c.sent {
		if !c.isAct(s) {
			continue
		}
		at := slices.IndexFunc(all, func(r reign) bool { return r.saw(s) })
		if at < now {
			t.Errorf("%s: it did not own the queue, or does not any more", s)
			continue
		}
		now = at
		acts[at]++
	}
	t.Logf("sent by each owner of what others had brought: %v", acts)
	if len(all) <= fewestDeaths {
		t.Errorf("the queue was owned %d times, so nothing was proved of taking it over", len(all))
	}
}

// reigns gives all times during which a relay owned the queue, from the first on.
func (c *relays) reigns() (all []reign) {
	for _, n := range c.all {
		all = append(all, n.reigns()...)
	}
	slices.SortFunc(all, func(a, b reign) int { return a.from.Compare(b.from) })
	return all
}

// saw says whether something was sent by the owner in its time; it may have been on its way when that ended.
func (r reign) saw(s *sending) bool {
	return r.of == s.by && !s.began.Before(r.from) && s.began.Before(r.to.Add(relayTimeout))
}

// inOrder asks that each request came to the upstream once, its advice after it, and never again once a relay that lived on
// had heard the upstream's final word.
func (c *relays) inOrder(t *testing.T) {
	t.Helper()
	requests, advices, heard := map[string]*sending{}, map[string]*sending{}, map[string]*sending{}
	again := 0
	for _, s := range c.sent {
		if s.role == txn.Request {
			if requests[s.request] != nil {
				t.Errorf("%s: it was sent before: %s", s, requests[s.request])
			}
			if advices[s.request] != nil {
				t.Errorf("%s: its advice came before: %s", s, advices[s.request])
			}
			requests[s.request] = s
			continue
		}
		if before := advices[s.request]; before != nil {
			if again++; before.advice != s.advice {
				t.Errorf("%s: another advice of the same request came before: %s", s, before)
			}
		}
		if final := heard[s.advice]; final != nil && s.began.After(final.ended) {
			t.Errorf("%s: it had its final answer: %s", s, final)
		}
		advices[s.request] = s
		if s.isHeard() {
			heard[s.advice] = s
		}
	}
	t.Logf("%d requests, %d of them with an advice, %d advices sent again", len(requests), len(advices), again)
	if again == 0 || len(heard) == 0 {
		t.Error("nothing was sent again, so nothing was proved of that")
	}
}

// isHeard says whether an advice has had its final answer, and its relay has surely heard it and lived to save that.
func (s *sending) isHeard() bool {
	final := s.status == http.StatusAccepted || s.status == http.StatusNotFound && s.role == txn.Reversal
	return final && s.ended.Sub(s.began) < surelyHeard && (s.by.killed.IsZero() || s.by.killed.Sub(s.ended) > soonAfter)
}
