package app_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/invariant"
	"github.com/scripworks/scrip/router"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
)

// Bounds of the crash test of retention.
const (
	crashAgo     = 2 * month // is how old the history is
	crashHistory = 200       // answers in it for each round: about as many as a server prunes before it is killed
	crashCounts  = 10        // rounds after which the tills ask for what they know, which takes longer than the rounds
	crashDoubts  = 4         // requests in it whose outcome the upstream never told
	crashRefused = 2         // of their reversals, that it has refused
	crashPassed  = "7001*"   // cards of which requests are passed on
)

// Killed at any instant while it prunes beside its messages, a server has pruned wholly or not at all: what it has acknowledged
// is known, used ids stay used, balances are what its senders know, and what may still change is there.
func TestCrashWhilePruning(t *testing.T) {
	inEachStore(t, crashWhilePruning)
}

func crashWhilePruning(t *testing.T, in newPlace) {
	random, seed := crashRandom(t)
	rounds := fromEnvironment(t, crashRoundsEnv, crashRounds)
	a := openArchive(t, in(t), seed, int64(rounds)*crashHistory)
	before, amid := a.judge(t), 0
	for round := range rounds {
		a.crash(t, random)
		left := a.judge(t)
		if left.pruned > before.pruned && left.old > len(a.stays) {
			amid++
		}
		t.Logf("round %d: %d messages were pruned, %d more may go", round, left.pruned-before.pruned, left.old-len(a.stays))
		if before = left; round%crashCounts == crashCounts-1 {
			a.find(t)
		}
	}
	if amid == 0 {
		t.Error("no server was killed while it pruned, so nothing was proved")
	}
	a.pruneAll(t)
	if left := a.judge(t); left.old != len(a.stays) {
		t.Errorf("%d old messages are left when all is pruned, want the %d that may not go", left.old, len(a.stays))
	}
	for _, c := range a.tills.tills {
		c.checked = 0
	}
	a.find(t)
	a.verify(t)
}

// archive is a place with a history that is older than is kept, and what its senders know of it.
type archive struct {
	place
	config   string // the file of its servers' settings
	upstream string // URL
	young    time.Time
	till     *till
	tills    *traffic
	stays    map[ident.ID]bool // what of the history may still change, or is in the queue
	history  map[*cashier]int  // how much of what each remembers is history
}

// openArchive makes the history: so many answers, and what an upstream never told the outcome of.
func openArchive(t *testing.T, at place, seed uint64, answers int64) *archive {
	t.Helper()
	upstream := httptest.NewServer(&doubtful{})
	t.Cleanup(upstream.Close)
	a := &archive{place: at, upstream: upstream.URL, young: time.Now().Add(-month), stays: map[ident.ID]bool{}, history: map[*cashier]int{}}
	a.writeConfig(t)
	ago := app.Settings{
		Now:     func() time.Time { return time.Now().Add(-crashAgo) },
		Timeout: crashAgo + patience, // whose end is by the computer's clock
	}
	a.inHand(t, ago, func(h *house) {
		a.till = h.account(t, "till", members{})
		h.product(t, "gold")
		var cards []card
		for n := range 6 {
			c := h.card(t, strconv.Itoa(6001000000000000+n))
			a.till.activate(t, c, crashOpening)
			cards = append(cards, c)
		}
		a.tills = newTraffic(seed, crashTills, crashOpening, cards...)
		a.doubt(t, h.Store.Driver()) // what is first is judged again by every server
		a.trade(t, answers)
	})
	return a
}

// writeConfig writes the file with which all servers of the place find their upstream.
func (a *archive) writeConfig(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	a.config = filepath.Join(dir, "scrip.yaml")
	password := filepath.Join(dir, "password")
	must(t, os.WriteFile(password, []byte("the upstream's password\n"), 0o600))
	must(t, os.WriteFile(a.config, fmt.Appendf(nil, `upstreams:
  - {name: %s, url: %q, interfaces: [giftcard], account: us, password-file: %q}
routes:
  - {to: %[1]s, cards: [%[4]q]}
  - {to: local}
`, upstreamCalled, a.upstream, password, crashPassed), 0o600))
}

// inHand runs a server of the place in this process.
func (a *archive) inHand(t *testing.T, s app.Settings, visit func(h *house)) {
	t.Helper()
	passed, err := router.ParseCards(crashPassed)
	must(t, err)
	s.Data, s.Database = a.Data, a.Database
	s.Upstreams = []app.Upstream{{
		Name: upstreamCalled, Giftcard: true, Client: exchange.ClientSettings{URL: a.upstream},
		Present: app.Presented{All: exchange.Basic("us", "the upstream's password")},
		Pace:    saf.Pace{MinWait: quickestAgain, MaxWait: slowestAgain},
	}}
	s.Routes = []router.Route{{To: []string{upstreamCalled}, Cards: []router.Range{passed}}, {To: []string{router.Local}}}
	h := &house{client: newClient(), settings: complete(s)}
	h.start(t)
	visit(h)
	h.client.CloseIdleConnections()
	must(t, h.Stop(context.Background()))
	if t.Failed() {
		t.FailNow()
	}
}

// trade lets all tills work for so many answers. What they leave open has to stay.
func (a *archive) trade(t *testing.T, answers int64) {
	var came atomic.Int64
	together(a.tills.tills, func(c *cashier) bool {
		return c.step(t, a.till, a.tills.cards, func() { came.Add(1) }) && came.Load() < answers
	})
	for _, c := range a.tills.tills {
		a.history[c] = len(c.sent)
		for _, s := range c.sent {
			if s.approved && s.advice == "" {
				a.stays[ident.ID(s.id)] = true
			}
		}
	}
}

