// Package giftcardtest sets up a whole issuer for tests: rules, store and keys, with products, cards, accounts
// and a clock that a test can move. It is what the rule scripts are played against in process, and what the
// tests of the wire put a server in front of.
//
// It promises that nothing but the driver decides where records rest, that every act of a test is saved by
// the store as a message is, and that a restart keeps nothing that was not saved.
package giftcardtest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// Settings say what an issuer stands on. Open gives a driver, over the same records each time: it is called
// at first and again after each restart.
type Settings struct {
	Open func(testing.TB) store.Driver
	// Compatible follows the compatibility profile: accounts a and b have worlds of their own.
	Compatible bool
}

// Issuer is an issuer under test. Its clock stands still until Advance moves it.
type Issuer struct {
	*giftcard.Issuer
	Store *store.Store
	Keys  *secret.Keys

	t        testing.TB
	settings Settings
	products products
	mu       sync.Mutex // guards what follows
	now      time.Time
	accounts map[string]*account
	cards    int64 // cards made so far
}

var (
	_ conform.Target = (*Issuer)(nil)
	_ conform.Setup  = (*Issuer)(nil)
)

// New starts an issuer with the accounts a and b, which may do everything. The test's cleanup stops it.
func New(t testing.TB, settings Settings) *Issuer {
	t.Helper()
	keys, err := secret.Generate()
	if err != nil {
		t.Fatal(err)
	}
	i := &Issuer{Keys: keys, t: t, settings: settings, now: noonTomorrow(), accounts: map[string]*account{}}
	for _, name := range []string{"a", "b"} {
		if err := i.Account(t.Context(), conform.Account{Name: name, HolderLookup: true}); err != nil {
			t.Fatal(err)
		}
	}
	i.start()
	t.Cleanup(func() { i.stop() })
	return i
}

// noonTomorrow is far from the edge of any window of time, and no deadline counted from it has passed.
func noonTomorrow() time.Time {
	const day = 24 * time.Hour
	return time.Now().UTC().Truncate(day).Add(day + day/2)
}

func (i *Issuer) start() {
	i.Store = store.New(i.settings.Open(i.t), store.Settings{Keys: i.Keys, Now: time.Now})
	i.Issuer = giftcard.NewIssuer(giftcard.Settings{
		Store: store.Giftcard(i.Store), Keys: i.Keys, Products: &i.products, Compatible: i.settings.Compatible,
	})
}

func (i *Issuer) stop() {
	if err := i.Store.Close(); err != nil {
		i.t.Errorf("close the store: %v", err)
	}
}

// Now is the issuer's clock.
func (i *Issuer) Now() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.now
}

// Advance implements conform.Setup.
func (i *Issuer) Advance(_ context.Context, d time.Duration) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.now = i.now.Add(d)
	return nil
}

// Products are what the issuer sells, for another one over the same store.
func (i *Issuer) Products() giftcard.Products { return &i.products }

// Restart implements conform.Setup.
func (i *Issuer) Restart(context.Context) error {
	i.stop()
	i.start()
	return nil
}

// Begin implements conform.Setup: cases have cards of their own, so nothing has to be put back.
func (i *Issuer) Begin(context.Context) error { return nil }

// products is a list that grows. The zero value is ready.
type products struct {
	mu   sync.RWMutex
	kept []*giftcard.Product
}

var _ giftcard.Products = (*products)(nil)

func (p *products) add(made giftcard.Product) {
	p.mu.Lock()
	defer p.mu.Unlock()
	made.Number = int32(len(p.kept) + 1)
	p.kept = append(p.kept, &made)
}

// ProductByID implements giftcard.Products: a product is sold in all worlds.
func (p *products) ProductByID(_ ident.World, id string) (*giftcard.Product, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, kept := range p.kept {
		if kept.ID == id {
			return kept, true
		}
	}
	return nil, false
}

// Product implements giftcard.Products.
func (p *products) Product(_ ident.World, number int32) (*giftcard.Product, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if number < 1 || int(number) > len(p.kept) {
		return nil, false
	}
	return p.kept[number-1], true
}

// Sell adds a product with its defaults filled in. Its number is given by the issuer.
func (i *Issuer) Sell(p giftcard.Product) error {
	p = p.WithDefaults()
	if err := p.Check(); err != nil {
		return fmt.Errorf("product: %w", err)
	}
	i.products.add(p)
	return nil
}

// Product implements conform.Setup.
func (i *Issuer) Product(_ context.Context, p conform.Product) (string, error) {
	currency, err := money.ParseCurrency(p.Currency)
	if err != nil {
		return "", err
	}
	return p.ID, i.Sell(giftcard.Product{
		ID: p.ID, Currency: currency, StartBalance: money.Minor(p.Start), Opening: giftcard.Opening(p.Opening),
		MinLoad: money.Minor(p.MinLoad), MaxLoad: money.Minor(p.MaxLoad), MaxBalance: money.Minor(p.MaxBalance),
		SingleLoad: p.SingleLoad, SingleUse: p.SingleUse, PINRequired: p.PINRequired, PINTries: int32(p.PINTries),
		ReplaceFrozen: p.ReplaceFrozen, Velocity: Velocity(p.Velocity),
	})
}

// families are those of both contracts.
var families = map[conform.Kind]txn.Family{
	conform.Activate: txn.Activation, conform.Load: txn.Load, conform.Redeem: txn.Redemption, conform.Void: txn.Void,
	conform.Replace: txn.Replace, conform.Transfer: txn.Transfer, conform.Lookup: txn.LookUp,
	conform.Provision: txn.Voucher, conform.Purchase: txn.Purchase, conform.Trial: txn.Purchase,
}

// Family gives a kind of message in the domain's words, of either contract.
func Family(kind conform.Kind) txn.Family { return families[kind] }

// Velocity gives the rules of a script in the words of an account.
func Velocity(rules []conform.Velocity) []txn.Velocity {
	var all []txn.Velocity
	for _, v := range rules {
		all = append(all, txn.Velocity{
			Family: families[v.Kind], Window: v.In, MaxCount: v.Count, MaxAmount: money.Minor(v.Amount),
		})
	}
	return all
}
