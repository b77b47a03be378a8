// Package app wires the rooms into one running program and gives it a life: New opens the store, Start serves,
// Stop finishes what is in hand and closes. The command, the sandbox and the tests use the same object.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/adminhttp"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/edge"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcardhttp"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/keyset"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/move"
	"github.com/scripworks/scrip/network"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/router"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// Settings are what a program is made of. The zero value of each is good unless said otherwise.
type Settings struct {
	Data        string    // directory of the store and its keys; empty, without a database, keeps nothing
	Database    string    // URL of a PostgreSQL database with the store; Data then has the keys alone, or with KeysFile nothing
	Committers  int       // batches saved at once; 0 is what suits the store
	KeysFile    string    // keyset file; empty is keys.json in Data
	Listen      string    // address of the contracts
	AdminListen string    // address of the operators; empty is loopback on any free port
	TLS         *edge.TLS // of the contracts; nil is plain HTTP
	AdminTLS    *edge.TLS // of the operators
	PlainHTTP   bool      // a proxy in front ends TLS
	Token       string    // first operator's token on an empty store; empty makes one, which FirstToken then gives
	Institution ident.Reference
	Location    *time.Location
	Currency    money.Currency // of cards that name none
	Timeout     time.Duration  // of a request
	Hold        time.Duration  // of an advice for its request in flight
	Drain       time.Duration  // between not being ready any more and closing the listener
	StopWithin  time.Duration  // for what is in hand when stopping; 0 is DefaultStopWithin
	InHand      int            // messages in hand at once
	Settle      Settle
	Log         *slog.Logger
	Version     string
	Now         func() time.Time

	// Compatible and Guests are the sandbox's (docs/rules.md section 8). Never in production.
	Compatible bool
	Guests     func(user, password string) (edge.Identity, error)
	// Products and Catalogue, when they are there, are asked in place of what operators have set.
	Products  giftcard.Products
	Catalogue airtime.Catalogue
	// Network is the simulated mobile network, which tops up what products name SimulatedNetwork for; nil is none.
	Network *network.Settings
	// ProviderTimeout is how long a provider may take; 0 is five sixths of Timeout.
	ProviderTimeout time.Duration
	// Upstreams are whom messages are passed on to, and Routes which messages; without a route nothing is passed on.
	Upstreams []Upstream
	Routes    []router.Route
	// AdviceWait is how long an advice waits for its upstream's answer; 0 is relay.DefaultAdviceWait.
	AdviceWait time.Duration
	// Retention prunes what is old; its zero value keeps everything.
	Retention Retention
	// Pairs, when there are any, are the only accounts that may come in. They are held in memory.
	Pairs []Pair
	// Extra handles paths of the contracts' listener before the contracts do; it says whether it did.
	Extra func(w http.ResponseWriter, r *http.Request) bool

	// What tests put around the store, and around each upstream; nil is nothing.
	driver   func(store.Driver) store.Driver
	services func(giftcard.Service, airtime.Service) (giftcard.Service, airtime.Service)
}

// Settle ends open requests by the clock, when the issuer wants that.
type Settle struct {
	After time.Duration // age of a request; 0 never settles
	Role  txn.Role      // Confirmation or Reversal
}

// Defaults and names.
const (
	DefaultStopWithin = 30 * time.Second
	remembered        = 10 * time.Minute // for which a verified password is not hashed again
	rememberedPairs   = 10_000
	importTimeout     = time.Hour // for an operator's longest call, an import
	storeName         = "scrip.db"
)

// App is the program. Make one with New.
type App struct {
	settings Settings
	log      *slog.Logger

	Keys     *secret.Keys
	Store    *store.Store
	Register *admin.Register
	Office   *admin.Office
	Metrics  *edge.Metrics
	Vendor   *airtime.Vendor
	// FirstToken is the token of the operator that was made because the store had none; empty otherwise.
	FirstToken string
	// MadeKeys says that a keyset was made because there was none.
	MadeKeys bool

	stock     *stock
	pruned    *pruned
	pairs     *pairs
	passing   *passing      // nil when nothing is passed on
	topUps    *relay.TopUps // nil when no upstream tops up
	newer     *newer        // nil where no other process sets anything
	seller    *seller
	passwords *secret.Passwords
	gate      *edge.Gate
	messages  *edge.Server
	operator  *edge.Server
	contract  http.Handler
	admin     http.Handler
	ready     atomic.Bool
	serving   sync.WaitGroup
	failed    chan error
	sweeping  context.CancelFunc // ends what goes on beside the messages
	following context.CancelFunc // and at last what follows other nodes
	troubles  sync.Map           // what goes on beside the messages and failed the last time, and since when
}

