package app_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/network"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/relay/relaytest"
	"github.com/scripworks/scrip/router"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// Bounds of a market.
const (
	marketCards   = 4
	marketStock   = 20_000 // vouchers of each product, more than the fastest machine sells in a test
	relayTimeout  = 500 * time.Millisecond
	relayPromise  = 10 * time.Second       // of an answer to a till
	relayWait     = 50 * time.Millisecond  // of an advice for its upstream
	relayHold     = 500 * time.Millisecond // of an advice for its request
	quickestAgain = 5 * time.Millisecond
	slowestAgain  = 100 * time.Millisecond
	awhile        = 4 * time.Second // after which nobody leaves an advice to a server that may be dead
	messagePage   = 1000
)

// relaying is what a child that is a relay is told.
type relaying struct {
	Institution, Upstream string
	Pairs                 []app.Pair
	DieAt                 int64         // boundary; 0 is none
	Ahead                 time.Duration // of the computer's clock
	Marked                bool
}

func (r relaying) settings(p place) app.Settings {
	s := complete(app.Settings{
		Data: p.Data, Database: p.Database, Now: func() time.Time { return time.Now().Add(r.Ahead) },
		Timeout: relayPromise, AdviceWait: relayWait, Hold: relayHold, Pairs: r.Pairs,
		Upstreams: []app.Upstream{{
			Name: upstreamCalled, Giftcard: true, Airtime: true, Present: app.Presented{Pairs: true},
			Client:  exchange.ClientSettings{URL: r.Upstream},
			Profile: relay.Profile{Timeout: relayTimeout}, Pace: saf.Pace{MinWait: quickestAgain, MaxWait: slowestAgain},
		}},
		Routes: []router.Route{{To: []string{upstreamCalled}}},
	})
	s.Institution = ident.Reference{Institution: r.Institution, Identifier: "Relay"}
	at := &relaytest.Boundaries{DieAt: r.DieAt}
	if s.Watch(at.Driver, at.Services); r.Marked {
		m := newMarks(childLog())
		s.Watch(m.driver, m.services)
	}
	return s
}

// front is where a server is found that dies and comes back somewhere else.
type front struct {
	mu   sync.Mutex
	up   *house
	gone <-chan struct{} // closed when it is dead; nil of one that never dies
	next chan struct{}   // closed when another one has come
}

func newFront() *front { return &front{next: make(chan struct{})} }

// opens says where the server is now.
func (f *front) opens(h *house, gone <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.up, f.gone = h, gone
	close(f.next)
	f.next = make(chan struct{})
}

// at gives the server as it is now, and what tells that it is dead, and that it has come back.
func (f *front) at() (h *house, gone, next <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.up, f.gone, f.next
}

// ServeHTTP passes a message on to the server. There is no whole answer when it is dead, or dies meanwhile.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, _, _ := f.at()
	response, text, err := h.forward(r)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	for name, values := range response.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(response.StatusCode)
	_, _ = w.Write(text) // to a recorder
}

func (h *house) forward(r *http.Request) (*http.Response, []byte, error) {
	to, err := url.Parse(h.messages)
	if err != nil {
		return nil, nil, err
	}
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host, out.Host, out.RequestURI = to.Scheme, to.Host, "", ""
	response, err := h.client.Do(out)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	var text bytes.Buffer
	_, err = io.Copy(&text, response.Body)
	return response, text.Bytes(), err
}

// station is a relay that is killed and started again, and what it keeps.
type station struct {
	*front
	relaying
	place
	hasty bool // each life begins as if what others wait for after a death had gone by
	p     *process
}

// revive starts the relay until it serves: it may die before. dieAt says at which boundary each of its lives ends.
func (s *station) revive(t *testing.T, dieAt func() int64) {
	t.Helper()
	for {
		if s.hasty {
			s.bury(t)
			s.Ahead += awhile
		}
		s.DieAt = dieAt()
		s.p = child{place: s.place, Relay: &s.relaying}.prepare(t)
		s.p.spawn(t)
		if s.p.comesToServe(t) {
			break
		}
		s.p.wasKilled(t)
	}
	s.opens(s.p.house, s.p.exited)
}

// comesToServe waits until a server serves, or is dead.
func (p *process) comesToServe(t *testing.T) bool {
	t.Helper()
	select {
	case at := <-p.log.serving:
		p.messages, p.operators = "http://"+at.Contracts, "http://"+at.Operators
		return true
	case <-p.exited:
		return false
	case <-time.After(patience):
		t.Fatalf("the relay does not serve\n%s", p.log)
		return false
	}
}

// isIdle says whether a relay has nothing queued. One that is dead is not.
func (s *station) isIdle() bool {
	h, _, _ := s.at()
	a, err := h.tryOperate(http.MethodGet, "/queue", nil)
	items, known := a.member("items").([]any)
	return err == nil && a.status == http.StatusOK && known && len(items) == 0
}

// idles waits until the relay has nothing queued.
func (s *station) idles(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(patience); !s.isIdle(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			h, _, _ := s.at()
			a, err := h.tryOperate(http.MethodGet, "/queue", nil)
			t.Errorf("still queued: %v %v", a, err)
			return
		}
	}
}

