package admin

import (
	"context"
	"fmt"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
)

// Seed is a card as it comes to the issuer, before any message.
type Seed struct {
	PAN      ident.PAN
	Expiry   giftcard.Expiry
	PIN      giftcard.PIN // clear or encrypted, not both
	Currency money.Currency
	Holder   giftcard.Holder
}

// Bounds of a seed's texts, in bytes.
const (
	maxClearPIN     = 12
	maxEncryptedPIN = 64
	maxProfileID    = 100
	maxMSISDN       = 20
	maxEmailAddress = 200
)

// check names the first value of a seed that cannot be.
func (s Seed) check() *Refusal {
	switch {
	case s.PAN.IsZero():
		return invalid("pan", "must be given")
	case s.Expiry == 0:
		return invalid("expiry", "must be given")
	case s.Currency == 0:
		return invalid("currency", "must be given, since the server has none of its own")
	case s.PIN.Clear != "" && s.PIN.Encrypted != "":
		return invalid("clearPin", "must not be given together with encryptedPin")
	case !digits(s.PIN.Clear, maxClearPIN):
		return invalid("clearPin", "must be at most %d digits", maxClearPIN)
	case !hexDigits(s.PIN.Encrypted, maxEncryptedPIN):
		return invalid("encryptedPin", "must be at most %d hex digits", maxEncryptedPIN)
	case len(s.Holder.ProfileID) > maxProfileID:
		return invalid("holder.profileId", "must have at most %d characters", maxProfileID)
	case len(s.Holder.MSISDN) > maxMSISDN:
		return invalid("holder.msisdn", "must have at most %d characters", maxMSISDN)
	case len(s.Holder.EmailAddress) > maxEmailAddress:
		return invalid("holder.emailAddress", "must have at most %d characters", maxEmailAddress)
	}
	return nil
}

func digits(s string, most int) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) <= most
}

func hexDigits(s string, most int) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (s[i] < '0' || s[i] > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) <= most
}

// seeded is a seed made ready to be kept: all that needs no record.
type seeded struct {
	Seed
	key    giftcard.CardKey
	pins   seededPINs
	holder seededHolder
	sealed []byte
}

// seededPINs are verifiers under every key, the primary key's first.
type seededPINs struct{ clear, encrypted []secret.Digest }

type seededHolder struct{ profileID, msisdn, emailAddress []secret.Digest }

// seed computes the digests of a seed and seals its number.
func (o *Office) seed(w ident.World, s Seed) (seeded, error) {
	sealed, err := giftcard.SealPAN(o.keys, s.PAN)
	if err != nil {
		return seeded{}, err
	}
	holder := func(kind, value string) []secret.Digest {
		if value == "" {
			return nil
		}
		return o.keys.Holder(w, kind, value)
	}
	return seeded{
		Seed: s, key: o.keys.PAN(w, s.PAN), sealed: sealed,
		pins: seededPINs{o.keys.PIN(w, s.PAN, secret.ClearPIN, s.PIN.Clear), o.keys.PIN(w, s.PAN, secret.EncryptedPIN, s.PIN.Encrypted)},
		holder: seededHolder{
			holder("profileId", s.Holder.ProfileID), holder("msisdn", s.Holder.MSISDN), holder("emailAddress", s.Holder.EmailAddress),
		},
	}, nil
}

func first(digests []secret.Digest) secret.Digest {
	if len(digests) == 0 {
		return secret.Digest{}
	}
	return digests[0]
}

// card gives the records of a new card.
func (s seeded) card(w ident.World, id int64, imported int32) (giftcard.Card, giftcard.Detail) {
	pins := giftcard.PINs{Clear: first(s.pins.clear), Encrypted: first(s.pins.encrypted)}
	holder := giftcard.HolderDigests{
		ProfileID: first(s.holder.profileID), MSISDN: first(s.holder.msisdn), EmailAddress: first(s.holder.emailAddress),
	}
	return giftcard.Card{
			ID: id, World: w, Status: giftcard.New, HasPIN: !pins.IsZero(), Expiry: s.Expiry, Currency: s.Currency, Import: imported,
		}, giftcard.Detail{
			Card: id, SealedPAN: s.sealed, Masked: s.PAN.String(), Seeded: pins, PINs: pins, Holder: holder, SeededHolder: holder,
		}
}

// What keeping a seed came to.
type kept uint8

const (
	added   kept = iota + 1
	present      // a card was there already, with the same data
	differs      // a card was there already, with other data
)

// keep adds the card of a seed, or takes over one that an import left behind unknown to everybody, unless a message
// has touched that all the same. Of a card that is there already it says whether it is the same, and if not in which
// field.
func (o *Office) keep(tx Tx, w ident.World, s seeded, imported int32) (what kept, id int64, field string) {
	there, found := tx.AnyCardByNumber(s.key)
	switch {
	case !found:
		c, d := s.card(w, tx.NextSeq(), imported)
		tx.AddCard(giftcard.NewCard{Card: c, Detail: d, Number: s.key[0]})
		return added, c.ID, ""
	case o.hidden(there) && there.LastMessage != 0:
		return differs, there.ID, "pan" // whoever sent the message has it, and there may be money on it
	case o.leftBehind(there, imported):
		tx.Detail(there.ID) // what is put must have been loaded
		c, d := s.card(w, there.ID, imported)
		tx.PutCard(c)
		tx.PutDetail(d)
		return added, c.ID, ""
	}
	if field := s.differs(there, tx.Detail(there.ID)); field != "" {
		return differs, there.ID, field
	}
	return present, there.ID, ""
}

