package airtimehttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// speaksOf says what is wrong with what an ErrorDetail says of the message that it answers.
func (d errorDetail) speaksOf(m message) string {
	switch {
	case d.RequestType != m.requestType:
		return "the request type is " + d.RequestType
	case d.ID != m.id && !m.query():
		return "the id is " + d.ID
	case d.OriginalID != m.originalID:
		return "the original id is " + d.OriginalID
	}
	return ""
}

// C13 and docs/errors.md: what cannot be taken, and what nobody knows. What is repeated until it has an end is not
// given one by that.
func TestWhatIsNotDecidedIsAnsweredByItsCause(t *testing.T) {
	for _, c := range []struct {
		name            string
		err             error
		asks, repeats   int
		reason, reason2 string
	}{
		{"nobody knows", errors.New("commit: disk on fire"), 500, 500, "GENERAL_ERROR", "GENERAL_ERROR"},
		{"still at work", &decline.Unknown{Reason: decline.OutcomeUnknown, Text: "fire"}, 504, 500, "OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN"},
		{"overloaded", &decline.NotTaken{Cause: decline.Overloaded, Text: "busy"}, 503, 500, "SYSTEM_MALFUNCTION", "GENERAL_ERROR"},
		{"stopping", &decline.NotTaken{Cause: decline.Stopping, Text: "bye"}, 503, 500, "SYSTEM_MALFUNCTION", "GENERAL_ERROR"},
		{"store down", &decline.NotTaken{Cause: decline.StoreDown, Text: "disk full"}, 503, 500, "SYSTEM_MALFUNCTION", "GENERAL_ERROR"},
		{"store down, and why", fmt.Errorf("%w: %w", &decline.NotTaken{Cause: decline.StoreDown, Text: "x"}, errors.New("disk on fire")), 503, 500, "SYSTEM_MALFUNCTION", "GENERAL_ERROR"},
		{"too often", &decline.NotTaken{Cause: decline.RateLimited, Text: "slowly"}, 429, 500, "LIMIT_EXCEEDED", "GENERAL_ERROR"},
		{"too late", &decline.NotTaken{Cause: decline.Expired, Text: "late"}, 504, 500, "SYSTEM_MALFUNCTION", "GENERAL_ERROR"},
		{"who are you", &decline.NotTaken{Cause: decline.Unauthenticated, Text: "who?"}, 401, 401, "GENERAL_ERROR", "GENERAL_ERROR"},
		{"not here", &decline.NotTaken{Cause: decline.Forbidden, Text: "no"}, 403, 403, "GENERAL_ERROR", "GENERAL_ERROR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEdge(t, false)
			e.service.err = c.err
			for _, m := range messages() {
				status, reason := c.asks, c.reason
				if m.advice() || m.operation == "purchaseStatus" && c.name != "still at work" {
					status, reason = c.repeats, c.reason2
				}
				answer := e.answer(m)
				d := detail(t, m.operation, answer)
				if answer.Code != status || d.ErrorType != reason {
					t.Errorf("%s: %d %s", m.operation, answer.Code, d.ErrorType)
				}
				if wrong := d.speaksOf(m); wrong != "" {
					t.Errorf("%s: %s", m.operation, wrong)
				}
				if strings.Contains(answer.Body.String(), "disk on fire") {
					t.Errorf("%s: tells of our faults: %s", m.operation, answer.Body)
				}
			}
		})
	}
}

// 3.2 row 2a: of a purchase that is still being worked on a status tells the id, also when it was asked for otherwise.
func TestAStatusOfWhatIsStillWorkedOn(t *testing.T) {
	e := newEdge(t, false)
	e.service.err = &decline.Unknown{Reason: decline.OutcomeUnknown, RequestID: requestID}
	for _, parameters := range []string{"?originalMsgId=" + requestID, "?purchaseReference=A1&provider=P"} {
		answer := e.answer(status.at("/purchases/status" + parameters))
		if d := detail(t, "purchaseStatus", answer); answer.Code != http.StatusGatewayTimeout || d.ErrorType != "OUTCOME_UNKNOWN" || d.OriginalID != requestID {
			t.Errorf("%s: %d %s", parameters, answer.Code, answer.Body)
		}
	}
}

