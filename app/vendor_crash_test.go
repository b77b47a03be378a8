package app_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/network"
)

// Bounds of the crash test of airtime.
const (
	crashClerks    = 12
	crashPurchases = 200                    // a round ends after that many answers at most
	crashTimeout   = 300 * time.Millisecond // of a request
	crashLateBy    = 800 * time.Millisecond // at most
	crashDeposit   = 1_000_000_000
	crashLittle    = 20_000 // is soon spent
)

// crashAccounts are who the clerks work for by turns: one has paid in advance, one owes what it buys, and one has little
// left.
var crashAccounts = []string{"rich", "owing", "rich", "owing", "rich", "poor"}

// crashDelivery is how many vouchers come at once: a few when a product has run out, and those that nobody buys in several
// commits.
var crashDelivery = map[string]int{seen: 30, unseen: 30, bulk: 1000}

// crashNumbers are the subscribers.
var crashNumbers = []string{"+27831000011", "+27831000012", "+27831000013", "+27831000014"}

// Killed at any instant under load, with a network that is often late, a server sells no voucher twice and loses none,
// every purchase has an end, and its answer stands.
func TestCrashOfAVendorUnderLoad(t *testing.T) {
	inEachStore(t, crashVendor)
}

func crashVendor(t *testing.T, in newPlace) {
	random, seed := crashRandom(t)
	at := in(t)
	s := openStand(t, at, seed)
	for round := range fromEnvironment(t, crashRoundsEnv, crashRounds) {
		c := lateChild(at, random)
		p := c.prepare(t).ready(t)
		after := within(random, crashAfter) * time.Duration(random.IntN(2))
		crash(t, p, 1+random.Int64N(crashPurchases), after, func(answered func()) { s.trade(t, p.house, answered) })
		at.verify(t)
		if random.IntN(3) == 0 {
			crashWhileStarting(t, c.prepare(t), within(random, 2*crashAtStart))
		}
		at.bury(t)
		found := s.judge(t, at)
		t.Logf("round %d, late by %s of %s: %s", round, c.LateBy, c.ProviderTimeout, found)
	}
	for _, c := range s.clerks {
		c.checked = 0
	}
	t.Logf("all again: %s", s.judge(t, at))
}

// lateChild is a server whose network is late with a third of its orders: too late for whoever asked, or for the server
// itself, or for neither.
func lateChild(at place, random *rand.Rand) child {
	return child{
		place: at, Timeout: crashTimeout, ProviderTimeout: crashTimeout * time.Duration(1+random.IntN(3)) / 2,
		LateBy: crashLateBy/20 + within(random, crashLateBy), LateShare: 3_333,
	}
}

// stand is a vendor's, with what everybody there remembers.
type stand struct {
	tills  map[string]*till
	clerks []*clerk

	delivering sync.Mutex
	delivered  map[int64]bool // batches whose import was acknowledged
}

// clerk works at one till and remembers each purchase.
type clerk struct {
	worker
	account string
	bought  []*bought
}

// bought is one purchase and what became of it, as far as its buyer knows.
type bought struct {
	sale
	id, account string
	answer      answer // the definite one; its status is 0 while it is unknown
	advice      string // confirmations, reversals, or empty
	adviceID    string
	accepted    bool // the advice; false: nobody has said so
	away        bool // the server has said that it was not taken
	gone        bool // there never was such a purchase
}

func (b *bought) approved() bool { return b.answer.status == http.StatusCreated }

// stands says whether the purchase took place and has not been taken back.
func (b *bought) stands() bool { return b.approved() && b.advice != "reversals" }

// openStand makes a vendor's store with its accounts and products, and people to work there.
func openStand(t *testing.T, at place, seed uint64) *stand {
	t.Helper()
	s := &stand{tills: map[string]*till{}, delivered: map[int64]bool{}}
	inHand(t, at, func(h *house) {
		h.offer(t)
		s.tills["rich"] = h.prepaid(t, "rich", crashDeposit)
		s.tills["poor"] = h.prepaid(t, "poor", crashLittle)
		s.tills["owing"] = h.account(t, "owing", members{})
	})
	for n, w := range workers(seed, crashClerks) {
		s.clerks = append(s.clerks, &clerk{worker: w, account: crashAccounts[n%len(crashAccounts)]})
	}
	return s
}