// market is an issuer and vendor behind relays, cards with money on them, and people who sell.
type market struct {
	*house
	tills    map[string]*till // at the house itself
	cards    []card
	opened   int64      // the house's newest message that is not of the market
	stations []*station // the sellers send to the first
	lines    []*relaytest.Hostile
	sellers  []*seller
	wishes   []string // what customers want, and how often
	shelf    []sale   // what they buy of airtime, by turns; the number and amount of a top-up differ each time
	curious  bool     // they also ask what a card has, and how a purchase ended

	selling   sync.WaitGroup
	closing   atomic.Bool
	activated atomic.Int64 // cards for activations so far
	answers   answers
}

// openMarket opens an issuer and vendor in this process. Nobody sells yet.
func openMarket(t *testing.T) *market {
	t.Helper()
	m := &market{
		house:  open(t, app.Settings{Data: t.TempDir(), Network: &network.Settings{}}),
		wishes: []string{"redemptions", "redemptions", "loads", "activations", "purchases", "purchases", refusable},
		shelf:  []sale{{product: seen, amount: faceValue}, {product: unseen, amount: faceValue}, {product: topUp}},
	}
	m.furnish(t)
	m.opened = newest(t, m.Store.Driver())
	return m
}

// furnish brings in accounts, vouchers, and cards with money on them.
func (m *market) furnish(t *testing.T) {
	t.Helper()
	m.offer(t)
	m.product(t, "gold")
	m.tills = map[string]*till{"rich": m.prepaid(t, "rich", crashDeposit), "owing": m.account(t, "owing", members{})}
	for _, product := range []string{seen, unseen} {
		if _, err := m.deliver(product, marketStock); err != nil {
			t.Fatal(err)
		}
	}
	for n := range marketCards {
		c := m.card(t, strconv.Itoa(6001000000000000+n))
		m.tills["rich"].activate(t, c, crashOpening)
		m.cards = append(m.cards, c)
	}
}

// newest gives the place of a store's newest message.
func newest(t *testing.T, d store.Driver) (seq int64) {
	t.Helper()
	for _, kept := range messagesOf(t, d) {
		seq = kept.Seq
	}
	return seq
}

// addRelay puts a relay in front of those that are there, with a bad line between them.
func (m *market) addRelay(t *testing.T, in newPlace, line *relaytest.Hostile) {
	t.Helper()
	behind := newFront()
	behind.opens(m.house, nil)
	if len(m.stations) > 0 {
		behind = m.stations[0].front
	}
	line.Server = behind
	wire := httptest.NewServer(line)
	t.Cleanup(wire.Close)
	t.Cleanup(line.Wait)
	s := &station{front: newFront(), place: in(t)}
	s.Institution, s.Upstream = strconv.Itoa(40000000+len(m.stations)), wire.URL
	for name, l := range m.tills {
		s.Pairs = append(s.Pairs, app.Pair{Name: name, Password: l.password})
	}
	m.stations, m.lines = append([]*station{s}, m.stations...), append([]*relaytest.Hostile{line}, m.lines...)
}

// hire has people sell until the market closes. at says where they send their messages.
func (m *market) hire(t *testing.T, seed uint64, count int, at func() (h *house, gone, next <-chan struct{})) {
	for n, w := range workers(seed, count) {
		s := &seller{worker: w, market: m, at: at, account: crashAccounts[n%2]}
		m.sellers = append(m.sellers, s)
		m.works(t, s)
	}
}

// works lets somebody sell until the market closes.
func (m *market) works(t *testing.T, s *seller) {
	m.selling.Go(func() {
		for s.step(t) {
		}
	})
}

// newCard makes a card that has not been activated.
func (m *market) newCard(t *testing.T) card {
	c := card{pan: strconv.FormatInt(6002000000000000+m.activated.Add(1), 10), expiry: "4912"}
	a, err := m.tryOperate(http.MethodPost, "/cards", members{"pan": c.pan, "expiry": c.expiry, "currency": "710"})
	if err != nil || a.status >= http.StatusMultipleChoices {
		t.Errorf("a new card: %v %v", a, err)
	}
	return c
}

// close lets the sellers end what they have begun, over lines that work, and waits until nothing is on its way. Then the
// relays are killed.
func (m *market) close(t *testing.T) {
	t.Helper()
	m.closing.Store(true)
	for _, l := range m.lines {
		l.Calm()
		l.Wait()
	}
	m.selling.Wait()
	for _, s := range m.stations {
		s.idles(t)
		s.p.kill()
	}
	if t.Failed() {
		t.FailNow()
	}
}

// answers counts what is answered for good, and tells when there were enough.
type answers struct {
	mu      sync.Mutex
	left    int64
	reached chan struct{}
}

func (a *answers) came() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.left--; a.left == 0 {
		close(a.reached)
	}
}

// after tells when so many more have come.
func (a *answers) after(more int64) (reached <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.left, a.reached = more, make(chan struct{})
	return a.reached
}

// messagesOf gives all messages of a store.
func messagesOf(t *testing.T, d store.Driver) (all []txn.Message) {
	t.Helper()
	for after := int64(0); ; after = all[len(all)-1].Seq {
		page, err := d.Messages(t.Context(), after, messagePage)
		must(t, err)
		all = append(all, page...)
		if len(page) < messagePage {
			return all
		}
	}
}
