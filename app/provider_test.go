package app_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/network"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// resale is a house that sells the top-ups of another, which is an upstream to it, to one of its accounts.
type resale struct {
	far, near *house
	line      *line
	mart      *till // the near house's account in the far one
	shop      *till
}

// The provider of the near house's top-ups, and what both accounts have paid in.
const (
	north   = "north"
	paidIn  = 100_000
	topped  = "+27831000021"
	topUpOf = 1000
)

// spent is what a top-up costs an account.
var spent = sale{product: topUp, amount: topUpOf}.price()

// openResale opens both houses. Settings of the near one may be changed before it opens.
func openResale(t *testing.T, changes ...func(*app.Settings)) *resale {
	t.Helper()
	r := &resale{far: open(t, app.Settings{Network: &network.Settings{}})}
	r.far.offer(t)
	r.mart = r.far.prepaid(t, "mart", paidIn)
	r.line = newLine(t, r.far)
	s := app.Settings{Data: t.TempDir(), Upstreams: []app.Upstream{r.upstream()}}
	for _, change := range changes {
		change(&s)
	}
	r.near = open(t, s)
	r.near.operate(t, http.MethodPut, "/airtime/networks/cell", members{
		"settings": members{"name": "Cell", "country": "ZA", "prefixes": []string{"2783"}}, "reason": "test",
	})
	r.near.operate(t, http.MethodPut, "/airtime/products/"+topUp, members{"reason": "test", "settings": members{
		"name": "Top-up", "type": "AIRTIME_VARIABLE", "topUp": true, "provider": north, "network": "cell", "discount": discount,
		"limits": []any{members{"currency": "710", "min": 100, "max": 10_000}},
	}})
	r.shop = r.near.prepaid(t, "shop", paidIn)
	return r
}

// upstream is the far house as it is an upstream of the near one.
func (r *resale) upstream() app.Upstream {
	return app.Upstream{
		Name: north, Airtime: true, Provider: north, Origin: martsOrigin(),
		Client:  exchange.ClientSettings{URL: r.line.url},
		Present: app.Presented{All: exchange.Basic(r.mart.user, r.mart.password)},
		Profile: relay.Profile{Timeout: 5 * time.Second}, Pace: saf.Pace{MinWait: 5 * time.Millisecond, MaxWait: 50 * time.Millisecond},
	}
}

func martsOrigin() txn.Origin {
	return txn.Origin{
		Institution: txn.Party{ID: "30000001", Name: "Scrip"}, Terminal: "00000001", Client: txn.Party{ID: "mart", Name: "Mart"},
		Merchant: txn.Merchant{Type: "4814", ID: "000000000000001", Name: "Mart", City: "Cape Town", Region: "WC", Country: "ZA"},
	}
}

// line leads to a house. While it is cut, messages get through and answers do not.
type line struct {
	url  string
	cut  atomic.Bool
	mu   sync.Mutex
	next chan struct{} // closed when the next message has been answered
}

// answered gives a signal that comes once the house has answered one more message.
func (l *line) answered() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next
}

func (l *line) signal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.next)
	l.next = make(chan struct{})
}