// hidden says whether a card is unknown to everybody because the import that brought it is not complete.
func (o *Office) hidden(c giftcard.Card) bool {
	return c.Import != 0 && o.register.Unfinished(c.Import)
}

// leftBehind says whether a card is hidden for good, because its import was abandoned. Cards of an import that is
// under way are not: they may be named twice in its file, or another process brings them.
func (o *Office) leftBehind(c giftcard.Card, imported int32) bool {
	return o.hidden(c) && c.Import != imported && o.register.abandoned(c.Import)
}

// differs names the first field in which a card that is there did not come as the seed says. What messages have
// changed since, such as the PIN in force and the holder, is not the seed's matter.
func (s seeded) differs(c giftcard.Card, d giftcard.Detail) string {
	switch {
	case c.Expiry != s.Expiry:
		return "expiry"
	case c.Currency != s.Currency:
		return "currency"
	case !among(d.Seeded.Clear, s.pins.clear):
		return "clearPin"
	case !among(d.Seeded.Encrypted, s.pins.encrypted):
		return "encryptedPin"
	case !among(d.SeededHolder.ProfileID, s.holder.profileID), !among(d.SeededHolder.MSISDN, s.holder.msisdn),
		!among(d.SeededHolder.EmailAddress, s.holder.emailAddress):
		return "holder"
	}
	return ""
}

// among says whether a kept digest is one of those given; no digest is the same as none given.
func among(there secret.Digest, given []secret.Digest) bool {
	if there.IsZero() {
		return len(given) == 0
	}
	for _, d := range given {
		if d == there {
			return true
		}
	}
	return false
}

// AddCard adds one card. A card number that is there already is refused, whatever else it has.
func (o *Office) AddCard(ctx context.Context, by By, s Seed) (CardView, error) {
	if err := by.may(AddCard); err != nil {
		return CardView{}, err
	}
	if s.Currency == 0 {
		s.Currency = o.currency
	}
	if refusal := s.check(); refusal != nil {
		return CardView{}, refusal
	}
	ready, err := o.seed(by.World, s)
	if err != nil {
		return CardView{}, err
	}
	var id int64
	err = o.store.Update(ctx, giftcard.Keys{World: by.World, Cards: []giftcard.CardKey{ready.key}}, func(tx Tx) error {
		var what kept
		if what, id, _ = o.keep(tx, by.World, ready, 0); what != added {
			return &Refusal{Code: Exists, Field: "pan", Text: "a card with this number exists"}
		}
		audit := by.entry(AddCard, cardSubject(id)).from(nil, Facts{"pan": s.PAN.String(), "expiry": s.Expiry.String()})
		return o.record(tx, by.World, tx.NextSeq(), audit)
	})
	if err != nil {
		return CardView{}, err
	}
	return o.cardView(ctx, by.World, id)
}

func cardSubject(id int64) string { return fmt.Sprintf("card/%d", id) }

// FreezeCard has all requests upon a card refused, look-ups excepted.
func (o *Office) FreezeCard(ctx context.Context, by By, id int64) (CardView, error) {
	return o.flag(ctx, by, FreezeCard, id, true)
}

// UnfreezeCard has requests upon a frozen card decided again.
func (o *Office) UnfreezeCard(ctx context.Context, by By, id int64) (CardView, error) {
	return o.flag(ctx, by, UnfreezeCard, id, false)
}

func (o *Office) flag(ctx context.Context, by By, act Act, id int64, frozen bool) (CardView, error) {
	return o.editCard(ctx, by, act, id, func(c *giftcard.Card) error {
		if c.Frozen == frozen {
			return refuse(Conflict, "the card is in that state already")
		}
		c.Frozen = frozen
		return nil
	})
}

// UnlockPIN forgets a card's wrong PINs, so that a locked PIN may be tried again.
func (o *Office) UnlockPIN(ctx context.Context, by By, id int64) (CardView, error) {
	return o.editCard(ctx, by, UnlockPIN, id, func(c *giftcard.Card) error {
		c.WrongPINs = 0
		return nil
	})
}

// editCard changes a card and records it.
func (o *Office) editCard(ctx context.Context, by By, act Act, id int64, edit func(*giftcard.Card) error) (CardView, error) {
	if err := by.mayWithReason(act); err != nil {
		return CardView{}, err
	}
	if _, err := o.findCard(ctx, by.World, id); err != nil {
		return CardView{}, err
	}
	err := o.store.Update(ctx, giftcard.Keys{World: by.World}, func(tx Tx) error {
		before := tx.Card(id)
		after := before
		if err := edit(&after); err != nil {
			return err
		}
		tx.PutCard(after)
		return o.record(tx, by.World, tx.NextSeq(), by.entry(act, cardSubject(id)).from(cardFacts(before), cardFacts(after)))
	})
	if err != nil {
		return CardView{}, err
	}
	return o.cardView(ctx, by.World, id)
}

func cardFacts(c giftcard.Card) Facts {
	return Facts{
		"status": c.Status.String(), "frozen": fmt.Sprint(c.Frozen), "wrongPins": fmt.Sprint(c.WrongPINs),
		"book": fmt.Sprint(int64(c.Balance.Book)), "available": fmt.Sprint(int64(c.Balance.Available)),
	}
}
