// Package storetest is the one suite of tests for every driver of the store: what a store promises is written
// here first and then kept by each of them.
//
// Run covers what is saved and loaded back, batches and their undoing, views, reports, places in the order,
// reopening, agreement with a plain model under random sequences, and linearizability under concurrency. What is
// particular to a driver, such as crashes, full disks and locks, is tested beside that driver.
package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// Opener gives a driver over an empty store. The test's cleanup does not close it: the suite does.
type Opener func(t testing.TB) store.Driver

// Reopener closes a driver and opens the same records again. A driver that keeps nothing gives itself back.
type Reopener func(t testing.TB, d store.Driver) store.Driver

// Option is a way to judge a driver.
type Option func(*harness)

// Run judges a driver.
func Run(t *testing.T, open Opener, reopen Reopener, how ...Option) {
	h := &harness{open: open, reopen: reopen}
	for _, set := range how {
		set(h)
	}
	for _, s := range []struct {
		name  string
		judge func(*testing.T, *harness)
	}{
		{"Message", testMessages},
		{"Card", testCards},
		{"Voucher", testVouchers},
		{"Float", testFloats},
		{"Item", testItems},
		{"Ledger", testLedger},
		{"Prune", testPrune},
		{"Row", testRows},
		{"Revision", testRevisions},
		{"Lease", testLeases},
		{"Batch", testBatches},
		{"View", testViews},
		{"Chain", testChains},
		{"Life", testLife},
		{"Report", testReports},
		{"Whole", testWhole},
		{"Model", testModel},
		{"Linear", testLinear},
	} {
		t.Run(s.name, func(t *testing.T) { s.judge(t, h) })
	}
}

type harness struct {
	open      Opener
	reopen    Reopener
	histories int // 0 is as many as rapid tries
}

// keys are made once: they only have to be the same within a test.
var keys = sync.OnceValue(func() *secret.Keys {
	k, err := secret.Generate()
	if err != nil {
		panic(err)
	}
	return k
})

// noon is the time of the suite's clock.
var noon = time.Date(2026, 7, 1, 12, 0, 0, 123_000_000, time.UTC)

// room is one store under test.
type room struct {
	testing.TB
	harness  *harness
	driver   store.Driver
	store    *store.Store
	settings store.Settings
}

// start opens an empty store.
func (h *harness) start(t testing.TB) *room {
	t.Helper()
	return h.startWith(t, store.Settings{})
}

func (h *harness) startWith(t testing.TB, s store.Settings) *room {
	t.Helper()
	if s.Keys = keys(); s.Now == nil {
		s.Now = func() time.Time { return noon }
	}
	r := &room{TB: t, harness: h, driver: h.open(t), settings: s}
	r.store = store.New(r.driver, s)
	t.Cleanup(func() { r.close() })
	return r
}

func (r *room) close() {
	r.Helper()
	if err := r.store.Close(); err != nil {
		r.Errorf("close: %v", err)
	}
}

// again closes the store and opens it over the same records.
func (r *room) again() {
	r.Helper()
	if err := r.store.Close(); err != nil {
		r.Fatalf("close: %v", err)
	}
	r.driver = r.harness.reopen(r, r.driver)
	r.store = store.New(r.driver, r.settings)
}

// everyWay runs a check as the records stand now and again after reopening.
func (r *room) everyWay(check func(how string)) {
	r.Helper()
	check("at once")
	r.again()
	check("reopened")
}

// do decides a message in production and fails the test when it is not saved.
func (r *room) do(decide func(*store.Tx)) {
	r.Helper()
	r.doIn(ident.Production, decide)
}

func (r *room) doIn(w ident.World, decide func(*store.Tx)) {
	r.Helper()
	err := r.try(store.Keys{World: w}, func(tx *store.Tx) error { decide(tx); return nil })
	if err != nil {
		r.Fatalf("save: %v: %v", err, r.store.Health())
	}
}

func (r *room) try(k store.Keys, decide func(*store.Tx) error) error {
	return r.store.Do(context.Background(), k, decide)
}

// read shows what is committed.
func (r *room) read(show func(*store.Tx)) {
	r.Helper()
	r.readIn(ident.Production, show)
}

func (r *room) readIn(w ident.World, show func(*store.Tx)) {
	r.Helper()
	err := r.store.Read(context.Background(), store.Keys{World: w}, func(tx *store.Tx) error { show(tx); return nil })
	if err != nil {
		r.Fatalf("read: %v", err)
	}
}

// digest gives the n-th digest of a kind.
func digest(kind string, n int) secret.Digest {
	return keys().Holder(ident.Production, kind, fmt.Sprint(n))[0]
}

// newCard gives a card with nothing special about it.
func newCard(id int64) giftcard.NewCard {
	return giftcard.NewCard{
		Card:   giftcard.Card{ID: id, World: ident.Production, Status: giftcard.New, Currency: 710, Expiry: 4012},
		Detail: giftcard.Detail{Card: id, SealedPAN: []byte{1, 2, 3}, Masked: "600100******0001"},
		Number: digest("number", int(id)),
	}
}

// request gives an approved request with nothing special about it.
func request(seq int64, id ident.ID) txn.Message {
	return txn.Message{
		Seq: seq, World: ident.Production, ID: id, Account: 3, Family: txn.Redemption, Role: txn.Request, State: txn.Open,
		At: noon, Amount: 500, Requested: 500, Currency: 710,
	}
}

// uuid gives the n-th of some canonical UUIDs.
func uuid(n int) ident.ID {
	return ident.ID(fmt.Sprintf("%08x-0000-4000-8000-%012x", uint32(n)*2654435761, n))
}
