// Package sdk puts a till's own program on the two contracts, Giftcard v3 and Airtime v5, and keeps the promises that a
// client makes with each request.
//
// A request that has been approved must be ended: confirmed when the sale went through, or reversed when it did not.
// Both sides rely on that, also when the network fails between them or when the till loses power in the middle of it.
// A program that uses this package says what it wants, says how it ended, and forgets about it:
//
//	till, unsettled, err := sdk.Open(ctx, sdk.Settings{
//		Data:     "/var/lib/till",
//		Upstream: sdk.Upstream{URL: "https://switch.example", User: "shop-17", Password: password},
//		Identity: sdk.Identity{
//			Institution: sdk.Party{ID: "shop-17", Name: "Corner shops"},
//			Terminal:    "00000042",
//			Merchant: sdk.Merchant{
//				Type: "5411", ID: "000000000000017", Name: "Corner shop", City: "Cape Town", Region: "WC", Country: "ZA",
//			},
//		},
//		Currency: "710",
//	})
//	if err != nil {
//		return err
//	}
//	defer till.Close()
//	for _, u := range unsettled {
//		// Approved when the program last stopped, and not ended: only your own books know whether it was sold.
//		decide := u.Reverse
//		if sold(u.Reference) {
//			decide = u.Confirm
//		}
//		if err := decide(ctx); err != nil {
//			log.Print(err) // it is handed back again until it has been decided
//		}
//	}
//
//	sale, err := till.Redeem(ctx, sdk.Redemption{
//		Card: sdk.Card{PAN: pan, Expiry: "4010"}, Amount: 12_50, Reference: "receipt 4711",
//	})
//	if err != nil {
//		return err // nothing has to be undone: see below
//	}
//	// ... hand over the goods, write it in your books ...
//	return sale.Confirm(ctx) // or sale.Reverse(ctx)
//
// To try it without an upstream of your own, run `scrip sandbox`: it listens on http://127.0.0.1:8080 and takes any user
// and password. The example of the package activates a card of the sandbox first, since nothing can be redeemed from one
// that has not been sold.
//
// # What is kept
//
// Open makes a directory with a database and the keys that it is encrypted with. Before a request leaves, that it was
// sent is on the disk; before Confirm or Reverse return nil, the decision is, and from there it is sent, and repeated
// for as long as it takes, also by the next run of the program. Card numbers and PINs are not kept. One process at a
// time has a directory open, and any number of its goroutines may use the Till. The directory belongs to one till and
// one upstream; lose it, and what was not delivered yet is lost.
//
// # When something goes wrong
//
// A request has one of four ends, and in none of them is there anything to undo:
//
//   - No error: it is approved, and waits for Confirm or Reverse.
//   - [*Declined]: a definite no, with the upstream's reason. It has no effect.
//   - [*NotTaken]: it never reached the upstream, or was not taken there. It has no effect, and may be tried again at
//     once.
//   - [*Unknown]: nobody can say, because the connection broke or no answer came in time. The till is reversing it
//     already, and will be until the upstream knows. Tell the customer that it did not work, and ask again as for a
//     new sale.
//
// A request that is on its way is waited for until Upstream.Timeout or the deadline of its context, whichever is
// earlier; that the context is cancelled before does not end it, since nobody could tell then what became of it.
//
// Besides, [*Invalid] says that a value cannot be sent, which is a mistake in the program. All of them can be found with
// errors.As.
//
// Confirm and Reverse wait a little for the upstream's answer (Upstream.AdviceWait), so that a refusal can be told at
// once. When there is none in that time they return nil all the same: the decision stands and will be delivered.
// [Till.Queue] tells what still waits, [Till.Drain] waits for it, and [Till.Attention] lists what an upstream refused
// afterwards, which a person has to look at.
//
// # When the program stops
//
// Whatever was sent and not answered when the program stopped is reversed when it starts again. Whatever was approved
// and not decided is handed back by Open, and by [Till.Unsettled] at any time: only the program knows whether the
// goods left the shop. Give each request a Reference under which its own books know the sale. When nobody decides,
// Settings.SettleWithin can have the till reverse such requests after a while; it is off unless set. Set it to longer
// than a sale ever takes from its approval to Confirm: a Confirm that comes later is ErrEnded.
//
// # Ids
//
// The ids of messages are random UUIDs of version 4 which the package makes and compares with all that it used
// before. Should an upstream know that of a request already, the request is sent again under a new one, once. A
// confirmation or a reversal never is: an upstream that knows its id has had it.
package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcardhttp"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/keyset"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/sqlite"
	"github.com/scripworks/scrip/txn"
)

// Names within a data directory, and in its records.
const (
	storeName = "scrip.db"
	upstream  = "upstream" // there is one
	account   = ident.Account(1)
)

// closeWithin bounds how long Close waits for what is in hand.
const closeWithin = 10 * time.Second