// 3.2 rows 2 and 3: what was not found is called as it was asked for, what was found by its id.
func TestARefusalOfAStatusNamesThePurchase(t *testing.T) {
	e := newEdge(t, false)
	for _, c := range []struct {
		parameters string
		refusal    *decline.Error
		status     int
		originalID string
	}{
		{"?originalMsgId=" + requestID, decline.New(decline.UnableToLocateRecord, "x"), 404, requestID},
		{"?purchaseReference=A1&provider=P", decline.New(decline.UnableToLocateRecord, "x"), 404, "A1"},
		{"?originalMsgId=m1&purchaseReference=A1&provider=P", decline.New(decline.UnableToLocateRecord, "x"), 404, "m1"},
		{"?purchaseReference=A1&provider=P", decline.New(decline.AccountAlreadySettled, "x").With(decline.Detail{RequestID: requestID}), 400, requestID},
		{"?purchaseReference=A1&provider=P", decline.New(decline.OutOfStock, "x").With(decline.Detail{RequestID: requestID}), 400, requestID},
	} {
		e.service.err = c.refusal
		answer := e.answer(status.at("/purchases/status" + c.parameters))
		d := detail(t, "purchaseStatus", answer)
		if answer.Code != c.status || d.ErrorType != string(c.refusal.Reason) || d.OriginalID != c.originalID || d.RequestType != "PURCHASE_STATUS_REQUEST" {
			t.Errorf("%s: %d %s", c.parameters, answer.Code, answer.Body)
		}
	}
}

// Every reason of a refusal has its type, a short message, its status, and the right ids around it.
func TestRefusals(t *testing.T) {
	e := newEdge(t, false)
	for reason, errorType := range map[decline.Reason]string{
		decline.DuplicateRecord: "DUPLICATE_RECORD", decline.FormatError: "FORMAT_ERROR", decline.GeneralError: "GENERAL_ERROR",
		decline.InvalidAmount: "INVALID_AMOUNT", decline.RoutingError: "ROUTING_ERROR", decline.TransactionNotSupported: "TRANSACTION_NOT_SUPPORTED",
		decline.UnableToLocateRecord: "UNABLE_TO_LOCATE_RECORD", decline.UpstreamUnavailable: "UPSTREAM_UNAVAILABLE",
		decline.InvalidProduct: "INVALID_PRODUCT", decline.AccountAlreadySettled: "ACCOUNT_ALREADY_SETTLED", decline.OutOfStock: "OUT_OF_STOCK",
		decline.DoNotHonour: "DO_NOT_HONOR", decline.DeclinedByMNO: "DECLINED_BY_MNO", decline.InvalidMSISDN: "INVALID_MSISDN",
		decline.InsufficientFunds: "INSUFFICIENT_FUNDS", decline.OutcomeUnknown: "OUTCOME_UNKNOWN", decline.SystemMalfunction: "SYSTEM_MALFUNCTION",
		decline.LimitExceeded: "LIMIT_EXCEEDED",
	} {
		e.service.err = decline.New(reason, "because")
		want := http.StatusBadRequest
		if reason == decline.UnableToLocateRecord {
			want = http.StatusNotFound
		}
		for _, m := range messages() {
			if !contract().Declares(m.operation, want) {
				continue // no purchase has a 404
			}
			answer := e.answer(m)
			d := detail(t, m.operation, answer)
			if answer.Code != want || d.ErrorType != errorType || e.observer.errorType != errorType {
				t.Errorf("%s %s: %d %s", m.operation, reason, answer.Code, d.ErrorType)
			}
			if wrong := d.speaksOf(m); wrong != "" {
				t.Errorf("%s %s: %s", m.operation, reason, wrong)
			}
		}
	}
}

