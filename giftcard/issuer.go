package giftcard

import (
	"cmp"
	"context"
	"time"

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
	// Hold is how long an advice waits for its request in flight; 0 is txn.DefaultHold.
	Hold time.Duration
	// Compatible refuses the reversal of a load or redemption on a card voided since, and ignores points, as the
	// public test server does (docs/rules.md section 8). Never in production.
	Compatible bool
}

var _ Service = (*Issuer)(nil)

// Issuer decides gift card messages by the rules and the ledger.
type Issuer struct {
	store      Store
	keys       *secret.Keys
	products   Products
	location   *time.Location
	compatible bool
	intake     *txn.Intake
}

// NewIssuer makes an issuer.
func NewIssuer(s Settings) *Issuer {
	i := &Issuer{
		store: s.Store, keys: s.Keys, products: s.Products,
		location: s.Location, compatible: s.Compatible, intake: txn.NewIntake(s.Keys, s.Hold),
	}
	if i.location == nil {
		i.location = time.UTC
	}
	return i
}

// Request implements Service.
func (i *Issuer) Request(ctx context.Context, r *Request) (*Response, error) {
	if r.Family == txn.LookUp {
		return i.lookUp(ctx, r)
	}
	land, err := i.intake.TakeOff(r.Sender.World, r.ID)
	if err != nil {
		return nil, err
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
func (i *Issuer) Advise(ctx context.Context, a *txn.Advice) (*txn.Answer, error) {
	land, err := i.intake.Await(ctx, a)
	if err != nil {
		return nil, err
	}
	defer land()
	effect := &ending{issuer: i}
	e, err := i.intake.Prepare(a, effect)
	if err != nil {
		return nil, err
	}
	err = i.store.Update(context.WithoutCancel(ctx), Keys{World: a.Sender.World, IDs: a.Keys()}, func(tx Tx) error {
		effect.tx = tx
		return e.Run(tx)
	})
	if err == nil && e.Refusal != nil {
		return nil, e.Refusal
	}
	return nil, err
}

// prepare does all that needs no record before the message takes its turn: hashing, sealing.
func (i *Issuer) prepare(r *Request) (*decision, error) {
	body, err := i.intake.Seal(r.Body)
	if err != nil {
		return nil, err
	}
	w := r.Sender.World
	d := &decision{issuer: i, request: r, body: body}
	d.references = i.intake.RequestHashes(w, r.References, cmp.Or(r.Merchant, r.Origin.MerchantID()), r.Received)
	d.number = CardKey(i.keys.PAN(w, r.Card.PAN))
	d.pin = i.presented(w, r.Card)
	if !r.Target.PAN.IsZero() {
		d.targetNumber = CardKey(i.keys.PAN(w, r.Target.PAN))
		d.targetPIN = i.presented(w, r.Target)
	}
	d.holder = i.holderDigests(w, r.Holder)
	return d, nil
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
