// Package txn holds the life of a financial transaction, which gift cards and airtime share: what kinds of messages
// there are, the states of a request, the one table that says what a confirmation or a reversal does in each state,
// and the course of an advice from its arrival to its record. What ending a request does to a card, a voucher or a
// top-up is its room's business, and enters as an Effect.
//
// It promises that no request is both confirmed and reversed, and that a repeated advice changes nothing
// (docs/rules.md 1.6). The picture is docs/states.md.
package txn

import (
	"strings"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
)

// Family is the kind of business a message is about.
type Family uint8

// The families of gift cards and of airtime, and the acts of operators, which share the order of all messages.
const (
	Activation Family = 1
	Load       Family = 2
	Redemption Family = 3
	Void       Family = 4
	Replace    Family = 5
	Transfer   Family = 6
	LookUp     Family = 7
	Purchase   Family = 8  // of airtime: a voucher or a top-up
	Voucher    Family = 9  // the older way to ask for a voucher
	Adjustment Family = 15 // an operator's credit, debit or write-off
)

var familyNames = map[Family]string{
	Activation: "activation", Load: "load", Redemption: "redemption", Void: "void", Replace: "replace",
	Transfer: "transfer", LookUp: "lookup", Purchase: "purchase", Voucher: "voucher", Adjustment: "adjustment",
}

// String gives the family's name.
func (f Family) String() string { return familyNames[f] }

// IsAirtime says whether the family is of airtime.
func (f Family) IsAirtime() bool { return f == Purchase || f == Voucher }

// movesValue says whether its requests are approved for an amount or a thing of value, unlike a look-up's.
func (f Family) movesValue() bool { return f >= Activation && f <= Transfer || f.IsAirtime() }

// ParseFamily reads a family's name.
func ParseFamily(s string) (Family, bool) {
	for f, name := range familyNames {
		if name == s {
			return f, true
		}
	}
	return 0, false
}

// Role is what a message does in its family.
type Role uint8

// The roles.
const (
	Request      Role = 1
	Confirmation Role = 2
	Reversal     Role = 3
)

// String gives the role's name.
func (r Role) String() string {
	return [...]string{"", "request", "confirmation", "reversal"}[r]
}

// State is where a message stands.
type State uint8

// The states. Unknown to us is the absence of a record, Absent. A request is Open, Confirmed, Reversed or
// Declined; an advice is Accepted or Declined; a look-up is Answered. While a provider is at work, the request of a
// top-up is Working, or Reversing once its reversal has been taken, and that reversal is Working.
const (
	Absent    State = 0
	Open      State = 1 // approved, and neither confirmed nor reversed
	Confirmed State = 2
	Reversed  State = 3
	Declined  State = 4
	Accepted  State = 5
	Answered  State = 6
	Working   State = 7 // a provider or an upstream has been asked, and has not said how it ended
	Reversing State = 8 // a provider has been asked to take it back, and has not said whether it has
	Withdrawn State = 9 // it was surely not taken by its upstream: its id is free again, as if it had never come (rule C13)
)

var stateNames = [...]string{
	"absent", "open", "confirmed", "reversed", "declined", "accepted", "answered", "working", "reversing", "withdrawn",
}

// String gives the state's name.
func (s State) String() string { return stateNames[s] }

// ParseState reads a state's name.
func ParseState(s string) (State, bool) {
	for i, name := range stateNames {
		if name == s {
			return State(i), true
		}
	}
	return 0, false
}

// Verdict is what an advice does to a request.
type Verdict uint8

// The verdicts.
const (
	Apply       Verdict = iota + 1 // end the request this way, once (L1, L2)
	Acknowledge                    // it has ended this way already, or never took effect: no effect (L3, L4, L11)
	OtherEnding                    // it has ended the other way: refused (L5, L6)
	NotApproved                    // a confirmation of a declined request: refused (L11)
	Locate                         // no such request: 404 (L7, L9)
	Remember                       // no such request: 404, and the reversal is remembered (L7)
	Wait                           // a provider is at work on it: the sender has to repeat the advice (L12)
)

// Judge gives the verdict on an advice for a request in a state. It is the whole table of docs/rules.md 1.6.
func Judge(state State, advice Role) Verdict {
	confirm := advice == Confirmation
	switch {
	case state == Absent && confirm:
		return Locate
	case state == Absent:
		return Remember
	case state == Declined && confirm:
		return NotApproved
	case state == Declined:
		return Acknowledge
	case state == Open:
		return Apply
	case state == Working || state == Reversing:
		return Wait
	case (state == Confirmed) == confirm:
		return Acknowledge
	}
	return OtherEnding
}

// Ending gives the state that an applied advice of this role puts its request in.
func (r Role) Ending() State {
	if r == Confirmation {
		return Confirmed
	}
	return Reversed
}

