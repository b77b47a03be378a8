package giftcardhttp_test

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

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcardhttp"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// origin is where the requests of these tests come from.
func origin() *txn.Origin {
	return &txn.Origin{
		Institution: txn.Party{ID: "1234567", Name: "Corner Stores"}, Terminal: "T0000001", Operator: "17", Channel: "web",
		Merchant: txn.Merchant{Type: "5411", ID: "000000000012345", Name: "Corner Store 12", City: "Cape Town", Region: "WC", Country: "ZA"},
		Client:   txn.Party{ID: "7654321", Name: "Retail Switch"}, Receiver: &txn.Party{ID: "77", Name: "Issuer"},
	}
}

// words makes up requests and advices that can be said.
type words struct{ *rapid.T }

func (w words) text(pattern, label string) string {
	return rapid.StringMatching(pattern).Draw(w.T, label)
}

// anything is a text that a message can have: without NUL.
const anything = `[^\x00]{1,10}`

func (w words) id() ident.ID { return ident.ID(w.text(`[!-~]{1,64}`, "id")) }

// perhaps gives a text or none.
func (w words) perhaps(pattern, label string) string {
	if rapid.Bool().Draw(w.T, label+"?") {
		return w.text(pattern, label)
	}
	return ""
}

func (w words) amount() *money.Amount {
	return &money.Amount{
		Minor:    money.Minor(rapid.Int64Range(-int64(money.MaxMinor), int64(money.MaxMinor)).Draw(w.T, "minor")),
		Currency: money.Currency(rapid.Uint16Range(1, 999).Draw(w.T, "currency")),
	}
}

func (w words) card() (p giftcard.Presented) {
	p.PAN, _ = ident.ParsePAN(w.text(`[0-9]{1,19}`, "pan"))
	p.Expiry = w.perhaps(`[0-9]{4}`, "expiry")
	p.PIN = giftcard.PIN{Clear: w.perhaps(`[ -~é€]{1,20}`, "clear PIN"), Encrypted: w.perhaps(`[0-9A-F]{1,32}`, "encrypted PIN")}
	return p
}

func (w words) references() (all []ident.Reference) {
	for range rapid.IntRange(0, 3).Draw(w.T, "references") {
		all = append(all, ident.Reference{Institution: w.text(anything, "institution"), Identifier: w.perhaps(anything, "identifier")})
	}
	return all
}

var families = []txn.Family{
	txn.Activation, txn.Load, txn.Redemption, txn.Void, txn.Replace, txn.Transfer, txn.LookUp,
}

func (w words) request() *giftcard.Request {
	r := &giftcard.Request{
		Family: rapid.SampledFrom(families).Draw(w.T, "family"), ID: w.id(), Received: noon, Card: w.card(),
		References: w.references(), Origin: origin(),
	}
	switch r.Family {
	case txn.Load, txn.Redemption:
		r.Amount = w.amount()
	case txn.Replace:
		r.Target = w.card()
	case txn.Transfer:
		r.Target, r.Amount = w.card(), w.amount()
	case txn.Activation:
		r.Product = w.text(`[0-9A-Za-z]{1,100}`, "product")
		if rapid.Bool().Draw(w.T, "amount?") {
			r.Amount = w.amount()
		}
		r.Holder = w.holder()
	case txn.LookUp:
		if r.Holder = w.holder(); !r.Holder.IsZero() {
			r.Card = giftcard.Presented{}
		}
	}
	return r
}

func (w words) holder() giftcard.Holder {
	return giftcard.Holder{
		ProfileID: w.perhaps(anything, "profile"), MSISDN: w.perhaps(`\+?[1-9][0-9]{1,14}`, "number"),
		EmailAddress: w.perhaps(`[a-z]{1,5}@example\.org`, "address"),
	}
}

