package airtimehttp_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/scripworks/scrip/airtimehttp"
)

// BenchmarkPurchase reads, judges and answers a purchase: all but the socket, the decision and the store. Its measure
// is BenchmarkDecodeWithEncodingJSON.
func BenchmarkPurchase(b *testing.B) {
	server := newEdge(b, false)
	body := []byte(purchase.body)
	id := body[strings.Index(purchase.body, requestID):][:len(requestID)]
	reader := bytes.NewReader(body)
	r := &http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: airtimehttp.Base + "/purchases"}, Body: io.NopCloser(reader),
		ContentLength: int64(len(body)), Header: http.Header{"Content-Type": {"application/json"}},
	}
	answer := &discarded{header: http.Header{}}
	var n uint64
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		n++
		hex.Encode(id[24:], []byte{byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		reader.Reset(body)
		server.ServeHTTP(answer, r)
		if answer.status != http.StatusCreated {
			b.Fatalf("%d %s", answer.status, answer.last)
		}
	}
}

// BenchmarkDecodeWithEncodingJSON decodes the same message into structs, and judges nothing.
func BenchmarkDecodeWithEncodingJSON(b *testing.B) {
	body := []byte(purchase.body)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var into plainPurchase
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

// plainPurchase is the message as plain structs.
type plainPurchase struct {
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
		ChannelID  string `json:"channelId"`
	}
	Client                plainInstitution
	ThirdPartyIdentifiers []struct{ InstitutionID, TransactionIdentifier string }
	STAN, RRN             string
	Amounts               struct{ RequestAmount *plainAmount }
	Product               struct {
		ProductID string `json:"productId"`
	}
	RecipientMSISDN *struct{ MSISDN, Country string }
	Tenders         []struct {
		AccountType, TenderType string
		Amount                  plainAmount
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
