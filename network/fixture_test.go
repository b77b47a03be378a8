package network_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/network"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/store/sqlite"
)

const (
	world  = ident.World(7)
	anna   = "27820004711"
	ben    = "27820004712"
	abroad = "4915100000000" // no network's
	rand   = money.Currency(710)
	dollar = money.Currency(840)
)

// house is a network over a store that can be left and entered again.
type house struct {
	*network.Network
	testing.TB
	keys     *secret.Keys
	shop     *shop
	settings network.Settings
	open     func() store.Driver
	driver   store.Driver
	store    *store.Store
}

// inMemory makes a house whose records outlive a restart, though not the test.
func inMemory(t testing.TB, settings network.Settings) *house {
	driver := memstore.New()
	return newHouse(t, settings, func() store.Driver { return driver })
}

// onDisk makes a house over a file.
func onDisk(t testing.TB, settings network.Settings) *house {
	path := filepath.Join(t.TempDir(), "scrip.db")
	return newHouse(t, settings, func() store.Driver {
		driver, err := sqlite.Open(path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return driver
	})
}

// everywhere runs a test over every kind of store.
func everywhere(t *testing.T, settings network.Settings, test func(h *house)) {
	t.Run("in memory", func(t *testing.T) { test(inMemory(t, settings)) })
	t.Run("on disk", func(t *testing.T) { test(onDisk(t, settings)) })
}

func newHouse(t testing.TB, settings network.Settings, open func() store.Driver) *house {
	keys, err := secret.Generate()
	if err != nil {
		t.Fatal(err)
	}
	h := &house{TB: t, keys: keys, shop: newShop(), settings: settings, open: open}
	h.enter()
	t.Cleanup(h.leave)
	return h
}

func (h *house) enter() {
	h.Helper()
	h.driver = h.open()
	h.store = store.New(h.driver, store.Settings{Keys: h.keys})
	var err error
	if h.Network, err = network.New(store.Admin(h.store), h.driver, h.keys, h.shop, h.settings); err != nil {
		h.Fatal(err)
	}
}

func (h *house) leave() {
	if err := h.store.Close(); err != nil {
		h.Error(err)
	}
}

// restart forgets everything that is not in the store.
func (h *house) restart() {
	h.Helper()
	h.leave()
	h.enter()
}

// order makes an order of 100.00 for a number.
func order(id, number string) airtime.Order {
	return airtime.Order{
		ID: ident.ID(id), World: world, Placed: time.Unix(1_700_000_000, 0), Product: plainProduct,
		Recipient: msisdn(number), Amount: money.Amount{Minor: 100_00, Currency: rand},
	}
}

// named is how an order is named once it has been placed.
func named(o airtime.Order) airtime.Order {
	return airtime.Order{ID: o.ID, World: o.World, Placed: o.Placed}
}

func msisdn(number string) ident.MSISDN {
	m, err := ident.ParseMSISDN(number)
	if err != nil {
		panic(err)
	}
	return m
}

// tops places an order that must succeed.
func (h *house) tops(o airtime.Order) (reference string) {
	h.Helper()
	reference, err := h.TopUp(h.Context(), o)
	if err != nil || !strings.HasPrefix(reference, "N") {
		h.Fatalf("%s: top-up: %q, %v", o.ID, reference, err)
	}
	return reference
}

// refuses wants a decline.
func (h *house) refuses(err error, want decline.Reason) *decline.Error {
	h.Helper()
	var no *decline.Error
	if !errors.As(err, &no) || no.Reason != want {
		h.Fatalf("got %v, want %s", err, want)
	}
	return no
}

// stands wants a status.
func (h *house) stands(o airtime.Order, want airtime.Stage) airtime.Progress {
	h.Helper()
	progress, err := h.Status(h.Context(), named(o))
	if err != nil || progress.Stage != want {
		h.Fatalf("%s: status: %+v, %v; want stage %d", o.ID, progress, err, want)
	}
	if failed := want == airtime.Failed; failed != (progress.Why != nil) || (want == airtime.Done) != (progress.Reference != "") {
		h.Fatalf("%s: status says too much or too little: %+v", o.ID, progress)
	}
	return progress
}

// takesBack wants a reversal to succeed.
func (h *house) takesBack(o airtime.Order) {
	h.Helper()
	if err := h.Reverse(h.Context(), named(o)); err != nil {
		h.Fatalf("%s: reversal: %v", o.ID, err)
	}
}

// has wants a subscriber's balance.
func (h *house) has(number string, want money.Minor) {
	h.Helper()
	if got := h.balance(number); got != want {
		h.Fatalf("%s has %d, want %d", number, got, want)
	}
}

// balance gives a subscriber's balance, 0 when he is not known.
func (h *house) balance(number string) money.Minor {
	h.Helper()
	credit, ok := h.Subscriber(h.Context(), world, msisdn(number))
	if ok && (credit.Balance.Book != credit.Balance.Available || credit.Currency != rand) {
		h.Fatalf("%s: %+v", number, credit)
	}
	return credit.Balance.Book
}

// spends has a subscriber spend what he has.
func (h *house) spends(number string, amount money.Minor) {
	h.Helper()
	if err := h.Spend(h.Context(), world, msisdn(number), money.Amount{Minor: amount, Currency: rand}); err != nil {
		h.Fatal(err)
	}
}

// The products. Only of the last does the recipient not get what it costs.
var (
	plainProduct   = &airtime.Product{Number: 1, Edition: 1, ID: "plain", TopUp: true}
	annasProduct   = &airtime.Product{Number: 2, Edition: 2, ID: "own", TopUp: true, Network: "one"}
	foreignProduct = &airtime.Product{
		Number: 3, Edition: 3, ID: "abroad", TopUp: true, RecipientAmount: &money.Amount{Minor: 5_55, Currency: dollar},
	}
)

// shop is a catalogue that knows networks only, by the first digits of their numbers.
type shop struct {
	airtime.Catalogue
	networks map[string]*airtime.Network
}

func newShop() *shop {
	return &shop{networks: map[string]*airtime.Network{
		"2782": {Number: 1, ID: "one", Prefixes: []string{"2782"}},
		"2783": {Number: 2, ID: "two", Prefixes: []string{"2783"}},
	}}
}

// NetworkOf implements airtime.Catalogue.
func (s *shop) NetworkOf(_ ident.World, m ident.MSISDN) (*airtime.Network, bool) {
	net, ok := s.networks[m.Reveal()[:4]]
	return net, ok
}

// promote gives the first network a promotion.
func (s *shop) promote(start, end time.Time) {
	s.networks["2782"] = &airtime.Network{Number: 1, ID: "one", Promotion: &airtime.Promotion{Name: "summer", Start: start, End: end}}
}

// brittle is a driver that counts its commits and can fail one.
type brittle struct {
	store.Driver
	commits atomic.Int32
	fail    atomic.Pointer[breakage]
}

// breakage is how a commit fails: before anything is saved, or after all of it is.
type breakage struct {
	err   error
	saved bool
}

// Begin implements store.Driver.
func (b *brittle) Begin(ctx context.Context) (store.Batch, error) {
	batch, err := b.Driver.Begin(ctx)
	return brittleBatch{batch, b}, err
}

type brittleBatch struct {
	store.Batch
	of *brittle
}

// Save implements store.Batch.
func (b brittleBatch) Save(ctx context.Context, set *store.Set) error {
	b.of.commits.Add(1)
	fail := b.of.fail.Swap(nil)
	if fail != nil && !fail.saved {
		b.Rollback()
		return fail.err
	}
	if err := b.Batch.Save(ctx, set); err != nil || fail == nil {
		return err
	}
	return fail.err
}
