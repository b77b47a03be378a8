package conform

import (
	"fmt"
	"net/http"
	"strings"
)

// Kind is one of the seven families of gift card requests.
type Kind string

// The seven kinds, by the word that a script uses for them.
const (
	Activate Kind = "activate"
	Load     Kind = "load"
	Redeem   Kind = "redeem"
	Void     Kind = "void"
	Replace  Kind = "replace"
	Transfer Kind = "transfer"
	Lookup   Kind = "lookup"
)

// kindNames gives every kind its word in requestType and its segment in the path.
var kindNames = map[Kind]struct{ requestType, segment string }{
	Activate: {"ACTIVATION", "activations"},
	Load:     {"LOAD", "loads"},
	Redeem:   {"REDEMPTION", "redemptions"},
	Void:     {"VOID", "voids"},
	Replace:  {"REPLACE", "replaces"},
	Transfer: {"TRANSFER", "transfers"},
	Lookup:   {"LOOKUP", "lookupGiftcard"},
}

// Act says what a message does with its kind: ask for it, or tell what became of it.
type Act string

// A request asks; the two advices end it, one way or the other.
const (
	Request      Act = "REQUEST"
	Confirmation Act = "CONFIRMATION"
	Reversal     Act = "REVERSAL"
)

// Message is one message to be sent, in the words of the contract and free of any transport. What is
// empty or nil is left out of the message.
type Message struct {
	Kind Kind
	Act  Act
	// Account names the sender: a, b, or an account that the script declared.
	Account string
	// ID is the message's own id; RequestID, of an advice, that of its request.
	ID, RequestID string
	// Time is the sender's clock as it goes on the wire. Its characters come back unchanged (rule C8).
	Time string
	// Card is the card asked about; of a replacement the old one, of a transfer the source.
	Card *Card
	// Target is the new card of a replacement, the receiving card of a transfer.
	Target *Card
	// Holder is who is looked up when no card is named (section 6).
	Holder *Holder
	// Product is the id of the product of an activation.
	Product string
	// Amount is amounts.requestAmount of a request.
	Amount *Amount
	// Approved is amounts.approvedAmount of an advice (rule L15).
	Approved *Amount
	// Points is points.requestAmount of a redemption (section 6).
	Points *int64
	// Reason is the reversalReason of a reversal.
	Reason string
	// Edits change the message on the wire (see Edit). Only an HTTP target can obey them.
	Edits []Edit
}

// Card is what a message says about a card. It holds a PAN and PINs in clear, so it prints masked.
type Card struct {
	PAN string
	// Expiry is YYMM, or empty to send none.
	Expiry string
	// ClearPIN and EncryptedPIN are the two plain fields, sent when not empty.
	ClearPIN, EncryptedPIN string
	// PIN is the newer card.pin object.
	PIN *PIN
}

// PIN is the newer form of a PIN in a message, card.pin.
type PIN struct {
	// Type is CLEAR_PIN, ENCRYPTED_PIN or HASHED_PIN.
	Type string
	// Value is the PIN, the PIN block in hex, or the hash.
	Value string
}

// Holder is a card holder as the contract's cardHolder names one.
type Holder struct{ ProfileID, MSISDN, Email string }

// Amount is money: minor units and the three-digit ISO 4217 number of the currency.
type Amount struct {
	Minor    int64
	Currency string
}

// RequestType returns the message's type as an ErrorDetail names it, such as LOAD_CONFIRMATION.
func (m Message) RequestType() string { return kindNames[m.Kind].requestType + "_" + string(m.Act) }

// String describes the message for a report. PANs are masked, PINs are left out.
func (m Message) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s id=%s", m.RequestType(), m.ID)
	if m.Act != Request {
		fmt.Fprintf(&b, " requestId=%s", m.RequestID)
	}
	if m.Card != nil {
		fmt.Fprintf(&b, " card=%s", m.Card)
	}
	if m.Target != nil {
		fmt.Fprintf(&b, " target=%s", m.Target)
	}
	if m.Product != "" {
		fmt.Fprintf(&b, " product=%s", m.Product)
	}
	if m.Amount != nil {
		fmt.Fprintf(&b, " amount=%d/%s", m.Amount.Minor, m.Amount.Currency)
	}
	if m.Approved != nil {
		fmt.Fprintf(&b, " approved=%d/%s", m.Approved.Minor, m.Approved.Currency)
	}
	fmt.Fprintf(&b, " as=%s", m.Account)
	for _, e := range m.Edits {
		fmt.Fprintf(&b, " [%s]", e)
	}
	return b.String()
}

