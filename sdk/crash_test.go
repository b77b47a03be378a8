package sdk

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/invariant"
	"github.com/scripworks/scrip/relay/relaytest"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/sandbox"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// Defaults of the crash tests.
const (
	crashLives     = 8 // of one till's program
	crashClerks    = 3
	crashSales     = 8 // of each
	crashSeeds     = 2
	crashWithin    = 30 * time.Second       // in which everything is delivered once the network works
	crashDrain     = 100 * time.Millisecond // that a program waits for its queue, where it does
	crashSeedsEnv  = "SCRIP_CRASH_ROUNDS"
	crashSeedEnv   = "SCRIP_CRASH_SEED"
	mostBoundaries = 200 // of one sale; more would be a loop
)

// testPace presses an upstream that is often away harder than one would otherwise.
var testPace = saf.Pace{MinWait: 5 * time.Millisecond, MaxWait: 100 * time.Millisecond}

// testSettings are a till's that loses no time.
func testSettings(data, url string) Settings {
	return Settings{
		Data:     data,
		Upstream: Upstream{URL: url, User: "till", Password: "secret", Timeout: 2 * time.Second, AdviceWait: 20 * time.Millisecond},
		Identity: Identity{
			Institution: Party{"till", "Test shops"}, Terminal: "00000001",
			Merchant: Merchant{"5411", "000000000000001", "Test shop", "Cape Town", "WC", "ZA"},
		},
		Currency: "710",
		pace:     testPace,
	}
}

// shop is an upstream with a bad line in front of it, and two cards with money on them.
type shop struct {
	sandbox *app.App
	line    *relaytest.Hostile
	url     string
	opened  int64 // place in the order of the upstream's messages after which the till's own come
}

func newShop(t *testing.T, line *relaytest.Hostile) *shop {
	t.Helper()
	a, err := sandbox.New(t.Context(), app.Settings{
		Listen: "127.0.0.1:0", Institution: ident.Reference{Institution: "issuer", Identifier: "Test issuer"},
	})
	must(t, err)
	must(t, a.Start())
	t.Cleanup(func() { must(t, a.Stop(context.Background())) })
	behind := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: a.Address().String()})
	straight := httptest.NewServer(behind)
	t.Cleanup(straight.Close)
	line.Server = behind
	bad := httptest.NewServer(line)
	t.Cleanup(bad.Close)
	t.Cleanup(line.Wait)
	s := &shop{sandbox: a, line: line, url: bad.URL}
	s.open(t, straight.URL)
	return s
}

// open activates the cards, over a line that works and from another till of the same user.
func (s *shop) open(t *testing.T, url string) {
	t.Helper()
	till, _, err := Open(t.Context(), testSettings(t.TempDir(), url))
	must(t, err)
	for _, c := range []Card{firstCard, secondCard} {
		activation, err := till.Activate(t.Context(), Activation{Card: c, Product: "product001", Amount: 10_000_00})
		must(t, err)
		must(t, activation.Confirm(t.Context()))
	}
	must(t, till.Drain(t.Context()))
	must(t, till.Close())
	for _, m := range messages(t, s.sandbox.Store.Driver(), 0) {
		s.opened = m.Seq
	}
}

func messages(t *testing.T, d store.Driver, after int64) []txn.Message {
	t.Helper()
	found, err := d.Messages(t.Context(), after, 1_000_000)
	must(t, err)
	return found
}

// settle has the till's program come back a last time, over a line that works: it decides what is left, and everything is
// delivered. told is what it heard for sure in its lives.
func (s *shop) settle(t *testing.T, data string, told map[string]txn.State) {
	t.Helper()
	s.line.Calm()
	s.line.Wait()
	till, unsettled, err := Open(t.Context(), testSettings(data, s.url))
	must(t, err)
	defer func() { must(t, till.Close()) }()
	for n, u := range unsettled {
		if told[u.ID] == txn.Confirmed || told[u.ID] == txn.Reversed {
			t.Errorf("%s was %s, and is handed back as unsettled", u.ID, told[u.ID])
		}
		end := u.Confirm
		if n%2 == 0 {
			end = u.Reverse
		}
		must(t, end(t.Context()))
	}
	ctx, cancel := context.WithTimeout(t.Context(), crashWithin)
	defer cancel()
	if err := till.Drain(ctx); err != nil {
		left, _ := till.Attention(t.Context())
		t.Fatalf("%v; what needs attention: %+v", err, left)
	}
	s.agree(t, till.store.Driver(), told)
}