// A4: who sends a request must be its client, unless it speaks for others. Advices and queries name no client.
func TestTheClientMustBeTheSender(t *testing.T) {
	e := newEdge(t, false)
	for _, c := range []struct {
		sender txn.Sender
		client string
		taken  bool
	}{
		{txn.Sender{Name: "till"}, "till", true},
		{txn.Sender{Name: "till", Intermediary: true}, "other", true},
		{txn.Sender{Intermediary: true}, "other", true},
		{txn.Sender{Name: "till"}, "Till", false},
		{txn.Sender{Name: "till"}, "till ", false},
		{txn.Sender{Name: "till"}, "", false},
		{txn.Sender{Name: ""}, "", false}, // A3: the anonymous user
		{txn.Sender{Name: ""}, "till", false},
	} {
		e.door.sender = c.sender
		for _, m := range messages() {
			e.service.forget()
			names := !m.advice() && !m.query()
			if names {
				m = m.with(t, client, `"client":{"id":"`+c.client+`","name":"N","pin":"7052"}`)
			}
			answer := e.answer(m)
			if c.taken || !names {
				if answer.Code >= http.StatusBadRequest || !e.service.asked() {
					t.Errorf("%+v %s: %d %s", c.sender, m.operation, answer.Code, answer.Body)
				}
				continue
			}
			d := detail(t, m.operation, answer)
			shown := map[string]any{"id": c.client, "name": "N"}
			if answer.Code != http.StatusBadRequest || d.ErrorType != "FORMAT_ERROR" || d.ID != requestID || d.RequestType != m.requestType ||
				d.OriginalID != "" || !reflect.DeepEqual(d.DetailMessage["client"], shown) || e.service.asked() {
				t.Errorf("%+v %s: %d %s", c.sender, m.operation, answer.Code, answer.Body)
			}
		}
	}
}

// 3.1 row 5: a request that comes after its reversal is told of that.
func TestALateRequest(t *testing.T) {
	e := newEdge(t, false)
	e.service.err = decline.New(decline.AccountAlreadySettled, "late").With(decline.Detail{ReversalID: adviceID, ReversalTime: noon})
	for _, m := range []message{purchase, provision} {
		d := detail(t, m.operation, e.answer(m))
		if d.ErrorType != "ACCOUNT_ALREADY_SETTLED" || d.ID != requestID || d.OriginalID != adviceID || d.DetailMessage["reversalId"] != adviceID {
			t.Errorf("%s: %+v", m.operation, d)
		}
	}
	e.service.err = decline.New(decline.DuplicateRecord, "again").With(decline.Detail{RequestID: requestID, ReversalID: adviceID})
	if d := detail(t, "purchase", e.answer(purchase)); d.OriginalID != "" {
		t.Errorf("a duplicate: %+v", d)
	}
}

// What a refusal tells of the messages that led to it (1.3, 3.1).
func TestDetailsOfARefusal(t *testing.T) {
	const told = `"requestTime":"2026-03-04T05:06:07.120Z"`
	at := time.Date(2026, 3, 4, 5, 6, 7, 120_000_000, time.UTC)
	receiver := `"receiver":{"id":"44","name":"Vendor"}`
	for name, c := range map[string]struct {
		refusal *decline.Error
		of      message
		want    string
	}{
		"a voucher sold before": {decline.New(decline.DuplicateRecord, "x").With(decline.Detail{RequestID: requestID, RequestTime: at}), provision.also(receiver),
			`{"freeString":"x","requestId":"` + requestID + `",` + told + `,"voucherId":"` + requestID + `","product":{"productId":"A10"},` + receiver + `}`},
		"a purchase made before": {decline.New(decline.DuplicateRecord, "x").With(decline.Detail{RequestID: requestID, RequestTime: at}), purchase,
			`{"freeString":"x","requestId":"` + requestID + `",` + told + `,"product":{"productId":"A10"}}`},
		"somebody else's": {decline.New(decline.DuplicateRecord, "x"), provision, `{"freeString":"x"}`},
		"no such product": {decline.New(decline.InvalidProduct, "is not sold").At("product.productId"), trial,
			`{"freeString":"is not sold","requestId":"` + requestID + `","product":{"productId":"A10"},` +
				`"formatErrors":[{"field":"product.productId","msg":"product.productId: is not sold"}]}`},
		"nothing left": {decline.New(decline.OutOfStock, ""), provision,
			`{"freeString":"Out of stock","requestId":"` + requestID + `","product":{"productId":"A10"}}`},
		"no such number": {decline.New(decline.InvalidMSISDN, "belongs to no network").At("recipientMsisdn.msisdn"), purchase,
			`{"freeString":"belongs to no network","requestId":"` + requestID + `",` +
				`"formatErrors":[{"field":"recipientMsisdn.msisdn","msg":"recipientMsisdn.msisdn: belongs to no network"}]}`},
		"too much": {decline.New(decline.InsufficientFunds, "x").With(decline.Detail{Requested: rand(5), Balance: rand(0)}), purchase,
			`{"freeString":"x","requestId":"` + requestID + `","amounts":{"requestAmount":{"amount":5,"currency":"710"},` +
				`"approvedAmount":{"amount":0,"currency":"710"},"balanceAmount":{"amount":0,"currency":"710"}}}`},
		"confirmed before it was reversed": {decline.New(decline.AccountAlreadySettled, "x").With(decline.Detail{RequestID: requestID, ConfirmationID: "c1", ConfirmTime: at}), voucherReversal,
			`{"freeString":"x","requestId":"` + requestID + `","confirmationId":"c1","confirmDate":"2026-03-04T05:06:07.120Z"}`},
		"nothing of another's request": {decline.New(decline.GeneralError, "x"), purchaseReversal, `{"freeString":"x"}`},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t, false)
			e.service.err = c.refusal
			d := detail(t, c.of.operation, e.answer(c.of))
			var want map[string]any
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(d.DetailMessage, want) {
				t.Errorf("told %v, want %v", d.DetailMessage, want)
			}
		})
	}
}

