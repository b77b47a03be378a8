package conform

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Target is the server, or the service in process, that is being judged. Do sends one message and waits
// for its answer; an error means that no answer came. Do is called from several goroutines at once.
type Target interface {
	Do(ctx context.Context, m Message) (Answer, error)
}

// Setup is what a target offers beside messages: the issuer's own acts, which the contract does not have.
// A target that cannot do one returns an error made by Lacks, and the case that needs it is reported as
// skipped. Embed NoSetup to offer only some.
type Setup interface {
	// Product adds a product and returns its id, which may be other than p.ID when the target has a
	// fitting one already.
	Product(ctx context.Context, p Product) (id string, err error)
	// Card adds a card in status NEW, or finds one, and returns what messages say about it: its PAN, its
	// expiry and the PIN it has.
	Card(ctx context.Context, s CardSpec) (Card, error)
	// Account adds an account to send messages from, known to Do by its name.
	Account(ctx context.Context, a Account) error
	// Freeze blocks a card, and Unfreeze lets it go.
	Freeze(ctx context.Context, pan string) error
	Unfreeze(ctx context.Context, pan string) error
	// Unlock ends the lock that too many wrong PINs put on a card.
	Unlock(ctx context.Context, pan string) error
	// Expire gives a card an expiry in the past and returns it.
	Expire(ctx context.Context, pan string) (expiry string, err error)
	// Settle ends an open request of an account as an operator does: confirmed, or reversed.
	Settle(ctx context.Context, account, requestID string, confirm bool) error
	// Advance moves the clock of the issuer forward.
	Advance(ctx context.Context, d time.Duration) error
	// Restart stops the server and starts it again on what it has stored.
	Restart(ctx context.Context) error
	// Begin is called before every case. A target that shares one set of cards among cases puts them back.
	Begin(ctx context.Context) error
}

// Product is a product to be set up. Zero and empty mean that the rule is not configured.
type Product struct {
	// ID is a fresh id of letters and digits that the target may use.
	ID string
	// Currency is the ISO 4217 number.
	Currency string
	// Opening is sum, fixed or requested, and Start the start balance in minor units (section 2.2).
	// An empty Opening leaves the choice to the issuer's rule for new products.
	Opening string
	Start   int64
	// MinLoad, MaxLoad and MaxBalance are in minor units.
	MinLoad, MaxLoad, MaxBalance int64
	// SingleLoad allows one load, SingleUse one redemption of all that is available.
	SingleLoad, SingleUse bool
	// PINRequired asks for a PIN on every redemption; PINTries wrong ones in a row lock the card.
	PINRequired bool
	PINTries    int64
	// ReplaceFrozen lets a frozen card be the old one of a replacement.
	ReplaceFrozen bool
	// Velocity bounds what is approved for each card of the product.
	Velocity []Velocity
}

// Velocity bounds the approved requests of one kind within a time: their number, or their sum in minor
// units; zero is no bound.
type Velocity struct {
	Kind          Kind
	Count, Amount int64
	In            time.Duration
}

// CardSpec is a card to be set up.
type CardSpec struct {
	// Product is the id of the product that the card is meant for; a card may be activated for another.
	Product string
	// Currency is the ISO 4217 number.
	Currency string
	// Expiry is YYMM. A target with cards of its own chooses one that is as much past or future.
	Expiry string
	// Past says that Expiry lies behind the present month.
	Past bool
	// ClearPIN and EncryptedPIN are the seeded PIN. A target with cards of its own chooses one of that sort.
	ClearPIN, EncryptedPIN string
	// Holder is the person the card belongs to, when known.
	Holder *Holder
}

// Account is an account to be set up. Empty lists permit everything.
type Account struct {
	Name string
	// Operations, Products and CardPrefixes are what it may ask for.
	Operations []Kind
	Products   []string
	PANs       []string
	// WrongPerMinute bounds the answers that tell of a wrong card or PIN; 0 sets no bound.
	WrongPerMinute int
	// HolderLookup permits a look-up by card holder.
	HolderLookup bool
	// Velocity bounds what is approved for the account.
	Velocity []Velocity
}

// errLacking marks what a target cannot do.
var errLacking = errors.New("the target lacks what this case needs")

// Lacks returns an error that says what the target cannot do, so that the case is skipped with that reason.
func Lacks(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errLacking, fmt.Sprintf(format, args...))
}

// NoSetup lacks everything, for a target to embed that offers some of Setup or none of it.
type NoSetup struct{}

var _ Setup = NoSetup{}

// Product lacks.
func (NoSetup) Product(context.Context, Product) (string, error) {
	return "", Lacks("no products can be set up")
}

// Card lacks.
func (NoSetup) Card(context.Context, CardSpec) (Card, error) {
	return Card{}, Lacks("no cards can be set up")
}

// Account lacks.
func (NoSetup) Account(context.Context, Account) error { return Lacks("no accounts can be set up") }

// Freeze lacks.
func (NoSetup) Freeze(context.Context, string) error { return Lacks("no card can be frozen") }

// Unfreeze lacks.
func (NoSetup) Unfreeze(context.Context, string) error { return Lacks("no card can be unfrozen") }

// Unlock lacks.
func (NoSetup) Unlock(context.Context, string) error { return Lacks("no PIN can be unlocked") }

// Expire lacks.
func (NoSetup) Expire(context.Context, string) (string, error) {
	return "", Lacks("no active card can be made to expire")
}

// Settle lacks.
func (NoSetup) Settle(context.Context, string, string, bool) error {
	return Lacks("no request can be settled")
}

// Advance lacks.
func (NoSetup) Advance(context.Context, time.Duration) error {
	return Lacks("the issuer's clock cannot be moved")
}

// Restart lacks.
func (NoSetup) Restart(context.Context) error { return Lacks("the server cannot be restarted") }

// Begin does nothing.
func (NoSetup) Begin(context.Context) error { return nil }