// New opens the store and builds everything on it. Nothing listens yet. Close it with Stop. *SettingError: another start with
// the same settings will not do either.
func New(ctx context.Context, s Settings) (*App, error) {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.StopWithin == 0 {
		s.StopWithin = DefaultStopWithin
	}
	if s.AdminListen == "" {
		s.AdminListen = "127.0.0.1:0"
	}
	a := &App{settings: s, log: s.Log, failed: make(chan error, 2), Metrics: edge.NewMetrics(s.Version)}
	if err := a.open(ctx); err != nil {
		return nil, lasting(err)
	}
	if err := a.build(ctx); err != nil {
		return nil, errors.Join(lasting(err), a.Store.Close())
	}
	return a, nil
}

// open opens keys, driver and store.
func (a *App) open(ctx context.Context) error {
	if a.settings.usesData() {
		if err := os.MkdirAll(a.settings.Data, 0o700); err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
	}
	driver, err := a.openDriver(ctx)
	if err != nil {
		return err
	}
	if err = move.Check(ctx, driver); err == nil {
		err = a.loadKeys(ctx, driver)
	}
	if err == nil {
		err = move.Serve(ctx, driver, a.settings.Now())
	}
	if a.settings.driver != nil {
		driver = a.settings.driver(driver)
	}
	if err == nil {
		a.Register, err = admin.LoadRegister(ctx, driver, adminhttp.Codec{})
	}
	if err != nil {
		return errors.Join(err, driver.Close())
	}
	commits := newCommits(a.Metrics.Registerer())
	a.Store = store.New(driver, store.Settings{
		Keys: a.Keys, Now: a.settings.Now, Unfinished: a.Register.Unfinished, Observe: commits.observe, Conflict: commits.met,
		Committers: a.committers(),
	})
	return nil
}

// usesData says whether anything is kept in the data directory: the store, or the keys of one that is in a database.
func (s *Settings) usesData() bool {
	return s.Data != "" && (s.Database == "" || s.KeysFile == "")
}

// build makes the rooms above the store.
func (a *App) build(ctx context.Context) error {
	if err := keyset.Check(ctx, a.Store, a.Keys); err != nil {
		return fmt.Errorf("keyset %s: %w", KeysPath(a.settings.Data, a.settings.KeysFile), err)
	}
	if a.Store.Driver().Shared() {
		a.newer = newNewer(a.Register)
	}
	observer := edge.NewObserver(a.Metrics, a.Register, a.log, a.settings.Now)
	a.pairs = newPairs(a.Register)
	if err := a.makeRelay(observer); err != nil {
		return err
	}
	issuer := a.makeIssuer()
	a.makeOffice(issuer)
	if err := a.Office.Recover(ctx, a.settings.Now()); err != nil {
		return fmt.Errorf("recover what imports have left: %w", err)
	}
	if err := a.makeVendor(ctx, observer); err != nil {
		return err
	}
	if err := a.pairs.introduce(ctx, a.Office, a.settings.Pairs, a.settings.Now()); err != nil {
		return err
	}
	a.makeGate()
	services, err := a.services(a.local(issuer, a.Vendor))
	if err != nil {
		return err
	}
	if err := a.makeHandlers(a.permitted(services), observer); err != nil {
		return err
	}
	a.stock, a.pruned = newStock(a), newPruned(a.Metrics.Registerer())
	a.Metrics.Registerer().MustRegister(newOpenRequests(a), a.stock)
	return a.bootstrap(ctx)
}

func (a *App) makeIssuer() *giftcard.Issuer {
	s := a.settings
	var products giftcard.Products = a.Register
	if s.Products != nil {
		products = s.Products
	}
	return giftcard.NewIssuer(giftcard.Settings{
		Store: store.Giftcard(a.Store), Keys: a.Keys, Products: products,
		Location: s.Location, Hold: s.Hold, Compatible: s.Compatible,
	})
}

func (a *App) makeOffice(issuer *giftcard.Issuer) {
	a.seller = &seller{}
	settings := admin.Settings{
		Store: store.Admin(a.Store), Reports: a.Store.Driver(), Register: a.Register, Keys: a.Keys, Codec: adminhttp.Codec{},
		Issuer: issuer, Airtime: store.Airtime(a.Store), Vendor: a.seller, Leases: a.Store.Driver(), Providers: a.providers(), Own: a.own(), Carries: adminhttp.Carries, Tells: adminhttp.Tells,
		NewID: secret.NewID, NewToken: secret.NewToken, NewPassword: secret.NewPassword,
		Currency: a.settings.Currency, Location: a.settings.Location,
	}
	settings.Copier = copierOf(a.Store.Driver(), a.log)
	if a.passing != nil {
		settings.Queues = a.passing
	}
	a.Office = admin.NewOffice(settings)
}

// makeGate makes the way in: for accounts of the store, for the pairs that came with the start, or for guests.
func (a *App) makeGate() {
	s := a.settings
	guests := s.Guests
	if len(s.Pairs) > 0 {
		guests = a.pairs.admit
	}
	a.passwords = secret.NewPasswords(remembered, rememberedPairs)
	settings := edge.Settings{
		Accounts: a.Register, Passwords: a.passwords, InHand: s.InHand,
		Guests: guests, Metrics: a.Metrics, Log: a.log, Now: s.Now,
	}
	if a.newer != nil {
		settings.Others = a.newer
	}
	a.gate = edge.NewGate(settings)
}