// Message is the record of one message: a request and what became of it, an advice, or an operator's act.
// A financial transaction is its request's record; advices point to it.
type Message struct {
	Seq     int64 // place in the order of all messages
	World   ident.World
	ID      ident.ID
	Account ident.Account // who sent it; 0 for an operator's act
	Family  Family
	Role    Role
	State   State
	Reason  decline.Reason // why it was declined; empty otherwise
	At      time.Time      // when it was received, by the server's clock, in milliseconds
	Request int64          // of an advice: the request's seq; 0 when none was found
	Ended   int64          // of a request: the seq of the advice or act that ended it; 0 while open
	Card    int64          // the card, the old card of a replace, or the source of a transfer; 0 when unknown
	Target  int64          // the new card of a replace, or the target of a transfer
	Voucher int64          // the voucher that was sold; 0 for a top-up and for gift cards
	Product int32          // an activation's product, or the edition of the product of a purchase; 0 otherwise
	// Names is, of an advice whose request was not found, the hash of the request's id; 0 otherwise.
	Names int64
	// Amount is what was approved in all, Requested the part of it that the request named, Final what was
	// confirmed of Amount; in minor units of Currency.
	Amount, Requested, Final money.Minor
	Currency                 money.Currency
	Prepaid                  bool    // of a purchase: it was charged to the account's float
	ProviderRef              string  // what the provider of a top-up, or the upstream, calls it; empty until it has told
	Upstream                 string  // of a request that was passed on, and of its advices: to whom; empty for our own
	Links                    []Link  // the cards and vouchers it touched, each with the message that touched it before
	References               []int64 // hashes of what it is found by: third-party identifiers, a merchant and hour, a subscriber's number
	Body                     []byte  // the message as received, without PINs and card numbers, sealed; may be empty
	Pruned                   bool    // it was older than is kept, and this is what was left of it: see Husk
}

// Amend takes over from another what may change about a message: State, Reason, Ended, Final and ProviderRef; and, of one
// that was passed on when it was inserted, also to whom, which stays somebody, and what was approved: Upstream, Amount,
// Requested and Currency. What was approved of our own messages never changes.
func (m *Message) Amend(from Message) {
	m.State, m.Reason, m.Ended, m.Final, m.ProviderRef = from.State, from.Reason, from.Ended, from.Final, from.ProviderRef
	if m.Upstream != "" && from.Upstream != "" {
		m.Upstream, m.Amount, m.Requested, m.Currency = from.Upstream, from.Amount, from.Requested, from.Currency
	}
}

// Link is one step in the chain of the messages of a card or a voucher: from the newest through every earlier one.
type Link struct {
	Card     int64 // the card or the voucher
	Previous int64 // seq of its message before this one; 0 at the chain's end
}

// A space is where an id is used once (rule V7): all messages of gift cards share one, purchases have one, voucher
// requests have one, and so have the advices of airtime.
func space(f Family, r Role) int {
	switch {
	case !f.IsAirtime():
		return 0
	case r == Request:
		return int(f)
	}
	return -1
}

// namable gives those of the messages with one id that an advice of a family may be meant for, rightly or by mistake
// (rule L13): of gift cards all, of airtime the requests, purchases and vouchers alike. An advice of airtime may have the
// id of a request (rule V7), and then is not what another one names.
func namable(messages []Message, f Family) []Message {
	found := messages[:0:0]
	for _, m := range messages {
		if m.Family.IsAirtime() == f.IsAirtime() && (m.Role == Request || !f.IsAirtime()) {
			found = append(found, m)
		}
	}
	return found
}

// Used gives those of the messages with one id that use it up for a message of a family and role (rules V6, V7).
func Used(messages []Message, f Family, r Role) []Message {
	used := messages[:0:0]
	for _, m := range messages {
		if space(m.Family, m.Role) == space(f, r) {
			used = append(used, m)
		}
	}
	return used
}

// Reference gives the printable reference of the message with this seq, as it stands in slips and among the
// third-party identifiers: a letter that says whose it is, then digits and letters, the same for the same seq.
func Reference(letter byte, seq int64) string {
	b := make([]byte, 0, referenceLength)
	b = append(b, letter)
	for shift := 5 * (referenceLength - 2); shift >= 0; shift -= 5 {
		b = append(b, referenceDigits[seq>>shift&31])
	}
	return string(b)
}

// HashReference gives such a reference for a message whose place is not known yet, from the hash of its id.
func HashReference(letter byte, hash int64) string {
	const digits = 13
	b := [1 + digits]byte{letter}
	for i := range digits {
		b[1+i] = referenceDigits[uint64(hash)>>(5*i)&31]
	}
	return string(b[:])
}

const (
	// referenceDigits leave out what people confuse: I, L, O and U.
	referenceDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	referenceLength = 10
)

// ParseReference reads a reference made by Reference with this letter.
func ParseReference(letter byte, s string) (seq int64, ok bool) {
	if len(s) != referenceLength || s[0] != letter {
		return 0, false
	}
	for i := 1; i < referenceLength; i++ {
		digit := strings.IndexByte(referenceDigits, s[i])
		if digit < 0 {
			return 0, false
		}
		seq = seq<<5 | int64(digit)
	}
	return seq, true
}