// Each field at fault is named, the body keeps its ids, and the service hears nothing.
func TestBodiesThatAreRefused(t *testing.T) {
	const number, product = `"msisdn":"+27831234567"`, `"product":{"productId":"A10"}`
	e := newEdge(t, false)
	for _, c := range []struct {
		of         message
		old, fresh string
		fields     []string
	}{
		{purchase, number, `"msisdn":"0831234567"`, []string{"recipientMsisdn.msisdn"}},
		{purchase, number, `"msisdn":"+2"`, []string{"recipientMsisdn.msisdn"}},
		{purchase, number, `"msisdn":"+27 83 123 4567"`, []string{"recipientMsisdn.msisdn"}},
		{purchase, number, `"msisdn":"+1234567890123456"`, []string{"recipientMsisdn.msisdn"}},
		{purchase, number, `"msisdn":27831234567`, []string{"recipientMsisdn.msisdn"}},
		{purchase, number, `"msisdn":null`, []string{"recipientMsisdn.msisdn"}},
		{purchase, `67","country":"ZA"`, `67","country":"ZAF"`, []string{"recipientMsisdn.country"}},
		{purchase, product, product + `,"senderMsisdn":{"msisdn":"x"}`, []string{"senderMsisdn.msisdn"}},
		{purchase, product, `"product":null`, []string{"product"}},
		{purchase, product, `"product":{}`, []string{"product.productId"}},
		{purchase, product, `"product":{"productId":"A 10"}`, []string{"product.productId"}},
		{purchase, product, `"product":{"productId":"A10","type":"PIGEON"}`, []string{"product.type"}},
		{purchase, product, `"product":{"productId":"A10","barcode":"-"}`, []string{"product.barcode"}},
		{purchase, product, `"product":"A10"`, []string{"product"}},
		{purchase, `"amount":12500`, `"amount":125.5`, []string{"amounts.requestAmount.amount"}},
		{purchase, `"amount":12500`, `"amount":1e3`, []string{"amounts.requestAmount.amount"}},
		{purchase, `"amount":12500`, `"amount":"12,500"`, []string{"amounts.requestAmount.amount"}},
		{purchase, `"amount":12500`, `"amount":"0000000000000000001"`, []string{"amounts.requestAmount.amount"}},
		{purchase, `"amount":12500`, `"amount":9223372036854775808`, []string{"amounts.requestAmount.amount"}},
		{purchase, `"amount":12500,`, ``, []string{"amounts.requestAmount.amount"}},
		{purchase, `"currency":"710"`, `"currency":"ZAR"`, []string{"amounts.requestAmount.currency"}},
		{purchase, `"stan"`, `"tranType":"GIFT","stan"`, []string{"tranType"}},
		{purchase, `"T0000001"`, `"T1"`, []string{"originator.terminalId"}},
		{purchase, `"channelId":"web"`, `"channelId":"` + strings.Repeat("x", 51) + `"`, []string{"originator.channelId"}},
		{purchase, `"tenders":[`, `"paymentMethods":{},"tenders":[`, []string{"paymentMethods"}},
		{purchase, client + ",", ``, []string{"client"}},
		{purchase, `"time":"2026-03-04T10:11:12.120Z"`, `"time":"yesterday"`, []string{"time"}},
		{purchase, `"T0000001","merchant"`, `"T1","merchant"`, []string{"originator.terminalId"}},
		{trial, number, `"msisdn":"0"`, []string{"recipientMsisdn.msisdn"}},
		{provision, product, `"product":{}`, []string{"product.productId"}},
		{voucherConfirmation, `"serialNumber":"S7"`, `"pin":"1"`, []string{"voucher.serialNumber"}},
		{voucherConfirmation, `"serialNumber":"S7"`, `"serialNumber":"S-7"`, []string{"voucher.serialNumber"}},
		{voucherConfirmation, `"time"`, `"amounts":{"approvedAmount":{"amount":"x","currency":"710"}},"time"`, []string{"amounts.approvedAmount.amount"}},
		{voucherReversal, `,"reversalReason":"TIMEOUT"`, ``, []string{"reversalReason"}},
		{purchaseReversal, `"TIMEOUT"`, `"BOREDOM"`, []string{"reversalReason"}},
		{purchaseConfirmation, `"time":"2026-03-04T10:11:12.120Z",`, ``, []string{"time"}},
	} {
		m := c.of.with(t, c.old, c.fresh)
		answer := e.answer(m)
		d := detail(t, m.operation, answer)
		if answer.Code != http.StatusBadRequest || d.ErrorType != "FORMAT_ERROR" || !slices.Equal(d.fields(), c.fields) || e.service.asked() {
			t.Errorf("%s with %s: %d %s", m.operation, c.fresh, answer.Code, answer.Body)
		}
		if wrong := d.speaksOf(m); wrong != "" {
			t.Errorf("%s with %s: %s", m.operation, c.fresh, wrong)
		}
	}
}

