package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// Exchange is one message and its answer. It is used again for other messages, so nothing of it is kept beyond the
// operation's Answer but what its methods say may be.
type Exchange struct {
	Operation *Operation // which answers; after Recall the one that is answered for
	Sender    *txn.Sender
	Received  time.Time // by the server's clock
	// Message is the body, or the query as if it were one: an object with the parameters as texts, those that are
	// empty left out. What of it is kept for long has to be cloned.
	Message *wire.Message
	// OriginalID is ErrorDetail.originalId, the request that the message is about. An advice has it by itself. The
	// Answer of a query sets it, to what was asked for; a refusal that names its request in its detail sets it for a
	// query too. That of a request sets it only where the contract wants one (docs/rules.md 1.3).
	OriginalID string

	server    *Server
	asked     *Operation // which was asked for
	target    target
	parsed    *wire.Message
	id        string // of the body
	requestID string // of the body
	buffer    bytes.Buffer
	read      bool // the body is in the buffer, as far as it could be read
	answer    Writer
	status    int
	passed    int    // status of an answer that is passed on; 0 for the operation's own
	query     string // as it was received
	reason    string
	cause     error
}

// maxKept bounds the buffer that an idle exchange keeps, in bytes.
const maxKept = 32 << 10

// reset forgets the message, PINs above all.
func (x *Exchange) reset() {
	x.parsed.Reset()
	clear(x.buffer.Bytes())
	x.buffer.Reset()
	if x.buffer.Cap() > maxKept {
		x.buffer = bytes.Buffer{}
	}
	answer := x.answer.b
	clear(answer)
	if cap(answer) > maxKept {
		answer = nil
	}
	*x = Exchange{server: x.server, parsed: x.parsed, buffer: x.buffer, answer: Writer{b: answer[:0]}}
}

// maxEchoed bounds what is given back of an id that is none, in bytes.
const maxEchoed = 128

// answeredID is the id of the message being answered: the body's when it could be read, else the path's, else a
// new one (rules V3 and C13).
func (x *Exchange) answeredID() string {
	switch {
	case x.id != "":
		return x.id
	case x.target.id != "":
		return echoed(x.target.id)
	}
	return string(secret.NewID())
}

// originalID is the id of the request that a failed message was about, if there is one to tell.
func (x *Exchange) originalID() string {
	switch {
	case !x.Operation.Advice():
		return echoed(x.OriginalID)
	case x.requestID != "":
		return x.requestID
	}
	return echoed(x.target.requestID)
}

func echoed(s string) string { return s[:min(len(s), maxEchoed)] }

// ID is the message's id. It may be kept.
func (x *Exchange) ID() ident.ID { return ident.ID(strings.Clone(x.id)) }

// Kept is the body as it may rest: without card numbers and PINs, at any depth. It may be kept.
func (x *Exchange) Kept() []byte { return wire.Cut(x.Message.Body(), isSecret) }

// Wire is what is passed on of the body: of an advice all but PINs and copies of its request, and that may be kept, sealed;
// of a request all of it, as it was received, and that is the exchange's memory, which is good until Answer returns.
func (x *Exchange) Wire() txn.Wire {
	if x.asked.Advice() {
		return wire.Drop(x.Message.Body(), isUnsent)
	}
	return x.Message.Body()
}

// Query is what the parameters of a query were, as they were received.
func (x *Exchange) Query() txn.Wire { return txn.Wire(x.query) }

// Pass answers what an upstream has answered, as it came. It says whether there was such an answer.
func (x *Exchange) Pass(a *txn.Answer) bool {
	if a == nil {
		return false
	}
	w := x.Answer()
	w.b, x.passed = append(w.b, a.Body...), a.Status
	return true
}

// KeptWithout is Kept, and in the value at a slot, which is not echoed, also without the members that secret names.
func (x *Exchange) KeptWithout(at wire.Slot, secret func(name []byte) bool) []byte {
	if !x.Message.Has(at) {
		return x.Kept()
	}
	body := x.Message.Body()
	start, end := x.Message.Span(at)
	return slices.Concat(
		wire.Cut(body[:start], isSecret),
		wire.Cut(body[start:end], func(name []byte) bool { return isSecret(name) || secret(name) }),
		wire.Cut(body[end:], isSecret))
}