// String shows the masked PAN, the expiry, and which PINs are there, but no PIN.
func (c Card) String() string {
	s := maskPAN(c.PAN) + "/" + c.Expiry
	if c.ClearPIN != "" {
		s += "+clearPin"
	}
	if c.EncryptedPIN != "" {
		s += "+encryptedPin"
	}
	if c.PIN != nil {
		s += "+" + c.PIN.Type
	}
	return s
}

// GoString keeps %#v from showing what String masks.
func (c Card) GoString() string { return c.String() }

// String shows only the type of the PIN.
func (p PIN) String() string { return p.Type }

// GoString keeps %#v from showing what String leaves out.
func (p PIN) GoString() string { return p.Type }

// maskPAN shows the first six and last four digits; up to ten digits it shows none.
func maskPAN(pan string) string {
	if len(pan) <= 10 {
		return strings.Repeat("*", len(pan))
	}
	return pan[:6] + strings.Repeat("*", len(pan)-10) + pan[len(pan)-4:]
}

// Answer is what came back. A target fills in what it knows; what it leaves empty or nil is not judged,
// except Status, which every answer has.
type Answer struct {
	// Status is the HTTP status, or the one that the outcome would have had on the wire.
	Status int
	// ErrorType, RequestType, ID and OriginalID are those of an ErrorDetail; ID that of any answer.
	ErrorType, RequestType, ID, OriginalID string
	// Amounts are those of an approved request.
	Amounts Amounts
	// Product is the id of the product that a look-up found, nil when the answer does not say,
	// and empty when it says that there is none.
	Product *string
	// Fields are the dotted paths in detailMessage.formatErrors.
	Fields []string
	// Header and Body are those of the wire, and Sent the body that went out; a target without a wire
	// leaves them nil.
	Header http.Header
	Body   []byte
	Sent   []byte
}

// Amounts are the money of an answer in minor units; nil where the answer has no such member.
type Amounts struct {
	Requested, Approved, Book, Available *int64
}

// Outcome is what an answer means to the sender.
type Outcome string

// The outcomes that a script can expect.
const (
	Approved Outcome = "approved" // 201
	Accepted Outcome = "accepted" // 202
	Declined Outcome = "declined" // an ErrorDetail and a definite no
	Refused  Outcome = "refused"  // a definite no in which only the status counts
	Answered Outcome = "answered" // anything that is not of the contract; only the status counts
	Unknown  Outcome = "unknown"  // 500, 504 or no answer
)

// outcome reads a status as section 1.1 does.
func (a Answer) outcome() Outcome {
	switch a.Status {
	case http.StatusOK, http.StatusCreated:
		return Approved
	case http.StatusAccepted:
		return Accepted
	case http.StatusInternalServerError, http.StatusGatewayTimeout:
		return Unknown
	}
	return Declined
}

// String describes the answer for a report, without its body.
func (a Answer) String() string {
	s := fmt.Sprintf("%s %d", a.outcome(), a.Status)
	if a.ErrorType != "" {
		s += " " + a.ErrorType
	}
	if a.OriginalID != "" {
		s += " originalId=" + a.OriginalID
	}
	for _, m := range a.Amounts.members() {
		if m.value != nil {
			s += fmt.Sprintf(" %s=%d", m.name, *m.value)
		}
	}
	if len(a.Fields) > 0 {
		s += " fields=" + strings.Join(a.Fields, ",")
	}
	return s
}

// members lists the amounts under the names that scripts use.
func (a Amounts) members() []member {
	return []member{
		{"requested", a.Requested}, {"approved", a.Approved}, {"book", a.Book}, {"available", a.Available},
	}
}

type member struct {
	name  string
	value *int64
}