// inHand runs the vendor in this process, where its network is prompt and so much later that it is late with nothing any
// more. All top-ups that have no end get one before anything is served.
func inHand(t *testing.T, at place, visit func(h *house)) {
	t.Helper()
	later := func() time.Time { return time.Now().Add(2 * crashLateBy) }
	s := at.settings()
	s.Network, s.Now = &network.Settings{}, later
	h := &house{client: newClient(), settings: complete(s)}
	a, err := app.New(t.Context(), h.settings)
	must(t, err)
	left, err := a.Vendor.Resolve(t.Context(), later().Add(time.Hour)) // by when no order can be on its way
	if err != nil || left != 0 {
		t.Errorf("%d top-ups have no end: %v", left, err)
	}
	h.serve(t, a)
	visit(h)
	h.client.CloseIdleConnections()
	must(t, h.Stop(t.Context()))
	if t.Failed() {
		t.FailNow()
	}
}

// trade lets all clerks work until no answers come.
func (s *stand) trade(t *testing.T, h *house, answered func()) {
	tills := map[string]*till{}
	for name, l := range s.tills {
		tills[name] = h.at(l)
	}
	together(s.clerks, func(c *clerk) bool {
		return c.step(t, tills[c.account], func(product string) { s.refill(t, h, product) }, answered)
	})
}

// refill has a product delivered, unless somebody is at that already.
func (s *stand) refill(t *testing.T, h *house, product string) {
	if !s.delivering.TryLock() {
		return
	}
	defer s.delivering.Unlock()
	number, err := h.deliver(product, crashDelivery[product])
	if err != nil {
		t.Error(err)
	}
	if number != 0 {
		s.delivered[number] = true
	}
}

// step does one thing: a purchase, a look at an earlier one, or an advice to one; now and then it takes in a large
// delivery before. It says whether answers come.
func (c *clerk) step(t *testing.T, l *till, refill func(product string), answered func()) bool {
	if c.random.IntN(30) == 0 {
		refill(bulk)
	}
	switch draw := c.random.IntN(10); {
	case draw == 0 && len(c.bought) > 0:
		return c.bought[c.random.IntN(len(c.bought))].look(t, l, answered)
	case draw <= 2:
		if b := c.leftOpen(); b != nil {
			return c.advise(t, l, b, answered)
		}
	}
	b := c.take(c.wish())
	if !b.buy(t, l, answered) {
		return false
	}
	if b.answer.refusal() == "OUT_OF_STOCK" {
		refill(b.product)
	}
	if !b.approved() || c.random.IntN(4) == 0 {
		return true
	}
	return c.advise(t, l, b, answered)
}

// take remembers a purchase that is about to be made.
func (c *clerk) take(wish sale) *bought {
	b := &bought{sale: wish, id: newID(), account: c.account}
	c.bought = append(c.bought, b)
	return b
}

// wish is what the next customer wants.
func (c *clerk) wish() sale {
	switch c.random.IntN(5) {
	case 0, 1:
		return sale{product: seen, amount: faceValue}
	case 2:
		return sale{product: unseen, amount: faceValue}
	}
	return sale{product: topUp, number: crashNumbers[c.random.IntN(len(crashNumbers))], amount: 100 + 20*c.random.Int64N(50)}
}

// leftOpen picks a purchase without an advice that has been approved, or whose outcome is unknown.
func (c *clerk) leftOpen() *bought {
	if len(c.bought) == 0 {
		return nil
	}
	b := c.bought[c.random.IntN(len(c.bought))]
	if b.advice != "" || b.gone || b.answer.status == http.StatusBadRequest {
		return nil
	}
	return b
}

// buy makes the purchase.
func (b *bought) buy(t *testing.T, l *till, answered func()) bool {
	a := l.buy(b.id, b.sale)
	switch {
	case a.status == 0:
		return false
	case a.status == http.StatusCreated, a.status == http.StatusBadRequest && b.mayBeRefused(a.refusal()):
		b.answer = a
	case a.status == http.StatusServiceUnavailable:
		b.away = true
	case !unknown(a):
		t.Errorf("a purchase of %s was answered %v", b.product, a)
		return false
	}
	answered()
	return true
}

// mayBeRefused says whether a purchase can have been refused for a reason: what there is runs out, and so does the time
// for asking the network.
func (b *bought) mayBeRefused(reason string) bool {
	switch reason {
	case "OUT_OF_STOCK":
		return b.product != topUp
	case "INSUFFICIENT_FUNDS":
		return b.account == "poor"
	}
	return reason == "UPSTREAM_UNAVAILABLE" && b.product == topUp
}

