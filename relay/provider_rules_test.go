package relay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// topUpAccount is whose the vendor's purchases upstream are.
const topUpAccount ident.Account = 1 << 20

// farUser is what it is called there.
const farUser = "scrip"

// vendorsOrigin is what the vendor's messages say of it.
var vendorsOrigin = txn.Origin{
	Institution: txn.Party{ID: "33", Name: "Our Switch"}, Terminal: "SCRIP001", Client: txn.Party{ID: farUser, Name: "Our Switch"},
	Merchant: txn.Merchant{Type: "5999", ID: "SCRIP0000000001", Name: "Scrip", City: "Cape Town", Region: "WC", Country: "ZA"},
}

// chain is a vendor whose top-ups are another vendor's, behind a relay. What a test does to the provider of the near one
// is done to that of the far one.
type chain struct {
	*airtimetest.Judged
	far *airtimetest.Vendor

	mu     sync.Mutex // guards what a start makes anew
	relay  *relay.Relay
	topUps *relay.TopUps
}

// The time that everybody has: each a little less than whoever asks.
const (
	farTimeout     = 200 * time.Millisecond
	throughTimeout = 300 * time.Millisecond
)

// quick is the pace of a line that has no time to lose.
var quick = saf.Pace{MinWait: 10 * time.Millisecond, MaxWait: 100 * time.Millisecond, BreakAfter: 1000}

// newChain makes a chain. to gives the service by which the far vendor is reached.
func newChain(t testing.TB, profile relay.Profile, to func(far *airtimetest.Vendor) airtime.Service) *chain {
	t.Helper()
	c, catalogue, operator := &chain{}, &airtimetest.Catalogue{}, airtimetest.NewProvider()
	c.far = airtimetest.New(t, airtimetest.Settings{
		Open: inMemory(), Catalogue: catalogue, ProviderTimeout: farTimeout, Now: func() time.Time { return c.Judged.Now() },
		Connect: func(*airtimetest.Vendor) (airtime.Provider, func()) { return operator, nil },
	})
	c.far.Account(farUser, txn.Sender{})
	profile.Timeout = throughTimeout
	service := to(c.far)
	c.Judged = airtimetest.NewJudgedWith(t, airtimetest.Settings{
		Open: inMemory(), Catalogue: catalogue, Connect: func(near *airtimetest.Vendor) (airtime.Provider, func()) {
			return c.connect(t, near, relay.Upstream{Name: "far", Airtime: service, Profile: profile, Pace: quick})
		},
	})
	c.Provider = operator
	return c
}