func newLine(t *testing.T, to *house) *line {
	t.Helper()
	at, err := url.Parse(to.messages)
	must(t, err)
	l, through := &line{next: make(chan struct{})}, httputil.NewSingleHostReverseProxy(at)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer l.signal()
		if !l.cut.Load() {
			through.ServeHTTP(w, r)
			return
		}
		through.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

// buy has the shop top somebody up.
func (r *resale) buy() (id string, a answer) {
	id = newID()
	return id, r.shop.buy(id, sale{topUp, topped, topUpOf})
}

// settled waits until nothing is queued, and asks that both accounts have paid for so many top-ups, and that so many have
// been credited.
func (r *resale) settled(t *testing.T, count int64) {
	t.Helper()
	r.near.queueEmpties(t)
	for name, h := range map[string]*house{"mart": r.far, "shop": r.near} {
		if book, available := h.float(t, name); book != paidIn-count*spent || available != book {
			t.Errorf("%s has %d, and can spend %d: want %d", name, book, available, paidIn-count*spent)
		}
		h.booksAreRight(t)
	}
	for name, l := range map[string]*till{"the far house": r.mart, "the near house": r.shop} {
		if credit := l.credit(t, topped); credit != count*topUpOf {
			t.Errorf("by %s %d are credited, want %d", name, credit, count*topUpOf)
		}
	}
}

// What a house sells is topped up by the upstream that its product names, and ends there as it ends here.
func TestAnUpstreamTopsUp(t *testing.T) {
	t.Parallel()
	r := openResale(t)
	bought, a := r.buy()
	a.must(t, http.StatusCreated, "")
	if count := r.openUpstream(t); count != 1 {
		t.Errorf("before the end %d are open upstream", count)
	}
	r.shop.end("confirmations", bought, newID()).must(t, http.StatusAccepted, "")
	r.endedUpstream(t)
	r.settled(t, 1)

	back, a := r.buy()
	a.must(t, http.StatusCreated, "")
	r.shop.end("reversals", back, newID()).must(t, http.StatusAccepted, "")
	r.settled(t, 1)

	r.shop.buy(newID(), sale{topUp, topped, 100_000}).must(t, http.StatusBadRequest, "INVALID_AMOUNT")
	r.settled(t, 1)
}

// endedUpstream waits until nothing is open in the far house: a confirmation is passed on behind its answer.
func (r *resale) endedUpstream(t *testing.T) {
	t.Helper()
	late := time.After(patience)
	for {
		answered := r.line.answered() // before it is looked, so that none is missed
		if r.openUpstream(t) == 0 {
			return
		}
		select {
		case <-answered:
		case <-late:
			t.Fatal("upstream it is open for ever")
		}
	}
}

func (r *resale) openUpstream(t *testing.T) int {
	t.Helper()
	found, err := r.far.Store.Driver().Open(context.Background(), 0, 10)
	must(t, err)
	return len(found)
}

// reverse has the shop repeat a reversal until it is accepted. Its answers are the only signal that a shop has.
func (r *resale) reverse(t *testing.T, purchase, id string) {
	t.Helper()
	for until := time.Now().Add(patience); r.shop.end("reversals", purchase, id).status != http.StatusAccepted; {
		if time.Now().After(until) {
			t.Fatal("it is never reversed")
		}
	}
}

// An upstream that is silent has every top-up it took taken back, once it is there again.
func TestAnUpstreamThatTopsUpIsSilent(t *testing.T) {
	t.Parallel()
	r := openResale(t)
	r.line.cut.Store(true)
	bought, a := r.buy()
	a.must(t, http.StatusGatewayTimeout, "OUTCOME_UNKNOWN")
	reversal := newID()
	if a := r.shop.end("reversals", bought, reversal); a.status < http.StatusInternalServerError {
		t.Errorf("while nobody knows, its reversal is answered %v", a)
	}
	r.line.cut.Store(false)
	r.reverse(t, bought, reversal)
	r.settled(t, 0)
	again, a := r.buy()
	a.must(t, http.StatusCreated, "")
	r.shop.end("confirmations", again, newID()).must(t, http.StatusAccepted, "")
	r.endedUpstream(t)
	r.settled(t, 1)
}

// What was bought before a restart is ended after it, whichever of the two had the upstream.
func TestARestartAmidTopUps(t *testing.T) {
	t.Parallel()
	r := openResale(t)
	kept, a := r.buy()
	a.must(t, http.StatusCreated, "")
	back, a := r.buy()
	a.must(t, http.StatusCreated, "")
	r.near.restart(t)
	r.shop = r.near.at(r.shop)
	r.shop.end("confirmations", kept, newID()).must(t, http.StatusAccepted, "")
	r.shop.end("reversals", back, newID()).must(t, http.StatusAccepted, "")
	r.endedUpstream(t)
	r.settled(t, 1)

	r.line.cut.Store(true)
	lost, a := r.buy()
	a.must(t, http.StatusGatewayTimeout, "OUTCOME_UNKNOWN")
	must(t, r.near.Stop(context.Background()))
	r.line.cut.Store(false)
	r.near.start(t)
	r.shop = r.near.at(r.shop)
	r.reverse(t, lost, newID())
	r.settled(t, 1)
}

// What has ended here while the upstream was no provider ends there as soon as it is one again.
func TestEndingsThatWaitedForAStart(t *testing.T) {
	t.Parallel()
	r := openResale(t)
	bought, a := r.buy()
	a.must(t, http.StatusCreated, "")
	r.near.restart(t, func(s *app.Settings) { s.Upstreams[0].Provider = "" })
	r.near.at(r.shop).end("confirmations", bought, newID()).must(t, http.StatusAccepted, "")
	if count := r.openUpstream(t); count != 1 {
		t.Fatalf("%d are open upstream, and none has been ended there", count)
	}
	r.near.restart(t, func(s *app.Settings) { s.Upstreams[0].Provider = north })
	r.shop = r.near.at(r.shop)
	r.endedUpstream(t)
	r.settled(t, 1)
}

// Nobody comes in under the account that buys upstream.
func TestTheAccountThatBuysUpstream(t *testing.T) {
	t.Parallel()
	r := openResale(t)
	if a, err := r.near.tryOperate(http.MethodPost, "/accounts/vendor/credentials", members{"reason": "test"}); err != nil || a.status != http.StatusConflict {
		t.Errorf("a password for it: %v %v", a, err)
	}
	open := func(s app.Settings) error {
		s.Upstreams = []app.Upstream{r.upstream()}
		a, err := app.New(t.Context(), complete(s))
		if err == nil {
			must(t, a.Stop(context.Background()))
		}
		return err
	}
	data := t.TempDir()
	before := &house{settings: complete(app.Settings{Data: data}), client: newClient()}
	before.start(t)
	before.account(t, admin.VendorAccount, members{})
	before.client.CloseIdleConnections()
	must(t, before.Stop(context.Background()))
	for name, s := range map[string]app.Settings{
		"it has a password":           {Data: data},
		"it is given with a password": {Pairs: []app.Pair{{Name: admin.VendorAccount, Password: "a password"}}},
	} {
		if err := open(s); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := open(app.Settings{}); err != nil {
		t.Error(err)
	}
}

// Providers that cannot be stop the start, with what is wrong.
func TestProvidersThatCannotBe(t *testing.T) {
	t.Parallel()
	r := openResale(t)
	for want, spoil := range map[string]func(*app.Upstream){
		"originator.terminalId":                               func(u *app.Upstream) { u.Origin.Terminal = "1" },
		"upstream north: there is another provider simulated": func(u *app.Upstream) { u.Provider = app.SimulatedNetwork },
		`no upstream "north" that speaks airtime`:             func(u *app.Upstream) { u.Airtime, u.Giftcard = false, true },
	} {
		u := r.upstream()
		spoil(&u)
		_, err := app.New(t.Context(), complete(app.Settings{Network: &network.Settings{}, Upstreams: []app.Upstream{u}}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// A program that passes nothing on does not start over messages that wait for an upstream.
func TestUpstreamsThatAreMissed(t *testing.T) {
	t.Parallel()
	r := openResale(t)
	bought, a := r.buy()
	a.must(t, http.StatusCreated, "")
	r.near.restart(t) // when nothing waits
	r.line.cut.Store(true)
	r.shop = r.near.at(r.shop)
	reversal := newID()
	if a := r.shop.end("reversals", bought, reversal); a.status < http.StatusInternalServerError {
		t.Errorf("while nobody knows, its reversal is answered %v", a)
	}
	must(t, r.near.Stop(context.Background()))
	s := r.near.settings
	s.Upstreams = nil
	without, err := app.New(t.Context(), s)
	must(t, err)
	if err := without.Start(); err == nil || !strings.Contains(err.Error(), `"north" with 1`) {
		t.Errorf("it started without its upstream: %v", err)
	}
	must(t, without.Stop(context.Background()))
	r.line.cut.Store(false)
	r.near.start(t)
	r.shop = r.near.at(r.shop)
	r.reverse(t, bought, reversal)
	r.settled(t, 0)
}
