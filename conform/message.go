package conform

import (
	"fmt"
	"net/http"
	"strings"
)

// Kind is one of the families of requests of either contract, or one of airtime's queries.
type Kind string

// The kinds, by the word that a script uses for them: seven of gift cards, six of airtime.
const (
	Activate Kind = "activate"
	Load     Kind = "load"
	Redeem   Kind = "redeem"
	Void     Kind = "void"
	Replace  Kind = "replace"
	Transfer Kind = "transfer"
	Lookup   Kind = "lookup"

	Provision      Kind = "provision"
	Purchase       Kind = "purchase"
	Trial          Kind = "trial"
	PurchaseStatus Kind = "status"
	LookupMSISDN   Kind = "msisdn"
	ListProducts   Kind = "products"
)

// The two contracts, by the directories of their scripts.
const (
	giftcardContract = "giftcard"
	airtimeContract  = "airtime"
)

// kindName is what a kind is called on the wire: its word in requestType, and its segment in the path. The ids stand
// in the path unless it is plain. A query is a GET.
type kindName struct {
	contract, requestType, segment string
	plain, query                   bool
}

// kindNames gives every kind its names.
var kindNames = map[Kind]kindName{
	Activate: {contract: giftcardContract, requestType: "ACTIVATION", segment: "activations"},
	Load:     {contract: giftcardContract, requestType: "LOAD", segment: "loads"},
	Redeem:   {contract: giftcardContract, requestType: "REDEMPTION", segment: "redemptions"},
	Void:     {contract: giftcardContract, requestType: "VOID", segment: "voids"},
	Replace:  {contract: giftcardContract, requestType: "REPLACE", segment: "replaces"},
	Transfer: {contract: giftcardContract, requestType: "TRANSFER", segment: "transfers"},
	Lookup:   {contract: giftcardContract, requestType: "LOOKUP", segment: "lookupGiftcard"},

	Provision:      {contract: airtimeContract, requestType: "VOUCHER", segment: "vouchers"},
	Purchase:       {contract: airtimeContract, requestType: "PURCHASE", segment: "purchases", plain: true},
	Trial:          {contract: airtimeContract, requestType: "TRIAL_PURCHASE", segment: "purchases/trials", plain: true},
	PurchaseStatus: {contract: airtimeContract, requestType: "PURCHASE_STATUS", segment: "purchases/status", plain: true, query: true},
	LookupMSISDN:   {contract: airtimeContract, requestType: "MSISDN_INFO", segment: "msisdn", plain: true, query: true},
	ListProducts:   {contract: airtimeContract, requestType: "LIST_PRODUCTS", segment: "products", plain: true, query: true},
}

// airtime says whether the kind is of the Airtime contract.
func (k Kind) airtime() bool { return kindNames[k].contract == airtimeContract }

// query says whether the kind only asks and leaves no trace, not even an id.
func (k Kind) query() bool { return kindNames[k].query }

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
	// ID is the message's own id, which a query has none of; RequestID, of an advice or a status, that of the request.
	ID, RequestID string
	// Time is the sender's clock as it goes on the wire. Its characters come back unchanged (rule C8).
	Time string
	// Card is the card asked about; of a replacement the old one, of a transfer the source.
	Card *Card
	// Target is the new card of a replacement, the receiving card of a transfer.
	Target *Card
	// Holder is who is looked up when no card is named (section 6).
	Holder *Holder
	// Product is the id of the product of an activation, a provision or a purchase.
	Product string
	// Client is client.id. A target over HTTP fills in the user name for messages of airtime (rule A4).
	Client string
	// Recipient is the number that is topped up, or looked up; Buyer that of who asks for it.
	Recipient, Buyer string
	// Query is what a query asks for beside that.
	Query Query
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

// Query is what the parameters of a query say. What is empty is left out.
type Query struct {
	Reference, Provider                      string // of a status, instead of the request's id
	Operator, ProductType, Channel, Category string // of a look-up; of the list of products the channel alone
}

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
	if m.Act != Request || m.Kind == PurchaseStatus {
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
	if m.Recipient != "" {
		fmt.Fprintf(&b, " to=%s", m.Recipient)
	}
	if m.Query != (Query{}) {
		fmt.Fprintf(&b, " query=%v", m.Query)
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
	// Sale is what an answer of airtime says beside that.
	Sale Sale
	// Fields are the dotted paths in detailMessage.formatErrors.
	Fields []string
	// Header and Body are those of the wire, and Sent the body that went out; a target without a wire
	// leaves them nil.
	Header http.Header
	Body   []byte
	Sent   []byte

	// query says that a query was answered, for which 202 may be a success (section 8).
	query bool
}

// Sale is what an answer of airtime says of a sale, or of a number. What is empty is not in the answer.
type Sale struct {
	// Voucher is the voucher that was sold.
	Voucher *SoldVoucher
	// MSISDN is the number that gets the product, or that was looked up.
	MSISDN string
	// Reference and Provider are those by which a status can ask for the purchase. In the compatibility profile the
	// settlement entity's id and name are, too.
	Reference, Provider          string
	SettlementID, SettlementName string
	// Operator is the id of the number's network, Promotion the text of its offer.
	Operator, Promotion string
	// Products are the ids of the products of a look-up or a list, in their order.
	Products []string
}

// SoldVoucher is a voucher as its buyer sees it. It holds a PIN in clear, so it prints without.
type SoldVoucher struct{ PIN, Serial, Batch string }

// String shows serial and batch.
func (v SoldVoucher) String() string { return v.Serial + "/" + v.Batch }

// GoString keeps %#v from showing what String leaves out.
func (v SoldVoucher) GoString() string { return v.String() }

// Amounts are the money of an answer in minor units; nil where the answer has no such member.
type Amounts struct {
	Requested, Approved, Book, Available *int64
}

// Outcome is what an answer means to the sender.
type Outcome string

// The outcomes that a script can expect.
const (
	Approved Outcome = "approved" // 201; 200 for trials and queries
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
		if a.query {
			return Approved
		}
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
	if a.Sale.Voucher != nil {
		s += " voucher=" + a.Sale.Voucher.String()
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
