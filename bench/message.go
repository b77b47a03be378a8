package bench

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Kind is a kind of message. Its text is the requestType that the contract gives that kind in an
// ErrorDetail, so that a report and a server's answers speak of the same thing.
type Kind string

// The kinds of message that a load is made of.
const (
	ActivationRequest      Kind = "ACTIVATION_REQUEST"
	ActivationConfirmation Kind = "ACTIVATION_CONFIRMATION"
	ActivationReversal     Kind = "ACTIVATION_REVERSAL"
	LoadRequest            Kind = "LOAD_REQUEST"
	LoadConfirmation       Kind = "LOAD_CONFIRMATION"
	RedemptionRequest      Kind = "REDEMPTION_REQUEST"
	RedemptionConfirmation Kind = "REDEMPTION_CONFIRMATION"
	RedemptionReversal     Kind = "REDEMPTION_REVERSAL"
	LookupRequest          Kind = "LOOKUP_REQUEST"
	PurchaseRequest        Kind = "PURCHASE_REQUEST"
	PurchaseConfirmation   Kind = "PURCHASE_CONFIRMATION"
)

// kinds lists every kind in the order in which reports show them.
var kinds = []Kind{
	ActivationRequest, ActivationConfirmation, ActivationReversal,
	LoadRequest, LoadConfirmation,
	RedemptionRequest, RedemptionConfirmation, RedemptionReversal,
	LookupRequest,
	PurchaseRequest, PurchaseConfirmation,
}

// resources gives the path segment of each kind's family of operations.
var resources = map[Kind]string{
	ActivationRequest: "activations", ActivationConfirmation: "activations", ActivationReversal: "activations",
	LoadRequest: "loads", LoadConfirmation: "loads",
	RedemptionRequest: "redemptions", RedemptionConfirmation: "redemptions", RedemptionReversal: "redemptions",
	LookupRequest: "lookupGiftcard",
}

// airtime says whether the kind is of Airtime v5, whose purchases have no ids in their paths.
func (k Kind) airtime() bool { return k == PurchaseRequest || k == PurchaseConfirmation }

// Advice says whether the kind is a confirmation or a reversal, which is answered 202 where a
// request is answered 201 (rule C10).
func (k Kind) Advice() bool { return k.confirmation() || k.reversal() }

func (k Kind) confirmation() bool { return strings.HasSuffix(string(k), "_CONFIRMATION") }
func (k Kind) reversal() bool     { return strings.HasSuffix(string(k), "_REVERSAL") }

// success is the one status that means the message has been approved or accepted.
func (k Kind) success() int {
	if k.Advice() {
		return 202
	}
	return 201
}

// idLength is the length of a UUID in its usual text form.
const idLength = 36

// id is a message id as it goes on the wire.
type id [idLength]byte

