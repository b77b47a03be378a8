package airtimehttp_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// origin is where the requests of these tests come from, under a user name.
func origin(user string) *txn.Origin {
	return &txn.Origin{
		Institution: txn.Party{ID: "1234567", Name: "Corner Stores"}, Terminal: "T0000001",
		Merchant: txn.Merchant{Type: "5411", ID: "000000000012345", Name: "Corner Store 12", City: "Cape Town", Region: "WC", Country: "ZA"},
		Client:   txn.Party{ID: user, Name: "Retail Switch"},
	}
}

// words makes up requests, advices and queries that can be said.
type words struct{ *rapid.T }

func (w words) text(pattern, label string) string {
	return rapid.StringMatching(pattern).Draw(w.T, label)
}

func (w words) maybe(label string) bool { return rapid.Bool().Draw(w.T, label+"?") }

// perhaps gives a text or none.
func (w words) perhaps(pattern, label string) string {
	if w.maybe(label) {
		return w.text(pattern, label)
	}
	return ""
}

// anything is a text that a message can have: without NUL.
const anything = `[^\x00]{1,10}`

func (w words) id() ident.ID { return ident.ID(w.text(`[!-~]{1,64}`, "id")) }

func (w words) amount() *money.Amount {
	if !w.maybe("amount") {
		return nil
	}
	return &money.Amount{
		Minor:    money.Minor(rapid.Int64Range(-int64(money.MaxMinor), int64(money.MaxMinor)).Draw(w.T, "minor")),
		Currency: money.Currency(rapid.Uint16Range(1, 999).Draw(w.T, "currency")),
	}
}

func (w words) number() (m ident.MSISDN) {
	m, _ = ident.ParseMSISDN(w.perhaps(`[1-9][0-9]{1,14}`, "number"))
	return m
}

func (w words) references() (all []ident.Reference) {
	for range rapid.IntRange(0, 3).Draw(w.T, "references") {
		all = append(all, ident.Reference{Institution: w.text(anything, "institution"), Identifier: w.perhaps(anything, "identifier")})
	}
	return all
}

func (w words) request() *airtime.Request {
	r := &airtime.Request{
		Family: txn.Voucher, ID: w.id(), Received: noon, Product: w.text(`[0-9A-Za-z]{1,20}`, "product"), Amount: w.amount(),
		References: w.references(), Origin: origin("till"),
	}
	for range rapid.IntRange(0, 3).Draw(w.T, "labels") {
		r.Labels = append(r.Labels, w.text(anything, "label"))
	}
	if w.maybe("purchase") {
		r.Family, r.Recipient, r.Buyer = txn.Purchase, w.number(), w.number()
	}
	return r
}

func (w words) advice() *airtime.Advice {
	a := &airtime.Advice{Advice: txn.Advice{
		Family: rapid.SampledFrom([]txn.Family{txn.Purchase, txn.Voucher}).Draw(w.T, "family"), Role: txn.Confirmation,
		ID: w.id(), RequestID: w.id(), Received: noon, References: w.references(), Approved: w.amount(),
	}}
	if w.maybe("reversal") {
		a.Role = txn.Reversal
		a.Why = rapid.SampledFrom([]txn.ReversalReason{txn.TimedOut, txn.Cancelled, txn.ResponseNotFinal}).Draw(w.T, "why")
		return a
	}
	a.Serial = w.perhaps(`[0-9A-Za-z]{1,20}`, "serial")
	return a
}

