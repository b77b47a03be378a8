package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
	"github.com/scripworks/scrip/txn"
)

// proxy stands between a driver and its server, and breaks one connection when it is told to: the next one that sends a
// commit.
type proxy struct {
	net.Listener
	server string
	mu     sync.Mutex
	cut    *cut
	commit cut // bytes of the last commit that went through, and of its answer
	tours  []tour
	all    sync.WaitGroup
}

// cut says after how many bytes of a commit, and after how many of its answer, a connection breaks.
type cut struct{ sent, answered int }

func startProxy(t *testing.T, server string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, server: server}
	p.all.Go(p.serve)
	t.Cleanup(func() { l.Close(); p.all.Wait() })
	return p
}

func (p *proxy) serve() {
	for {
		client, err := p.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			client.Close()
			continue
		}
		w := &wire{proxy: p, client: client, server: server, left: -1}
		p.all.Go(w.requests)
		p.all.Go(w.answers)
	}
}

// arm has the next commit broken.
func (p *proxy) arm(c cut) {
	p.mu.Lock()
	p.cut = &c
	p.mu.Unlock()
}

// wire is one connection through the proxy.
type wire struct {
	*proxy
	client, server net.Conn
	left           int  // bytes of the answer that may pass; below 0 for all
	counting       bool // the answer to a commit is coming
	talk           talk
}

func (w *wire) close() {
	w.client.Close()
	w.server.Close()
}

func (w *wire) requests() {
	defer w.close()
	b := make([]byte, 1<<20)
	for {
		n, err := w.client.Read(b)
		if _, failed := w.server.Write(b[:w.pass(b[:n])]); err != nil || failed != nil {
			return
		}
		if w.isBroken() {
			return
		}
	}
}

// pass says how much of a request may pass.
func (w *wire) pass(request []byte) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tours = append(w.tours, w.talk.read(request)...)
	if w.counting = bytes.Contains(request, []byte("\x00commit\x00")); !w.counting {
		return len(request)
	}
	w.commit = cut{sent: len(request)}
	if w.cut == nil {
		return len(request)
	}
	c := *w.cut
	w.cut = nil
	if c.sent < len(request) {
		w.left = 0
		return c.sent
	}
	w.left = 1 + c.answered // 0 is broken
	return len(request)
}

func (w *wire) isBroken() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.left == 0
}

func (w *wire) answers() {
	defer w.close()
	b := make([]byte, 1<<16)
	for {
		n, err := w.server.Read(b)
		n, broken := w.answer(n)
		if _, failed := w.client.Write(b[:n]); broken || err != nil || failed != nil {
			return
		}
	}
}

// answer says how many of n bytes of an answer may pass, and whether the connection breaks after them.
func (w *wire) answer(n int) (pass int, broken bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.counting {
		w.commit.answered += n
	}
	if w.left < 0 {
		return n, false
	}
	pass = max(min(n, w.left-1), 0)
	w.left -= pass
	return pass, w.left <= 1
}

// till is a store over a driver, with what its messages are made of.
type till struct {
	*testing.T
	*store.Store
}

func openTill(t *testing.T, d store.Driver) till {
	t.Helper()
	keys, err := secret.Generate()
	if err != nil {
		t.Fatal(err)
	}
	s := store.New(d, store.Settings{Keys: keys, Committers: postgres.DefaultCommitters})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return till{t, s}
}

func number(n int) ident.ID { return ident.ID(fmt.Sprintf("number-%06d", n)) }

// insert saves a request. Before it is saved, and after all was loaded, it calls a function.
func (s till) insert(n int, before func()) error {
	keys := store.Keys{World: ident.Production, IDs: []ident.ID{number(n)}}
	return s.Do(context.Background(), keys, func(tx *store.Tx) error {
		before()
		tx.Insert(txn.Message{Seq: tx.NextSeq(), World: ident.Production, ID: number(n), Account: 3, Family: txn.Load, Role: txn.Request, State: txn.Open})
		return nil
	})
}