func (w words) advice() *txn.Advice {
	a := &txn.Advice{
		Family: rapid.SampledFrom(families[:6]).Draw(w.T, "family"), Role: txn.Confirmation, ID: w.id(), RequestID: w.id(),
		Received: noon, References: w.references(),
	}
	if rapid.Bool().Draw(w.T, "partial") {
		a.Approved = w.amount()
	}
	if rapid.Bool().Draw(w.T, "reversal") {
		a.Role = txn.Reversal
		a.Why = rapid.SampledFrom([]txn.ReversalReason{txn.TimedOut, txn.Cancelled, txn.ResponseNotFinal}).Draw(w.T, "why")
	}
	return a
}

// tell posts a body to the place of a message, and gives the status.
func tell(server http.Handler, path string, body txn.Wire) int {
	r := httptest.NewRequest(http.MethodPost, giftcardhttp.Base+path, strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	server.ServeHTTP(answer, r)
	return answer.Code
}

// Whatever can be said is valid by the served document, and is understood as it was meant.
func TestRequestsAreUnderstoodAsTheyWereMeant(t *testing.T) {
	e := newEdge(t)
	rapid.Check(t, func(rt *rapid.T) {
		r := words{rt}.request()
		body, err := giftcardhttp.Compose(r)
		if err != nil {
			rt.Fatalf("%v: %v", r.Family, err)
		}
		k := kinds[familyAt(r.Family)]
		fits(rt, k.request, body)
		e.service.request = nil
		if status := tell(e, "/"+k.resource+"/"+escape(r.ID), body); status != http.StatusCreated {
			rt.Fatalf("answered %d", status)
		}
		got := *e.service.request
		got.Sender, got.Body, got.Wire, got.Channel, got.Origin = nil, nil, nil, "", r.Origin
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
	e := newEdge(t)
	rapid.Check(t, func(rt *rapid.T) {
		a := words{rt}.advice()
		body, err := giftcardhttp.ComposeAdvice(a)
		if err != nil {
			rt.Fatal(err)
		}
		k := kinds[familyAt(a.Family)]
		operation, segment := "confirm"+k.name, "/confirmations/"
		if a.Role == txn.Reversal {
			operation, segment = "reverse"+k.name, "/reversals/"
		}
		fits(rt, operation, body)
		e.service.advice = nil
		if status := tell(e, "/"+k.resource+"/"+escape(a.RequestID)+segment+escape(a.ID), body); status != http.StatusAccepted {
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

// familyAt gives the place of a family among the kinds.
func familyAt(f txn.Family) int {
	for i := range families {
		if families[i] == f {
			return i
		}
	}
	return -1
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

// said is a request that can be said.
func said(f txn.Family) *giftcard.Request {
	pan, _ := ident.ParsePAN("6001000000000000001")
	r := &giftcard.Request{
		Family: f, ID: requestID, Received: noon, Origin: origin(),
		Card: giftcard.Presented{PAN: pan, Expiry: "4010", PIN: giftcard.PIN{Clear: "70529136"}},
	}
	switch f {
	case txn.Activation:
		r.Product = "plain"
	case txn.Load, txn.Redemption, txn.Transfer:
		r.Amount = &money.Amount{Minor: 12500, Currency: 710}
	}
	if f == txn.Transfer || f == txn.Replace {
		r.Target.PAN, _ = ident.ParsePAN("6001000000000000002")
	}
	return r
}

// What cannot be said is refused by the name of the word, before anything is sent.
func TestWhatCannotBeSaid(t *testing.T) {
	long := strings.Repeat("x", 51)
	for name, c := range map[string]struct {
		family txn.Family
		spoil  func(r *giftcard.Request)
		field  string
	}{
		"no id":                 {txn.Load, func(r *giftcard.Request) { r.ID = "" }, "id"},
		"a blank in the id":     {txn.Load, func(r *giftcard.Request) { r.ID = "a b" }, "id"},
		"no time":               {txn.Load, func(r *giftcard.Request) { r.Received = time.Time{} }, "time"},
		"no origin":             {txn.Load, func(r *giftcard.Request) { r.Origin = nil }, "originator"},
		"no terminal":           {txn.Load, func(r *giftcard.Request) { r.Origin.Terminal = "" }, "originator.terminalId"},
		"a terminal of seven":   {txn.Load, func(r *giftcard.Request) { r.Origin.Terminal = "T000001" }, "originator.terminalId"},
		"no institution":        {txn.Load, func(r *giftcard.Request) { r.Origin.Institution.ID = "" }, "originator.institution.id"},
		"a long operator":       {txn.Load, func(r *giftcard.Request) { r.Origin.Operator = long }, "originator.operatorId"},
		"a long channel":        {txn.Load, func(r *giftcard.Request) { r.Origin.Channel = long }, "originator.channelId"},
		"three digits of trade": {txn.Load, func(r *giftcard.Request) { r.Origin.Merchant.Type = "541" }, "originator.merchant.merchantType"},
		"a short merchant":      {txn.Load, func(r *giftcard.Request) { r.Origin.Merchant.ID = "12345" }, "originator.merchant.merchantId"},
		"a long shop": {
			txn.Load, func(r *giftcard.Request) { r.Origin.Merchant.Name = long }, "originator.merchant.merchantName.name",
		},
		"no city": {
			txn.Load, func(r *giftcard.Request) { r.Origin.Merchant.City = "" }, "originator.merchant.merchantName.city",
		},
		"a long region": {
			txn.Load, func(r *giftcard.Request) { r.Origin.Merchant.Region = "WCP" }, "originator.merchant.merchantName.region",
		},
		"a long country": {
			txn.Load, func(r *giftcard.Request) { r.Origin.Merchant.Country = "ZAF" }, "originator.merchant.merchantName.country",
		},
		"no client":        {txn.Load, func(r *giftcard.Request) { r.Origin.Client = txn.Party{} }, "client.id"},
		"a long client":    {txn.Load, func(r *giftcard.Request) { r.Origin.Client.Name = long }, "client.name"},
		"half a receiver":  {txn.Load, func(r *giftcard.Request) { r.Origin.Receiver.Name = "" }, "receiver.name"},
		"half a settler":   {txn.Load, func(r *giftcard.Request) { r.Origin.Settlement = &txn.Party{ID: "1"} }, "settlementEntity.name"},
		"no card":          {txn.Load, func(r *giftcard.Request) { r.Card = giftcard.Presented{} }, "card"},
		"no number":        {txn.Load, func(r *giftcard.Request) { r.Card.PAN = ident.PAN{} }, "card.pan"},
		"a long expiry":    {txn.Load, func(r *giftcard.Request) { r.Card.Expiry = "10/40" }, "card.expiryDate"},
		"no hex":           {txn.Load, func(r *giftcard.Request) { r.Card.PIN.Encrypted = "70529136x" }, "card.encryptedPin"},
		"a hash":           {txn.Load, func(r *giftcard.Request) { r.Card.Hashed = true }, "card.pin"},
		"no amount":        {txn.Load, func(r *giftcard.Request) { r.Amount = nil }, "amounts"},
		"no currency":      {txn.Load, func(r *giftcard.Request) { r.Amount.Currency = 0 }, "amounts.requestAmount.currency"},
		"a long currency":  {txn.Load, func(r *giftcard.Request) { r.Amount.Currency = 1000 }, "amounts.requestAmount.currency"},
		"a huge amount":    {txn.Load, func(r *giftcard.Request) { r.Amount.Minor = money.MaxMinor + 1 }, "amounts.requestAmount.amount"},
		"a third card":     {txn.Load, func(r *giftcard.Request) { r.Target = r.Card }, "targetCard"},
		"no target":        {txn.Transfer, func(r *giftcard.Request) { r.Target = giftcard.Presented{} }, "targetCard"},
		"no new card":      {txn.Replace, func(r *giftcard.Request) { r.Target = giftcard.Presented{} }, "newCard"},
		"no old card":      {txn.Replace, func(r *giftcard.Request) { r.Card = giftcard.Presented{} }, "oldCard"},
		"a replaced sum":   {txn.Replace, func(r *giftcard.Request) { r.Amount = &money.Amount{Minor: 1, Currency: 710} }, "amounts.requestAmount"},
		"a voided sum":     {txn.Void, func(r *giftcard.Request) { r.Amount = &money.Amount{Minor: 1, Currency: 710} }, "amounts.requestAmount"},
		"no product":       {txn.Activation, func(r *giftcard.Request) { r.Product = "" }, "product"},
		"an odd product":   {txn.Activation, func(r *giftcard.Request) { r.Product = "a-b" }, "product.id"},
		"an odd holder":    {txn.Activation, func(r *giftcard.Request) { r.Holder.MSISDN = "021 555" }, "cardHolder.msisdn"},
		"a look for a sum": {txn.LookUp, func(r *giftcard.Request) { r.Product = "plain" }, "product.id"},
		"nobody looked up": {txn.LookUp, func(r *giftcard.Request) { r.Card = giftcard.Presented{} }, "card"},
		"a NUL":            {txn.Load, func(r *giftcard.Request) { r.Card.PIN.Clear = "7\x00" }, "card.clearPin"},
		"points":           {txn.Redemption, func(r *giftcard.Request) { r.Points = true }, "points.requestAmount"},
		"nobody's reference": {
			txn.Load, func(r *giftcard.Request) { r.References = []ident.Reference{{Identifier: "1"}} }, "thirdPartyIdentifiers.institutionId",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := said(c.family)
			if _, err := giftcardhttp.Compose(r); err != nil {
				t.Fatalf("cannot be said to begin with: %v", err)
			}
			c.spoil(r)
			_, err := giftcardhttp.Compose(r)
			names(t, err, c.field)
		})
	}
}

func TestWhatAdvicesCannotSay(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(a *txn.Advice)
		field string
	}{
		"no id":       {func(a *txn.Advice) { a.ID = "" }, "id"},
		"no request":  {func(a *txn.Advice) { a.RequestID = "" }, "requestId"},
		"no time":     {func(a *txn.Advice) { a.Received = time.Time{} }, "time"},
		"no reason":   {func(a *txn.Advice) { a.Role, a.Why = txn.Reversal, "BORED" }, "reversalReason"},
		"no currency": {func(a *txn.Advice) { a.Approved = &money.Amount{Minor: 5} }, "amounts.approvedAmount.currency"},
		"nobody's reference": {
			func(a *txn.Advice) { a.References = []ident.Reference{{Identifier: "1"}} }, "thirdPartyIdentifiers.institutionId",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := &txn.Advice{Family: txn.Load, Role: txn.Confirmation, ID: adviceID, RequestID: requestID, Received: noon}
			if _, err := giftcardhttp.ComposeAdvice(a); err != nil {
				t.Fatalf("cannot be said to begin with: %v", err)
			}
			c.spoil(a)
			_, err := giftcardhttp.ComposeAdvice(a)
			names(t, err, c.field)
		})
	}
}

// names wants an error to be a format error with a field, and to tell no secret.
func names(t *testing.T, err error, field string) {
	t.Helper()
	var refusal *decline.Error
	if !errors.As(err, &refusal) || refusal.Reason != decline.FormatError || refusal.Field != field {
		t.Fatalf("got %v, want one about %s", err, field)
	}
	for _, secret := range []string{"6001000000000000001", "70529136"} {
		if strings.Contains(refusal.Text, secret) {
			t.Errorf("%q tells a secret", refusal.Text)
		}
	}
}

// The contract of gift cards has no other families.
func TestOtherFamiliesCannotBeSaid(t *testing.T) {
	for _, f := range []txn.Family{0, txn.Purchase, txn.Voucher, txn.Adjustment} {
		_, err := giftcardhttp.Compose(said(f))
		isNotOurs(t, err)
	}
	_, err := giftcardhttp.ComposeAdvice(&txn.Advice{Family: txn.LookUp, Role: txn.Reversal, ID: adviceID, RequestID: requestID, Received: noon})
	isNotOurs(t, err)
}

func isNotOurs(t *testing.T, err error) {
	t.Helper()
	var refusal *decline.Error
	if !errors.As(err, &refusal) || refusal.Reason != decline.FunctionNotSupported {
		t.Errorf("got %v", err)
	}
}