// V1, V2, C7: bodies that are no message at all, and one that says two things.
func TestWhatIsNoMessage(t *testing.T) {
	e := newEdge(t, false)
	for _, body := range []string{"", "{", "null", "[]", `"x"`, purchase.body + "x", strings.Replace(purchase.body, `"stan"`, `"stan":"1","stan"`, 1)} {
		m := purchase
		m.body = body
		answer := e.answer(m)
		if d := detail(t, "purchase", answer); answer.Code != http.StatusBadRequest || d.ErrorType != "FORMAT_ERROR" || d.ID == "" || e.service.asked() {
			t.Errorf("%s: %d %s", body, answer.Code, answer.Body)
		}
	}
}

// V4 and V5: where a path names messages, they are those of the body.
func TestPathAndBodyMustNameTheSame(t *testing.T) {
	e := newEdge(t, false)
	for _, c := range []struct {
		of             message
		old            string
		id, originalID string
		pathID         string
	}{
		{provision, requestID, "other", "", requestID},
		{voucherConfirmation, adviceID, "other", requestID, adviceID},
		{voucherReversal, requestID, adviceID, "other", requestID},
	} {
		answer := e.answer(c.of.with(t, c.old, "other"))
		d := detail(t, c.of.operation, answer)
		if answer.Code != http.StatusBadRequest || d.ErrorType != "FORMAT_ERROR" || d.ID != c.id || d.OriginalID != c.originalID || d.DetailMessage["pathId"] != c.pathID {
			t.Errorf("%s: %d %s", c.of.operation, answer.Code, answer.Body)
		}
	}
	if e.service.asked() {
		t.Error("the service heard of it")
	}
}

// C13: what no operation takes is 501 or 405, never 404.
func TestTheWayIn(t *testing.T) {
	e := newEdge(t, false)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/purchases", 405, "POST"},
		{"POST", "/purchases/status", 405, "GET"},
		{"POST", "/msisdn/", 405, "GET"},
		{"HEAD", "/products", 405, "GET"},
		{"PUT", "/vouchers/v1", 405, "POST"},
		{"GET", "/vouchers/v1/reversals/r1", 405, "POST"},
		{"POST", "/purchases/voids", 501, ""},
		{"POST", "/vouchers", 501, ""},
		{"POST", "/vouchers/v1/voids/r1", 501, ""},
		{"GET", "/", 501, ""},
		{"GET", "/msisdn/27831234567", 501, ""},
		{"POST", "//purchases", 501, ""},
	} {
		answer := httptest.NewRecorder()
		r := httptest.NewRequest(c.method, airtimehttp.Base+c.path, strings.NewReader("{}"))
		e.ServeHTTP(answer, r)
		d := detail(t, "", answer)
		if answer.Code != c.status || d.ErrorType != "FUNCTION_NOT_SUPPORTED" || answer.Header().Get("Allow") != c.allow || e.service.asked() {
			t.Errorf("%s %s: %d %s", c.method, c.path, answer.Code, answer.Body)
		}
	}
	r := purchase.sent()
	r.Header.Set("Content-Type", "text/plain")
	answer := httptest.NewRecorder()
	if e.ServeHTTP(answer, r); answer.Code != http.StatusUnsupportedMediaType {
		t.Errorf("plain text: %d %s", answer.Code, answer.Body)
	}
	large := purchase
	large.body += strings.Repeat(" ", exchange.MaxBody)
	if answer := e.answer(large); answer.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a large body: %d %s", answer.Code, answer.Body)
	}
}