// agree compares both sides' records, request by request.
func (s *shop) agree(t *testing.T, till store.Driver, told map[string]txn.State) {
	t.Helper()
	upstream := map[ident.ID]txn.Message{}
	for _, m := range messages(t, s.sandbox.Store.Driver(), s.opened) {
		if m.Role == txn.Request && m.Family != txn.LookUp {
			upstream[m.ID] = m
		}
	}
	counted := map[txn.State]int{}
	for _, m := range messages(t, till, 0) {
		if m.Role != txn.Request {
			continue
		}
		counted[m.State]++
		if err := agrees(m, upstream[m.ID]); err != nil {
			t.Errorf("%s %s: %v", m.Family, m.ID, err)
		}
		if state := told[string(m.ID)]; state != 0 && state != txn.Open && state != m.State {
			t.Errorf("%s %s: the program was told that it is %s, and it is %s", m.Family, m.ID, state, m.State)
		}
		delete(upstream, m.ID)
		delete(told, string(m.ID))
	}
	for id, m := range upstream {
		t.Errorf("the upstream has a %s %s that the till knows nothing of", m.Family, id)
	}
	for id, state := range told {
		t.Errorf("the program was told that %s is %s, and the till knows nothing of it", id, state)
	}
	report, err := invariant.Check(t.Context(), s.sandbox.Store.Driver())
	must(t, err)
	for _, fault := range report.Faults {
		t.Error(fault)
	}
	t.Logf("requests by their end: %v; mischief done: %v", counted, s.line.Done())
}

// agrees says what is wrong between the till's record of a request and its upstream's, whose zero value is none.
func agrees(till, upstream txn.Message) error {
	ok := false
	switch till.State {
	case txn.Confirmed:
		ok = upstream.State == txn.Confirmed && upstream.Final == till.Final && upstream.Currency == till.Currency
	case txn.Reversed:
		ok = upstream.State == txn.Absent || upstream.State == txn.Reversed || upstream.State == txn.Declined
	case txn.Declined:
		ok = upstream.State == txn.Absent || upstream.State == txn.Declined
	case txn.Withdrawn:
		ok = upstream.State == txn.Absent
	}
	if !ok {
		return fmt.Errorf("the till has it %s with %d, the upstream %s with %d", till.State, till.Final, upstream.State, upstream.Final)
	}
	return nil
}

func environment(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text, found := os.LookupEnv(name)
	if !found {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	must(t, err)
	return n
}

// Killed at every boundary of one sale in turn, over a line that works and over one that loses every answer, a till's
// program comes back to a record that its upstream agrees with.
func TestCrashAtEveryBoundary(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	for _, c := range []struct {
		deal     string
		mischief relaytest.Mischief
	}{
		{redeems, relaytest.None}, {redeems, relaytest.AnswerLost}, {purchases, relaytest.None}, {purchases, relaytest.AnswerLost},
	} {
		t.Run(fmt.Sprintf("%s, mischief %d", c.deal, c.mischief), func(t *testing.T) {
			for at := int64(1); !crashesAt(t, c.deal, c.mischief, at); at++ {
				if at == mostBoundaries {
					t.Fatal("the program never comes to its end")
				}
			}
		})
	}
}

// crashesAt has a program die at a boundary of one sale, and says whether it came to its end before that.
func crashesAt(t *testing.T, deal string, mischief relaytest.Mischief, at int64) (done bool) {
	t.Helper()
	s := newShop(t, &relaytest.Hostile{Odds: 1, Kinds: []relaytest.Mischief{mischief}, Delay: time.Millisecond})
	data := t.TempDir()
	l := child{Data: data, URL: s.url, Deal: deal, Sales: 1, Drain: crashDrain, DieAt: at, Hard: at%2 == 0}.run(t, 0)
	s.settle(t, data, l.told)
	return l.done
}

// Killed again and again, at boundaries and at any instant, over a line that does everything that lines do, a till's
// program loses nothing, and in the end both sides agree on every transaction.
func TestCrashUnderMischief(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	first := environment(t, crashSeedEnv, rand.Uint64N(1_000_000))
	for seed := first; seed < first+environment(t, crashSeedsEnv, crashSeeds); seed++ {
		t.Run(fmt.Sprint(crashSeedEnv, "=", seed), func(t *testing.T) {
			chance := rand.New(rand.NewPCG(seed, 0))
			s := newShop(t, &relaytest.Hostile{Odds: 0.3, Seed: seed, Delay: 10 * time.Millisecond})
			data, told := t.TempDir(), map[string]txn.State{}
			for range crashLives {
				c := child{
					Data: data, URL: s.url, Seed: chance.Uint64(), Clerks: crashClerks, Sales: crashSales,
					DieAt: 1 + chance.Int64N(mostBoundaries), Hard: chance.IntN(2) == 0,
				}
				killAfter := time.Duration(0)
				if chance.IntN(3) == 0 {
					c.DieAt, killAfter = 0, time.Duration(1+chance.Int64N(int64(500*time.Millisecond)))
				}
				for id, state := range c.run(t, killAfter).told {
					told[id] = state
				}
			}
			confirmed := 0
			for _, state := range told {
				if state == txn.Confirmed {
					confirmed++
				}
			}
			if confirmed == 0 {
				t.Error("nothing was ever confirmed")
			}
			s.settle(t, data, told)
		})
	}
}
