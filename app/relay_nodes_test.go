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
	early        = 2 * time.Second                 // what is done with so soon after it was queued nobody else has looked at yet
	stall        = 3 * time.Second                 // for so long a process may get no time on a busy machine
	nowLeads     = "this process sends the queue of an upstream"
	leadsNoMore  = "another process may send the queue of an upstream"
)

// relays is a market with several relays in front of it, on one database: whoever sells sends to any of them, and all of them
// send to the one upstream.
type relays struct {
	*market
	station // what the relays have in common
	line    *relaytest.Hostile

	mu    sync.Mutex // guards all below
	alive []*relayNode
	all   []*relayNode
	sent  []*sending // in the order in which they came to the upstream
}

// relayNode is one relay.
type relayNode struct {
	*process
	number int
	killed time.Time // zero while it lives
}

// sending is a message of a relay to the upstream.
type sending struct {
	by              *relayNode
	role            txn.Role
	request, advice string // ids
	came            time.Time
}

func (s *sending) String() string {
	return fmt.Sprintf("%s %s of request %s by relay %d at %s", s.role, s.advice, s.request, s.by.number, s.came.Format(time.StampMilli))
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
	c := &relays{market: m, line: line, station: station{front: newFront(), place: inDatabase(t)}}
	c.Institution, c.Marked = "40000000", true
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
	n := &relayNode{number: len(c.all)}
	wire := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.pass(n, w, r) }))
	t.Cleanup(wire.Close)
	t.Cleanup(c.line.Wait)
	told := c.relaying
	told.Upstream = wire.URL
	n.process = child{place: c.place, Relay: &told}.prepare(t)
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