// What the service is told of a request.
func TestTheWordsOfARequest(t *testing.T) {
	e := newEdge(t, false)
	e.good(t, purchase.also(`"senderMsisdn":{"msisdn":"27830000000"},"transactionLabels":"spring"`))
	r := e.service.request
	want := []ident.Reference{{Institution: "1234567", Identifier: "A83-000171"}, {Institution: "7654321", Identifier: "9931-1771"}}
	if r.Family != txn.Purchase || r.ID != requestID || r.Sender != &e.door.sender || !r.Received.Equal(noon) || r.Product != "A10" ||
		r.Amount == nil || *r.Amount != (money.Amount{Minor: 12500, Currency: 710}) || r.Collect || !slices.Equal(r.References, want) ||
		!slices.Equal(r.Labels, []string{"spring"}) || r.Channel != "web" || r.Merchant != "000000000012345" {
		t.Errorf("the service was told %+v", r)
	}
	if r.Recipient != number(t, "27831234567") || r.Buyer != number(t, "27830000000") {
		t.Error("the numbers are others")
	}
	e.good(t, provision)
	if r := e.service.request; r.Family != txn.Voucher || r.Amount != nil || !r.Recipient.IsZero() || !r.Buyer.IsZero() || r.Labels != nil || len(r.Body) == 0 {
		t.Errorf("the service was told %+v", r)
	}
	e.good(t, trial)
	if r := e.service.trial; r.Product != "A10" || r.Body != nil {
		t.Errorf("the service was told %+v", r)
	}
}

func TestTheWordsOfAnAdvice(t *testing.T) {
	e := newEdge(t, false)
	for _, c := range []struct {
		of     message
		family txn.Family
		role   txn.Role
		serial string
	}{
		{purchaseConfirmation, txn.Purchase, txn.Confirmation, ""},
		{purchaseReversal, txn.Purchase, txn.Reversal, ""},
		{voucherConfirmation, txn.Voucher, txn.Confirmation, "S7"},
		{voucherReversal, txn.Voucher, txn.Reversal, ""},
	} {
		e.good(t, c.of)
		a := e.service.advice
		if a.Family != c.family || a.Role != c.role || a.Serial != c.serial || a.ID != adviceID || a.RequestID != requestID || a.Sender != &e.door.sender ||
			!a.Received.Equal(noon) || a.Approved != nil || len(a.References) != 1 {
			t.Errorf("%s: the service was told %+v", c.of.operation, a)
		}
	}
}

// Labels may be any JSON: they are kept and returned, and found by the texts and numbers in them.
func TestLabels(t *testing.T) {
	many := `["` + strings.Repeat(`x","`, 40) + `y"]`
	e := newEdge(t, false)
	for labels, want := range map[string][]string{
		`"spring"`:            {"spring"},
		`["spring","\u0031"]`: {"spring", "1"},
		`{"campaign":["spring",{"n":7}],"b":true}`: {"spring", "7", "true"},
		`[]`:                                nil,
		`""`:                                nil,
		`"` + strings.Repeat("x", 65) + `"`: nil,
		many:                                slices.Repeat([]string{"x"}, 16),
	} {
		for _, m := range []message{purchase, provision} {
			answer := e.good(t, m.also(`"transactionLabels":`+labels))
			if !strings.Contains(answer, `"transactionLabels":`+labels) {
				t.Errorf("%s: %s", labels, answer)
			}
			if got := e.service.request.Labels; !slices.Equal(got, want) {
				t.Errorf("%s: found by %q", labels, got)
			}
			if !strings.Contains(string(e.service.request.Body), labels) {
				t.Errorf("%s: kept is %s", labels, e.service.request.Body)
			}
		}
	}
	if answer := e.good(t, purchase.also(`"transactionLabels":null`)); strings.Contains(answer, "transactionLabels") {
		t.Error(answer)
	}
}

