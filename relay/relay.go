// Package relay is the switch: it stands between those who ask and the upstreams that answer, remembers what it passes
// on before it goes out, and sees every request through to its one ending (docs/relay.md; docs/rules.md 1.1, 1.2, 1.6).
//
// It promises that a request goes to one upstream only, and to another one only when the first was surely never reached;
// that what has no answer is reversed, or asked about where an upstream has no reversals, and that this is committed
// before anybody is told; that an advice which was taken over is repeated, byte for byte, until it is answered for good;
// that downstream's reversal and the relay's own come to one reversal upstream; and that nothing of this is lost when the
// process ends at any instant: what stands as sent when it starts is unknown, and treated so before anything new is taken.
// Several processes may do all this on one store (docs/decisions/0020): what one that died had in hand the others undo within
// seconds, and one of them sends the queue of an upstream.
package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// What a setting of 0 stands for.
const (
	DefaultAdviceWait = 5 * time.Second
	DefaultTimeout    = 50 * time.Second
)

// Settings are what a relay is made of.
type Settings struct {
	Store     saf.Store
	Reports   saf.Reports // of the same store
	Keys      *secret.Keys
	Upstreams []Upstream
	// Leases say which of several processes on the store sends an upstream's queue. nil: this one has the store to itself.
	Leases Leases
	// Institution is our own id (Institution) and name (Identifier): the id stands in the third-party identifier that
	// every request gets.
	Institution ident.Reference
	// AdviceWait is how long an advice waits for its upstream's answer before its sender hears 202; 0 is
	// DefaultAdviceWait.
	AdviceWait time.Duration
	// Hold is how long an advice waits for its request in flight, and for another advice of the same request; 0 is
	// txn.DefaultHold.
	Hold time.Duration
	// NewID makes the ids of the relay's own reversals; nil is secret.NewID.
	NewID func() ident.ID
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Paused says whether an operator had an upstream's line stopped when the process ended; nil is none.
	Paused func(upstream string) bool
	// Alarm hears of what operators should know of. It may be called by many goroutines, and may be nil.
	Alarm func(alarm decline.Alarm, account ident.Account)
	Log   *slog.Logger // nil says nothing
	// Observer hears of what was sent; it may be nil.
	Observer Observer
}

// Upstream is a service that requests are passed on to, and what it can do.
type Upstream struct {
	Name     string           // as records, routes and operators call it; never empty, and never changed
	Giftcard giftcard.Service // nil when it has no gift cards
	Airtime  airtime.Service  // nil when it has no airtime
	Profile  Profile
	Pace     saf.Pace
	// Lane gives the name of the credential under which an account's advices are sent: when it is refused, only what is
	// sent under it stops. nil has one for all.
	Lane func(account ident.Account) string
}

// Profile is what an upstream lacks of its contract. The zero value is the whole contract.
type Profile struct {
	NoConfirmations bool // what is approved is final: confirmations are answered here
	NoReversals     bool // nothing is taken back: what has no answer is asked about by its status
	NoStatus        bool // the status of a purchase cannot be asked
	NoTrials        bool
	NoPartial       bool // nothing is confirmed for less than was approved
	// Timeout is how long a request waits for its answer; 0 is DefaultTimeout. It must be shorter than what is promised
	// downstream.
	Timeout time.Duration
}

// Observer hears of every message that was sent to an upstream, or could not be: what it was (request, confirmation,
// reversal, status or query), how it ended (successful, failed, unknown or not_sent), and how long that took. It may be
// called by many goroutines.
type Observer interface {
	Sent(upstream, what, outcome string, took time.Duration)
}

// Relay passes requests and advices on. Start it before its services are asked, and Close it.
type Relay struct {
	settings  Settings
	intake    *txn.Intake
	upstreams map[string]*upstream
	ending    txn.Flights // requests of which an advice is being decided
	brought   brought
	strays    strays
	logged    sampler
	levels    *levels
	started   time.Time // what is queued since before may have been sent by another process

	life   context.Context // ends when upstreams are given up
	giveUp context.CancelFunc
	beside sync.WaitGroup // what runs beside the messages
	mu     sync.Mutex     // guards stage
	stage  stage
	inHand sync.WaitGroup // messages
}

// stage is where in its life a relay stands.
type stage uint8

const (
	starting stage = iota
	running
	stopping
)

// upstream is one of those that messages are passed on to, with its queue.
type upstream struct {
	Upstream
	queue *queue
}

// New makes a relay. It fails when its settings cannot be.
func New(s Settings) (*Relay, error) {
	s.AdviceWait = cmp.Or(s.AdviceWait, DefaultAdviceWait)
	s.Hold = cmp.Or(s.Hold, txn.DefaultHold)
	if s.NewID == nil {
		s.NewID = secret.NewID
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	r := &Relay{settings: s, intake: txn.NewIntake(s.Keys, s.Hold), upstreams: map[string]*upstream{}, levels: newLevels(s.Reports, s.Now)}
	for _, u := range s.Upstreams {
		if err := r.connect(u); err != nil {
			return nil, err
		}
	}
	r.life, r.giveUp = context.WithCancel(context.Background())
	return r, nil
}

// connect makes an upstream known.
func (r *Relay) connect(u Upstream) error {
	switch {
	case u.Name == "":
		return errors.New("relay: an upstream needs a name")
	case r.upstreams[u.Name] != nil:
		return fmt.Errorf("relay: upstream %q is there twice", u.Name)
	case u.Giftcard == nil && u.Airtime == nil:
		return fmt.Errorf("relay: upstream %q has no service", u.Name)
	}
	if err := u.Pace.Check(); err != nil {
		return fmt.Errorf("relay: upstream %q: %w", u.Name, err)
	}
	u.Profile.Timeout = cmp.Or(u.Profile.Timeout, DefaultTimeout)
	r.upstreams[u.Name] = &upstream{Upstream: u, queue: r.newQueue(u)}
	return nil
}

func (r *Relay) newQueue(u Upstream) *queue {
	s := r.settings
	return newQueue(queueSettings{
		upstream: u.Name, pace: u.Pace, lane: u.Lane, store: s.Store, reports: s.Reports, keys: s.Keys, log: s.Log, now: s.Now,
		paused: s.Paused != nil && s.Paused(u.Name), send: r.sendItem,
		refused: func(i saf.Item, _ *decline.Error) { r.alarm(AdviceRefused, i.Account) }, leases: s.Leases, adviceWait: s.AdviceWait,
	})
}

// begin takes a place among the messages in hand, until end is called.
func (r *Relay) begin() (end func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.stage != running:
		return nil, &decline.NotTaken{Cause: decline.Stopping, Text: "the relay is not running", After: time.Second}
	case r.strays.full():
		return nil, &decline.NotTaken{Cause: decline.StoreDown, Text: "too much could not be written down", After: time.Second}
	}
	r.inHand.Add(1)
	return r.inHand.Done, nil
}

// Close takes nothing new and finishes what is in hand. When ctx ends first the upstreams are given up: what has no
// answer then is unknown, and is undone like anything else that is. What is queued stays queued. It returns when nothing
// runs any more; the store may be closed after it.
func (r *Relay) Close(ctx context.Context) error {
	r.mu.Lock()
	r.stage = stopping
	r.mu.Unlock()
	stop := context.AfterFunc(ctx, r.giveUp)
	r.inHand.Wait()
	for _, u := range r.upstreams {
		u.queue.close(ctx)
	}
	r.giveUp()
	r.beside.Wait()
	if !stop() {
		return ctx.Err()
	}
	return nil
}