// newID makes a random UUID, version 4.
func newID(random *rand.Rand) (made id) {
	var b [16]byte
	high, low := random.Uint64(), random.Uint64()
	for i := range 8 {
		b[i], b[8+i] = byte(high>>(8*i)), byte(low>>(8*i))
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	hex.Encode(made[0:8], b[0:4])
	hex.Encode(made[9:13], b[4:6])
	hex.Encode(made[14:18], b[6:8])
	hex.Encode(made[19:23], b[8:10])
	hex.Encode(made[24:36], b[10:16])
	made[8], made[13], made[18], made[23] = '-', '-', '-', '-'
	return made
}

// values is what changes from message to message.
type values struct {
	id       id
	request  id // what an advice is about
	at       time.Time
	card     *Card
	amount   int64 // minor units
	sequence uint64
	parties  []byte // an advice's thirdPartyIdentifiers, a JSON array
}

// A slot is a place in a template where a value goes.
type slot string

const (
	slotID       slot = "id"
	slotRequest  slot = "request"
	slotTime     slot = "time"
	slotPAN      slot = "pan"
	slotExpiry   slot = "expiry" // a further member of the card, or nothing
	slotPIN      slot = "pin"    // a further member of the card, or nothing
	slotAmount   slot = "amount"
	slotSTAN     slot = "stan"
	slotSequence slot = "sequence"
	slotParties  slot = "parties"
)

// template is a text cut at its slots: piece, slot, piece, slot, …, piece.
type template struct {
	pieces []string
	slots  []slot
}

// cut makes a template of a text in which a slot is written as its name between ‹ and ›.
func cut(text string) (t template) {
	for {
		before, rest, found := strings.Cut(text, "‹")
		t.pieces = append(t.pieces, before)
		if !found {
			return t
		}
		name, after, _ := strings.Cut(rest, "›")
		t.slots = append(t.slots, slot(name))
		text = after
	}
}

// append writes the template with its slots filled.
func (t *template) append(dst []byte, v *values) []byte {
	for i, s := range t.slots {
		dst = append(dst, t.pieces[i]...)
		dst = v.append(dst, s)
	}
	return append(dst, t.pieces[len(t.slots)]...)
}

// append writes the value that belongs into one slot.
func (v *values) append(dst []byte, s slot) []byte {
	switch s {
	case slotID:
		return append(dst, v.id[:]...)
	case slotRequest:
		return append(dst, v.request[:]...)
	case slotTime:
		return v.at.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	case slotPAN:
		return append(dst, v.card.PAN...)
	case slotExpiry:
		return appendMember(dst, "expiryDate", v.card.Expiry)
	case slotPIN:
		return appendMember(dst, "clearPin", v.card.PIN)
	case slotAmount:
		return strconv.AppendInt(dst, v.amount, 10)
	case slotSTAN:
		return appendDigits(dst, v.sequence, 6)
	case slotSequence:
		return appendDigits(dst, v.sequence, 12)
	case slotParties:
		return append(dst, v.parties...)
	}
	panic("bench: no such slot: " + string(s))
}

// appendMember writes a further member of an object, or nothing when the value is empty. The
// value must be made of characters that JSON needs not escape, as digits are.
func appendMember(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(append(append(dst, `,"`...), name...), `":"`...)
	return append(append(dst, value...), '"')
}

// appendDigits writes the last digits of a number, with leading zeros.
func appendDigits(dst []byte, n uint64, width int) []byte {
	start := len(dst)
	dst = append(dst, "000000000000"[:width]...)
	for i := len(dst) - 1; i >= start; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
	return dst
}

// message is one kind of message, ready to be written: request line, headers and body.
type message struct {
	head template // ends before the value of Content-Length
	body template
}

// append writes the whole HTTP request. scratch is reused for the body, whose length must be
// known before the headers end.
func (m *message) append(dst, scratch []byte, v *values) (request, reuse []byte) {
	scratch = m.body.append(scratch[:0], v)
	dst = m.head.append(dst, v)
	dst = strconv.AppendInt(dst, int64(len(scratch)), 10)
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, scratch...), scratch
}

// Where the contracts put all operations (rule C1).
const (
	basePath        = "/giftcard/v3"
	airtimeBasePath = "/airtime/v5"
)

// newMessages makes the templates of every kind for one target.
func newMessages(target Target, base *url.URL) map[Kind]*message {
	made := make(map[Kind]*message, len(kinds))
	for _, kind := range kinds {
		made[kind] = &message{head: cut(head(kind, target, base)), body: cut(body(kind, target))}
	}
	return made
}

// head is the request line and the headers of a kind, up to the value of the last one.
func head(kind Kind, target Target, base *url.URL) string {
	path := strings.TrimSuffix(strings.TrimSuffix(base.EscapedPath(), "/"), basePath)
	switch {
	case kind.airtime() && kind.confirmation():
		path += airtimeBasePath + "/purchases/confirmations"
	case kind.airtime():
		path += airtimeBasePath + "/purchases"
	case kind.confirmation():
		path += basePath + "/" + resources[kind] + "/‹request›/confirmations/‹id›"
	case kind.reversal():
		path += basePath + "/" + resources[kind] + "/‹request›/reversals/‹id›"
	default:
		path += basePath + "/" + resources[kind] + "/‹id›"
	}
	credentials := base64.StdEncoding.EncodeToString([]byte(target.User + ":" + target.Password))
	return "POST " + path + " HTTP/1.1\r\n" +
		"Host: " + base.Host + "\r\n" +
		"User-Agent: scrip-bench\r\n" +
		"Authorization: Basic " + credentials + "\r\n" +
		"Accept: application/json\r\n" +
		"Content-Type: application/json\r\n" +
		"Content-Length: "
}