// connect starts the relay between the two.
func (c *chain) connect(t testing.TB, near *airtimetest.Vendor, u relay.Upstream) (airtime.Provider, func()) {
	r, err := relay.New(relay.Settings{
		Store: store.Queue(near.Store), Reports: near.Store.Driver(), Keys: near.Keys, Upstreams: []relay.Upstream{u},
		Institution: ident.Reference{Institution: "switch", Identifier: "Our Switch"},
	})
	if err == nil {
		err = r.Start(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.relay, c.topUps = r, r.TopUps(relay.TopUpSettings{Account: topUpAccount, Opened: near.Store.Driver()})
	p, err := c.topUps.Provider("far", vendorsOrigin)
	if err != nil {
		t.Fatal(err)
	}
	return p, func() {
		if err := r.Close(context.Background()); err != nil {
			t.Errorf("close the relay: %v", err)
		}
	}
}

// inWords is the far vendor as it is reached without a wire: it reads the bytes of advices, and knows who sends.
type inWords struct {
	t testing.TB
	*airtimetest.Vendor
}

var _ airtime.Service = inWords{}

// Request implements airtime.Service.
func (v inWords) Request(ctx context.Context, q *airtime.Request) (*airtime.Response, error) {
	q.Sender = v.Named(farUser)
	return v.Vendor.Request(ctx, q)
}

// Trial implements airtime.Service.
func (v inWords) Trial(ctx context.Context, q *airtime.Request) (*airtime.Response, error) {
	q.Sender = v.Named(farUser)
	return v.Vendor.Trial(ctx, q)
}

// Advise implements airtime.Service.
func (v inWords) Advise(ctx context.Context, a *airtime.Advice) (*txn.Answer, error) {
	read(v.t, &a.Advice)
	a.Sender, a.Received = v.Named(farUser), v.Now()
	return v.Vendor.Advise(ctx, a)
}

// Status implements airtime.Service.
func (v inWords) Status(ctx context.Context, q *airtime.Query) (*airtime.Response, error) {
	q.Sender = v.Named(farUser)
	return v.Vendor.Status(ctx, q)
}

// unsure are the cases of a silent provider that cannot be the same when that is an upstream: what it does not answer is
// taken back at once, and so the purchase stands as declined by the time of its sender's advice. That both sides come to
// agree is looked at in TestTopUpsOnABadNetwork.
var unsure = map[string][]string{"airtime/topup": {"answered late", "not answered at all"}}

func scriptsBut(t *testing.T, left map[string][]string) (scripts []conform.Script) {
	t.Helper()
	all, err := conform.Scripts()
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, s := range all {
		before := len(s.Cases)
		s.Cases = slices.DeleteFunc(slices.Clone(s.Cases), func(c conform.Case) bool { return slices.Contains(left[s.Name], c.Name) })
		count += before - len(s.Cases)
		scripts = append(scripts, s)
	}
	for _, cases := range left {
		count -= len(cases)
	}
	if count != 0 {
		t.Errorf("%d cases too many are left out", count)
	}
	return scripts
}

// The rule scripts see the same at a vendor whose provider is another vendor as at that one itself.
func TestRuleScriptsOfAVendorInFrontOfAnother(t *testing.T) {
	c := newChain(t, relay.Profile{}, func(far *airtimetest.Vendor) airtime.Service { return inWords{t, far} })
	conform.Test(t, c, conform.Options{Now: c.Now, Match: ofAirtime, Scripts: scriptsBut(t, unsure)})
	c.bothAgree(t)
}

// bothAgree waits until everything has ended alike everywhere, for which the vendor and the sweep are asked again and
// again, and checks the books.
func (c *chain) bothAgree(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for ctx.Err() == nil && len(c.differences(t)) > 0 {
		if _, err := c.Resolve(ctx, c.Now()); err != nil {
			t.Error(err)
		}
		if _, err := c.topUps.Sweep(ctx); err != nil {
			t.Error(err)
		}
	}
	for _, d := range c.differences(t) {
		t.Error(d)
	}
	booksAreRight(t, c.Store.Driver())
	booksAreRight(t, c.far.Store.Driver())
}

// differences tells of each top-up that is not the same at both vendors and with the operator, and of what is queued.
func (c *chain) differences(t testing.TB) (all []string) {
	t.Helper()
	upstream, far := map[ident.ID]txn.Message{}, map[ident.ID]txn.Message{}
	for _, m := range requestsOf(t, c.far.Store.Driver()) {
		far[m.ID] = m
	}
	requests := requestsOf(t, c.Store.Driver())
	for _, m := range requests {
		if m.Upstream != "" {
			upstream[c.orderOf(t, m)] = m
		}
	}
	for _, own := range requests {
		p, found := c.Catalogue.Edition(own.World, own.Product)
		if own.Upstream != "" || !found || !p.TopUp {
			continue
		}
		passed := upstream[own.ID]
		there := far[passed.ID]
		if credited := c.Provider.Credited(passed.ID); !agree(own.State, passed.State, there.State, credited) {
			all = append(all, fmt.Sprintf("%s is %s here, passed on %s, %s there, and credited %d times",
				own.ID, own.State, passed.State, there.State, credited))
		}
	}
	queued, err := c.Store.Driver().Items(t.Context(), "", []saf.State{saf.Waiting, saf.Parked, saf.Attention}, 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range queued {
		all = append(all, fmt.Sprintf("the %s of %s is %s", i.Role, i.RequestID, i.State))
	}
	return all
}

// agree says whether a top-up is the same everywhere, for good.
func agree(own, passed, far txn.State, credited int) bool {
	none := func(s txn.State) bool {
		return s == txn.Absent || s == txn.Withdrawn || s == txn.Declined || s == txn.Reversed
	}
	switch own {
	case txn.Open, txn.Confirmed:
		return passed == own && far == own && credited == 1
	case txn.Declined, txn.Reversed:
		return none(passed) && none(far) && credited == 0
	}
	return false
}

func requestsOf(t testing.TB, d store.Driver) (requests []txn.Message) {
	t.Helper()
	all, err := d.Messages(t.Context(), 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.Role == txn.Request {
			requests = append(requests, m)
		}
	}
	return requests
}

// orderOf gives the vendor's purchase that one upstream was made for.
func (c *chain) orderOf(t testing.TB, m txn.Message) ident.ID {
	t.Helper()
	var body struct{ ID, Order ident.ID }
	text, err := c.Keys.OpenBody(m.Body)
	if err == nil {
		err = json.Unmarshal(text, &body)
	}
	if err != nil || body.ID != m.ID {
		t.Fatalf("the body of %s: %v", m.ID, err)
	}
	return body.Order
}
