package sdk

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
)

// What can be wrong with a till's directory, and with what is asked of a till.
var (
	// ErrInUse says that another process has the directory open, or this one has it open already.
	ErrInUse = errors.New("sdk: the data directory is in use")
	// ErrKeys says that the keys in the directory are missing, or are not those that its records were written with.
	ErrKeys = errors.New("sdk: the keys are missing or are not those of this data directory")
	// ErrEnded says that a transaction has ended the other way already, so that it can be confirmed or reversed no more.
	ErrEnded = errors.New("sdk: the transaction has ended the other way already")
	// ErrAttention says that something in the queue was refused and waits for a person; see Till.Attention.
	ErrAttention = errors.New("sdk: there is something in the queue that needs attention")
)

// Declined is a definite no. The request had no effect. Of Confirm and Reverse it means that the transaction is as it
// was before; it is also ErrEnded when it has ended the other way already.
type Declined struct {
	// Reason is the contract's error type: compare with decline.InsufficientFunds and its neighbours, or with the text,
	// such as "INSUFFICIENT_FUNDS".
	Reason decline.Reason
	Text   string // for people; may be empty
	Field  string // dotted path of the field at fault; may be empty
	ID     string // of the request or the query that was declined; empty when it had none
	// Body is the ErrorDetail as the upstream sent it; nil when there was none, or the till itself declined.
	Body  []byte
	ended bool
}

// Error gives the reason and the text.
func (d *Declined) Error() string {
	if d.Text == "" {
		return "sdk: declined: " + string(d.Reason)
	}
	return "sdk: declined: " + string(d.Reason) + ": " + d.Text
}

// Is tells errors.Is of ErrEnded.
func (d *Declined) Is(target error) bool { return d.ended && target == ErrEnded }

// Cause is why a message was not taken.
type Cause string

// The causes.
const (
	Unreached    Cause = "unreached"    // no connection could be made
	Unavailable  Cause = "unavailable"  // the upstream has not answered for a while, and is tried by one message at a time until it does
	Unauthorized Cause = "unauthorized" // it does not accept the credential, or it may not do that
	Misdirected  Cause = "misdirected"  // what answers at the URL is not the contracts' server
	Busy         Cause = "busy"         // there is too much to do, here or there
	Expired      Cause = "expired"      // the context ended before it was sent
	Disk         Cause = "disk"         // the directory cannot be written to
	Closed       Cause = "closed"       // the till has been closed
)

var causes = map[decline.Cause]Cause{
	decline.Overloaded: Busy, decline.RateLimited: Busy, decline.Stopping: Closed, decline.StoreDown: Disk,
	decline.Unauthenticated: Unauthorized, decline.Forbidden: Unauthorized, decline.NoCredential: Unauthorized,
	decline.Expired: Expired, decline.Unreached: Unreached, decline.Unavailable: Unavailable, decline.Misdirected: Misdirected,
}

// NotTaken says that a message surely had no effect, because it never arrived or was turned away unread. It may be
// tried again.
type NotTaken struct {
	Cause Cause
	Text  string        // for people; may be empty
	After time.Duration // when to try again; 0 when nothing can be said
}

// Error gives the cause and the text.
func (n *NotTaken) Error() string {
	if n.Text == "" {
		return "sdk: not taken: " + string(n.Cause)
	}
	return fmt.Sprintf("sdk: not taken: %s: %s", n.Cause, n.Text)
}

// Unknown says that nobody can tell what became of a message.
//
// A request is being reversed already, for as long as it takes, and Reversing is true: treat it as one that failed. A
// query (a look-up, a trial, a status, a list) has no effect and can simply be asked again. Confirm and Reverse give
// it only when the directory could not be written to for sure: call them again.
type Unknown struct {
	ID        string // of the request; empty of a query without one
	Reversing bool
	cause     error
}

// Error says what is known.
func (u *Unknown) Error() string {
	text := "sdk: the outcome is not known"
	if u.Reversing {
		text += ", and is being reversed"
	}
	if u.cause != nil {
		text += ": " + u.cause.Error()
	}
	return text
}

// Unwrap gives what happened.
func (u *Unknown) Unwrap() error { return u.cause }

// Invalid says that a value cannot be sent. Nothing was.
type Invalid struct {
	Field   string // as in the struct of this package that it was given in, or its dotted path in the contract
	Problem string // which never quotes the value
}

// Error names field and problem.
func (i *Invalid) Error() string { return "sdk: " + i.Field + ": " + i.Problem }

// explain turns the outcome of a message into the errors of this package. reversing says that an unknown outcome is
// reversed.
func explain(err error, id string, reversing bool) error {
	var refusal *decline.Error
	var turned *decline.NotTaken
	var invalid *Invalid
	switch {
	case err == nil || errors.As(err, &invalid):
		return err
	case errors.As(err, &refusal):
		return declinedWith(refusal, id)
	case errors.As(err, &turned):
		return &NotTaken{Cause: causes[turned.Cause], Text: turned.Text, After: turned.After}
	}
	return &Unknown{ID: id, Reversing: reversing, cause: err}
}

func declinedWith(r *decline.Error, id string) *Declined {
	return &Declined{Reason: r.Reason, Text: cmp.Or(exchange.Words(r), r.Text), Field: r.Field, ID: id, Body: r.Wire}
}

// unsayable turns the refusal of a message that cannot be composed into the error of this package.
func unsayable(err error) error {
	var refusal *decline.Error
	if errors.As(err, &refusal) {
		return &Invalid{refusal.Field, refusal.Text}
	}
	return fmt.Errorf("sdk: compose the message: %w", err)
}
