package exchange_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	airtimeapi "github.com/scripworks/scrip/api/airtime"
	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// schemas of airtime are what drafts are judged by.
func schemas(t *testing.T) *wire.Document {
	t.Helper()
	document, err := wire.Compile(airtimeapi.Document)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func schema(t *testing.T, name string) *wire.Model {
	t.Helper()
	m, err := schemas(t).Model(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var head = exchange.Head{
	ID: requestID, Time: time.Date(2026, 3, 4, 10, 11, 12, 120e6, time.UTC),
	Origin: &txn.Origin{
		Institution: txn.Party{ID: "1", Name: "Corner Stores"}, Terminal: "T0000001", Client: txn.Party{ID: "7654321", Name: "Retail Switch"},
		Merchant: txn.Merchant{Type: "5411", ID: "000000000012345", Name: "Corner Store 12", City: "Cape Town", Region: "WC", Country: "ZA"},
	},
	References: []ident.Reference{{Institution: "1", Identifier: "A83"}, {Institution: "2"}},
}

// A draft is what the contract has, and nothing that is empty.
func TestDraftsAreWhatTheContractHas(t *testing.T) {
	d := exchange.DraftRequest(schema(t, "PurchaseRequest"), head)
	d.Open("product")
	d.Text("productId", "A5")
	d.Close()
	d.Ask(&money.Amount{Minor: 5, Currency: 36})
	got, err := d.Finish()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(aRequest, `"thirdPartyIdentifiers":[],"product":{"productId":"A5"}`,
		`"thirdPartyIdentifiers":[{"institutionId":"1","transactionIdentifier":"A83"},{"institutionId":"2"}],"product":{"productId":"A5"},`+
			`"amounts":{"requestAmount":{"amount":5,"currency":"036"}}`, 1)
	if string(got) != want {
		t.Errorf("have %s\nwant %s", []byte(got), want)
	}
}

func TestDraftsOfAdvices(t *testing.T) {
	a := &txn.Advice{Family: txn.Purchase, Role: txn.Confirmation, ID: adviceID, RequestID: requestID, Received: head.Time}
	d := exchange.DraftAdvice(schema(t, "PurchaseConfirmation"), a)
	d.OpenList("tenders")
	d.CloseList()
	got, err := d.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != aConfirmation {
		t.Errorf("have %s\nwant %s", []byte(got), aConfirmation)
	}
}

// The first word that cannot be said is the one that is named.
func TestDraftsNameWhatIsWrong(t *testing.T) {
	for field, spoil := range map[string]func(d *exchange.Draft){
		"x":                   func(d *exchange.Draft) { d.Refuse("x", "x"); d.Refuse("y", "y") },
		"no.place":            func(d *exchange.Draft) { d.Fits("no.place") },
		"transactionLabels.a": func(d *exchange.Draft) { d.Open("transactionLabels"); d.Text("a", "b\x00"); d.Close() },
		"basketRef":           func(d *exchange.Draft) { d.Int("basketRef", 5) },
		"":                    func(d *exchange.Draft) { d.Text("basketRef", strings.Repeat("x", exchange.MaxBody)) },
		"amounts.requestAmount.amount": func(d *exchange.Draft) {
			d.Ask(&money.Amount{Minor: -money.MaxMinor - 1, Currency: 710})
		},
	} {
		d := exchange.DraftRequest(schema(t, "PurchaseRequest"), head)
		d.Open("product")
		d.Text("productId", "A5")
		d.Close()
		spoil(d)
		_, err := d.Finish()
		isFormatError(t, err, field)
	}
	// a backslash before what looks like NUL is no NUL
	d := exchange.DraftRequest(schema(t, "PurchaseRequest"), head)
	d.Text("basketRef", `\u0000`)
	d.Open("product")
	d.Text("productId", "A5")
	d.Close()
	if _, err := d.Finish(); err != nil {
		t.Error(err)
	}
}

func isFormatError(t *testing.T, err error, field string) {
	t.Helper()
	var refusal *decline.Error
	if !errors.As(err, &refusal) || refusal.Reason != decline.FormatError || refusal.Field != field {
		t.Errorf("got %v, want one about %q", err, field)
	}
}

func TestComposedQueries(t *testing.T) {
	m, err := schemas(t).Query("lookupMsisdn")
	if err != nil {
		t.Fatal(err)
	}
	got, err := exchange.ComposeQuery(m, url.Values{"msisdn": {"+27831234567"}, "operator": {""}, "channelName": {"a&b"}})
	if err != nil || string(got) != "channelName=a%26b&msisdn=%2B27831234567" {
		t.Errorf("composed %s, %v", []byte(got), err)
	}
	for field, values := range map[string]url.Values{
		"msisdn":      {"operator": {"x"}},
		"x":           {"msisdn": {"+27831234567"}, "x": {"y"}},
		"channelName": {"msisdn": {"+27831234567"}, "channelName": {strings.Repeat("x", 257)}},
	} {
		_, err := exchange.ComposeQuery(m, values)
		isFormatError(t, err, field)
	}
}

// An operation's path has its ids escaped, whatever is in them.
func TestPathsOfOperations(t *testing.T) {
	o := exchange.Operation{Path: "vouchers/{requestId}/reversals/{id}"}
	if got := o.At("a/b", "{requestId}?"); got != "/vouchers/a%2Fb/reversals/%7BrequestId%7D%3F" {
		t.Errorf("the path is %s", got)
	}
	o.Path = "purchases"
	if got := o.At("a", "b"); got != "/purchases" {
		t.Errorf("the path is %s", got)
	}
}