// doubt makes requests whose outcome stays unknown, and waits until the upstream has refused some of their reversals. They and
// their reversals have to stay.
func (a *archive) doubt(t *testing.T, d store.Driver) {
	t.Helper()
	for n := range crashDoubts {
		c := card{pan: strconv.Itoa(7001000000000000 + n), expiry: "4912"}
		if answered := a.till.ask("redemptions", newID(), c, 10); !unknown(answered) {
			t.Fatalf("a request whose outcome is unknown was answered %v", answered)
		}
	}
	for deadline := time.Now().Add(patience); len(queued(t, d, saf.Attention)) < crashRefused; time.Sleep(quickestAgain) {
		if time.Now().After(deadline) {
			t.Fatalf("no reversals are refused: %+v", queued(t, d, everyState...))
		}
	}
	for _, i := range queued(t, d, everyState...) {
		a.stays[i.ID], a.stays[i.RequestID] = true, true
	}
}

// everyState are the states of items.
var everyState = []saf.State{saf.Waiting, saf.Parked, saf.Attention}

func queued(t *testing.T, d store.Driver, states ...saf.State) []saf.Item {
	t.Helper()
	items, err := d.Items(t.Context(), "", states, 0, 2*crashDoubts)
	must(t, err)
	return items
}

// doubtful is an upstream that refuses the first reversals, and does not say what has become of anything else.
type doubtful struct{ reversals atomic.Int64 }

// ServeHTTP implements http.Handler.
func (d *doubtful) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if strings.Contains(r.URL.Path, "/reversals/") && d.reversals.Add(1) <= crashRefused {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"errorType":"TRANSACTION_NOT_SUPPORTED"}`) // whoever hears no answer asks again
		return
	}
	w.WriteHeader(http.StatusInternalServerError)
}

// crash has a server prune under load, and kills it; now and then another one before that while it starts.
func (a *archive) crash(t *testing.T, random *rand.Rand) {
	t.Helper()
	if random.IntN(3) == 0 {
		crashWhileStarting(t, a.pruner(t), within(random, 2*crashAtStart))
		a.bury(t)
	}
	p := a.pruner(t).ready(t)
	l, after := p.at(a.till), within(random, crashAfter)*time.Duration(random.IntN(2))
	crash(t, p, 1+random.Int64N(crashAnswers), after, func(answered func()) { a.tills.run(t, l, answered) })
	a.bury(t)
}

// pruner makes a server that prunes, ready to be started.
func (a *archive) pruner(t *testing.T) *process {
	t.Helper()
	return a.prepare(t, "--retention", month.String())
}

func (a *archive) prepare(t *testing.T, flags ...string) *process {
	t.Helper()
	return prepare(t, a.Data, append(append(a.flags(), "--config", a.config), flags...)...)
}

// find asks a server that does not prune for what the tills know, so that something is left for the next one that does.
func (a *archive) find(t *testing.T) {
	t.Helper()
	p := a.prepare(t).ready(t)
	t.Logf("%d requests were found again", a.tills.find(t, p.at(a.till)))
	if code := p.stop(t); code != 0 {
		t.Errorf("stopped with exit code %d", code)
	}
}

// pruneAll prunes all that may go.
func (a *archive) pruneAll(t *testing.T) {
	t.Helper()
	a.inHand(t, app.Settings{Retention: app.Retention{Messages: month}}, func(h *house) {
		must(t, h.Retain(t.Context(), time.Now()))
	})
}

// remains are how many messages were pruned, and how many old ones are there whole.
type remains struct {
	pruned int64
	old    int
}

// judge looks at what a server has left: nothing is wrong with it, and of what has to stay nothing is gone.
func (a *archive) judge(t *testing.T) (left remains) {
	t.Helper()
	a.read(t, func(d store.Driver) {
		report, err := invariant.Check(t.Context(), d)
		must(t, err)
		for _, fault := range report.Faults {
			t.Error(fault)
		}
		left.pruned = report.Pruned
		whole := map[ident.ID]bool{}
		for _, m := range messagesOf(t, d) {
			if whole[m.ID] = true; m.At.Before(a.young) {
				left.old++
			}
		}
		a.allStay(t, whole)
		if refused, all := len(queued(t, d, saf.Attention)), len(queued(t, d, everyState...)); refused != crashRefused || all != crashDoubts {
			t.Errorf("%d items are in the queue, %d of them with somebody; want %d and %d", all, refused, crashDoubts, crashRefused)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	return left
}

// allStay asks that what has to stay is there whole, and what is young.
func (a *archive) allStay(t *testing.T, whole map[ident.ID]bool) {
	t.Helper()
	for id := range a.stays {
		if !whole[id] {
			t.Errorf("message %s is gone, to which something can still happen", id)
		}
	}
	for _, c := range a.tills.tills {
		for _, s := range c.sent[a.history[c]:] {
			if s.approved && !whole[ident.ID(s.id)] {
				t.Errorf("message %s is gone, which is young", s.id)
			}
		}
	}
}

// read opens what a server has left, but not the file itself: the next server has to recover that.
func (a *archive) read(t *testing.T, look func(d store.Driver)) {
	t.Helper()
	at := a.place
	if at.Database == "" {
		at.Data = filepath.Join(t.TempDir(), "copy")
		must(t, os.CopyFS(at.Data, os.DirFS(a.Data)))
		defer func() { must(t, os.RemoveAll(at.Data)) }()
	}
	d := at.open(t)
	defer func() { must(t, d.Close()) }()
	look(d)
}
