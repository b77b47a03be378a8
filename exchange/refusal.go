package exchange

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// Malformed is a message that breaks the contract in what the document cannot say. It is answered 400 FORMAT_ERROR.
type Malformed struct {
	Text   string // for people; empty means that the body does not keep the contract
	Fields []wire.Violation
}

// Wrong is a Malformed with one field at fault. msg begins with the field's path.
func Wrong(field, msg string) *Malformed {
	return &Malformed{Fields: []wire.Violation{{Field: field, Msg: msg}}}
}

// Error gives the text.
func (m *Malformed) Error() string {
	if m.Text == "" {
		return "the body does not keep the contract"
	}
	return m.Text
}

// NotOffered says, for people, what this server does not do at all. It is answered 501 FUNCTION_NOT_SUPPORTED.
type NotOffered string

// Error gives the text.
func (n NotOffered) Error() string { return string(n) }

// failure is a failed answer before it is written.
type failure struct {
	status  int
	reason  decline.Reason
	text    string // freeString
	pathID  string
	wrong   []wire.Violation
	detail  decline.Detail
	after   time.Duration
	allow   string
	own     *decline.Error // why a request was refused, when its sender may be told of the message itself
	unknown error          // what the observer hears of; never told to the sender
	wire    []byte         // the body as an upstream wrote it; nil when it is to be written
}

// messages are the contracts' short texts for people, at most 20 characters (ErrorDetail.errorMessage).
var messages = map[decline.Reason]string{
	decline.DuplicateRecord:         "Duplicate record",
	decline.FormatError:             "Format error",
	decline.FunctionNotSupported:    "Not supported",
	decline.GeneralError:            "General error",
	decline.InvalidAmount:           "Invalid amount",
	decline.RoutingError:            "Routing error",
	decline.TransactionNotSupported: "Not permitted",
	decline.UnableToLocateRecord:    "Record not found",
	decline.UpstreamUnavailable:     "Upstream unavailable",
	decline.InvalidProduct:          "Invalid product",
	decline.CardNotActivated:        "Card not activated",
	decline.CardActivated:           "Card activated",
	decline.CardVoided:              "Card voided",
	decline.CardBlocked:             "Card blocked",
	decline.InsufficientFunds:       "Insufficient funds",
	decline.InvalidCardNumber:       "Invalid card number",
	decline.CardExpired:             "Card expired",
	decline.IncorrectPIN:            "Incorrect PIN",
	decline.TemporaryFailure:        "Temporary failure",
	decline.DoNotHonour:             "Do not honour",
	decline.PINAttemptsExceeded:     "PIN tries exceeded",
	decline.AccountAlreadySettled:   "Already settled",
	decline.OutOfStock:              "Out of stock",
	decline.DeclinedByMNO:           "Declined by network",
	decline.InvalidMSISDN:           "Invalid number",
	decline.OutcomeUnknown:          "Outcome unknown",
	decline.SystemMalfunction:       "System malfunction",
	decline.LimitExceeded:           "Limit exceeded",
}

// failure turns an error of an operation or the gate into a failed answer (rule C13; docs/errors.md).
func (s *Server) failure(err error, o *Operation) failure {
	var refusal *decline.Error
	var turned *decline.NotTaken
	var pending *decline.Unknown
	var wrong *Malformed
	var missing NotOffered
	switch {
	case errors.As(err, &refusal):
		return refused(refusal, o)
	case errors.As(err, &turned):
		return s.notTaken(turned, err, o)
	case errors.As(err, &pending):
		return unknown(pending, o)
	case errors.As(err, &wrong):
		return malformed(wrong.Error(), wrong.Fields)
	case errors.As(err, &missing):
		return failure{status: http.StatusNotImplemented, reason: decline.FunctionNotSupported, text: string(missing)}
	}
	return failure{status: http.StatusInternalServerError, reason: decline.GeneralError, text: "the outcome is unknown", unknown: err}
}

func refused(refusal *decline.Error, o *Operation) failure {
	f := failure{status: http.StatusBadRequest, reason: refusal.Reason, text: refusal.Text, detail: refusal.Detail}
	// Of a message of another account nothing is told, not even what the sender could compare with its own.
	if !o.Advice() && (refusal.Reason != decline.DuplicateRecord || refusal.Detail.RequestID != "") {
		f.own = refusal
	}
	if refusal.Reason == decline.UnableToLocateRecord {
		f.status = http.StatusNotFound
	}
	if refusal.Alarm != "" {
		f.unknown = refusal
	}
	if refusal.Wire != nil {
		f.status, f.wire = refusal.Status, refusal.Wire
	}
	return f
}

