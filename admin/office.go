package admin

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
)

// Settings are what an office is made of. All but Leases, Queues, Own, Currency and Location must be set.
type Settings struct {
	Store    Store
	Reports  Reports
	Register *Register
	Keys     *secret.Keys
	Codec    Codec
	Issuer   Issuer
	// Airtime is the store in the words of airtime: the same one as Store.
	Airtime airtime.Store
	Vendor  Vendor
	// Leases are the store's; nil when no other process can have the store.
	Leases Leases
	// Providers names those that are connected: no other can be set as the provider of a top-up.
	Providers []string
	// Queues runs the queue of what is passed on; nil when this process passes nothing on.
	Queues Queues
	// Copier copies the store; nil when that is not ours to do.
	Copier Copier
	// Own names accounts of the program itself, such as VendorAccount. Nobody comes in under them.
	Own []string
	// Carries says whether a message body carries a third-party identifier.
	Carries func(body []byte, r ident.Reference) bool
	// Tells says whether the body of a purchase names a value of a kind by which package secret has it found: the
	// number of the subscriber to be topped up, or a label.
	Tells func(body []byte, kind, value string) bool
	// NewID gives a fresh id for an act that makes a message.
	NewID func() ident.ID
	// NewToken and NewPassword give fresh secrets.
	NewToken, NewPassword func() (string, error)
	// Currency is that of cards that name none; 0 is none, and then each has to name its own.
	Currency money.Currency
	// Location is the issuer's time zone; nil is UTC.
	Location *time.Location
}

// Issuer does what an operator's act does to money. *giftcard.Issuer implements it.
type Issuer interface {
	Settle(ctx context.Context, s giftcard.Settlement) error
	Correct(ctx context.Context, c giftcard.Correction) error
}

// Vendor does what an operator's act does to vouchers, floats and purchases. *airtime.Vendor implements it.
type Vendor interface {
	Settle(ctx context.Context, s airtime.Settlement) error
	Pay(ctx context.Context, p airtime.Payment) error
	Place(ctx context.Context, p airtime.Placement) error
}

var (
	_ Issuer = (*giftcard.Issuer)(nil)
	_ Vendor = (*airtime.Vendor)(nil)
)

// Office is where operators act. Its methods return a *Refusal or a *decline.Error for what was surely not done,
// a *decline.NotTaken for what was surely not done and may be tried again, and any other error when it is
// unknown whether it was done.
type Office struct {
	store       Store
	reports     Reports
	register    *Register
	keys        *secret.Keys
	codec       Codec
	issuer      Issuer
	airtime     airtime.Store
	vendor      Vendor
	providers   []string
	queues      Queues
	copier      Copier
	own         []string
	carries     func([]byte, ident.Reference) bool
	tells       func(body []byte, kind, value string) bool
	newID       func() ident.ID
	newToken    func() (string, error)
	newPassword func() (string, error)
	currency    money.Currency
	location    *time.Location
	leases      Leases
	importing   importing
	obeyed      atomic.Pointer[snapshot] // whose pauses the queues follow
}

// NewOffice makes an office.
func NewOffice(s Settings) *Office {
	o := &Office{
		store: s.Store, reports: s.Reports, register: s.Register, keys: s.Keys, codec: s.Codec, issuer: s.Issuer, airtime: s.Airtime, vendor: s.Vendor, providers: s.Providers,
		queues: s.Queues, copier: s.Copier, own: s.Own, leases: s.Leases,
		carries: s.Carries, tells: s.Tells, newID: s.NewID, newToken: s.NewToken, newPassword: s.NewPassword,
		currency: s.Currency, location: s.Location,
	}
	if o.location == nil {
		o.location = time.UTC
	}
	if o.leases == nil {
		o.leases = alone{}
	}
	if o.register != nil {
		o.obeyed.Store(o.register.now.Load())
	}
	return o
}

// Register gives what has been set, as it stands.
func (o *Office) Register() *Register { return o.register }
