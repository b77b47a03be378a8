package giftcard

import (
	"context"
	"errors"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// Settings are what an issuer is made of.
type Settings struct {
	Store    Store
	Keys     *secret.Keys
	Products Products
	// Location is the issuer's time zone, by which cards expire; nil is UTC.
	Location *time.Location
	// Hold is how long an advice waits for its request in flight; 0 is DefaultHold.
	Hold time.Duration
	// Compatible refuses the reversal of a load or redemption on a card voided since, and ignores points, as the
	// public test server does (docs/rules.md section 8). Never in production.
	Compatible bool
}

// DefaultHold is how long an advice waits for its request in flight (rule L12).
const DefaultHold = 5 * time.Second

// MaxReferences bounds how many third-party identifiers of a message are kept for search.
const MaxReferences = 16

var _ Service = (*Issuer)(nil)

// Issuer decides gift card messages by the rules and the ledger.
type Issuer struct {
	store      Store
	keys       *secret.Keys
	products   Products
	location   *time.Location
	hold       time.Duration
	compatible bool
	flights    txn.Flights // what is being decided, and look-ups until their ids are saved
}

// NewIssuer makes an issuer.
func NewIssuer(s Settings) *Issuer {
	i := &Issuer{
		store: s.Store, keys: s.Keys, products: s.Products,
		location: s.Location, hold: s.Hold, compatible: s.Compatible,
	}
	if i.location == nil {
		i.location = time.UTC
	}
	if i.hold == 0 {
		i.hold = DefaultHold
	}
	return i
}

// Request implements Service.
func (i *Issuer) Request(ctx context.Context, r *Request) (*Response, error) {
	if r.Family == txn.LookUp {
		return i.lookUp(ctx, r)
	}
	land, ok := i.flights.TakeOff(r.Sender.World, r.ID)
	if !ok {
		return nil, duplicate(r.ID, nil) // of a look-up that is not saved yet
	}
	defer land()
	d, err := i.prepare(r)
	if err != nil {
		return nil, err
	}
	if err := i.store.Update(ctx, d.keys(), d.run); err != nil {
		return nil, err
	}
	if d.refusal != nil {
		return nil, d.refusal
	}
	return d.response, nil
}

// Advise implements Service.
func (i *Issuer) Advise(ctx context.Context, a *Advice) error {
	land, err := i.await(ctx, a)
	if err != nil {
		return err
	}
	defer land()
	body, err := i.seal(a.Body)
	if err != nil {
		return err
	}
	e := &ending{issuer: i, advice: a, body: body, references: i.references(a.Sender.World, a.References)}
	keys := Keys{World: a.Sender.World, IDs: []ident.ID{a.ID, a.RequestID}}
	if err := i.store.Update(context.WithoutCancel(ctx), keys, e.run); err != nil {
		return err
	}
	if e.refusal != nil {
		return e.refusal
	}
	return nil
}

// errInFlight asks the sender to repeat the advice: its request is still being worked on (rule L12).
var errInFlight = errors.New("the request is still being processed")

// await waits for the advice's request in flight, and for a look-up that has taken the advice's own id but is not
// saved yet, so that the store will know of both. Then the advice is in flight itself.
func (i *Issuer) await(ctx context.Context, a *Advice) (land func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, i.hold)
	defer cancel()
	w := a.Sender.World
	if i.flights.Wait(ctx, w, a.RequestID) != nil {
		return nil, errInFlight
	}
	for {
		if land, ok := i.flights.TakeOff(w, a.ID); ok {
			return land, nil
		}
		if i.flights.Wait(ctx, w, a.ID) != nil {
			return nil, errInFlight
		}
	}
}

// prepare does all that needs no record before the message takes its turn: hashing, sealing.
func (i *Issuer) prepare(r *Request) (*decision, error) {
	body, err := i.seal(r.Body)
	if err != nil {
		return nil, err
	}
	w := r.Sender.World
	d := &decision{issuer: i, request: r, body: body, references: i.references(w, r.References)}
	d.number = CardKey(i.keys.PAN(w, r.Card.PAN))
	d.pin = i.presented(w, r.Card)
	if !r.Target.PAN.IsZero() {
		d.targetNumber = CardKey(i.keys.PAN(w, r.Target.PAN))
		d.targetPIN = i.presented(w, r.Target)
	}
	d.holder = i.holderDigests(w, r.Holder)
	return d, nil
}

func (i *Issuer) seal(body []byte) ([]byte, error) {
	if len(body) == 0 {
		return nil, nil
	}
	return i.keys.SealBody(body)
}

func (i *Issuer) references(w ident.World, references []ident.Reference) []int64 {
	if len(references) == 0 {
		return nil
	}
	hashes := make([]int64, 0, len(references))
	for _, r := range references[:min(len(references), MaxReferences)] {
		hashes = append(hashes, i.keys.Reference(w, r))
	}
	return hashes
}

func (i *Issuer) holderDigests(w ident.World, h Holder) HolderDigests {
	return HolderDigests{
		ProfileID:    i.holderDigest(w, "profileId", h.ProfileID),
		MSISDN:       i.holderDigest(w, "msisdn", h.MSISDN),
		EmailAddress: i.holderDigest(w, "emailAddress", h.EmailAddress),
	}
}

func (i *Issuer) holderDigest(w ident.World, kind, value string) secret.Digest {
	if value == "" {
		return secret.Digest{}
	}
	return i.keys.Holder(w, kind, value)[0]
}

// holderKeys gives the digests, under every key, by which a look-up finds a holder's cards: of the profile's id, else
// of the phone number, else of the email address (docs/rules.md section 6).
func (i *Issuer) holderKeys(w ident.World, h Holder) []secret.Digest {
	for _, by := range []struct{ kind, value string }{
		{"profileId", h.ProfileID}, {"msisdn", h.MSISDN}, {"emailAddress", h.EmailAddress},
	} {
		if by.value != "" {
			return i.keys.Holder(w, by.kind, by.value)
		}
	}
	return nil
}

// duplicate refuses an id that is in use. Details of the earlier message go only to the account that sent it.
func duplicate(id ident.ID, own *txn.Message) *decline.Error {
	refusal := decline.New(decline.DuplicateRecord, "a message with this id exists already")
	if own == nil {
		return refusal
	}
	switch own.Role {
	case txn.Confirmation:
		return refusal.With(decline.Detail{ConfirmationID: id, ConfirmTime: own.At})
	case txn.Reversal:
		return refusal.With(decline.Detail{ReversalID: id, ReversalTime: own.At})
	}
	return refusal.With(decline.Detail{RequestID: id, RequestTime: own.At})
}
