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
	// TransactionNotSupported. Any other error asks the sender to repeat the advice. The answer is the upstream's, of
	// who passed the advice on; nil when it is to be made from the words.
	Advise(ctx context.Context, a *txn.Advice) (*txn.Answer, error)
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
	Sender     *txn.Sender
	Received   time.Time     // by the server's clock
	Card       Presented     // the card; the old one of a replace, the source of a transfer
	Target     Presented     // the new card of a replace, the target of a transfer
	Product    string        // id of the product, for an activation
	Amount     *money.Amount // the requested amount; nil when none was named
	Holder     Holder        // to look up by when no card is named, or to remember with an activation
	Points     bool          // points were asked for, which this issuer does not keep
	Channel    string        // the way the customer came in (originator.channelId); empty when not told
	Merchant   string        // id of the merchant it comes from, for search only; empty leaves it to Origin
	References []ident.Reference
	Body       []byte // the message as received, without PINs and card numbers, for keeping
	// Wire is the message as it was received, PINs and all, for who passes it on. It is never kept, is sent once, and holds
	// until Request returns. nil has it composed from the words.
	Wire   txn.Wire
	Origin *txn.Origin // who sends it, where it is to be composed
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
	// References are the third-party identifiers of an answer that came from an upstream.
	References []ident.Reference
	Answer     *txn.Answer // as it came from upstream; nil when it is to be made from the words
}

// referenceLetter begins our references of gift card requests, lookUpLetter those of look-ups.
const (
	referenceLetter = 'G'
	lookUpLetter    = 'L'
)

// Reference gives the printable reference of the gift card request with this seq.
func Reference(seq int64) string { return txn.Reference(referenceLetter, seq) }

// ParseReference reads a reference made by Reference.
func ParseReference(s string) (seq int64, ok bool) { return txn.ParseReference(referenceLetter, s) }