// Till is a till's end of the contracts. Make one with Open and end it with Close. Any number of goroutines may use it.
type Till struct {
	settings Settings
	currency money.Currency // of amounts that name none; 0 when there is no default
	origin   *txn.Origin
	sender   *txn.Sender
	log      *slog.Logger

	keys     *secret.Keys
	store    *store.Store
	client   *exchange.Client
	relay    *relay.Relay
	giftcard giftcard.Service
	airtime  airtime.Service
	office   *admin.Office
	hands    hands

	settling sync.WaitGroup
	stop     context.CancelFunc // of what runs in the background
	closing  sync.Once
	closed   error
}

// Open opens a till's directory, or makes it, and begins to deliver what waits in it. It gives back, oldest first,
// what was approved and not ended when the program last stopped. The upstream need not be there.
//
// The error is an *Invalid for a setting that cannot be, ErrInUse when another process has the directory open, or
// ErrKeys when the keys in it are missing or are not those that its records were written with.
func Open(ctx context.Context, s Settings) (*Till, []*Unsettled, error) {
	t, err := newTill(s)
	if err != nil {
		return nil, nil, err
	}
	if err := t.open(ctx); err != nil {
		return nil, nil, errors.Join(err, t.Close())
	}
	unsettled, err := t.Unsettled(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, t.Close())
	}
	t.background()
	return t, unsettled, nil
}

// open opens keys, store and relay.
func (t *Till) open(ctx context.Context) error {
	if err := os.MkdirAll(t.settings.Data, 0o700); err != nil {
		return fmt.Errorf("sdk: data directory: %w", err)
	}
	driver, err := t.openDriver()
	if err != nil {
		return err
	}
	t.keys, _, err = keyset.ReadOrMake(ctx, filepath.Join(t.settings.Data, keyset.Name), driver)
	if err != nil {
		return errors.Join(explainKeys(err), driver.Close())
	}
	t.store = store.New(driver, store.Settings{Keys: t.keys, Now: t.settings.now})
	if err := keyset.Check(ctx, t.store, t.keys); err != nil {
		return explainKeys(err)
	}
	if err := errors.Join(t.connect(), t.openOffice(ctx)); err != nil {
		return err
	}
	if err := t.relay.Start(ctx); err != nil {
		return fmt.Errorf("sdk: recover what was in flight: %w", err)
	}
	return nil
}

func (t *Till) openDriver() (store.Driver, error) {
	var driver store.Driver
	driver, err := sqlite.Open(filepath.Join(t.settings.Data, storeName), sqlite.Options{Readers: readers})
	switch {
	case errors.Is(err, sqlite.ErrInUse):
		return nil, fmt.Errorf("%w: %s", ErrInUse, t.settings.Data)
	case err != nil:
		return nil, fmt.Errorf("sdk: open the store in %s: %w", t.settings.Data, err)
	case t.settings.driver != nil:
		driver = t.settings.driver(driver)
	}
	return driver, nil
}

// readers are few: one till does not ask much.
const readers = 2

func explainKeys(err error) error {
	if errors.Is(err, keyset.ErrMissing) || errors.Is(err, keyset.ErrOther) {
		return fmt.Errorf("%w: %w", ErrKeys, err)
	}
	return fmt.Errorf("sdk: %w", err)
}

// connect makes the way to the upstream, and the relay in front of it.
func (t *Till) connect() (err error) {
	s := t.settings
	if t.client, err = s.Upstream.client(s.now); err != nil {
		return err
	}
	var giftcards giftcard.Service = frankIssuer{giftcardhttp.NewClient(t.client)}
	var airtimes airtime.Service = frankVendor{airtimehttp.NewClient(t.client)}
	if s.services != nil {
		giftcards, airtimes = s.services(giftcards, airtimes)
	}
	t.relay, err = relay.New(relay.Settings{
		Store: store.Queue(t.store), Reports: t.store.Driver(), Keys: t.keys,
		Upstreams: []relay.Upstream{{
			Name: upstream, Giftcard: giftcards, Airtime: airtimes, Profile: s.Upstream.profile(), Pace: s.pace,
		}},
		Institution: ident.Reference{Institution: s.Identity.Institution.ID, Identifier: s.Identity.Institution.Name},
		AdviceWait:  s.Upstream.AdviceWait, NewID: secret.NewID, Now: s.now, Log: t.log,
	})
	if err != nil {
		return fmt.Errorf("sdk: %w", err)
	}
	t.giftcard, t.airtime = t.relay.Giftcard(upstream), t.relay.Airtime(upstream)
	return nil
}

// Close ends the till: it waits a moment for what is in hand, cuts off the rest, and lets go of the directory.
// Nothing is lost by that: what was cut off has an unknown outcome, which the next Open sees to, and the queue is on
// the disk.
func (t *Till) Close() error {
	t.closing.Do(func() { t.closed = t.close() })
	return t.closed
}

func (t *Till) close() error {
	t.stop()
	t.settling.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	var errs []error
	if t.relay != nil {
		errs = append(errs, t.relay.Close(ctx))
	}
	if t.client != nil {
		t.client.Close()
	}
	if t.store != nil {
		errs = append(errs, t.store.Close())
	}
	return errors.Join(errs...)
}