// body is the text of a kind's JSON. A redemption comes to about 0.9 KB, like one from a till
// behind a switch: every party named, two references collected on the way, full capture details.
func body(kind Kind, target Target) string {
	switch {
	case kind.reversal():
		return `{` + adviceMembers + `,"reversalReason":"CANCELLED"}`
	case kind == RedemptionConfirmation:
		return `{` + adviceMembers + `}`
	case kind.confirmation():
		return `{` + adviceMembers + `,"tenders":[]}`
	}
	text := `{` + transactionMembers(target)
	if kind.airtime() {
		return text + `,"product":{"productId":` + quote(target.Product) + `},"tenders":[` + tender(target) + `]}`
	}
	if kind != LookupRequest {
		text += `,"amounts":{"requestAmount":{"amount":‹amount›,"currency":` + quote(target.Currency) + `}}`
	}
	text += `,"card":{"pan":"‹pan›"‹expiry›‹pin›},` + capture
	if kind != LookupRequest && target.Product != "" {
		text += `,"product":{"id":` + quote(target.Product) + `}`
	}
	return text + `}`
}

const (
	adviceMembers = `"id":"‹id›","requestId":"‹request›","time":"‹time›",` +
		`"thirdPartyIdentifiers":‹parties›,"stan":"‹stan›","rrn":"‹sequence›"`

	capture = `"posInfo":{"entryMode":{"panEntryMode":"BARCODE","pinEntryCapability":"CAN_ACCEPT"},` +
		`"posConditionCode":"NORMAL_PRESENTMENT"}`
)

// transactionMembers are those that every request has. The Basic user name is also the originating
// institution's id, as the contract's HTTP rules say.
func transactionMembers(target Target) string {
	sender := `{"id":` + quote(target.User) + `,"name":"Corner Stores Group"}`
	return `"id":"‹id›","time":"‹time›",` +
		`"originator":{"institution":` + sender + `,"terminalId":"00000117",` +
		`"merchant":{"merchantType":"5411","merchantId":"000000000012345",` +
		`"merchantName":{"name":"Corner Store Rosebank","city":"Johannesburg","region":"GP","country":"ZA"}},` +
		`"operatorId":"cashier-07"},` +
		`"client":` + sender + `,` +
		`"settlementEntity":{"id":"30000001","name":"Settlement House"},` +
		`"receiver":{"id":"40000001","name":"Gift Card Issuer"},` +
		`"thirdPartyIdentifiers":` + requestParties(target) + `,` +
		`"tranType":"GOODS_AND_SERVICES","srcAccType":"GIFT_CARD","stan":"‹stan›","rrn":"‹sequence›"`
}

// requestParties is the customary pair of references that a request has when it arrives.
func requestParties(target Target) string {
	return `[{"institutionId":` + quote(target.User) + `,"transactionIdentifier":"T‹sequence›"},` +
		`{"institutionId":"30000001","transactionIdentifier":"S‹sequence›"}]`
}

// tender is what a customer paid for a purchase with. What is in it is not judged (rule 1.4).
func tender(target Target) string {
	return `{"tenderType":"CASH","amount":{"amount":‹amount›,"currency":` + quote(target.Currency) + `},"reference":"till 7, slip ‹sequence›"}`
}

// quote writes a text as JSON.
func quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(fmt.Sprintf("bench: a string that is no JSON: %v", err))
	}
	return string(quoted)
}