// tell sends a body, and gives the status.
func (e *edge) tell(path string, body txn.Wire) int {
	r := httptest.NewRequest(http.MethodPost, airtimehttp.Base+path, strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	e.ServeHTTP(answer, r)
	return answer.Code
}

// escape writes an id as a segment of a path, each of its characters escaped.
func escape(id ident.ID) string {
	var b strings.Builder
	for _, c := range []byte(id) {
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

// fits wants a body to be one that the document declares for an operation, by another reader than ours.
func fits(t interface{ Fatalf(string, ...any) }, operation string, body txn.Wire) {
	if err := contract().Takes(operation, body); err != nil {
		t.Fatalf("%s: %v", operation, err)
	}
}

// Whatever can be said is valid by the served document, and is understood as it was meant.
func TestRequestsAreUnderstoodAsTheyWereMeant(t *testing.T) {
	e := newEdge(t, false)
	rapid.Check(t, func(rt *rapid.T) {
		r := words{rt}.request()
		body, err := airtimehttp.Compose(r)
		if err != nil {
			rt.Fatal(err)
		}
		operation, path := "purchase", "/purchases"
		if r.Family == txn.Voucher {
			operation, path = "provisionVoucher", "/vouchers/"+escape(r.ID)
		}
		fits(rt, operation, body)
		e.service.forget()
		if status := e.tell(path, body); status != http.StatusCreated {
			rt.Fatalf("answered %d", status)
		}
		got := *e.service.request
		got.Sender, got.Body, got.Wire, got.Origin = nil, nil, nil, r.Origin
		if got.Merchant != r.Origin.Merchant.ID {
			rt.Fatalf("understood the merchant %q", got.Merchant)
		}
		got.Merchant = ""
		if len(r.References) == 0 && len(got.References) == 0 {
			got.References = r.References
		}
		if !reflect.DeepEqual(&got, r) {
			rt.Fatalf("understood %#v\nmeant %#v", &got, r)
		}
	})
}

func TestAdvicesAreUnderstoodAsTheyWereMeant(t *testing.T) {
	e := newEdge(t, false)
	rapid.Check(t, func(rt *rapid.T) {
		a := words{rt}.advice()
		body, err := airtimehttp.ComposeAdvice(a)
		if err != nil {
			rt.Fatal(err)
		}
		reversal := a.Role == txn.Reversal
		operation, path := "purchaseConfirmation", "/purchases/confirmations"
		switch {
		case reversal && a.Family == txn.Purchase:
			operation, path = "purchaseReversal", "/purchases/reversals"
		case reversal:
			operation, path = "reverseVoucher", "/vouchers/"+escape(a.RequestID)+"/reversals/"+escape(a.ID)
		case a.Family == txn.Voucher:
			operation, path = "confirmVoucher", "/vouchers/"+escape(a.RequestID)+"/confirmations/"+escape(a.ID)
		}
		fits(rt, operation, body)
		e.service.forget()
		if status := e.tell(path, body); status != http.StatusAccepted {
			rt.Fatalf("answered %d", status)
		}
		got := *e.service.advice
		got.Sender, got.Body, got.Wire = nil, nil, nil
		if len(a.References) == 0 && len(got.References) == 0 {
			got.References = a.References
		}
		if !reflect.DeepEqual(&got, a) {
			rt.Fatalf("understood %#v\nmeant %#v", &got, a)
		}
	})
}

func said() *airtime.Request {
	recipient, _ := ident.ParseMSISDN("27831234567")
	return &airtime.Request{
		Family: txn.Purchase, ID: requestID, Received: noon, Product: "A10", Amount: rand(12500), Recipient: recipient, Origin: origin("till"),
		Sender: &txn.Sender{Account: 1, World: 1},
	}
}

// What cannot be said is refused by the name of the word, before anything is sent.
func TestWhatCannotBeSaid(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(r *airtime.Request)
		field string
	}{
		"no id":           {func(r *airtime.Request) { r.ID = "" }, "id"},
		"no time":         {func(r *airtime.Request) { r.Received = time.Time{} }, "time"},
		"no origin":       {func(r *airtime.Request) { r.Origin = nil }, "originator"},
		"no terminal":     {func(r *airtime.Request) { r.Origin.Terminal = "" }, "originator.terminalId"},
		"no client":       {func(r *airtime.Request) { r.Origin.Client.ID = "" }, "client.id"},
		"no product":      {func(r *airtime.Request) { r.Product = "" }, "product"},
		"a long product":  {func(r *airtime.Request) { r.Product = strings.Repeat("x", 21) }, "product.productId"},
		"no currency":     {func(r *airtime.Request) { r.Amount.Currency = 0 }, "amounts.requestAmount.currency"},
		"a huge amount":   {func(r *airtime.Request) { r.Amount.Minor = money.MaxMinor + 1 }, "amounts.requestAmount.amount"},
		"a collection":    {func(r *airtime.Request) { r.Collect = true }, "paymentMethods"},
		"a NUL":           {func(r *airtime.Request) { r.Labels = []string{"a\x00"} }, "transactionLabels"},
		"whose voucher":   {func(r *airtime.Request) { r.Family = txn.Voucher }, "recipientMsisdn.msisdn"},
		"whose reference": {func(r *airtime.Request) { r.References = []ident.Reference{{Identifier: "1"}} }, "thirdPartyIdentifiers.institutionId"},
	} {
		t.Run(name, func(t *testing.T) {
			r := said()
			if _, err := airtimehttp.Compose(r); err != nil {
				t.Fatalf("cannot be said to begin with: %v", err)
			}
			c.spoil(r)
			_, err := airtimehttp.Compose(r)
			names(t, err, c.field)
		})
	}
}

func TestWhatAdvicesCannotSay(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(a *airtime.Advice)
		field string
	}{
		"no id":                {func(a *airtime.Advice) { a.ID = "" }, "id"},
		"no request":           {func(a *airtime.Advice) { a.RequestID = "" }, "requestId"},
		"no reason":            {func(a *airtime.Advice) { a.Role, a.Why, a.Serial = txn.Reversal, "BORED", "" }, "reversalReason"},
		"an odd serial":        {func(a *airtime.Advice) { a.Serial = "S-7" }, "voucher.serialNumber"},
		"what was not sold":    {func(a *airtime.Advice) { a.Role = txn.Reversal }, "voucher"},
		"an odd older serial":  {func(a *airtime.Advice) { a.Family, a.Serial = txn.Voucher, "S-7" }, "voucher.serialNumber"},
		"another huge amount":  {func(a *airtime.Advice) { a.Approved = rand(money.MaxMinor + 1) }, "amounts.approvedAmount.amount"},
		"an amount of nothing": {func(a *airtime.Advice) { a.Approved = &money.Amount{Minor: 1} }, "amounts.approvedAmount.currency"},
	} {
		t.Run(name, func(t *testing.T) {
			a := &airtime.Advice{Serial: "S7", Advice: txn.Advice{
				Family: txn.Purchase, Role: txn.Confirmation, ID: adviceID, RequestID: requestID, Received: noon,
			}}
			if _, err := airtimehttp.ComposeAdvice(a); err != nil {
				t.Fatalf("cannot be said to begin with: %v", err)
			}
			c.spoil(a)
			_, err := airtimehttp.ComposeAdvice(a)
			names(t, err, c.field)
		})
	}
}

// names wants an error to be a format error with a field, and to tell no number.
func names(t *testing.T, err error, field string) {
	t.Helper()
	var refusal *decline.Error
	if !errors.As(err, &refusal) || refusal.Reason != decline.FormatError || refusal.Field != field {
		t.Fatalf("got %v, want one about %s", err, field)
	}
	if strings.Contains(refusal.Text, "27831234567") {
		t.Errorf("%q tells a number", refusal.Text)
	}
}

// The contract of airtime has no other families.
func TestOtherFamiliesCannotBeSaid(t *testing.T) {
	for _, f := range []txn.Family{0, txn.Redemption, txn.LookUp, txn.Adjustment} {
		r := said()
		r.Family = f
		_, err := airtimehttp.Compose(r)
		isNotOurs(t, err)
		_, err = airtimehttp.ComposeAdvice(&airtime.Advice{Advice: txn.Advice{
			Family: f, Role: txn.Reversal, ID: adviceID, RequestID: requestID, Received: noon,
		}})
		isNotOurs(t, err)
	}
}

func isNotOurs(t *testing.T, err error) {
	t.Helper()
	var refusal *decline.Error
	if !errors.As(err, &refusal) || refusal.Reason != decline.FunctionNotSupported {
		t.Errorf("got %v", err)
	}
}