// Section 6: payments of any type are taken in, and said to be still to be collected.
func TestPaymentsThatAreStillToBeCollected(t *testing.T) {
	e := newEdge(t, false)
	for payments, collects := range map[string]bool{
		`[{"type":"SEASHELLS","count":12}]`: true, `[{}]`: true, `[{"type":"WALLET","walletId":"w1"}]`: true,
		`[{"type":"QR","tranId":"q"},{"type":"ACCOUNT"},{"type":"REWARD","rewardCode":"r1"}]`: true,
		`[]`: false, `[null]`: false, `null`: false,
	} {
		for _, m := range []message{purchase, trial, provision} {
			e.good(t, m.also(`"paymentMethods":`+payments))
			r := e.service.request
			if m.operation == trial.operation {
				r = e.service.trial
			}
			if r.Collect != collects {
				t.Errorf("%s of %s: collect is %t", payments, m.operation, r.Collect)
			}
		}
	}
}

// Of payments and tenders nothing rests that is as good as money; all else of a message is kept as it came.
func TestWhatIsKept(t *testing.T) {
	const payments = `"paymentMethods":[` +
		`{"type":"CARD","pan":"s3cret","expiryDate":"2912","encryptedPin":{"pinBlock":"s3cret"},"track2":"s3cret","cvv":"s3cret"},` +
		`{"type":"AN_32_TOKEN","t\u006fken":"s3cret"},{"type":"LOYALTY_CARD","cardNumber":"s3cret"},{"type":"QR","tranId":"q1","partnerPaymentToken":"s3cret"},` +
		`{"type":"REWARD","rewardCode":"s3cret","pin":{"type":"CLEAR_PIN","pin":"s3cret"}},{"type":"WALLET","walletId":"s3cret","proxy":"s3cret"},` +
		`{"type":"SEASHELLS","deep":[{"Token":"s3cret","beach":"Muizenberg"}]}]`
	e := newEdge(t, true)
	m := purchase.also(payments).with(t, `"tenderType":"CASH"`, `"tenderType":"CASH","cardNumber":"s3cret","reference":"r1"`).
		with(t, `"city"`, `"token":"mine","city"`)
	e.good(t, m)
	kept := string(e.service.request.Body)
	if strings.Contains(kept, "s3cret") {
		t.Errorf("kept is %s", kept)
	}
	for _, part := range []string{`"type":"QR","tranId":"q1"`, `"beach":"Muizenberg"`, `"expiryDate":"2912"`, `"reference":"r1"`, `"token":"mine"`, header[:60]} {
		if !strings.Contains(kept, part) {
			t.Errorf("%s is not kept in %s", part, kept)
		}
	}
	if !json.Valid(e.service.request.Body) {
		t.Errorf("kept is no JSON: %s", kept)
	}
	e.good(t, purchaseConfirmation.also(`"voucher":{"serialNumber":"S7","pin":"s3cret"}`))
	if kept := string(e.service.advice.Body); strings.Contains(kept, "s3cret") || !strings.Contains(kept, `"S7"`) {
		t.Errorf("kept is %s", kept)
	}
}

// A request is applied until its time-out and while its sender is there; an advice whatever its sender does.
func TestDeadlines(t *testing.T) {
	e := newEdge(t, false)
	e.answer(purchase)
	if want := noon.Add(exchange.DefaultRequestTimeout); !e.service.deadline.Equal(want) {
		t.Errorf("the deadline is %s, want %s", e.service.deadline, want)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	for _, c := range []struct {
		of     message
		status int
	}{{purchase, http.StatusInternalServerError}, {purchaseReversal, http.StatusAccepted}} {
		answer := httptest.NewRecorder()
		if e.ServeHTTP(answer, c.of.sent().WithContext(gone)); answer.Code != c.status {
			t.Errorf("%s whose sender has gone: %d", c.of.operation, answer.Code)
		}
	}
}
