package relay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcard/giftcardtest"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/txn"
)

// switchboard is a relay under test, over a store of its own that survives the relay.
type switchboard struct {
	*relay.Relay
	t        testing.TB
	driver   store.Driver
	store    *store.Store
	settings relay.Settings
	lend     func(saf.Store) saf.Store // gives the store that the relay works with; nil is the store itself
}

// newSwitchboard starts a relay in memory with what the settings lack. The test's cleanup stops it.
func newSwitchboard(t testing.TB, s relay.Settings) *switchboard {
	t.Helper()
	return newSwitchboardOn(t, s, nil)
}

// newSwitchboardOn starts a relay over a store that is lent to it.
func newSwitchboardOn(t testing.TB, s relay.Settings, lend func(saf.Store) saf.Store) *switchboard {
	t.Helper()
	return newSwitchboardOver(t, s, memstore.New(), lend)
}

// newSwitchboardOver starts a relay over the records of a driver.
func newSwitchboardOver(t testing.TB, s relay.Settings, d store.Driver, lend func(saf.Store) saf.Store) *switchboard {
	t.Helper()
	if s.Keys == nil {
		keys, err := secret.Generate()
		if err != nil {
			t.Fatal(err)
		}
		s.Keys = keys
	}
	s.Institution = ident.Reference{Institution: "switch", Identifier: "Our Switch"}
	b := &switchboard{t: t, driver: d, settings: s, lend: lend}
	b.start()
	t.Cleanup(b.stop)
	return b
}

func (b *switchboard) start() {
	b.t.Helper()
	b.store = store.New(b.driver, store.Settings{Keys: b.settings.Keys, Now: time.Now})
	s := b.settings
	s.Store, s.Reports = store.Queue(b.store), b.driver
	if b.driver.Shared() {
		s.Leases = b.driver
	}
	if b.lend != nil {
		s.Store = b.lend(s.Store)
	}
	made, err := relay.New(s)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := made.Start(context.Background()); err != nil {
		b.t.Fatal(err)
	}
	b.Relay = made
}

func (b *switchboard) stop() {
	if err := b.Close(context.Background()); err != nil {
		b.t.Errorf("close the relay: %v", err)
	}
	if err := b.store.Close(); err != nil {
		b.t.Errorf("close the store: %v", err)
	}
}

// items gives what is queued.
func (b *switchboard) items() []saf.Item {
	b.t.Helper()
	all, err := b.driver.Items(context.Background(), "", []saf.State{saf.Waiting, saf.Parked, saf.Attention}, 0, 1<<20)
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

// own counts what an account has queued.
func (b *switchboard) own(account ident.Account) (own []saf.Level, err error) {
	all, err := b.driver.Levels(context.Background())
	for _, l := range all {
		if l.Account == account {
			own = append(own, l)
		}
	}
	return own, err
}

// messages gives all messages with an id.
func (b *switchboard) messages(id ident.ID) (all []txn.Message) {
	b.t.Helper()
	err := b.store.Read(context.Background(), store.Keys{World: ident.Production, IDs: []ident.ID{id}}, func(tx *store.Tx) error {
		all = tx.Messages(id)
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

// booksAreRight checks all that must always be true of the relay's own records.
func (b *switchboard) booksAreRight() {
	b.t.Helper()
	booksAreRight(b.t, b.driver)
}

// written are the words of an advice that travel in its bytes only.
type written struct {
	Amounts struct {
		ApprovedAmount *struct {
			Amount   money.Minor
			Currency string
		}
	}
}

// read gives an advice the words that its bytes have, as a server would.
func read(t testing.TB, a *txn.Advice) {
	var w written
	if err := json.Unmarshal(a.Wire, &w); err != nil {
		t.Errorf("an advice that cannot be read: %v", err)
	}
	if approved := w.Amounts.ApprovedAmount; approved != nil {
		c, err := money.ParseCurrency(approved.Currency)
		if err != nil {
			t.Error(err)
		}
		a.Approved = &money.Amount{Minor: approved.Amount, Currency: c}
	}
}

// issuer is an issuer as an upstream: it reads the bytes of advices, and knows the accounts that have asked.
type issuer struct {
	t testing.TB
	*giftcardtest.Issuer
	senders *sync.Map // by account
}

func asUpstream(t testing.TB, i *giftcardtest.Issuer) issuer { return issuer{t, i, new(sync.Map)} }

// Request implements giftcard.Service.
func (i issuer) Request(ctx context.Context, q *giftcard.Request) (*giftcard.Response, error) {
	i.senders.Store(q.Sender.Account, q.Sender)
	return i.Issuer.Request(ctx, q)
}

// Advise implements giftcard.Service.
func (i issuer) Advise(ctx context.Context, a *txn.Advice) (*txn.Answer, error) {
	read(i.t, a)
	if s, known := i.senders.Load(a.Sender.Account); known {
		a.Sender = s.(*txn.Sender)
	}
	a.Received = i.Now()
	return i.Issuer.Advise(ctx, a)
}

// vendor is a vendor as an upstream, likewise.
type vendor struct {
	t testing.TB
	*airtimetest.Judged
}

// Request implements airtime.Service: a server keeps the message, and a status tells it.
func (v vendor) Request(ctx context.Context, q *airtime.Request) (*airtime.Response, error) {
	kept := *q
	kept.Body = fmt.Appendf(nil, `{"id":%q}`, q.ID)
	return v.Judged.Request(ctx, &kept)
}

// Advise implements airtime.Service.
func (v vendor) Advise(ctx context.Context, a *airtime.Advice) (*txn.Answer, error) {
	read(v.t, &a.Advice)
	if s, found := v.Sender(a.Sender.World, a.Sender.Account); found {
		a.Sender = s
	}
	a.Received = v.Now()
	return v.Judged.Advise(ctx, a)
}

var (
	_ giftcard.Service = issuer{}
	_ airtime.Service  = vendor{}
)

// slow is an upstream that answers a request when it is told to, or when it has been given up.
type slow struct {
	*stub
	answer chan struct{}
}

// Request implements giftcard.Service.
func (s *slow) Request(ctx context.Context, q *giftcard.Request) (*giftcard.Response, error) {
	select {
	case <-s.answer:
		return s.stub.Request(ctx, q)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