// unknown says whether an answer leaves an outcome unknown.
func unknown(a answer) bool {
	return a.status == http.StatusGatewayTimeout || a.status == http.StatusInternalServerError
}

// advise ends a purchase. What is unknown is taken back.
func (c *clerk) advise(t *testing.T, l *till, b *bought, answered func()) bool {
	b.advice, b.adviceID = "confirmations", newID()
	if !b.approved() || c.random.IntN(3) == 0 {
		b.advice = "reversals"
	}
	return b.advise(t, l, answered)
}

// advise sends the advice, or sends it again.
func (b *bought) advise(t *testing.T, l *till, answered func()) bool {
	a := l.end(b.advice, b.id, b.adviceID)
	switch {
	case a.status == 0:
		return false
	case a.status == http.StatusAccepted:
		b.accepted = true
	case a.status == http.StatusNotFound && b.advice == "reversals" && !b.approved():
		b.accepted, b.gone = true, true
	case !unknown(a):
		t.Errorf("the %s of a purchase that had been answered %q: %v", b.advice, b.answer, a)
		return false
	}
	answered()
	return true
}

// look asks for the status of a purchase while others work.
func (b *bought) look(t *testing.T, l *till, answered func()) bool {
	a := l.status(b.id)
	if a.status == 0 {
		return false
	}
	if b.answer.status != 0 && (b.advice == "" || b.accepted) && !unknown(a) {
		b.agrees(t, a)
	}
	answered()
	return true
}

// agrees asks that a status is what it must be by all that is known of a purchase.
func (b *bought) agrees(t *testing.T, a answer) {
	t.Helper()
	good := false
	switch {
	case b.gone:
		good = a.status == http.StatusNotFound && a.refusal() == "UNABLE_TO_LOCATE_RECORD"
	case b.answer.status == http.StatusBadRequest:
		good = a.status == http.StatusBadRequest && a.refusal() == b.answer.refusal()
	case b.stands():
		good = a.status == http.StatusOK && reflect.DeepEqual(a.member(), b.answer.member())
	case b.approved():
		good = a.status == http.StatusBadRequest && a.refusal() == "ACCOUNT_ALREADY_SETTLED"
	default: // an unknown outcome was taken back: whatever it was, it does not stand
		good = a.status == http.StatusBadRequest
	}
	if !good {
		t.Errorf("the status of purchase %s (%s %t, gone %t), which was answered %v: %v", b.id, b.advice, b.accepted, b.gone, b.answer, a)
	}
}

// verdict counts what was looked at after a crash.
type verdict struct {
	found, unknown, took, standing, refused int
	broken                                  int64 // vouchers of deliveries that broke off
}

func (v verdict) String() string {
	return fmt.Sprintf("%d purchases found again, %d of unknown outcome, of which %d had taken place; %d stand, %d were refused; %d vouchers came with deliveries that broke off",
		v.found, v.unknown, v.took, v.standing, v.refused, v.broken)
}

// judge looks at what a killed server has left.
func (s *stand) judge(t *testing.T, at place) (v verdict) {
	t.Helper()
	inHand(t, at, func(h *house) {
		for _, c := range s.clerks {
			l := h.at(s.tills[c.account])
			for n, b := range c.bought {
				if c.due(n, b.answer.status == 0 && !b.gone || b.advice != "" && !b.accepted) {
					b.find(t, l, c.random, &v)
				}
			}
			c.checked = len(c.bought)
		}
		s.count(t, h, &v)
		if report := h.booksAreRight(t); report.Working != 0 {
			t.Errorf("%d top-ups have no end", report.Working)
		}
	})
	return v
}

// find sees through what had no answer, and asks for the rest again.
func (b *bought) find(t *testing.T, l *till, random *rand.Rand, v *verdict) {
	t.Helper()
	v.found++
	if b.answer.status == 0 && b.advice == "" {
		v.unknown++
		b.learn(t, l, random, v)
	}
	if b.advice != "" && !b.accepted {
		if b.advise(t, l, func() {}); !b.accepted {
			t.Fatalf("the %s %s of purchase %s has no end", b.advice, b.adviceID, b.id)
		}
	}
	b.agrees(t, l.status(b.id))
	if b.gone { // when it comes all the same, it is refused for good
		b.answer, b.gone = l.buy(b.id, b.sale).must(t, http.StatusBadRequest, "ACCOUNT_ALREADY_SETTLED"), false
	}
	l.buy(b.id, b.sale).must(t, http.StatusBadRequest, "DUPLICATE_RECORD")
	if b.approved() && b.advice != "" {
		other := map[string]string{"confirmations": "reversals", "reversals": "confirmations"}[b.advice]
		l.end(other, b.id, newID()).must(t, http.StatusBadRequest, "ACCOUNT_ALREADY_SETTLED")
	}
}