// notTaken gives the answer to a message that left nothing behind. One that will be repeated is answered 500, so that
// it is, unless it will never be taken from this sender.
func (s *Server) notTaken(n *decline.NotTaken, err error, o *Operation) failure {
	f := failure{reason: s.contract.Busy, text: n.Text, after: n.After, unknown: err}
	if n.Cause.IsUpstream() {
		f.reason = decline.UpstreamUnavailable
	}
	switch n.Cause {
	case decline.Unauthenticated:
		f.status, f.reason = http.StatusUnauthorized, decline.GeneralError
		return f
	case decline.Forbidden:
		f.status, f.reason = http.StatusForbidden, decline.GeneralError
		return f
	case decline.RateLimited:
		f.status, f.reason = http.StatusTooManyRequests, s.contract.Limited
	case decline.Expired:
		f.status = http.StatusGatewayTimeout
	default:
		f.status = http.StatusServiceUnavailable
	}
	if o.repeated() {
		f.status, f.reason = http.StatusInternalServerError, decline.GeneralError
	}
	return f
}

// unknown gives the answer to a message whose end nobody knows yet: a request's sender reverses, a query's asks again,
// an advice's repeats it.
func unknown(u *decline.Unknown, o *Operation) failure {
	f := failure{status: http.StatusGatewayTimeout, reason: u.Reason, text: u.Text, detail: decline.Detail{RequestID: u.RequestID}}
	if o.Advice() {
		f.status = http.StatusInternalServerError
	}
	return f
}

func malformed(text string, wrong []wire.Violation) failure {
	return failure{status: http.StatusBadRequest, reason: decline.FormatError, text: text, wrong: wrong}
}

// errorType is a reason as the contract spells it.
func (s *Server) errorType(reason decline.Reason) string {
	if spelled, otherwise := s.contract.Spelling[reason]; otherwise {
		return spelled
	}
	return string(reason)
}

// refuse sends an ErrorDetail (docs/rules.md 1.3).
func (s *Server) refuse(w http.ResponseWriter, x *Exchange, f failure) {
	header := w.Header()
	if f.status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", `Basic realm="scrip", charset="UTF-8"`)
	}
	if f.allow != "" {
		header.Set("Allow", f.allow)
	}
	if f.after > 0 {
		header.Set("Retry-After", strconv.Itoa(int((f.after+time.Second-1)/time.Second)))
	}
	x.reason = s.errorType(f.reason)
	if f.wire != nil {
		x.Pass(&txn.Answer{Status: f.status, Body: f.wire})
	} else {
		s.errorDetail(x.Answer(), x, f)
	}
	s.write(w, x, f.status)
}

func (s *Server) errorDetail(w *Writer, x *Exchange, f failure) {
	w.Open("")
	w.Text("errorType", x.reason)
	if x.Operation != nil {
		w.Text("requestType", x.Operation.RequestType)
	}
	w.Text("id", x.answeredID())
	if x.Operation != nil {
		w.Say("originalId", x.originalID())
	}
	w.Text("errorMessage", messages[f.reason])
	w.Open("detailMessage")
	text := f.text
	if text == "" {
		text = messages[f.reason]
	}
	w.Text("freeString", text)
	w.Say("pathId", echoed(f.pathID))
	s.explain(w, x, f)
	formatErrors(w, f.wrong)
	w.Close()
	w.Close()
}

// explain tells of the messages that led to a refusal, and to the sender of a request of that itself.
func (s *Server) explain(w *Writer, x *Exchange, f failure) {
	own := f.own != nil && x.id != ""
	if own && f.detail.ActivationID == "" && f.detail.VoidID == "" {
		f.detail.RequestID = ident.ID(x.id)
	}
	details(w, f.detail)
	if own && s.contract.Show != nil {
		s.contract.Show(w, x, f.own)
	}
}

func details(w *Writer, d decline.Detail) {
	for _, id := range []struct {
		name  string
		value ident.ID
	}{
		{"requestId", d.RequestID}, {"reversalId", d.ReversalID}, {"confirmationId", d.ConfirmationID},
		{"activationId", d.ActivationID}, {"voidId", d.VoidID},
	} {
		w.Say(id.name, string(id.value))
	}
	for _, at := range []struct {
		name  string
		value time.Time
	}{{"requestTime", d.RequestTime}, {"reversalTime", d.ReversalTime}, {"confirmDate", d.ConfirmTime}} {
		if !at.value.IsZero() {
			w.Time(at.name, at.value)
		}
	}
	if d.Requested != nil {
		detailAmounts(w, d.Requested, d.Balance)
	}
}

func detailAmounts(w *Writer, requested, balance *money.Amount) {
	w.Open("amounts")
	w.Amount("requestAmount", requested.Minor, requested.Currency)
	w.Amount("approvedAmount", 0, requested.Currency)
	if balance != nil {
		w.Amount("balanceAmount", balance.Minor, balance.Currency)
	}
	w.Close()
}

func formatErrors(w *Writer, wrong []wire.Violation) {
	if len(wrong) == 0 {
		return
	}
	w.OpenList("formatErrors")
	for _, v := range wrong {
		w.Open("")
		w.Text("field", v.Field)
		w.Text("msg", v.Msg)
		w.Say("value", v.Value)
		w.Close()
	}
	w.CloseList()
}
