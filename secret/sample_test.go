package secret

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/scripworks/scrip/ident"
)

// A till is where sample messages come from: what stays the same from one of its messages to the next.
type till struct {
	sender, senderName     string
	settler, settlerName   string
	receiver, receiverName string
	terminal, merchant     string
	name, city             string
	region, country        string
	currency, product      string
	reference              func(*rand.Rand) string // how its parties make their references
}

// What tills are made of. None of these names is in the dictionary, as a stranger's would not be.
var (
	companies  = []string{"Umhlanga Grocers", "Kettle & Cloth", "Zebra Outfitters", "Müller & Söhne"}
	shops      = []string{"Zebra Outfitters 0231", "Kettle & Cloth Galway", "Umhlanga Ridge Grocer"}
	settlers   = []string{"Bluewater Clearing", "Acquira"}
	issuers    = []string{"Voucherly", "Present Perfect Cards"}
	places     = [][3]string{{"Umhlanga", "NL", "ZA"}, {"Galway", "G", "IE"}, {"Windhoek", "KH", "NA"}} // city, region, country
	currencies = []string{"710", "978", "516"}
	products   = []string{"4051", "plasticA", "xmas26"}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// digits and uuid are values that no dictionary knows.
func digits(r *rand.Rand, n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = '0' + byte(r.IntN(10))
	}
	return string(text)
}

func uuid(r *rand.Rand) string {
	var u [16]byte
	binary.LittleEndian.PutUint64(u[:8], r.Uint64())
	binary.LittleEndian.PutUint64(u[8:], r.Uint64())
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return string(ident.FromUUID(u))
}

// references are the ways in which parties make their references.
var references = []func(*rand.Rand) string{
	func(r *rand.Rand) string { return "T" + digits(r, 12) },
	func(r *rand.Rand) string { return "000000" + digits(r, 6) },
	func(r *rand.Rand) string { return digits(r, 10) },
	func(r *rand.Rand) string { return "2026" + digits(r, 8) + "-" + digits(r, 4) },
	uuid,
}

func newTill(r *rand.Rand) till {
	place := pick(r, places)
	return till{
		sender: digits(r, 8), senderName: pick(r, companies),
		settler: digits(r, 8), settlerName: pick(r, settlers),
		receiver: digits(r, 8), receiverName: pick(r, issuers),
		terminal: digits(r, 8), merchant: "00000" + digits(r, 10), name: pick(r, shops),
		city: place[0], region: place[1], country: place[2],
		currency: pick(r, currencies), product: pick(r, products),
		reference: pick(r, references),
	}
}

// moment is a time of this year as most tills write it.
func moment(r *rand.Rand) string {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.Int64N(365 * 24 * int64(time.Hour))))
	return at.Format("2006-01-02T15:04:05.000Z")
}

func institution(id, name string) string { return fmt.Sprintf(`{"id":%q,"name":%q}`, id, name) }

func (t till) amount(r *rand.Rand) string {
	return fmt.Sprintf(`{"amount":%d,"currency":%q}`, r.IntN(2000)*25, t.currency)
}

// identifiers are the references of the first n of the sender, the settler, the settler again and the receiver.
func (t till) identifiers(r *rand.Rand, n int) string {
	var list []string
	for _, party := range []string{t.sender, t.settler, t.settler, t.receiver}[:n] {
		list = append(list, fmt.Sprintf(`{"institutionId":%q,"transactionIdentifier":%q}`, party, t.reference(r)))
	}
	return `"thirdPartyIdentifiers":[` + strings.Join(list, ",") + `]`
}

// opening is the members that every request and response begins with.
func (t till) opening(r *rand.Rand, parties int) string {
	return fmt.Sprintf(`"id":%q,"time":%q,"originator":{"institution":%s,"terminalId":%q,`+
		`"merchant":{"merchantType":"5411","merchantId":%q,"merchantName":{"name":%q,"city":%q,"region":%q,"country":%q}},"operatorId":%q},`+
		`"client":%s,"settlementEntity":%s,"receiver":%s,%s,`,
		uuid(r), moment(r), institution(t.sender, t.senderName), t.terminal,
		t.merchant, t.name, t.city, t.region, t.country, digits(r, 4),
		institution(t.sender, t.senderName), institution(t.settler, t.settlerName), institution(t.receiver, t.receiverName),
		t.identifiers(r, parties))
}

