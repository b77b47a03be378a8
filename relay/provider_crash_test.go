package relay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/txn"
)

// The process of a vendor that tops up upstream is killed at every write and at every send, before it and after it, and
// started again: at the end both sides agree on every top-up.
func TestAKillAtEveryBoundaryOfATopUp(t *testing.T) {
	most := 1000
	for at := 1; at <= most; at++ {
		died := false
		ok := t.Run(fmt.Sprint(at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMart(t, uint64(at))
				m.deaths = []int{at}
				m.run(1, 4)
				died = m.died > 0
			})
		})
		if !ok || !died {
			t.Logf("%d boundaries", at-1)
			break
		}
	}
}

// The network loses, doubles, delays and reorders, and the process is killed again and again, also while it recovers.
func TestKillsOfTopUpsOnABadNetwork(t *testing.T) {
	for seed := range seeds() {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMart(t, seed)
				m.net.odds = 0.3
				for range 6 {
					m.deaths = append(m.deaths, 1+m.chance.IntN(150))
				}
				m.run(4, 6)
			})
		})
	}
}

// mortalSales is an airtime upstream as a process uses it. It looks at each confirmation whether it comes too early.
type mortalSales struct {
	airtime.Service
	*mortal
	mart *mart
}

// Request implements airtime.Service.
func (u mortalSales) Request(_ context.Context, q *airtime.Request) (*airtime.Response, error) {
	err := u.do(func() error { return u.mart.net.carry(func() error { return u.mart.net.book.request(q.ID) }) })
	if err != nil {
		return nil, err
	}
	return &airtime.Response{Reference: "A1", Amount: q.Amount}, nil
}

// Advise implements airtime.Service.
func (u mortalSales) Advise(_ context.Context, a *airtime.Advice) (*txn.Answer, error) {
	return nil, u.do(func() error {
		if own := u.mart.ownOf(a.RequestID); a.Role == txn.Confirmation && own.State != txn.Confirmed {
			u.mart.t.Errorf("%s is confirmed upstream while it is %s here", own.ID, own.State)
		}
		return u.mart.net.carry(func() error { return u.mart.net.book.advise(a.RequestID, a.Role) })
	})
}

// mortalVendorStore is a store as a vendor uses it that may die.
type mortalVendorStore struct {
	airtime.Store
	*mortal
}

// Update implements airtime.Store.
func (s mortalVendorStore) Update(ctx context.Context, keys airtime.Keys, decide func(airtime.Tx) error) error {
	return s.do(func() error { return s.Store.Update(ctx, keys, decide) })
}

// mart is tills, a vendor that tops up through a relay and is killed and started again, and an upstream behind a network.
type mart struct {
	t         *testing.T
	driver    store.Driver
	keys      *secret.Keys
	catalogue *airtimetest.Catalogue
	net       *network
	chance    *rand.Rand
	deaths    []int // after how many steps each process dies; those after them do not
	died      int

	mu    sync.Mutex // guards what follows
	now   *vending
	heard map[ident.ID]string // what each till heard last
}

// vending is one life of the process.
type vending struct {
	*mortal
	relay  *relay.Relay
	vendor *airtime.Vendor
	store  *store.Store
	attend sync.WaitGroup
	stop   context.CancelFunc
}

