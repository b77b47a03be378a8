package airtime

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// Settings are what a vendor is made of.
type Settings struct {
	Store     Store
	Unsettled Unsettled // of the same store; for Resolve
	Keys      *secret.Keys
	Catalogue Catalogue
	// Providers are who credits subscribers, by the names that products call them.
	Providers map[string]Provider
	// Senders gives an account as it stands now; nil knows none. What the vendor undoes by itself is taken out of the
	// velocity windows of accounts that are known.
	Senders Senders
	// Institution is our own id (Institution) and name (Identifier). The name is who provides vouchers.
	Institution ident.Reference
	// Hold is how long an advice waits for its request in flight and for its provider, in all; 0 is txn.DefaultHold.
	Hold time.Duration
	// ProviderTimeout is how long after its arrival a top-up is given up, and how long a reversal or a trial may take; 0 is
	// DefaultProviderTimeout.
	ProviderTimeout time.Duration
	// MaxTopUps bounds how many top-ups and reversals are with their providers at once; 0 is DefaultMaxTopUps. What is
	// beyond is not taken.
	MaxTopUps int
	// Compatible ignores that money is still to be collected, as the public test server does (docs/rules.md section 8).
	// Never in production.
	Compatible bool
	// Alarm hears of what operators should know of although nothing was refused. It may be called by many goroutines,
	// and may be nil.
	Alarm func(alarm decline.Alarm, account ident.Account)
}

// Senders knows what accounts may do.
type Senders interface {
	Sender(w ident.World, account ident.Account) (*txn.Sender, bool)
}

// What a setting of 0 stands for.
const (
	DefaultProviderTimeout = 50 * time.Second
	DefaultMaxTopUps       = 1024
)

// The alarms of the vendor.
const (
	// SerialDiffers says that a confirmation named another voucher than the one that was sold (docs/rules.md section 6).
	SerialDiffers decline.Alarm = "voucher_serial_differs"
	// OutcomeLate says that a provider told how a top-up ended after it had been ended otherwise: the books and the
	// provider disagree, and people have to look.
	OutcomeLate decline.Alarm = "topup_outcome_late"
	// OutcomeLost says that a provider told how a top-up ended and the store would not take it. It is asked again.
	OutcomeLost decline.Alarm = "topup_outcome_lost"
)

var _ Service = (*Vendor)(nil)

// Vendor decides airtime messages by the rules, the stock, the ledger and its providers. Close it.
type Vendor struct {
	settings Settings
	store    Store
	keys     *secret.Keys
	intake   *txn.Intake
	timeout  time.Duration
	// turns are the purchases that this process is asking a provider about: one question at a time for each.
	turns txn.Flights
	// lanes hold what sweeps are asking each provider at this moment; sweepFrom is the seq after which the next begins.
	lanes     map[string]chan struct{}
	sweepFrom int64
	confirmed chan struct{} // a place for each confirmation that a provider is being told of

	life   context.Context // ends when providers are given up
	giveUp context.CancelFunc
	mu     sync.Mutex // guards closed and inHand
	closed bool
	inHand int
	all    sync.WaitGroup // what is in hand
}

// NewVendor makes a vendor.
func NewVendor(s Settings) *Vendor {
	v := &Vendor{settings: s, store: s.Store, keys: s.Keys, intake: txn.NewIntake(s.Keys, s.Hold), timeout: s.ProviderTimeout}
	if v.timeout == 0 {
		v.timeout = DefaultProviderTimeout
	}
	if v.settings.Hold == 0 {
		v.settings.Hold = txn.DefaultHold
	}
	if v.settings.MaxTopUps == 0 {
		v.settings.MaxTopUps = DefaultMaxTopUps
	}
	v.lanes, v.confirmed = map[string]chan struct{}{}, make(chan struct{}, maxConfirmed)
	for name := range s.Providers {
		v.lanes[name] = make(chan struct{}, resolvers)
	}
	v.life, v.giveUp = context.WithCancel(context.Background())
	return v
}