func (t till) traces(r *rand.Rand) string {
	return fmt.Sprintf(`"tranType":"GOODS_AND_SERVICES","srcAccType":"GIFT_CARD","stan":%q,"rrn":%q`, digits(r, 6), digits(r, 12))
}

const capture = `"posInfo":{"entryMode":{"panEntryMode":"BARCODE","pinEntryCapability":"CAN_ACCEPT"},"posConditionCode":"NORMAL_PRESENTMENT"}`

// redemption is a request as it rests: the card's members are gone.
func (t till) redemption(r *rand.Rand) string {
	return `{` + t.opening(r, 2) + t.traces(r) + `,"amounts":{"requestAmount":` + t.amount(r) + `},"card":{"expiryDate":"2912"},` +
		capture + `,"product":{"id":"` + t.product + `"}}`
}

func (t till) load(r *rand.Rand) string {
	return `{` + t.opening(r, 2) + t.traces(r) + `,"amounts":{"requestAmount":` + t.amount(r) + `},"card":{},` + capture + `}`
}

func (t till) activation(r *rand.Rand) string {
	return `{` + t.opening(r, 2) + `"amounts":{"requestAmount":` + t.amount(r) + `},"card":{"expiryDate":"3006"},` +
		capture + `,"product":{"id":"` + t.product + `","barcode":"` + digits(r, 13) + `","type":"physical"}}`
}

func (t till) void(r *rand.Rand) string {
	return `{` + t.opening(r, 2) + t.traces(r) + `,"card":{},` + capture + `}`
}

func (t till) response(r *rand.Rand) string {
	return `{` + t.opening(r, 4) + `"slipData":{"messageLines":[{"text":"Thank you"}],"slipWidth":0,"issuerReference":"` + strings.ToUpper(uuid(r)[:8]) + `"},` +
		t.traces(r) + `,"amounts":{"requestAmount":` + t.amount(r) + `,"approvedAmount":` + t.amount(r) + `,"balanceAmount":` + t.amount(r) +
		`,"availableBalance":` + t.amount(r) + `},"card":{"expiryDate":"2912"},` + capture + `,"product":{"id":"` + t.product + `"}}`
}

func (t till) advice(r *rand.Rand, parties int) string {
	return fmt.Sprintf(`"id":%q,"requestId":%q,"time":%q,%s,"stan":%q,"rrn":%q`, uuid(r), uuid(r), moment(r), t.identifiers(r, parties), digits(r, 6), digits(r, 12))
}

func (t till) confirmation(r *rand.Rand) string { return `{` + t.advice(r, 2) + `}` }

func (t till) tenderConfirmation(r *rand.Rand) string {
	return `{` + t.advice(r, 4) + `,"tenders":[{"accountType":"DEFAULT","amount":` + t.amount(r) + `,"tenderType":"CASH"}]}`
}

func (t till) reversal(r *rand.Rand) string {
	return `{` + t.advice(r, 2) + `,"reversalReason":"` + pick(r, []string{"TIMEOUT", "CANCELLED", "RESPONSE_NOT_FINAL"}) + `"}`
}

// kinds are the messages of a day, as often as they come: mostly redemptions and their confirmations.
var kinds = []func(till, *rand.Rand) string{
	till.redemption, till.redemption, till.redemption, till.confirmation, till.confirmation, till.confirmation,
	till.load, till.tenderConfirmation, till.reversal, till.activation, till.void, till.response,
}

// seeded is a random source that gives the same messages each time.
func seeded() *rand.Rand { return rand.New(rand.NewPCG(7, 8)) }

// day makes n messages of a day, of a new till each.
func day(n int) (made [][]byte) {
	r := seeded()
	for i := range n {
		made = append(made, []byte(kinds[i%len(kinds)](newTill(r), r)))
	}
	return made
}

// many makes n messages of one kind, of a new till each.
func many(kind func(till, *rand.Rand) string, n int) (made [][]byte) {
	r := seeded()
	for range n {
		made = append(made, []byte(kind(newTill(r), r)))
	}
	return made
}
