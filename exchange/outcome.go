package exchange

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/txn"
)

// LongestRetryAfter bounds how long a server can have us wait.
const LongestRetryAfter = time.Hour

// Again is the unknown outcome of an advice: it has to be repeated.
type Again struct {
	Status int           // of HTTP; 0 when no answer came
	after  time.Duration // as the upstream asked; 0 when it did not
}

// Error gives the status.
func (a *Again) Error() string {
	return fmt.Sprintf("the upstream answered %d, so the advice has to be repeated", a.Status)
}

// After is how long the upstream asked to be left alone; 0 when it did not say.
func (a *Again) After() time.Duration { return a.after }

// Heard says that the upstream is there, and only takes no more at the moment: it answers other messages.
func (a *Again) Heard() bool { return a.Status == http.StatusTooManyRequests }

// reply is an answer as it came, before it is judged.
type reply struct {
	status int
	header http.Header
	body   []byte // nil when it was not read
	unread bool   // it is too long, or did not come to its end
	broken bool   // of these the latter
}

// judge turns what came back into an outcome in words (docs/rules.md 1.1, Client reading): nil with the answer for a
// success, a *decline.Error for a failure, a *decline.NotTaken for what was surely not applied, anything else for an
// outcome that is unknown.
func (o *Outgoing) judge(r *reply, now time.Time) (*txn.Answer, error) {
	switch {
	case r.status/100 == 2 && (o.advice() || !r.broken):
		return o.succeeded(r)
	case r.broken || r.status < 200:
		return nil, o.unanswered(r, now)
	}
	switch r.status {
	case http.StatusUnauthorized:
		return nil, &decline.NotTaken{Cause: decline.Unauthenticated, Text: "the upstream does not know the credential"}
	case http.StatusForbidden:
		return nil, &decline.NotTaken{Cause: decline.Forbidden, Text: "the upstream forbids the credential"}
	case http.StatusNotFound:
		return nil, o.notFound(r)
	}
	if o.advice() {
		return nil, o.adviceFailed(r, now)
	}
	return nil, o.requestFailed(r, now)
}

// unanswered is the outcome of what began to be answered, and then was not.
func (o *Outgoing) unanswered(r *reply, now time.Time) error {
	if o.advice() {
		return &Again{Status: r.status, after: r.after(now)}
	}
	return fmt.Errorf("the upstream began to answer %d and did not end", r.status)
}

// succeeded judges a 2xx: it ends an advice whatever is in it, and a request only with what can be read.
func (o *Outgoing) succeeded(r *reply) (*txn.Answer, error) {
	if !o.advice() {
		if _, err := wire.Parse(r.body); err != nil {
			return nil, fmt.Errorf("the upstream answered %d with what is not JSON", r.status)
		}
	}
	return &txn.Answer{Status: r.status, Body: r.body}, nil
}

// notFound judges a 404, which only the contract's own server answers in the contract's words. Where the contract has no
// body for it, as airtime has none for reversals and for queries, it may come without one.
func (o *Outgoing) notFound(r *reply) error {
	refusal := r.refusal()
	switch {
	case refusal != nil && (!o.advice() || refusal.Reason == decline.UnableToLocateRecord):
		return refusal
	case o.EmptyIsUnlocated && o.Role != txn.Confirmation && len(r.body) == 0 && !r.unread:
		return &decline.Error{Reason: decline.UnableToLocateRecord, Text: "the upstream does not know it", Status: r.status}
	}
	return &decline.NotTaken{Cause: decline.Misdirected, Text: "what answers at the upstream's address does not know the path"}
}

// adviceFailed judges what is no success of an advice: repeating it is always safe, so only a definite no ends it: a
// redirection is a gateway's word.
func (o *Outgoing) adviceFailed(r *reply, now time.Time) error {
	switch {
	case r.status/100 == 3, r.status == http.StatusRequestTimeout || r.status == http.StatusTooManyRequests,
		r.status >= 500 && r.status != http.StatusNotImplemented:
		return &Again{Status: r.status, after: r.after(now)}
	}
	refusal := r.no()
	if o.Role == txn.Reversal && refusal.Reason == decline.UnableToLocateRecord {
		refusal.Reason = decline.GeneralError // only a 404 says that there is nothing to reverse
	}
	return refusal
}

// requestFailed judges what is no success of a request or a query.
func (o *Outgoing) requestFailed(r *reply, now time.Time) error {
	refusal := r.refusal()
	switch {
	case r.status == http.StatusTooManyRequests && refusal == nil:
		return &decline.NotTaken{Cause: decline.Overloaded, Text: "the upstream takes no more now", After: r.after(now)}
	case r.status/100 == 4 && r.status != http.StatusRequestTimeout:
		return r.no()
	case refusal != nil && (r.status == http.StatusNotImplemented || r.status == http.StatusServiceUnavailable):
		return refusal
	case refusal != nil && r.status >= 500:
		return &decline.Unknown{Reason: refusal.Reason, Text: fmt.Sprintf("the upstream answered %d", r.status)}
	}
	return fmt.Errorf("the upstream answered %d", r.status)
}

// no is a definite refusal, in the upstream's words if it has any.
func (r *reply) no() *decline.Error {
	if refusal := r.refusal(); refusal != nil {
		return refusal
	}
	return &decline.Error{Reason: decline.GeneralError, Text: fmt.Sprintf("the upstream refused with %d and no reason", r.status), Status: r.status}
}

// reasonForm is the form of an error type that is taken over: it reaches logs, metrics and the queue.
var reasonForm = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,63}$`)

// refusal reads an ErrorDetail; nil when the body is none.
func (r *reply) refusal() *decline.Error {
	root, err := wire.Parse(r.body)
	if err != nil || !root.IsObject() {
		return nil
	}
	reason := TextIn(root.Member("errorType"))
	if !reasonForm.MatchString(reason) {
		return nil
	}
	return &decline.Error{
		Reason: decline.Reason(reason), Text: fmt.Sprintf("the upstream refused with %d", r.status), Wire: r.body, Status: r.status,
	}
}

// after reads Retry-After: seconds, or an instant.
func (r *reply) after(now time.Time) time.Duration {
	text := r.header.Get("Retry-After")
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err == nil || errors.Is(err, strconv.ErrRange) { // then it is the greatest number there is
		return min(time.Duration(seconds)*time.Second, LongestRetryAfter)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, min(at.Sub(now), LongestRetryAfter))
	}
	return 0
}

// unreached says that nothing was sent.
func unreached(why string) error {
	return &decline.NotTaken{Cause: decline.Unreached, Text: "the upstream cannot be reached: " + why}
}

// errNoAnswer is the outcome of what was sent and not answered in time.
var errNoAnswer = errors.New("the upstream has not answered in time")
