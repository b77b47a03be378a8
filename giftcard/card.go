package giftcard

import (
	"fmt"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
)

// Card is what changes about a card, and what most decisions need. It is kept narrow; the rest is Detail.
type Card struct {
	ID           int64
	World        ident.World
	Status       Status
	Frozen       bool // a flag beside the status: all requests but look-ups are refused
	HasPIN       bool // Detail holds a PIN
	Expiry       Expiry
	ValidThrough Expiry // set by the product at activation; 0 means that only Expiry counts
	Currency     money.Currency
	Product      int32 // number of the product once activated; 0 otherwise
	Balance      ledger.Balance
	LastMessage  int64 // newest message that touched the card; the others follow by the messages' links
	Activation   int64 // request that activated it; kept after a reversal, to name it in refusals
	Void         int64 // request that voided it; 0 when none did
	Successor    int64 // card that replaced it; 0 when none did
	Loads        int32 // loads approved since activation and not reversed
	WrongPINs    int32 // wrong PINs since the last right one
	Import       int32 // import that brought it, unknown to everybody until that is complete; 0 when it came alone
}

// Account gives the card's ledger account.
func (c Card) Account() ledger.Account { return ledger.AccountOf(ledger.Card, c.ID) }

// Detail is what hardly ever changes about a card.
type Detail struct {
	Card      int64
	SealedPAN []byte // encrypted
	Masked    string // first six and last four
	Seeded    PINs   // as imported; comes back when an activation is reversed
	PINs      PINs   // in force
	Holder    HolderDigests
	// SeededHolder is as imported; it comes back when an activation is reversed.
	SeededHolder HolderDigests
}

// PINs is a card's verifiers; a zero digest means that there is no such PIN.
type PINs struct{ Clear, Encrypted secret.Digest }

// IsZero says that the card has no PIN.
func (p PINs) IsZero() bool { return p == PINs{} }

// HolderDigests is what is known of a card's holder, as keyed hashes for look-ups.
type HolderDigests struct{ ProfileID, MSISDN, EmailAddress secret.Digest }

// Status is where a card stands (docs/rules.md 2.1 and 2.5; the picture is docs/states.md).
type Status uint8

// The statuses.
const (
	New                Status = 1
	Activated          Status = 2
	ActivatedConfirmed Status = 3
	Voided             Status = 4
	VoidedConfirmed    Status = 5
	Replaced           Status = 6
	ReplacedConfirmed  Status = 7
)

var statusNames = [...]string{"", "NEW", "ACTIVATED", "ACTIVATED_CONFIRMED", "VOIDED", "VOIDED_CONFIRMED", "REPLACED", "REPLACED_CONFIRMED"}

// String gives the status's name.
func (s Status) String() string { return statusNames[s] }

// Expiry is the month through which a card is valid, as the number YYMM: 4010 is October 2040. The years are
// 2000 to 2099. Zero means none.
type Expiry uint16

// ParseExpiry reads four digits YYMM with a month from 01 to 12.
func ParseExpiry(s string) (Expiry, error) {
	if len(s) != 4 {
		return 0, fmt.Errorf("expiry must be four digits YYMM")
	}
	var e Expiry
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, fmt.Errorf("expiry must be four digits YYMM")
		}
		e = e*10 + Expiry(s[i]-'0')
	}
	if month := e % 100; month < 1 || month > 12 {
		return 0, fmt.Errorf("expiry must end in a month from 01 to 12")
	}
	return e, nil
}

// lastExpiry is the last month that four digits can say.
const lastExpiry Expiry = 9912

// ExpiryIn gives the month that lies so many months after t, or the last there is, December 2099.
func ExpiryIn(t time.Time, months int) Expiry {
	first := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, t.Location()).AddDate(0, months, 0)
	if first.Year() > 2099 {
		return lastExpiry
	}
	return Expiry(first.Year()%100*100 + int(first.Month()))
}

// String gives the four digits.
func (e Expiry) String() string { return fmt.Sprintf("%04d", uint16(e)) }

// Past says whether the month has ended at an instant, in the time's own location: a card is valid through the
// last day of its month.
func (e Expiry) Past(t time.Time) bool {
	if e == 0 {
		return false
	}
	end := time.Date(2000+int(e/100), time.Month(e%100)+1, 1, 0, 0, 0, 0, t.Location())
	return !t.Before(end)
}

// expired says whether a card is past its printed or its product's last month.
func (c Card) expired(t time.Time) bool { return c.Expiry.Past(t) || c.ValidThrough.Past(t) }

// NewCard is a card to be kept for the first time, with the digest by which it is found.
type NewCard struct {
	Card   Card
	Detail Detail
	Number secret.Digest
}
