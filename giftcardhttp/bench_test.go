package giftcardhttp_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcardhttp"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// typical is a redemption of the size that the promises are made for.
var typical = `{"id":"5a1a1e6a-2f5c-4b3e-9a55-0c8f3b1a7d10","time":"2026-03-04T10:11:12.123Z",` +
	`"originator":{"institution":{"id":"1234567","name":"Corner Stores"},"terminalId":"T0000001",` +
	`"merchant":{"merchantType":"5411","merchantId":"000000000012345","merchantName":{"name":"Corner Store 12",` +
	`"city":"Cape Town","region":"WC","country":"ZA"}},"operatorId":"17"},"client":{"id":"7654321","name":"Retail Switch"},` +
	`"settlementEntity":{"id":"33","name":"Settle Bank"},"receiver":{"id":"44","name":"Gift Issuer"},` +
	`"thirdPartyIdentifiers":[{"institutionId":"1234567","transactionIdentifier":"A83-000171"},` +
	`{"institutionId":"7654321","transactionIdentifier":"9931-1771"}],"stan":"000123","rrn":"603410000123",` +
	`"amounts":{"requestAmount":{"amount":1,"currency":"710"}},"card":{"pan":"6001000000000001","expiryDate":"4010",` +
	`"clearPin":"1234"},"posInfo":{"entryMode":{"panEntryMode":"BARCODE","pinEntryCapability":"CAN_ACCEPT"}}}`

// BenchmarkRedemption reads, judges, decides and answers a redemption: all but the socket and the store. Its
// measure is BenchmarkDecodeWithEncodingJSON: at most four times as long.
func BenchmarkRedemption(b *testing.B) {
	server := serverOnOneCard(b)
	body := []byte(typical)
	id := body[strings.Index(typical, requestID):][:len(requestID)]
	reader := bytes.NewReader(body)
	r := &http.Request{
		Method: http.MethodPost, URL: &url.URL{}, Body: io.NopCloser(reader), ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {"application/json"}},
	}
	answer := &discarded{header: http.Header{}}
	var n uint64
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		n++
		hex.Encode(id[24:], []byte{byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		r.URL.Path = giftcardhttp.Base + "/redemptions/" + string(id)
		reader.Reset(body)
		server.ServeHTTP(answer, r)
		if answer.status != http.StatusCreated {
			b.Fatalf("%d %s", answer.status, answer.last)
		}
	}
}

// BenchmarkDecodeWithEncodingJSON decodes the same message into structs, and judges nothing.
func BenchmarkDecodeWithEncodingJSON(b *testing.B) {
	body := []byte(typical)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var into plainRedemption
		if err := json.Unmarshal(body, &into); err != nil {
			b.Fatal(err)
		}
	}
}

type plainInstitution struct{ ID, Name string }

type plainAmount struct {
	Amount   int64
	Currency string
}

// plainRedemption is the message as plain structs.
type plainRedemption struct {
	ID, Time   string
	Originator struct {
		Institution plainInstitution
		TerminalID  string `json:"terminalId"`
		Merchant    struct {
			MerchantType string `json:"merchantType"`
			MerchantID   string `json:"merchantId"`
			MerchantName struct{ Name, City, Region, Country string }
		}
		OperatorID string `json:"operatorId"`
	}
	Client                     plainInstitution
	SettlementEntity, Receiver *plainInstitution
	ThirdPartyIdentifiers      []struct{ InstitutionID, TransactionIdentifier string }
	STAN, RRN                  string
	Amounts                    struct{ RequestAmount *plainAmount }
	Card                       struct{ PAN, ExpiryDate, ClearPIN string }
	PosInfo                    *struct {
		EntryMode *struct{ PANEntryMode, PINEntryCapability string }
	}
}

// discarded is an answer that nobody reads.
type discarded struct {
	header http.Header
	status int
	last   []byte
}

func (d *discarded) Header() http.Header { return d.header }

func (d *discarded) WriteHeader(status int) { d.status = status }

func (d *discarded) Write(b []byte) (int, error) {
	d.last = b
	return len(b), nil
}

