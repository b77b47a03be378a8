package txn

import "fmt"

// Wire is a message, its parameters or an answer in the bytes in which it travels. It may hold secrets and never prints.
type Wire []byte

// String tells how long it is.
func (w Wire) String() string { return fmt.Sprintf("wire of %d bytes", len(w)) }

// GoString tells how long it is.
func (w Wire) GoString() string { return w.String() }

// Answer is what an upstream answered, as it came. Who stands in front of it passes it down unchanged. It may hold the PIN
// of a voucher, so it is never kept and never prints.
type Answer struct {
	Status int // of HTTP
	Body   Wire
}

// String gives the status alone.
func (a *Answer) String() string {
	if a == nil {
		return "no answer"
	}
	return fmt.Sprintf("answer %d", a.Status)
}

// GoString gives the status alone.
func (a *Answer) GoString() string { return a.String() }

// Origin is what every message says of where it comes from (contract: Originator, client). It is needed where a message
// is composed from words, and not where its bytes are at hand.
type Origin struct {
	Institution Party    // the acquirer, or whoever else the till belongs to
	Terminal    string   // terminalId: exactly 8 characters
	Operator    string   // who works at the till; may be empty
	Channel     string   // channelId; may be empty
	Merchant    Merchant // whose till it is
	Client      Party    // who sends the message; for airtime its ID is the user name (rule A4)
	Settlement  *Party   // settlementEntity; nil leaves it to the upstream (S2)
	Receiver    *Party   // receiver; likewise
}

// MerchantID is the id of the merchant; empty without an origin.
func (o *Origin) MerchantID() string {
	if o == nil {
		return ""
	}
	return o.Merchant.ID
}

// Party is an institution: up to 40 characters each.
type Party struct{ ID, Name string }

// Merchant is the shop that a till stands in (contract: Merchant, MerchantName).
type Merchant struct {
	Type    string // four digits of ISO 18245
	ID      string // merchantId: exactly 15 characters
	Name    string // up to 23 characters
	City    string // up to 13
	Region  string // up to 2
	Country string // up to 2
}
