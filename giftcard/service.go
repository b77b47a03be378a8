// Package giftcard holds the rules of gift cards: what a request needs to be approved, what an advice does,
// and what both do to cards and their balances (docs/rules.md section 2).
//
// It promises that every decision is made from values that were loaded together and is saved together, that
// money moves by balanced entries only, and that a refusal is a *decline.Error; any other error is an unknown
// outcome. It knows no wire, no database, no clock and no random source.
package giftcard

import (
	"context"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// Service is the gift card contract in the domain's own words. The issuer implements it, and so does whatever
// stands in front of one.
type Service interface {
	// Request asks for one of the seven families. A *decline.Error is a refusal, with the reasons of
	// docs/rules.md 2.3 and 2.5 in their order of checks; a *decline.NotTaken left nothing behind; any other
	// error is an unknown outcome, and the sender has to reverse.
	Request(ctx context.Context, r *Request) (*Response, error)
	// Advise confirms or reverses an earlier request. nil means that it is final, whether it had an effect or
	// repeated an earlier advice. The refusals are those of docs/rules.md 1.6 and 2.4:
	// UnableToLocateRecord, DuplicateRecord, GeneralError, CardActivated, CardVoided, InvalidAmount,
	// TransactionNotSupported. Any other error asks the sender to repeat the advice.
	Advise(ctx context.Context, a *Advice) error
}

// PIN is a personal number as it was presented: in clear, encrypted in hex, or both. Empty means absent.
// It never prints.
type PIN struct{ Clear, Encrypted string }

// String hides the PIN.
func (PIN) String() string { return "****" }

// GoString hides the PIN.
func (PIN) GoString() string { return "giftcard.PIN(****)" }

// Presented is a card as a message names it.
type Presented struct {
	PAN    ident.PAN
	Expiry string // YYMM as sent; empty when absent
	PIN    PIN
	Hashed bool // a PIN was sent hashed, which no card of ours can be compared with
}

// Holder is what a message tells of a card's holder. Empty means absent (contract: Customer).
type Holder struct{ ProfileID, MSISDN, EmailAddress string }

// IsZero says that nothing is known.
func (h Holder) IsZero() bool { return h == Holder{} }

// String hides the holder.
func (Holder) String() string { return "****" }

// GoString hides the holder.
func (Holder) GoString() string { return "giftcard.Holder(****)" }

// Request is one request of any family. What a family has no use for stays empty.
type Request struct {
	Family     txn.Family
	ID         ident.ID
	Sender     *Sender
	Received   time.Time     // by the server's clock
	Card       Presented     // the card; the old one of a replace, the source of a transfer
	Target     Presented     // the new card of a replace, the target of a transfer
	Product    string        // id of the product, for an activation
	Amount     *money.Amount // the requested amount; nil when none was named
	Holder     Holder        // to look up by when no card is named, or to remember with an activation
	Points     bool          // points were asked for, which this issuer does not keep
	References []ident.Reference
	Body       []byte // the message as received, without PINs and card numbers, for keeping
}

// Response is what an approved request brings.
type Response struct {
	Reference string         // our own reference for the transaction, letters and digits
	Balance   ledger.Balance // after the operation; of a replace the new card's, of a transfer the source's
	Currency  money.Currency
	Requested *money.Minor // nil where the family or the request has no amount
	Approved  *money.Minor
	Product   *Product  // the card's product; nil when it has none
	Card      ident.PAN // of a look-up by holder: the card found
	Expiry    Expiry    // of a look-up by holder: its expiry
	Status    Status
}

// Advice is a confirmation or a reversal of an earlier request.
type Advice struct {
	Family     txn.Family
	Role       txn.Role
	ID         ident.ID
	RequestID  ident.ID
	Sender     *Sender
	Received   time.Time
	Approved   *money.Amount // the final amount; nil means all of it (rule L15)
	References []ident.Reference
	Body       []byte
}

// Reference gives the printable reference of the message with this seq, as it stands in slips and among the
// third-party identifiers: letters and digits, the same for the same seq.
func Reference(seq int64) string { return appendReference(nil, seq) }

// referenceDigits leave out what people confuse: I, L, O and U.
const referenceDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func appendReference(b []byte, seq int64) string {
	b = append(b, 'G')
	for shift := 40; shift >= 0; shift -= 5 {
		b = append(b, referenceDigits[seq>>shift&31])
	}
	return string(b)
}

// ParseReference reads a reference made by Reference.
func ParseReference(s string) (seq int64, ok bool) {
	const length = 10
	if len(s) != length || s[0] != 'G' {
		return 0, false
	}
	for i := 1; i < length; i++ {
		digit := indexOf(s[i])
		if digit < 0 {
			return 0, false
		}
		seq = seq<<5 | int64(digit)
	}
	return seq, true
}

func indexOf(c byte) int {
	for i := range len(referenceDigits) {
		if referenceDigits[i] == c {
			return i
		}
	}
	return -1
}