// Close takes no more top-ups and waits for those in hand. When ctx ends first the providers are given up: what they
// have not said stays working, and is resolved after the next start. It returns once nothing is in hand, so providers
// must obey their contexts.
func (v *Vendor) Close(ctx context.Context) {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	defer context.AfterFunc(ctx, v.giveUp)()
	v.all.Wait()
	v.giveUp()
}

// begin takes a place among what is in hand, until end is called.
func (v *Vendor) begin() (end func(), err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.closed:
		return nil, &decline.NotTaken{Cause: decline.Stopping, Text: "the server is stopping"}
	case v.inHand >= v.settings.MaxTopUps:
		return nil, &decline.NotTaken{Cause: decline.Overloaded, Text: "too many top-ups are with their providers", After: time.Second}
	}
	v.inHand++
	v.all.Add(1)
	return func() {
		v.mu.Lock()
		v.inHand--
		v.mu.Unlock()
		v.all.Done()
	}, nil
}

// join has Close wait for one more, until all.Done is called; false when it has been closed already.
func (v *Vendor) join() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.closed {
		v.all.Add(1)
	}
	return !v.closed
}

// InHand gives how many top-ups and reversals are with their providers at this moment.
func (v *Vendor) InHand() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.inHand
}

func (v *Vendor) alarm(a decline.Alarm, account ident.Account) {
	if v.settings.Alarm != nil {
		v.settings.Alarm(a, account)
	}
}

// sender gives an account as it stands now, or one that may do nothing in particular.
func (v *Vendor) sender(w ident.World, account ident.Account) *txn.Sender {
	if v.settings.Senders != nil {
		if s, found := v.settings.Senders.Sender(w, account); found {
			return s
		}
	}
	return &txn.Sender{World: w, Account: account}
}

// Request implements Service. A top-up goes on when ctx ends before its provider has answered: the answer is a
// *decline.Unknown then.
func (v *Vendor) Request(ctx context.Context, r *Request) (*Response, error) {
	land, err := v.intake.TakeOff(r.Sender.World, r.ID)
	if err != nil {
		return nil, err
	}
	p, err := v.prepare(r)
	if err != nil {
		land()
		return nil, err
	}
	if p.isTopUp() {
		return v.topUp(ctx, p, land)
	}
	defer land()
	if err := v.decide(ctx, p); err != nil {
		return nil, err
	}
	return p.response()
}

// decide records a request with its answer; the refusal is the error.
func (v *Vendor) decide(ctx context.Context, p *purchase) error {
	err := v.store.Update(ctx, p.keys(), p.run)
	if err == nil && p.refusal != nil {
		return p.refusal
	}
	return err
}

// Trial implements Service.
func (v *Vendor) Trial(ctx context.Context, r *Request) (*Response, error) {
	p, err := v.prepare(r)
	if err != nil {
		return nil, err
	}
	if err := v.store.View(ctx, p.keys(), p.try); err != nil {
		return nil, err
	}
	if p.refusal != nil {
		return nil, p.refusal
	}
	if p.isTopUp() && p.provider().Can().Trials {
		ctx, cancel := context.WithTimeout(ctx, v.timeout)
		defer cancel()
		if err := p.provider().Trial(ctx, p.order()); err != nil {
			return nil, byProvider(err)
		}
	}
	response := p.answer()
	response.Reference = txn.HashReference(referenceLetter, v.keys.ID(r.Sender.World, r.ID))
	return response, nil
}

// byProvider makes a provider's refusal fit for an answer. What is no refusal stays what it is.
func byProvider(err error) error {
	var refusal *decline.Error
	if !errors.As(err, &refusal) {
		return err
	}
	if refusal.Reason != "" {
		return refusal
	}
	named := *refusal
	named.Reason = decline.DeclinedByMNO
	return &named
}
