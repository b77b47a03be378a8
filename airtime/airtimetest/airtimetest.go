// Package airtimetest sets up a whole vendor for tests: rules, store, keys and a provider that can be told to behave
// badly, with products, stock, networks, accounts and a clock that a test can move.
//
// It promises that nothing but the driver decides where records rest, that every act of a test is saved by the store
// as a message is, and that a crash keeps nothing that was not saved.
package airtimetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// Settings say what a vendor stands on. Open gives a driver, over the same records each time: it is called at first
// and again after each restart.
type Settings struct {
	Open            func(testing.TB) store.Driver
	Compatible      bool
	ProviderTimeout time.Duration
	MaxTopUps       int
	// Now is the clock; nil stands still until Advance moves it.
	Now func() time.Time
	// Lend gives the store that the vendor works with; nil is the store itself.
	Lend func(airtime.Store) airtime.Store
	// Connect gives the provider that the vendor works with, at each start and once the store is open, and what ends it
	// after the vendor, which may be nil. nil is Vendor.Provider itself.
	Connect func(v *Vendor) (p airtime.Provider, end func())
	// Catalogue is what is sold; nil is a new one.
	Catalogue *Catalogue
}

// Institution is who the vendor is.
var Institution = ident.Reference{Institution: "scrip", Identifier: "Scrip Vendor"}

// ProviderName is what products call the provider.
const ProviderName = "operator"

// Vendor is a vendor under test.
type Vendor struct {
	*airtime.Vendor
	Store     *store.Store
	Keys      *secret.Keys
	Catalogue *Catalogue
	Provider  *Provider

	t        testing.TB
	settings Settings
	end      func()     // of the provider that is connected
	mu       sync.Mutex // guards what follows
	now      time.Time
	accounts map[string]*txn.Sender
	batches  int32
	alarms   []decline.Alarm
}

// New starts a vendor with the accounts a and b, which may do everything. The test's cleanup stops it.
func New(t testing.TB, settings Settings) *Vendor {
	t.Helper()
	keys, err := secret.Generate()
	if err != nil {
		t.Fatal(err)
	}
	v := &Vendor{
		Keys: keys, Catalogue: &Catalogue{}, Provider: NewProvider(), t: t, settings: settings, now: noonTomorrow(),
		accounts: map[string]*txn.Sender{},
	}
	if settings.Catalogue != nil {
		v.Catalogue = settings.Catalogue
	}
	for _, name := range []string{"a", "b"} {
		v.Account(name, txn.Sender{})
	}
	v.start()
	t.Cleanup(v.Stop)
	return v
}

// noonTomorrow is far from the edge of any window of time, and no deadline counted from it has passed.
func noonTomorrow() time.Time {
	const day = 24 * time.Hour
	return time.Now().UTC().Truncate(day).Add(day + day/2)
}

func (v *Vendor) start() {
	driver := v.settings.Open(v.t)
	v.Store = store.New(driver, store.Settings{Keys: v.Keys, Now: time.Now})
	lent := store.Airtime(v.Store)
	if v.settings.Lend != nil {
		lent = v.settings.Lend(lent)
	}
	var provider airtime.Provider = v.Provider
	if v.end = nil; v.settings.Connect != nil {
		provider, v.end = v.settings.Connect(v)
	}
	v.Vendor = airtime.NewVendor(airtime.Settings{
		Store: lent, Unsettled: driver, Keys: v.Keys, Catalogue: v.Catalogue, Senders: v,
		Providers:   map[string]airtime.Provider{ProviderName: provider},
		Institution: Institution, Compatible: v.settings.Compatible,
		ProviderTimeout: v.settings.ProviderTimeout, MaxTopUps: v.settings.MaxTopUps, Alarm: v.raise,
	})
}

// Stop waits for what is in hand and closes the store.
func (v *Vendor) Stop() {
	v.Close(context.Background())
	v.disconnect()
	if err := v.Store.Close(); err != nil {
		v.t.Errorf("close the store: %v", err)
	}
}

func (v *Vendor) disconnect() {
	if v.end != nil {
		v.end()
	}
}

// Crash stops as a process that dies does, as far as records go: what is with a provider is not recorded any more. Then
// the vendor starts again.
func (v *Vendor) Crash() {
	if err := v.Store.Close(); err != nil {
		v.t.Errorf("close the store: %v", err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	v.Close(gone)
	v.disconnect()
	v.start()
}

// Now is the vendor's clock.
func (v *Vendor) Now() time.Time {
	if v.settings.Now != nil {
		return v.settings.Now()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

// Advance moves the clock.
func (v *Vendor) Advance(d time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = v.now.Add(d)
}

// Account makes an account, or changes what one may do. Its number stays.
func (v *Vendor) Account(name string, s txn.Sender) *txn.Sender {
	v.mu.Lock()
	defer v.mu.Unlock()
	s.Name, s.World, s.Account = name, ident.Production, ident.Account(len(v.accounts)+1)
	if before := v.accounts[name]; before != nil {
		s.Account = before.Account
	}
	v.accounts[name] = &s
	return &s
}

// Named gives an account by its name; nil when there is none.
func (v *Vendor) Named(name string) *txn.Sender {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.accounts[name]
}

// Sender implements airtime.Senders.
func (v *Vendor) Sender(_ ident.World, account ident.Account) (*txn.Sender, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range v.accounts {
		if s.Account == account {
			return s, true
		}
	}
	return nil, false
}

func (v *Vendor) raise(a decline.Alarm, _ ident.Account) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.alarms = append(v.alarms, a)
}

// Alarms gives the alarms so far.
func (v *Vendor) Alarms() []decline.Alarm {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]decline.Alarm(nil), v.alarms...)
}