// isSecret names the members that are neither answered nor kept as they came.
func isSecret(name []byte) bool {
	switch string(name) {
	case "pan", "clearPin", "encryptedPin", "pin", "pinBlock", "accountNumber", "hash", "cardNumber":
		return true
	}
	return false
}

// isUnsent names the members that an advice is not passed on with: PINs, and copies of the request, which may have some.
func isUnsent(name []byte) bool {
	switch string(name) {
	case "clearPin", "encryptedPin", "pin", "pinBlock", "hash", "request", "originalRequest":
		return true
	}
	return strings.HasSuffix(string(name), "Request")
}

// Advice is the message as the advice that it is. The error is a *Malformed.
func (x *Exchange) Advice() (*txn.Advice, error) {
	approved, err := x.approvedAmount()
	if err != nil {
		return nil, err
	}
	return &txn.Advice{
		Why: x.why(), Wire: x.Wire(), Family: x.Operation.Family, Role: x.Operation.Role, ID: x.ID(), RequestID: ident.ID(strings.Clone(x.requestID)),
		Sender: x.Sender, Received: x.Received, Approved: approved, References: x.References(), Body: x.Kept(),
	}, nil
}

// why tells the reason of a reversal.
func (x *Exchange) why() txn.ReversalReason {
	if x.Operation.Role != txn.Reversal {
		return ""
	}
	reason, _ := x.Message.Text(x.server.slots.reason)
	return txn.ReversalReason(reason)
}

// References are the message's third-party identifiers; nil when it has none.
func (x *Exchange) References() []ident.Reference {
	if !x.Message.Has(x.server.slots.references) {
		return nil
	}
	const usual = 4
	found := make([]ident.Reference, 0, usual)
	for element := range x.Message.Elements(x.server.slots.references) {
		var r ident.Reference
		r.Institution, _ = element.Member("institutionId").Text()
		r.Identifier, _ = element.Member("transactionIdentifier").Text()
		found = append(found, r)
	}
	return found
}

// RequestAmount is amounts.requestAmount; nil when there is none. The error is a *Malformed.
func (x *Exchange) RequestAmount() (*money.Amount, error) {
	return x.amount(x.server.slots.requestAmount)
}

func (x *Exchange) approvedAmount() (*money.Amount, error) {
	return x.amount(x.server.slots.approvedAmount)
}

func (x *Exchange) amount(at amountSlots) (*money.Amount, error) {
	if !x.Message.Has(at.whole) {
		return nil, nil
	}
	value, _ := x.Message.Amount(at.minor)
	digits, _ := x.Message.Text(at.currency)
	c, err := money.ParseCurrency(digits)
	if err != nil {
		return nil, Wrong("amounts", "amounts "+err.Error())
	}
	return &money.Amount{Minor: money.Minor(value), Currency: c}, nil
}

// Recall makes the exchange answer for an earlier request of the sender's: what Approve writes, or an ErrorDetail
// tells, is then what the request itself was answered. operation is its operationId and body as Kept gave it. A
// success has still the status of the operation that was asked for.
func (x *Exchange) Recall(operation string, body []byte) error {
	for _, o := range x.server.contract.Operations {
		if o.ID == operation && !o.query() {
			return x.recall(o, body)
		}
	}
	return fmt.Errorf("recall %s: there is no such operation", operation)
}

func (x *Exchange) recall(o *Operation, body []byte) error {
	x.buffer.Reset()
	x.buffer.Write(body)
	err := o.model.Read(x.buffer.Bytes(), x.parsed)
	var violations *wire.Violations
	if err != nil && !errors.As(err, &violations) { // what was cut out of it may be missed
		return fmt.Errorf("recall %s: %w", o.ID, err)
	}
	x.Operation, x.OriginalID, x.target = o, "", target{operation: o}
	x.id, _ = x.parsed.Text(x.server.slots.id)
	return nil
}