// makeHandlers puts the services on the wire, and the operators' interface.
func (a *App) makeHandlers(services router.Services, observer *edge.Observer) error {
	s := a.settings
	settings := exchange.Settings{
		Gate: a.gate, Observer: observer, Institution: s.Institution, RequestTimeout: s.Timeout, Now: s.Now,
	}
	giftcards, err := giftcardhttp.New(services.Giftcard, settings)
	if err != nil {
		return fmt.Errorf("giftcard contract: %w", err)
	}
	airtimes, err := airtimehttp.New(airtimehttp.Settings{Settings: settings, Service: services.Airtime, Compatible: s.Compatible})
	if err != nil {
		return fmt.Errorf("airtime contract: %w", err)
	}
	a.contract = a.contracts(giftcards, airtimes)
	if a.admin, err = a.operators(); err != nil {
		return fmt.Errorf("operators' interface: %w", err)
	}
	return nil
}

// bootstrap makes the first operator of an empty store. It comes last, so that nothing that fails can lose the token.
func (a *App) bootstrap(ctx context.Context) error {
	token, err := a.Office.Bootstrap(ctx, a.settings.Now(), a.settings.Token)
	if err != nil {
		return fmt.Errorf("first operator: %w", lastingToken(err))
	}
	if a.settings.Token == "" {
		a.FirstToken = token
	}
	return nil
}

// Start listens and serves on both addresses. It returns once both do. *SettingError: the TLS files will not do.
func (a *App) Start() error { return lasting(a.start()) }

func (a *App) start() error {
	var err error
	bounds := edge.DefaultBounds(a.timeout())
	forOperators := bounds
	forOperators.ReadTimeout, forOperators.WriteTimeout = importTimeout, importTimeout
	a.operator, err = edge.Listen(edge.Listener{
		Name: "operators", Address: a.settings.AdminListen, TLS: a.settings.AdminTLS, PlainHTTP: a.settings.PlainHTTP, Bounds: forOperators, Metrics: a.Metrics, Log: a.log,
	})
	if err != nil {
		return err
	}
	a.messages, err = edge.Listen(edge.Listener{
		Name: "messages", Address: a.settings.Listen, TLS: a.settings.TLS, PlainHTTP: a.settings.PlainHTTP, Bounds: bounds,
		Gate: a.gate, Metrics: a.Metrics, Log: a.log,
	})
	if err != nil {
		return errors.Join(err, a.operator.Stop(context.Background()))
	}
	if err := a.startRelay(context.Background()); err != nil {
		return err
	}
	a.serve(a.messages, a.contract)
	a.serve(a.operator, a.admin)
	a.background()
	a.ready.Store(true)
	return nil
}

func (a *App) timeout() time.Duration {
	if a.settings.Timeout != 0 {
		return a.settings.Timeout
	}
	return exchange.DefaultRequestTimeout
}

func (a *App) serve(s *edge.Server, h http.Handler) {
	a.serving.Go(func() {
		if err := s.Serve(h); err != nil {
			a.failed <- err
		}
	})
}

// Address is where the contracts listen; AdminAddress where the operators do. They are known after Start.
func (a *App) Address() net.Addr { return a.messages.Address() }

// AdminAddress is where the operators' interface listens.
func (a *App) AdminAddress() net.Addr { return a.operator.Address() }

// Now is the program's clock.
func (a *App) Now() time.Time { return a.settings.Now() }

// Verifies says whether a password is one of an account's that count now.
func (a *App) Verifies(account *admin.Account, password string) bool {
	now := a.Now()
	for _, hash := range account.Hashes(now) {
		if a.passwords.Verify(hash, password, now) {
			return true
		}
	}
	return false
}

// Failed tells when a listener breaks down.
func (a *App) Failed() <-chan error { return a.failed }

// Reload takes up changed certificates.
func (a *App) Reload() error { return errors.Join(a.messages.Reload(), a.operator.Reload()) }

// Stop is not ready any more, waits for the drain time so that balancers see it, takes no new work, finishes what
// is in hand and closes. What is not finished within StopWithin is cut off and has an unknown outcome.
func (a *App) Stop(ctx context.Context) error {
	var errs []error
	if a.ready.Swap(false) && a.settings.Drain > 0 {
		select {
		case <-time.After(a.settings.Drain):
		case <-ctx.Done():
		}
	}
	ctx, cancel := context.WithTimeout(ctx, a.settings.StopWithin)
	defer cancel()
	if a.sweeping != nil {
		a.sweeping()
	}
	for _, s := range []*edge.Server{a.messages, a.operator} {
		if s != nil {
			errs = append(errs, s.Stop(ctx))
		}
	}
	if a.following != nil {
		a.following()
	}
	a.serving.Wait()
	a.Vendor.Close(ctx)
	if a.passing != nil {
		errs = append(errs, a.passing.close(ctx))
	}
	return errors.Join(append(errs, a.Store.Close())...)
}
