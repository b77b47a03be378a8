package giftcardhttp

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
)

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
	own     bool  // tell the sender of the message itself: its id and its card, masked
	unknown error // what the observer hears of; never told to the sender
}

// messages are the contract's short texts for people, at most 20 characters (ErrorDetail.errorMessage).
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
}

// failed turns an error of the service or the gate into a failed answer (rule C13; docs/errors.md).
func failed(err error, advice bool) failure {
	var refusal *decline.Error
	if errors.As(err, &refusal) {
		f := failure{status: http.StatusBadRequest, reason: refusal.Reason, text: refusal.Text, detail: refusal.Detail}
		// Of a message of another account nothing is told, not even what the sender could compare with its own.
		f.own = !advice && (refusal.Reason != decline.DuplicateRecord || refusal.Detail.RequestID != "")
		if refusal.Reason == decline.UnableToLocateRecord {
			f.status = http.StatusNotFound
		}
		return f
	}
	var turned *decline.NotTaken
	if errors.As(err, &turned) {
		return notTaken(turned, advice)
	}
	return failure{status: http.StatusInternalServerError, reason: decline.GeneralError, text: "the outcome is unknown", unknown: err}
}

// notTaken gives the answer to a message that left nothing behind. An advice is answered 500, so that it is
// repeated, unless it will never be taken from this sender.
func notTaken(n *decline.NotTaken, advice bool) failure {
	f := failure{reason: decline.TemporaryFailure, text: n.Text, after: n.After}
	switch n.Cause {
	case decline.Unauthenticated:
		f.status, f.reason = http.StatusUnauthorized, decline.GeneralError
		return f
	case decline.Forbidden:
		f.status, f.reason = http.StatusForbidden, decline.GeneralError
		return f
	case decline.RateLimited:
		f.status = http.StatusTooManyRequests
	case decline.Expired:
		f.status = http.StatusGatewayTimeout
	default:
		f.status = http.StatusServiceUnavailable
	}
	if advice {
		f.status, f.reason = http.StatusInternalServerError, decline.GeneralError
	}
	return f
}

func malformed(text string, wrong []wire.Violation) failure {
	return failure{status: http.StatusBadRequest, reason: decline.FormatError, text: text, wrong: wrong}
}

// refuse writes an ErrorDetail (docs/rules.md 1.3).
func (s *Server) refuse(w http.ResponseWriter, x *exchange, f failure) {
	header := w.Header()
	header["Content-Type"] = jsonType
	if f.status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", `Basic realm="scrip", charset="UTF-8"`)
	}
	if f.allow != "" {
		header.Set("Allow", f.allow)
	}
	if f.after > 0 {
		header.Set("Retry-After", strconv.Itoa(int((f.after+time.Second-1)/time.Second)))
	}
	x.status, x.reason = f.status, string(f.reason)
	body := s.errorDetail(make([]byte, 0, 512), x, f)
	w.WriteHeader(f.status)
	_, _ = w.Write(body) // a sender that is gone asks again, or reverses
}

func (s *Server) errorDetail(b []byte, x *exchange, f failure) []byte {
	o := &object{b: append(b, '{'), first: true}
	o.text("errorType", string(f.reason))
	if op := x.target.operation; op != nil {
		o.text("requestType", op.requestType)
		o.text("id", x.answeredID())
		if op.advice() {
			o.say("originalId", x.originalID())
		}
	} else {
		o.text("id", x.answeredID())
	}
	o.text("errorMessage", messages[f.reason])
	o.open("detailMessage")
	text := f.text
	if text == "" {
		text = messages[f.reason]
	}
	o.text("freeString", text)
	o.say("pathId", f.pathID[:min(len(f.pathID), maxEchoed)])
	if f.own && f.detail.ActivationID == "" && f.detail.VoidID == "" {
		f.detail.RequestID = ident.ID(x.id)
	}
	details(o, f.detail)
	if f.own {
		s.asSent(o, x, f.reason)
	}
	formatErrors(o, f.wrong)
	o.close()
	return append(o.b, '}')
}

func details(o *object, d decline.Detail) {
	for _, id := range []struct {
		name  string
		value ident.ID
	}{
		{"requestId", d.RequestID}, {"reversalId", d.ReversalID}, {"confirmationId", d.ConfirmationID},
		{"activationId", d.ActivationID}, {"voidId", d.VoidID},
	} {
		o.say(id.name, string(id.value))
	}
	for _, at := range []struct {
		name  string
		value time.Time
	}{{"requestTime", d.RequestTime}, {"reversalTime", d.ReversalTime}, {"confirmDate", d.ConfirmTime}} {
		if !at.value.IsZero() {
			o.text(at.name, clock(at.value))
		}
	}
	if d.Requested != nil {
		detailAmounts(o, d.Requested, d.Balance)
	}
}

func detailAmounts(o *object, requested, balance *money.Amount) {
	o.open("amounts")
	o.amount("requestAmount", requested.Minor, requested.Currency)
	o.amount("approvedAmount", 0, requested.Currency)
	if balance != nil {
		o.amount("balanceAmount", balance.Minor, balance.Currency)
	}
	o.close()
}

// asSent shows the card by its masked number and nothing else, and the product where that is at fault.
func (s *Server) asSent(o *object, x *exchange, reason decline.Reason) {
	first, _ := s.cards(x.target.operation.family)
	if digits, found := x.message.Text(first.pan); found {
		o.open("card")
		o.text("pan", ident.Mask(digits))
		o.close()
	}
	if id := x.message.Raw(s.slots.productID); id != nil && reason == decline.InvalidProduct {
		o.open("product")
		o.raw("id", id)
		o.close()
	}
}

func formatErrors(o *object, wrong []wire.Violation) {
	if len(wrong) == 0 {
		return
	}
	o.name("formatErrors")
	o.b = append(o.b, '[')
	for i, v := range wrong {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		e := &object{b: append(o.b, '{'), first: true}
		e.text("field", v.Field)
		e.text("msg", v.Msg)
		e.say("value", v.Value)
		o.b = append(e.b, '}')
	}
	o.b = append(o.b, ']')
}