// pass hands a relay's message on to the upstream, and notes it unless it is a question.
func (c *relays) pass(n *relayNode, w http.ResponseWriter, r *http.Request) {
	if s := readSending(r); s != nil {
		s.by, s.came = n, time.Now()
		c.mu.Lock()
		c.sent = append(c.sent, s)
		c.mu.Unlock()
	}
	c.line.ServeHTTP(w, r) // it panics rather than give half an answer
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

// reign is a time during which a relay owned the queue, as far as it knew.
type reign struct {
	of       *relayNode
	from, to time.Time
}

// reigns gives the times during which a relay owned the queue, by its log. The last one may go on until now. That it owns the
// queue no more a relay says when it comes to it; until when it may have owned it depends on when it asked for the lease.
func (n *relayNode) reigns() (all []reign) {
	var leased time.Time // its end; zero of one that never was
	end := func(at time.Time) {
		if all[len(all)-1].to = at; !leased.IsZero() && leased.Before(at) {
			all[len(all)-1].to = leased
		}
	}
	owns := false
	for _, s := range n.log.reads() {
		switch s.Msg {
		case markHolds:
			leased = s.Asked.Add(relay.LeaseTime)
		case nowLeads:
			all, owns = append(all, reign{of: n, from: s.Time}), true
		case leadsNoMore:
			end(s.Time)
			owns = false
		}
	}
	switch {
	case !owns:
	case n.killed.IsZero():
		end(time.Now())
	default:
		end(n.killed)
	}
	return all
}

// owns says whether a relay owns the queue.
func (n *relayNode) owns() bool {
	log := n.log.String()
	return strings.LastIndex(log, nowLeads) > strings.LastIndex(log, leadsNoMore)
}

// acts says whether a relay owns the queue and has sent, as its owner, what it has not queued itself.
func (n *relayNode) acts() bool {
	return n.owns() && slices.ContainsFunc(n.log.reads(), said.isAct)
}

// isAct says whether a line of a log is of something sent that another relay has queued.
func (s said) isAct() bool { return s.Msg == markSends && !s.Own }

// awaitOwner waits until one of those that live owns the queue.
func (c *relays) awaitOwner(t *testing.T) *relayNode {
	t.Helper()
	return c.awaitOne(t, takeOver, "owns the queue", (*relayNode).owns)
}

// awaitOne waits until one of those that live is as it should be.
func (c *relays) awaitOne(t *testing.T, most time.Duration, what string, is func(*relayNode) bool) *relayNode {
	t.Helper()
	for deadline := time.Now().Add(most); ; time.Sleep(lookEvery) {
		if at := slices.IndexFunc(c.alive, is); at >= 0 {
			return c.alive[at]
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s there is none that %s", most, what)
		}
	}
}

// killOwner kills the relay that owns the queue, once it has acted as such, and waits until another one does.
func (c *relays) killOwner(t *testing.T) {
	t.Helper()
	c.oneAtATime(t)
	owner := c.awaitOne(t, patience, "owns the queue and sends what others have brought", (*relayNode).acts)
	c.mu.Lock()
	c.alive = slices.DeleteFunc(c.alive, func(n *relayNode) bool { return n == owner })
	c.mu.Unlock()
	owner.kill()
	owner.wasKilled(t)
	owner.killed = time.Now()
	next := c.awaitOwner(t)
	t.Logf("relay %d took over from relay %d within %s", next.number, owner.number, time.Since(owner.killed).Round(time.Millisecond))
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
	besideOthers(t)
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
	c.onceDone(t)
}

// oneOwner asks that no two relays owned the queue at the same time, and that each sent what others had brought only while it
// was the owner.
func (c *relays) oneOwner(t *testing.T) {
	t.Helper()
	c.oneAtATime(t)
	all := c.reigns()
	acts := make([]int, len(all))
	for _, n := range c.all {
		for _, s := range n.log.reads() {
			if !s.isAct() {
				continue
			}
			at := slices.IndexFunc(all, func(r reign) bool { return r.of == n && r.saw(s.Time) })
			if at < 0 {
				t.Errorf("relay %d sent advice %s of another relay at %s and did not own the queue", n.number, s.Advice, s.Time)
				continue
			}
			acts[at]++
		}
	}
	t.Logf("sent by each owner of what others had brought: %v", acts)
	if len(all) <= fewestDeaths {
		t.Errorf("the queue was owned %d times, so nothing was proved of taking it over", len(all))
	}
}

// oneAtATime asks that no two relays have owned the queue at the same time so far.
func (c *relays) oneAtATime(t *testing.T) {
	t.Helper()
	all := c.reigns()
	for n := 1; n < len(all); n++ {
		if all[n].from.Before(all[n-1].to) {
			t.Errorf("relays %d and %d owned the queue at the same time, from %s", all[n-1].of.number, all[n].of.number, all[n].from)
		}
	}
	if t.Failed() {
		t.FailNow()
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

// saw says whether something can have been taken from the queue in a reign; it may have been sent a little later.
func (r reign) saw(at time.Time) bool { return !at.Before(r.from) && at.Before(r.to.Add(stall)) }

// inOrder asks that each request came to the upstream once, and the one advice of it after it.
func (c *relays) inOrder(t *testing.T) {
	t.Helper()
	requests, advices := map[string]*sending{}, map[string]*sending{}
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
		if before := advices[s.request]; before != nil && before.advice != s.advice {
			t.Errorf("%s: another advice of the same request came before: %s", s, before)
		}
		advices[s.request] = s
	}
	t.Logf("%d requests, %d of them with an advice", len(requests), len(advices))
}

// followed is an advice by what the relays say of it.
type followed struct {
	queued, done time.Time // zero while it is not
	sent         []time.Time
}

// follows gives all advices by their ids.
func (c *relays) follows() map[string]*followed {
	all, ids, done := map[string]*followed{}, map[int64]string{}, map[int64]time.Time{}
	of := func(id string) *followed {
		if all[id] == nil {
			all[id] = &followed{}
		}
		return all[id]
	}
	for _, n := range c.all {
		for _, s := range n.log.reads() {
			switch s.Msg {
			case markQueued:
				ids[s.Seq], of(s.Advice).queued = s.Advice, s.At
			case markSends:
				of(s.Advice).sent = append(of(s.Advice).sent, s.Time)
			case markDone:
				if before, twice := done[s.Seq]; !twice || s.Time.Before(before) {
					done[s.Seq] = s.Time
				}
			}
		}
	}
	for seq, id := range ids {
		of(id).done = done[seq]
	}
	return all
}

// over gives from when on nobody sends an advice any more: once it is saved that it is done with, or, where the next owner
// of the queue may have read it before that, a little later.
func (f *followed) over() time.Time {
	if f.done.Sub(f.queued) < early {
		return f.done
	}
	return f.done.Add(stall)
}

// onceDone asks that no advice was sent again once the upstream's final word was saved.
func (c *relays) onceDone(t *testing.T) {
	t.Helper()
	done, again := 0, 0
	for id, f := range c.follows() {
		again += max(len(f.sent)-1, 0)
		if f.done.IsZero() {
			continue
		}
		done++
		for _, at := range f.sent {
			if at.After(f.over()) {
				t.Errorf("advice %s was sent at %s, and done with at %s", id, at, f.done)
			}
		}
	}
	t.Logf("%d advices done with, sent again %d times", done, again)
	if again == 0 || done == 0 {
		t.Error("nothing was sent again, so nothing was proved of that")
	}
}