func newMart(t *testing.T, seed uint64) *mart {
	keys, err := secret.Generate()
	if err != nil {
		t.Fatal(err)
	}
	m := &mart{
		t: t, driver: memstore.New(), keys: keys, catalogue: &airtimetest.Catalogue{}, chance: rand.New(rand.NewPCG(seed, 1)),
		net: &network{book: newBook(), chance: rand.New(rand.NewPCG(seed, 2))}, heard: map[ident.ID]string{},
	}
	_, err = m.catalogue.Sell(airtime.Product{ID: "t1", TopUp: true, Provider: "up", Values: []money.Amount{{Minor: 1000, Currency: 710}}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// begin starts processes until one survives its start.
func (m *mart) begin() {
	for {
		last := 0
		if m.died < len(m.deaths) {
			last = m.deaths[m.died]
		}
		v := &vending{mortal: newMortal(last), store: store.New(m.driver, store.Settings{Keys: m.keys, Now: time.Now})}
		err := m.start(v)
		if err == nil {
			m.mu.Lock()
			m.now = v
			m.mu.Unlock()
			return
		}
		if !v.dead() {
			m.t.Fatal(err)
		}
		m.bury(v)
	}
}

// start starts the relay before the vendor, and has both look after what is left.
func (m *mart) start(v *vending) (err error) {
	v.relay, err = relay.New(relay.Settings{
		Store: mortalStore{store.Queue(v.store), v.mortal}, Reports: m.driver, Keys: m.keys, Institution: ident.Reference{Institution: "switch"},
		Upstreams: []relay.Upstream{{Name: "up", Airtime: mortalSales{mortal: v.mortal, mart: m}, Pace: saf.Pace{MaxWait: time.Minute}}},
	})
	if err != nil {
		return err
	}
	topUps := v.relay.TopUps(relay.TopUpSettings{Account: topUpAccount, Opened: m.driver})
	provider, err := topUps.Provider("up", vendorsOrigin)
	if err != nil {
		return err
	}
	v.vendor = airtime.NewVendor(airtime.Settings{
		Store: mortalVendorStore{store.Airtime(v.store), v.mortal}, Unsettled: m.driver, Keys: m.keys, Catalogue: m.catalogue,
		Providers: map[string]airtime.Provider{"up": provider},
	})
	ctx, stop := context.WithCancel(context.Background())
	v.stop = stop
	if err := v.relay.Start(ctx); err != nil {
		return err
	}
	v.attend.Go(func() { m.attend(ctx, v, topUps) })
	return nil
}

// attend does what a process does beside its messages.
func (m *mart) attend(ctx context.Context, v *vending, topUps *relay.TopUps) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		if _, err := v.vendor.Resolve(ctx, time.Now()); err != nil && ctx.Err() == nil {
			m.t.Error(err)
		}
		if _, err := topUps.Sweep(ctx); err != nil && ctx.Err() == nil {
			m.t.Error(err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// bury waits until nothing of a process runs any more.
func (m *mart) bury(v *vending) {
	m.died++
	hurry, cancel := context.WithCancel(context.Background())
	cancel()
	m.close(hurry, v)
}

// close stops a process: the vendor before the relay.
func (m *mart) close(ctx context.Context, v *vending) {
	if v.stop != nil {
		v.stop()
	}
	v.attend.Wait()
	if v.vendor != nil {
		v.vendor.Close(ctx)
	}
	_ = v.relay.Close(ctx) // which says whether it was in a hurry
	if err := v.store.Close(); err != nil {
		m.t.Error(err)
	}
}

func (m *mart) current() *vending {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// run lets tills buy, each so many times, and compares both sides in the end.
func (m *mart) run(tills, each int) {
	m.begin()
	var buying sync.WaitGroup
	for till := range tills {
		buying.Go(func() {
			for n := range each {
				m.buy(ident.ID(fmt.Sprintf("t%d-%d", till, n)), n)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		buying.Wait()
		close(done)
	}()
	for served := false; !served; {
		select {
		case <-m.current().gone:
			m.bury(m.current())
			m.begin()
		case <-done:
			served = true
		}
	}
	m.finish()
}

// buy has a purchase made and sees it through, as a till must.
func (m *mart) buy(id ident.ID, n int) {
	v := m.current()
	_, err := v.vendor.Request(m.t.Context(), &airtime.Request{
		Family: txn.Purchase, ID: id, Sender: till, Received: time.Now(), Product: "t1", Recipient: subscriber,
	})
	if v.dead() {
		err = errDead
	}
	var refusal *decline.Error
	switch {
	case err == nil && n%2 == 0:
		m.end(id, txn.Confirmation)
	case errors.As(err, &refusal):
		m.note(id, "declined")
	default:
		m.end(id, txn.Reversal)
	}
}

// end repeats an advice until it is answered for good.
func (m *mart) end(request ident.ID, role txn.Role) {
	a := &airtime.Advice{Advice: *advice(txn.Purchase, role, request+"-"+ident.ID(role.String()), request)}
	for range 1000 {
		v := m.current()
		a.Received = time.Now()
		_, err := v.vendor.Advise(m.t.Context(), a)
		var refusal *decline.Error
		switch {
		case v.dead():
		case err == nil, errors.As(err, &refusal) && role == txn.Reversal && refusal.Reason == decline.UnableToLocateRecord:
			m.note(request, role.String())
			return
		case errors.As(err, &refusal):
			m.t.Errorf("the %s of %s is refused: %v", role, request, err)
			return
		}
		time.Sleep(time.Second)
	}
	m.t.Errorf("the %s of %s is never answered", role, request)
}

func (m *mart) note(id ident.ID, heard string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.heard[id] = heard
}

// finish waits until nothing is on its way, and compares.
func (m *mart) finish() {
	m.net.mu.Lock()
	m.net.odds = 0
	m.net.mu.Unlock()
	m.net.late.Wait()
	for range 20 { // minutes, in which the vendor asks, the queue delivers and the sweep looks
		if v := m.current(); v.dead() {
			m.bury(v)
			m.begin()
		}
		time.Sleep(time.Minute)
	}
	b := &switchboard{t: m.t, driver: m.driver}
	if got := b.queued(); len(got) > 0 {
		m.t.Errorf("still queued: %v", got)
	}
	for id, heard := range m.heard {
		m.compare(id, heard)
	}
	b.booksAreRight()
	m.close(context.Background(), m.current())
}

// compare asks that the till, the vendor, the relay and the upstream tell the same of a top-up.
func (m *mart) compare(id ident.ID, heard string) {
	n := m.net.book
	n.mu.Lock()
	defer n.mu.Unlock()
	own, passed := m.records(id)
	there := n.state[passed.ID]
	confirmed := heard == "confirmation"
	right := agree(own.State, passed.State, there, 0) || confirmed && agree(own.State, passed.State, there, 1)
	if own.State == txn.Absent { // its reversal came before it, or nothing did
		right = heard == "reversal" && passed.State == txn.Absent
	}
	if !right || confirmed != (own.State == txn.Confirmed) || n.approved[passed.ID] != n.ended[passed.ID] || n.approved[passed.ID] > 1 {
		m.t.Errorf("%s: its till heard %s, here it is %s, passed on %s, there %s after %d approvals and %d endings",
			id, heard, own.State, passed.State, there, n.approved[passed.ID], n.ended[passed.ID])
	}
}

// records gives a purchase of the vendor, and the one upstream that was made for it.
func (m *mart) records(id ident.ID) (own, passed txn.Message) {
	for _, r := range requestsOf(m.t, m.driver) {
		switch {
		case r.Upstream == "" && r.ID == id:
			own = r
		case r.Upstream != "" && m.orderOf(r) == id:
			passed = r
		}
	}
	return own, passed
}

// ownOf gives the vendor's purchase that one upstream was made for.
func (m *mart) ownOf(passed ident.ID) (own txn.Message) {
	for _, r := range requestsOf(m.t, m.driver) {
		if r.ID == passed {
			own, _ = m.records(m.orderOf(r))
		}
	}
	return own
}

func (m *mart) orderOf(passed txn.Message) ident.ID {
	var body struct{ Order ident.ID }
	text, err := m.keys.OpenBody(passed.Body)
	if err == nil {
		err = json.Unmarshal(text, &body)
	}
	if err != nil {
		m.t.Error(err)
	}
	return body.Order
}