// oneCard is a store that saves nothing: a decision is made against one card, and what it writes is kept until the
// next one.
type oneCard struct {
	card    giftcard.Card
	detail  giftcard.Detail
	number  secret.Digest
	seq     int64
	kept    txn.Message
	entries int
	product giftcard.Product
}

var (
	_ giftcard.Store    = (*oneCard)(nil)
	_ giftcard.Tx       = (*oneCard)(nil)
	_ giftcard.Products = (*oneCard)(nil)
)

func serverOnOneCard(b *testing.B) http.Handler {
	keys, err := secret.Generate()
	if err != nil {
		b.Fatal(err)
	}
	pan, err := ident.ParsePAN("6001000000000001")
	if err != nil {
		b.Fatal(err)
	}
	m := &oneCard{number: keys.PAN(1, pan)[0], product: giftcard.Product{ID: "plain", Number: 1, Currency: 710}}
	const plenty = 1 << 50
	m.card = giftcard.Card{
		ID: 1, World: 1, Status: giftcard.ActivatedConfirmed, HasPIN: true, Expiry: 4010, Currency: 710, Product: 1,
		Balance: ledger.Balance{Book: plenty, Available: plenty},
	}
	m.detail = giftcard.Detail{Card: 1, PINs: giftcard.PINs{Clear: keys.PIN(1, pan, secret.ClearPIN, "1234")[0]}}
	issuer := giftcard.NewIssuer(giftcard.Settings{Store: m, Keys: keys, Products: m})
	server, err := giftcardhttp.New(issuer, exchange.Settings{Gate: openDoor{}, Institution: ourselves, Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	return server
}

// openDoor lets everybody in as the same account.
type openDoor struct{}

var anybody = &txn.Sender{Account: 1, World: 1}

func (openDoor) Admit(*http.Request, bool) (*txn.Sender, func(), error) {
	return anybody, func() {}, nil
}

func (openDoor) Guessed(*txn.Sender) {}

func (m *oneCard) Update(_ context.Context, _ giftcard.Keys, decide func(giftcard.Tx) error) error {
	return decide(m)
}

func (m *oneCard) View(_ context.Context, _ giftcard.Keys, read func(giftcard.Tx) error) error {
	return read(m)
}

func (m *oneCard) Later(_ giftcard.Keys, decide func(giftcard.Tx) error, done func()) {
	_ = decide(m) // nobody waits for it
	done()
}

func (m *oneCard) Messages(ident.ID) []txn.Message { return nil }

func (m *oneCard) MessageAt(int64) (txn.Message, bool) { return m.kept, true }

func (m *oneCard) Remembered(ident.Account, ident.ID) []int64 { return nil }

func (m *oneCard) CardByNumber(key giftcard.CardKey) (giftcard.Card, bool) {
	return m.card, key[0] == m.number
}

func (m *oneCard) Card(int64) giftcard.Card { return m.card }

func (m *oneCard) Detail(int64) giftcard.Detail { return m.detail }

func (m *oneCard) CardsOf(secret.Digest, int) []int64 { return nil }

func (m *oneCard) Counter(txn.CounterKey) txn.Counter { return txn.Counter{} }

func (m *oneCard) NextSeq() int64 {
	m.seq++
	return m.seq
}

func (m *oneCard) Insert(message txn.Message) { m.kept = message }

func (m *oneCard) Amend(message txn.Message) { m.kept = message }

func (m *oneCard) Remember(ident.Account, ident.ID, int64) {}

func (m *oneCard) PutCard(c giftcard.Card) { m.card = c }

func (m *oneCard) PutDetail(d giftcard.Detail) { m.detail = d }

func (m *oneCard) PutCounter(txn.CounterKey, txn.Counter) {}

func (m *oneCard) Enter(ledger.Entry) { m.entries++ }

func (m *oneCard) ProductByID(ident.World, string) (*giftcard.Product, bool) { return &m.product, true }

func (m *oneCard) Product(ident.World, int32) (*giftcard.Product, bool) { return &m.product, true }
