package airtime

import (
	"context"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
)

// Provider credits subscribers. It is somebody else: it may answer late or never, and may forget. Its methods may be
// called by many goroutines, and return soon after their context has ended.
type Provider interface {
	// Can says what it can do besides topping up.
	Can() Capabilities
	// TopUp credits the recipient, once for each Order.ID, and gives its own reference. A *decline.Error is a definite
	// no, after which nothing has been credited; any other error is an unknown outcome.
	TopUp(ctx context.Context, o Order) (reference string, err error)
	// Status says how an order ended; it changes nothing. Any error means that it cannot say now.
	Status(ctx context.Context, o Order) (Progress, error)
	// Reverse takes a top-up back, once. nil means that nothing is credited any more, or never was, nor will be when
	// the order arrives after its reversal; a *decline.Error that it stays; any other error is an unknown outcome. It is
	// asked again until it has said one of the two.
	Reverse(ctx context.Context, o Order) error
	// Trial gives the *decline.Error that TopUp would give at this instant, or nil.
	Trial(ctx context.Context, o Order) error
	// Subscriber tells what it knows of a number; ok is false when it knows nothing.
	Subscriber(ctx context.Context, w ident.World, m ident.MSISDN) (_ Credit, ok bool)
}

// Confirmer is a provider that also has to hear which top-ups stand for good.
type Confirmer interface {
	// Confirm tells that the purchase of an order has been confirmed, once that is recorded. It comes soon after, beside
	// the messages; it does not come when the process ends before, or when too many are being told. So a provider that has
	// to know goes by the records, and takes this for a reason to look at them.
	Confirm(ctx context.Context, o Order)
}

// Capabilities are what a provider can do. What it cannot is never asked of it.
type Capabilities struct {
	Reverses    bool
	Status      bool
	Trials      bool
	Subscribers bool
}

// Order is one top-up as a provider is told of it. Recipient, Buyer and Amount are of TopUp and Trial only: all other
// calls name an order by its ID, World and Placed.
type Order struct {
	ID        ident.ID // the purchase's own
	World     ident.World
	Placed    time.Time
	Product   *Product
	Recipient ident.MSISDN
	Buyer     ident.MSISDN
	Amount    money.Amount
	Reference string // the provider's own, as far as it is known
}

// Progress is what a provider says of an order.
type Progress struct {
	Stage     Stage
	Reference string         // the provider's own; of Done
	Why       *decline.Error // of Failed
}

// Stage is how far an order has come.
type Stage uint8

// The stages.
const (
	Pending       Stage = iota + 1 // still being worked on, or nobody can say
	Done                           // credited
	Failed                         // refused, or taken back: nothing is credited
	NeverReceived                  // the provider does not know the order
)

// Credit is what a provider tells of a subscriber.
type Credit struct {
	Balance  ledger.Balance
	Currency money.Currency
}
