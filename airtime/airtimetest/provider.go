package airtimetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
)

// Manner is how the provider treats an order.
type Manner uint8

// The manners.
const (
	Prompt  Manner = iota // credits, and says so
	Refuses               // says no
	Late                  // credits, and says so after a delay
	Dithers               // says no after a delay
	Lost                  // credits, and its answer is lost
	Forgets               // the order never reaches it
	Strays                // the order reaches it after a delay, when nobody waits any more
	Breaks                // breaks the connection at once, and has credited
	Drops                 // breaks the connection at once, and the order never reaches it
)

// Provider is a mobile operator with everything that can be wrong with one. It credits each time it is asked to: that
// it is asked once is the vendor's business. Its waits go by the clock of the test's bubble.
type Provider struct {
	mu      sync.Mutex
	can     airtime.Capabilities
	manner  Manner
	delay   time.Duration
	refusal *decline.Error
	trial   *decline.Error
	keeps   bool // refuses to take back
	mute    bool // neither says a status nor whether it has taken back
	orders  map[ident.ID]*order
	credit  map[ident.MSISDN]airtime.Credit
}

type order struct {
	asked, credited, reversed int
	refused                   bool
}

var _ airtime.Provider = (*Provider)(nil)

// errNoAnswer is what a caller is left with.
var errNoAnswer = errors.New("airtimetest: no answer")

// NewProvider makes a provider that can everything and behaves well.
func NewProvider() *Provider {
	return &Provider{
		can:     airtime.Capabilities{Reverses: true, Status: true, Trials: true, Subscribers: true},
		refusal: &decline.Error{Text: "not today"}, orders: map[ident.ID]*order{}, credit: map[ident.MSISDN]airtime.Credit{},
	}
}

func (p *Provider) locked(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// Behave sets how orders are treated from now on.
func (p *Provider) Behave(m Manner, delay time.Duration) {
	p.locked(func() { p.manner, p.delay = m, delay })
}

// Able sets what it can do.
func (p *Provider) Able(can airtime.Capabilities) { p.locked(func() { p.can = can }) }

// Keep has it refuse to take anything back, or not.
func (p *Provider) Keep(keeps bool) { p.locked(func() { p.keeps = keeps }) }

// Mute has it say nothing about orders, or speak again.
func (p *Provider) Mute(mute bool) { p.locked(func() { p.mute = mute }) }

// RefuseTrials has trials answered with a refusal; nil answers them well.
func (p *Provider) RefuseTrials(refusal *decline.Error) { p.locked(func() { p.trial = refusal }) }

// Know has it tell a subscriber's balance.
func (p *Provider) Know(m ident.MSISDN, balance money.Amount) {
	p.locked(func() {
		p.credit[m] = airtime.Credit{Balance: ledger.Balance{Book: balance.Minor, Available: balance.Minor}, Currency: balance.Currency}
	})
}

// Asked gives how often it was asked to top up for an order.
func (p *Provider) Asked(id ident.ID) (asked int) {
	p.locked(func() {
		if o := p.orders[id]; o != nil {
			asked = o.asked
		}
	})
	return asked
}

// Credited gives how often an order is credited, reversals taken off.
func (p *Provider) Credited(id ident.ID) (credited int) {
	p.locked(func() {
		if o := p.orders[id]; o != nil {
			credited = o.credited - o.reversed
		}
	})
	return max(0, credited)
}

// order finds an order, or opens its record. The caller holds the lock.
func (p *Provider) order(id ident.ID) *order {
	if p.orders[id] == nil {
		p.orders[id] = &order{}
	}
	return p.orders[id]
}

// Can implements airtime.Provider.
func (p *Provider) Can() (can airtime.Capabilities) {
	p.locked(func() { can = p.can })
	return can
}

// TopUp implements airtime.Provider.
func (p *Provider) TopUp(ctx context.Context, o airtime.Order) (string, error) {
	var manner Manner
	var delay time.Duration
	var refusal *decline.Error
	p.locked(func() {
		manner, delay, refusal = p.manner, p.delay, p.refusal
		kept := p.order(o.ID)
		kept.asked++
		switch manner {
		case Refuses, Dithers:
			kept.refused = true
		case Prompt, Late, Lost, Breaks:
			p.take(kept)
		}
	})
	switch manner {
	case Prompt:
		return reference(o.ID), nil
	case Refuses:
		return "", refusal
	case Breaks, Drops:
		return "", errNoAnswer
	case Strays:
		go func() {
			time.Sleep(delay)
			p.locked(func() { p.take(p.order(o.ID)) })
		}()
	case Late, Dithers:
		select {
		case <-time.After(delay):
			if manner == Dithers {
				return "", refusal
			}
			return reference(o.ID), nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	<-ctx.Done()
	return "", ctx.Err()
}

// take credits an order, unless it has been taken back before it came.
func (p *Provider) take(o *order) {
	if o.reversed == 0 || o.credited > 0 {
		o.credited++
		return
	}
	o.reversed, o.refused = 0, true
}

func reference(id ident.ID) string { return "op-" + string(id) }

// Status implements airtime.Provider.
func (p *Provider) Status(_ context.Context, o airtime.Order) (progress airtime.Progress, err error) {
	p.locked(func() {
		kept := p.order(o.ID)
		switch {
		case p.mute || !p.can.Status:
			err = errNoAnswer
		case kept.refused:
			progress = airtime.Progress{Stage: airtime.Failed, Why: p.refusal}
		case kept.credited == 0:
			progress = airtime.Progress{Stage: airtime.NeverReceived}
		case kept.credited == kept.reversed:
			progress = airtime.Progress{Stage: airtime.Failed}
		default:
			progress = airtime.Progress{Stage: airtime.Done, Reference: reference(o.ID)}
		}
	})
	return progress, err
}

// Reverse implements airtime.Provider.
func (p *Provider) Reverse(_ context.Context, o airtime.Order) (err error) {
	p.locked(func() {
		kept := p.order(o.ID)
		switch {
		case !p.can.Reverses:
			err = errNoAnswer
		case p.mute: // it does what it is asked to, and does not say so
			kept.reversed, err = max(1, kept.credited), errNoAnswer
		case p.keeps && kept.credited > kept.reversed:
			err = decline.New(decline.TransactionNotSupported, "it is spent")
		default:
			kept.reversed = max(1, kept.credited)
		}
	})
	return err
}

// Trial implements airtime.Provider.
func (p *Provider) Trial(context.Context, airtime.Order) (err error) {
	p.locked(func() {
		if p.trial != nil {
			err = p.trial
		}
	})
	return err
}

// Subscriber implements airtime.Provider.
func (p *Provider) Subscriber(_ context.Context, _ ident.World, m ident.MSISDN) (c airtime.Credit, ok bool) {
	p.locked(func() { c, ok = p.credit[m] })
	return c, ok
}