// learn takes the outcome of a purchase that had no answer from its status, and now and then takes it back all the
// same. What is not there never will be.
func (b *bought) learn(t *testing.T, l *till, random *rand.Rand, v *verdict) {
	t.Helper()
	a := l.status(b.id)
	if b.away && a.status != http.StatusNotFound {
		t.Errorf("purchase %s was turned away, and is there: %v", b.id, a)
	}
	switch a.status {
	case http.StatusOK:
		v.took++
		b.answer = a
		b.answer.status = http.StatusCreated
	case http.StatusBadRequest:
		if b.answer = a; !b.mayBeRefused(a.refusal()) {
			t.Errorf("purchase %s was refused: %v", b.id, a)
		}
		return
	case http.StatusNotFound:
		b.advice, b.adviceID = "reversals", newID()
		return
	default:
		t.Fatalf("purchase %s has no end: %v", b.id, a)
	}
	if random.IntN(2) == 0 {
		b.advice, b.adviceID = "reversals", newID()
	}
}

// count asks that vouchers, floats and subscribers are as what stands says.
func (s *stand) count(t *testing.T, h *house, v *verdict) {
	t.Helper()
	sold, spent, credited := map[string]int64{}, map[string]int64{}, map[string]int64{}
	owners := owners{}
	for _, c := range s.clerks {
		for _, b := range c.bought {
			owners.add(t, b)
			if b.answer.status == http.StatusBadRequest {
				v.refused++
			}
			if !b.stands() {
				continue
			}
			v.standing++
			spent[b.account] += b.price()
			if b.product == topUp {
				credited[b.number] += b.amount
			} else {
				sold[b.product]++
			}
		}
	}
	v.broken = s.countStock(t, h, sold)
	for account, deposit := range map[string]int64{"rich": crashDeposit, "poor": crashLittle} {
		want := deposit - spent[account]
		if book, available := h.float(t, account); book != want || available != want {
			t.Errorf("%s has book %d available %d; by what was acknowledged it must have %d", account, book, available, want)
		}
	}
	for _, number := range crashNumbers {
		if got := h.at(s.tills["rich"]).credit(t, number); got != credited[number] {
			t.Errorf("%s has %d; by what was acknowledged it must have %d", number, got, credited[number])
		}
	}
}

// owners are the purchases that vouchers were sold to, by serial.
type owners map[string]string

// add asks that a purchase has the voucher that came with its PIN, and that nobody else has it: nobody whose purchase
// stands, and nobody at all when what was sold once goes into quarantine.
func (o owners) add(t *testing.T, b *bought) {
	t.Helper()
	serial, pin := b.answer.voucherSold()
	if b.approved() && (serial == "") != (b.product == topUp) {
		t.Errorf("purchase %s of %s has voucher %q", b.id, b.product, serial)
	}
	if serial == "" {
		return
	}
	if want := "77" + serial[1:]; pin != want {
		t.Errorf("voucher %s was sold with the PIN %s, and came with %s", serial, pin, want)
	}
	if b.product == unseen && !b.stands() {
		return
	}
	if first := o[serial]; first != "" {
		t.Errorf("voucher %s was sold to %s and to %s", serial, first, b.id)
	}
	o[serial] = b.id
}

// countStock asks that of each delivery all vouchers are there, or none can be sold, and that as many are sold as
// purchases stand. It counts those that cannot.
func (s *stand) countStock(t *testing.T, h *house, sold map[string]int64) (broken int64) {
	t.Helper()
	open := map[int64]bool{}
	for product, count := range crashDelivery {
		var got int64
		for _, b := range h.stock(t, product) {
			got += b.Sold
			open[b.Number] = b.State == "open"
			switch {
			case b.State != "open":
				broken += b.total()
				if b.total() != b.LeftOver {
					t.Errorf("of a delivery that broke off something was sold: %+v", b)
				}
			case b.total() != int64(count):
				t.Errorf("of %d vouchers that were delivered there are %+v", count, b)
			}
		}
		if got != sold[product] {
			t.Errorf("%d vouchers %s are sold; by what was acknowledged it must be %d", got, product, sold[product])
		}
	}
	for number := range s.delivered {
		if !open[number] {
			t.Errorf("delivery %d was acknowledged, and is not there", number)
		}
	}
	return broken
}
