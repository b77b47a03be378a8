// Package decline holds refusals: definite answers of no, and requests that were not taken at all.
//
// Two kinds of error become failed answers on the wire: *Error, a refusal that was decided, and *NotTaken, a
// message turned away before anything was recorded (rule C13). Any other error is an unknown outcome, and
// somebody will reverse; *Unknown is one that is no fault, because somebody is still at work on the request.
package decline

import (
	"fmt"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
)

// Reason is why a message was refused. The text is the contract's error type.
type Reason string

// The reasons of both contracts (docs/rules.md section 4). Their order of checks is section 2.3's.
const (
	DuplicateRecord         Reason = "DUPLICATE_RECORD"
	FormatError             Reason = "FORMAT_ERROR"
	FunctionNotSupported    Reason = "FUNCTION_NOT_SUPPORTED"
	GeneralError            Reason = "GENERAL_ERROR"
	InvalidAmount           Reason = "INVALID_AMOUNT"
	RoutingError            Reason = "ROUTING_ERROR"
	TransactionNotSupported Reason = "TRANSACTION_NOT_SUPPORTED"
	UnableToLocateRecord    Reason = "UNABLE_TO_LOCATE_RECORD"
	UpstreamUnavailable     Reason = "UPSTREAM_UNAVAILABLE"
	InvalidProduct          Reason = "INVALID_PRODUCT"
	CardNotActivated        Reason = "CARD_NOT_ACTIVATED"
	CardActivated           Reason = "CARD_ACTIVATED"
	CardVoided              Reason = "CARD_VOIDED"
	CardBlocked             Reason = "CARD_BLOCKED"
	InsufficientFunds       Reason = "INSUFFICIENT_FUNDS"
	InvalidCardNumber       Reason = "INVALID_CARD_NUMBER"
	CardExpired             Reason = "CARD_EXPIRED"
	IncorrectPIN            Reason = "INCORRECT_PIN"
	TemporaryFailure        Reason = "TEMPORARY_FAILURE"
	DoNotHonour             Reason = "DO_NOT_HONOUR"
	PINAttemptsExceeded     Reason = "PIN_ATTEMPTS_EXCEEDED"
	AccountAlreadySettled   Reason = "ACCOUNT_ALREADY_SETTLED"
	OutOfStock              Reason = "OUT_OF_STOCK"
	DeclinedByMNO           Reason = "DECLINED_BY_MNO"
	InvalidMSISDN           Reason = "INVALID_MSISDN"
	OutcomeUnknown          Reason = "OUTCOME_UNKNOWN"
	SystemMalfunction       Reason = "SYSTEM_MALFUNCTION"
	LimitExceeded           Reason = "LIMIT_EXCEEDED"
)

// Error is a definite no. It never holds a whole card number, a PIN or a payload.
type Error struct {
	Reason Reason
	Text   string // for people investigating; may be empty
	Field  string // dotted path of the field at fault; may be empty
	Detail Detail
	Alarm  Alarm // what operators should hear of it; empty for an ordinary refusal
	// Account is, with an Alarm, whose message it was.
	Account ident.Account
	// Wire is the refusal as an upstream worded it, with Status of HTTP, for who passes it on; nil when it is our own.
	Wire   []byte
	Status int
}

// Alarm is a refusal that operators count and log.
type Alarm string

// The alarms.
const (
	ForeignReversal Alarm = "foreign_reversal" // an account tried to reverse another account's request (rule A2)
)

// Detail names the messages and values that led to a refusal. Only what applies is set (docs/rules.md 1.3).
type Detail struct {
	RequestID, ReversalID, ConfirmationID ident.ID
	ActivationID, VoidID                  ident.ID
	RequestTime, ReversalTime             time.Time
	ConfirmTime                           time.Time
	Requested, Balance                    *money.Amount
}

// New makes a refusal with a text for people.
func New(reason Reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Text: fmt.Sprintf(format, args...)}
}

// At names the field at fault and returns the same refusal.
func (e *Error) At(field string) *Error {
	e.Field = field
	return e
}

// With adds the detail and returns the same refusal.
func (e *Error) With(d Detail) *Error {
	e.Detail = d
	return e
}

// Error gives the reason and the text.
func (e *Error) Error() string {
	if e.Text == "" {
		return string(e.Reason)
	}
	return string(e.Reason) + ": " + e.Text
}

// Cause is why a message was not taken.
type Cause uint8

// The causes for which a message is turned away before anything is recorded (rule C13).
const (
	Overloaded      Cause = iota + 1 // too much work in hand: 503
	Stopping                         // the server is going down: 503
	StoreDown                        // the store cannot be written, and surely was not: 503
	RateLimited                      // the account asks or guesses too much: 429
	Unauthenticated                  // no or wrong credentials: 401
	Forbidden                        // known, but not allowed here: 403
	Expired                          // the deadline passed before the message was taken: 504
	Unreached                        // the upstream was never reached, so another one may be asked: 503
	Unavailable                      // the upstream has not answered for a while and is not asked now: 503
	Misdirected                      // what answers at the upstream's address is not the contract's server: 503
	NoCredential                     // there is nothing to present upstream for this account: 503
)

// Causes gives all of them. A cause that is added goes before NoCredential, or takes its place here.
func Causes() []Cause {
	var all []Cause
	for c := Overloaded; c <= NoCredential; c++ {
		all = append(all, c)
	}
	return all
}

// IsUpstream says whether the cause lies with the upstream, or with the way to it.
func (c Cause) IsUpstream() bool { return c >= Unreached && c <= NoCredential }

// NotTaken says that a message was turned away and surely left nothing behind.
type NotTaken struct {
	Cause Cause
	Text  string        // for people; never secret
	After time.Duration // when to try again; zero when nothing can be said
}

// Error gives the text.
func (e *NotTaken) Error() string { return "not taken: " + e.Text }

// Unknown says that how a request ends is not known yet, because somebody else is still at work on it. It is no
// refusal: the sender of a request reverses it, that of a query asks again, that of an advice repeats it.
type Unknown struct {
	Reason    Reason
	Text      string   // for people; may be empty
	RequestID ident.ID // the request it is about; only the account that sent it may be told
}

// Error gives the reason and the text.
func (u *Unknown) Error() string { return string(u.Reason) + ": " + u.Text }