// has says whether a request was saved. It waits for a commit that is still under way.
func (s till) has(n int) (found bool) {
	s.Helper()
	keys := store.Keys{World: ident.Production, IDs: []ident.ID{number(n)}}
	err := s.Do(context.Background(), keys, func(tx *store.Tx) error {
		found = len(tx.Messages(number(n))) > 0
		return nil
	})
	if err != nil {
		s.Fatalf("look for request %d: %v", n, err)
	}
	return found
}

// through gives an address that leads through a proxy, without TLS, which would hide what is sent.
func through(t *testing.T, dsn string) (string, *proxy) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	p := startProxy(t, u.Host)
	u.Host = p.Addr().String()
	q := u.Query()
	q.Set("sslmode", "disable")
	u.RawQuery = q.Encode()
	return u.String(), p
}

// tail is more than the last messages of a commit take: without them nothing is committed.
const tail = 40

// Wherever a connection breaks while a commit is under way: what is told as saved is there, what is told as not taken is
// not, and once the server has been sent everything and its answer has not come back the outcome is unknown.
func TestABrokenCommitIsToldForWhatItIs(t *testing.T) {
	dsn, p := through(t, pgtest.Shared(t).Database(t))
	d, err := postgres.Open(context.Background(), dsn, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := openTill(t, d)
	for n := range 3 { // so that all statements are prepared
		if err := s.insert(n, func() {}); err != nil {
			t.Fatal(err)
		}
	}
	whole := p.commit
	if whole.sent == 0 || whole.answered == 0 {
		t.Fatal("no commit went through the proxy")
	}
	cuts := []cut{{0, 0}, {1, 0}, {whole.sent / 4, 0}, {whole.sent / 2, 0}, {whole.sent - tail, 0}, {whole.sent - 1, 0}, whole}
	for answered := 0; answered < whole.answered; answered += 5 {
		cuts = append(cuts, cut{whole.sent, answered})
	}
	told := map[string]int{}
	for i, c := range cuts {
		n := 100 + i
		if err := s.insert(1000+n, func() {}); err != nil { // the connection that is broken next has all its statements
			t.Fatal(err)
		}
		err := s.insert(n, func() { p.arm(c) })
		outcome, there := s.outcome(err), s.has(n)
		told[outcome]++
		switch {
		case outcome == "saved" && !there, outcome == "not taken" && there,
			c.sent <= whole.sent-tail && (there || outcome == "saved"),
			c == cut{whole.sent, 0} && (!there || outcome != "unknown"),
			c == whole && outcome != "saved":
			t.Errorf("cut after %d of %d and %d of %d: %s, and found: %t", c.sent, whole.sent, c.answered, whole.answered, outcome, there)
		}
	}
	if told["unknown"] < 10 || told["saved"] == 0 {
		t.Errorf("this test proves little: %v", told)
	}
}

// outcome names what the sender of a message is told.
func (s till) outcome(err error) string {
	var notTaken *decline.NotTaken
	switch {
	case err == nil:
		return "saved"
	case errors.As(err, &notTaken):
		return "not taken"
	}
	return "unknown"
}

// A batch whose connection the server has closed before it is saved fails, is told as such, and the next one finds another
// connection.
func TestAConnectionThatTheServerClosed(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	d, err := postgres.Open(context.Background(), dsn, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := openTill(t, d)
	err = s.insert(1, func() {
		execute(t, dsn, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	})
	if s.outcome(err) == "saved" {
		t.Error("saved without a connection")
	}
	if s.has(1) {
		t.Error("it is there")
	}
	if err := s.insert(2, func() {}); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

// A request on one node and its reversal on the other never miss each other.
func TestRequestsAndReversalsRace(t *testing.T) {
	races, callers := 10_000, 16
	if testing.Short() {
		races = 500
	}
	dsn := pgtest.Shared(t).Database(t)
	keys, err := secret.Generate()
	if err != nil {
		t.Fatal(err)
	}
	var nodes [2]till
	for i := range nodes {
		d, err := postgres.Open(context.Background(), dsn, postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		nodes[i] = till{t, store.New(d, store.Settings{Keys: keys, Committers: 2})}
		defer nodes[i].Close()
	}
	var all sync.WaitGroup
	for c := range callers {
		for i := range nodes {
			all.Go(func() {
				for n := c; n < races; n += callers {
					if (n+i)%2 == 0 {
						nodes[i].request(n)
					} else {
						nodes[i].reverse(n)
					}
				}
			})
		}
	}
	all.Wait()
	reversed := 0
	for n := range races {
		state, remembered := nodes[n%2].ended(n)
		if state == txn.Reversed {
			reversed++
		}
		if (state == txn.Reversed) == remembered || state == txn.Open {
			t.Errorf("request %d is %s, its reversal is remembered: %t", n, state, remembered)
		}
	}
	t.Logf("of %d requests %d were there before their reversals", races, reversed)
}

func (s till) request(n int) {
	keys := store.Keys{World: ident.Production, IDs: []ident.ID{number(n)}}
	err := s.Do(context.Background(), keys, func(tx *store.Tx) error {
		m := txn.Message{Seq: tx.NextSeq(), World: ident.Production, ID: number(n), Account: 3, Family: txn.Load, Role: txn.Request, State: txn.Open}
		if len(tx.Remembered(3, number(n))) > 0 {
			m.State = txn.Declined
		}
		tx.Insert(m)
		return nil
	})
	if err != nil {
		s.Errorf("request %d: %v", n, err)
	}
}

func (s till) reverse(n int) {
	keys := store.Keys{World: ident.Production, IDs: []ident.ID{number(n)}}
	err := s.Do(context.Background(), keys, func(tx *store.Tx) error {
		seq := tx.NextSeq()
		for _, m := range tx.Messages(number(n)) {
			m.State, m.Ended = txn.Reversed, seq
			tx.Amend(m)
			return nil
		}
		tx.Remember(3, number(n), seq)
		return nil
	})
	if err != nil {
		s.Errorf("reversal %d: %v", n, err)
	}
}

// ended gives what became of a request, and whether its reversal is remembered.
func (s till) ended(n int) (state txn.State, remembered bool) {
	keys := store.Keys{World: ident.Production, IDs: []ident.ID{number(n)}}
	err := s.Read(context.Background(), keys, func(tx *store.Tx) error {
		state, remembered = tx.Messages(number(n))[0].State, len(tx.Remembered(3, number(n))) > 0
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	return state, remembered
}

// Two nodes that add a card under one number, which neither has found, are not both refused: one adds it, and the other runs
// again and finds it.
func TestTwoNodesAddOneNumber(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	a, b := openTill(t, must(t, dsn)), openTill(t, must(t, dsn))
	numbers, err := secret.Generate()
	if err != nil {
		t.Fatal(err)
	}
	key := giftcard.CardKey(numbers.Holder(ident.Production, "number", "1")[:1])
	looked := make(chan bool, 2)
	meet := sync.OnceFunc(func() { <-looked; <-looked })
	var added, found atomic.Int32
	var all sync.WaitGroup
	for _, s := range []till{a, b} {
		all.Go(func() {
			runs := 0
			err := s.Do(context.Background(), store.Keys{World: ident.Production, Cards: []giftcard.CardKey{key}}, func(tx *store.Tx) error {
				if runs++; runs == 1 {
					looked <- true
					meet()
				}
				if _, there := tx.CardByNumber(key); there {
					found.Add(1)
					return nil
				}
				id := tx.NextSeq()
				card := giftcard.Card{ID: id, World: ident.Production, Status: giftcard.New, Currency: 710}
				tx.AddCard(giftcard.NewCard{Card: card, Detail: giftcard.Detail{Card: id, Masked: "*"}, Number: key[0]})
				added.Add(1)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	cards, err := a.Driver().Cards(context.Background(), 0, 10)
	if err != nil || len(cards) != 1 || added.Load() != 2 || found.Load() != 1 {
		t.Errorf("%d cards, added %d times and found %d times, %v", len(cards), added.Load(), found.Load(), err)
	}
}
