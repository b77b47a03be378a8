package exchange_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	airtimeapi "github.com/scripworks/scrip/api/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

func TestEachSuccessHasItsStatusAndPlace(t *testing.T) {
	for _, c := range []struct {
		call
		status  int
		located string
		ends    bool // whether its time does
	}{
		{purchase, 201, "", true}, {trial, 200, "", true}, {confirmation, 202, "", false}, {status, 200, "", true},
		{lookUp, 200, "", true}, {voucher, 201, base + "vouchers/" + requestID, true}, {reversal, 202, "", false},
	} {
		for _, slash := range []string{"", "/"} { // C3
			r := newRoom(t)
			request := c.request()
			request.URL.Path += slash
			answer, _ := r.answer(t, request)
			if answer.Code != c.status || answer.Header().Get("Location") != c.located {
				t.Errorf("%s%s: %d %s at %q", c.path, slash, answer.Code, answer.Body, answer.Header().Get("Location"))
			}
			if r.operation != c.operation || r.status != c.status || r.errorType != "" || r.cause != nil {
				t.Errorf("%s: the observer was told %s %d %s %v", c.path, r.operation, r.status, r.errorType, r.cause)
			}
			if r.deadline != c.ends || r.released != 1 {
				t.Errorf("%s: deadline %t, let go of %d times", c.path, r.deadline, r.released)
			}
		}
	}
}

func TestAPathHasItsOwnMethods(t *testing.T) {
	for path, allow := range map[string]string{
		"purchases": "POST", "purchases/": "POST", "purchases/status": "GET", "msisdn/": "GET", "vouchers/" + requestID: "POST",
	} {
		r := newRoom(t)
		answer, d := r.answer(t, httptest.NewRequest(http.MethodDelete, base+path, nil))
		if answer.Code != 405 || answer.Header().Get("Allow") != allow || d.ErrorType != "FUNCTION_NOT_SUPPORTED" || d.RequestType != "" {
			t.Errorf("%s: %d %s, Allow %q", path, answer.Code, answer.Body, answer.Header().Get("Allow"))
		}
	}
	for _, path := range []string{"", "purchase", "purchases/x", "vouchers", "vouchers/a/b", "vouchers/a/confirmations/b/c", "/", "vouchers//reversals/x"} {
		if answer, d := newRoom(t).answer(t, httptest.NewRequest(http.MethodGet, base+path, nil)); answer.Code != 501 || d.RequestType != "" {
			t.Errorf("%q: %d %s", path, answer.Code, answer.Body)
		}
	}
}

// C13: wherever a message ends, its answer has its ids, also when they stand in the body alone.
func TestTheIDsOfAnAnswer(t *testing.T) {
	unknown := errors.New("disk on fire")
	turned := &decline.NotTaken{Cause: decline.Unauthenticated, Text: "who?"}
	for name, change := range map[string]func(r *room, h *http.Request){
		"at the door":    func(r *room, _ *http.Request) { r.turned = turned },
		"another type":   func(_ *room, h *http.Request) { h.Header.Set("Content-Type", "text/plain") },
		"in the service": func(r *room, _ *http.Request) { r.err = unknown },
	} {
		for _, c := range []struct {
			call
			requestType, id, originalID string
		}{
			{purchase, "PURCHASE_REQUEST", requestID, ""}, {confirmation, "PURCHASE_CONFIRMATION", adviceID, requestID},
			{voucher, "VOUCHER_REQUEST", requestID, ""}, {reversal, "VOUCHER_REVERSAL", adviceID, requestID},
		} {
			r, h := newRoom(t), c.request()
			change(r, h)
			_, d := r.answer(t, h)
			if d.ID != c.id || d.OriginalID != c.originalID || d.RequestType != c.requestType {
				t.Errorf("%s %s: the answer speaks of %s %s of %s", name, c.operation, d.RequestType, d.ID, d.OriginalID)
			}
		}
	}
}

func TestAFormatErrorKnowsItsIDs(t *testing.T) {
	c := confirmation
	c.body = strings.Replace(c.body, `"time":"2026-03-04T10:11:12.120Z",`, "", 1)
	answer, d := newRoom(t).answer(t, c.request())
	want := []map[string]string{{"field": "time", "msg": "time may not be null"}}
	if answer.Code != 400 || d.ID != adviceID || d.OriginalID != requestID || !reflect.DeepEqual(d.DetailMessage.FormatErrors, want) {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
}

// V4 and V5 hold where the path names ids, and nowhere else.
func TestPathsThatNameIDs(t *testing.T) {
	for _, c := range []call{voucher, reversal} {
		c.path = strings.ReplaceAll(c.path, requestID, "other")
		if answer, d := newRoom(t).answer(t, c.request()); answer.Code != 400 || d.DetailMessage.PathID != "other" {
			t.Errorf("%s: %d %s", c.path, answer.Code, answer.Body)
		}
	}
}

func TestQueriesAreJudgedByTheDocument(t *testing.T) {
	for _, c := range []struct {
		query, told string
		wrong       []map[string]string
	}{
		{"msisdn=27821234567", "27821234567", nil},
		{"msisdn=%2B27821234567&operator=&new=1&productType=DATA", "+27821234567", nil},
		{"", "", []map[string]string{{"field": "msisdn", "msg": "query param msisdn may not be null"}}},
		{"msisdn=", "", []map[string]string{{"field": "msisdn", "msg": "query param msisdn may not be null"}}},
		{"msisdn=x", "", []map[string]string{{"field": "msisdn"}}},
		{"msisdn=27821234567&msisdn=27821234567", "", []map[string]string{{"field": "msisdn", "msg": "query param msisdn must be there once"}}},
		{"msisdn=%zz", "", []map[string]string{}},
	} {
		r := newRoom(t)
		answer, d := r.answer(t, httptest.NewRequest(http.MethodGet, base+"msisdn?"+c.query, nil))
		if c.wrong == nil {
			if want := `{"msisdn":"` + c.told + `"}`; answer.Code != 200 || answer.Body.String() != want {
				t.Errorf("%s: %d %s", c.query, answer.Code, answer.Body)
			}
			continue
		}
		if answer.Code != 400 || d.ErrorType != "FORMAT_ERROR" || d.RequestType != "MSISDN_INFO_REQUEST" || len(d.DetailMessage.FormatErrors) != len(c.wrong) || r.answered != 0 {
			t.Errorf("%s: %d %s", c.query, answer.Code, answer.Body)
		}
		for i, want := range c.wrong {
			got := d.DetailMessage.FormatErrors[i]
			if got["field"] != want["field"] || got["value"] != want["value"] || !strings.HasPrefix(got["msg"], "query param msisdn ") || want["msg"] != "" && got["msg"] != want["msg"] {
				t.Errorf("%s: told %v, want %v", c.query, got, want)
			}
		}
	}
}

// C13: what cannot be taken now, in this contract's words. Who asks until he is answered is never told to stop.
func TestWhatIsNotTaken(t *testing.T) {
	for _, c := range []struct {
		cause     decline.Cause
		request   int
		errorType string
	}{
		{decline.Overloaded, 503, "SYSTEM_MALFUNCTION"}, {decline.Stopping, 503, "SYSTEM_MALFUNCTION"}, {decline.StoreDown, 503, "SYSTEM_MALFUNCTION"},
		{decline.RateLimited, 429, "LIMIT_EXCEEDED"}, {decline.Expired, 504, "SYSTEM_MALFUNCTION"},
	} {
		for _, m := range []call{purchase, lookUp, voucher, trial} {
			r := newRoom(t)
			r.err = &decline.NotTaken{Cause: c.cause, Text: "later", After: time.Second}
			if answer, d := r.answer(t, m.request()); answer.Code != c.request || d.ErrorType != c.errorType || answer.Header().Get("Retry-After") != "1" || r.repeated {
				t.Errorf("%s: %d %s", m.operation, answer.Code, answer.Body)
			}
		}
		for _, m := range []call{confirmation, reversal, status} {
			r := newRoom(t)
			r.turned = &decline.NotTaken{Cause: c.cause, Text: "later"}
			if answer, d := r.answer(t, m.request()); answer.Code != 500 || d.ErrorType != "GENERAL_ERROR" || !r.repeated || r.cause != nil {
				t.Errorf("%s: %d %s", m.operation, answer.Code, answer.Body)
			}
		}
	}
}

// A request that somebody is still at work on: its sender reverses or asks again, and an advice is repeated.
func TestWhatNobodyKnowsYet(t *testing.T) {
	for _, c := range []struct {
		call
		status     int
		originalID string
	}{{purchase, 504, ""}, {status, 504, "p1"}, {confirmation, 500, requestID}, {reversal, 500, requestID}} {
		r := newRoom(t)
		r.err = &decline.Unknown{Reason: decline.OutcomeUnknown, Text: "the provider is at work", RequestID: "p1"}
		answer, d := r.answer(t, c.request())
		if answer.Code != c.status || d.ErrorType != "OUTCOME_UNKNOWN" || d.OriginalID != c.originalID || d.DetailMessage.RequestID != "p1" {
			t.Errorf("%s: %d %s", c.operation, answer.Code, answer.Body)
		}
		if r.cause != nil {
			t.Errorf("%s: it counts as a fault of ours: %v", c.operation, r.cause)
		}
	}
}

// L12: an advice whose request is still being processed comes again, and nobody has done anything wrong.
func TestAnAdviceThatHasToComeAgainIsNoFault(t *testing.T) {
	for _, c := range []call{confirmation, reversal} {
		r := newRoom(t)
		r.err = txn.ErrInFlight
		if answer, d := r.answer(t, c.request()); answer.Code != 500 || d.ErrorType != "GENERAL_ERROR" || d.OriginalID != requestID || r.cause != nil {
			t.Errorf("%s: %d %s, and a fault is %v", c.operation, answer.Code, answer.Body, r.cause)
		}
	}
}

func TestErrorsOfAnOperation(t *testing.T) {
	for name, c := range map[string]struct {
		err       error
		status    int
		errorType string
		shown     string
		fields    int
	}{
		"spelled otherwise": {decline.New(decline.DoNotHonour, "x").At("a"), 400, "DO_NOT_HONOR", "a", 0},
		"another's name":    {decline.New(decline.FormatError, "x").At("client"), 400, "FORMAT_ERROR", "client", 0},
		"another's message": {decline.New(decline.DuplicateRecord, "x").At("a"), 400, "DUPLICATE_RECORD", "", 0},
		"no stock":          {decline.New(decline.OutOfStock, ""), 400, "OUT_OF_STOCK", "", 0},
		"malformed":         {&exchange.Malformed{Text: "neither of both"}, 400, "FORMAT_ERROR", "", 0},
		"one field":         {exchange.Wrong("a", "a must be b"), 400, "FORMAT_ERROR", "", 1},
		"not done here":     {exchange.NotOffered("no catalogue is kept"), 501, "FUNCTION_NOT_SUPPORTED", "", 0},
		"nobody knows":      {errors.New("disk on fire"), 500, "GENERAL_ERROR", "", 0},
	} {
		r := newRoom(t)
		r.err = c.err
		answer, d := r.answer(t, purchase.request())
		if answer.Code != c.status || d.ErrorType != c.errorType || d.DetailMessage.Shown != c.shown || len(d.DetailMessage.FormatErrors) != c.fields {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
		if r.errorType != c.errorType || (r.cause != nil) != (c.status == 500) {
			t.Errorf("%s: the observer was told %s %v", name, r.errorType, r.cause)
		}
	}
}

// 1.3: whom a failed message was about.
func TestTheOriginalOfAnAnswer(t *testing.T) {
	settled := decline.New(decline.AccountAlreadySettled, "x").With(decline.Detail{RequestID: "p1", ReversalID: "r1"})
	for _, c := range []struct {
		call
		refusal *decline.Error
		sets    string
		status  int
		want    string
	}{
		{status, decline.New(decline.UnableToLocateRecord, "x"), "as sent", 404, "as sent"},
		{status, settled, "as sent", 400, "p1"},
		{purchase, settled, "", 400, ""},
		{purchase, settled, "r1", 400, "r1"},
		{confirmation, settled, "", 400, requestID},
	} {
		r := newRoom(t)
		r.instead = func(x *exchange.Exchange) error {
			x.OriginalID = c.sets
			return c.refusal
		}
		if answer, d := r.answer(t, c.request()); answer.Code != c.status || d.OriginalID != c.want {
			t.Errorf("%s: %d %s, want of %q", c.operation, answer.Code, answer.Body, c.want)
		}
	}
}

// A status query answers what the purchase itself was answered.
func TestAnEarlierRequestIsAnsweredForAgain(t *testing.T) {
	r := newRoom(t)
	first, _ := r.answer(t, purchase.request())
	r.instead = func(x *exchange.Exchange) error {
		if err := x.Recall("purchase", []byte(aRequest)); err != nil {
			return err
		}
		x.Approve(approval).Close()
		return nil
	}
	again, _ := r.answer(t, status.request())
	if again.Body.String() != first.Body.String() || again.Code != 200 || r.operation != status.operation {
		t.Errorf("%s: %d %s, first %s", r.operation, again.Code, again.Body, first.Body)
	}
}

func TestAnEarlierRefusalIsAnsweredForAgain(t *testing.T) {
	r := newRoom(t)
	r.instead = func(x *exchange.Exchange) error {
		if err := x.Recall("purchase", []byte(aRequest)); err != nil {
			return err
		}
		return decline.New(decline.OutOfStock, "x").At("product")
	}
	answer, d := r.answer(t, status.request())
	if d.RequestType != "PURCHASE_REQUEST" || d.ID != requestID || d.OriginalID != "" || d.DetailMessage.RequestID != requestID || d.DetailMessage.Shown != "product" {
		t.Errorf("%s", answer.Body)
	}
}

func TestWhatCannotBeRecalled(t *testing.T) {
	for _, c := range []struct{ operation, body string }{{"sell", aRequest}, {"purchase", "{"}, {"lookupMsisdn", aRequest}} {
		r := newRoom(t)
		r.instead = func(x *exchange.Exchange) error { return x.Recall(c.operation, []byte(c.body)) }
		if answer, _ := r.answer(t, status.request()); answer.Code != 500 || r.cause == nil {
			t.Errorf("%s of %s: %d", c.operation, c.body, answer.Code)
		}
	}
}

// S2: a settlement entity that the operation has itself goes before that of the request, also among the references.
func TestASettlementEntityOfTheOperation(t *testing.T) {
	r := newRoom(t)
	r.instead = func(x *exchange.Exchange) error {
		a := approval
		a.Settlement = &ident.Reference{Institution: "ref-1", Identifier: "Provider"}
		x.Approve(a).Close()
		return nil
	}
	c := purchase
	c.body = strings.Replace(c.body, `"product"`, `"settlementEntity":{"id":"33","name":"Bank"},"product"`, 1)
	answer, _ := r.answer(t, c.request())
	for _, want := range []string{
		`"settlementEntity":{"id":"ref-1","name":"Provider"},"receiver":{"id":"scrip","name":"Scrip"}`,
		`[{"institutionId":"ref-1","transactionIdentifier":"P1"},{"institutionId":"scrip","transactionIdentifier":"P1"}]`,
	} {
		if !strings.Contains(answer.Body.String(), want) {
			t.Errorf("no %s in %s", want, answer.Body)
		}
	}
}

// Nothing is judged inside of references, so one of them may be null; it comes back among the others.
func TestAReferenceThatIsNullComesBack(t *testing.T) {
	const references = `"thirdPartyIdentifiers":[null,{"institutionId":"1"},null`
	sent := strings.NewReplacer(`"thirdPartyIdentifiers":[`, references)
	for _, c := range []call{purchase, confirmation} {
		c.body = sent.Replace(c.body)
		r := newRoom(t)
		if answer, _ := r.answer(t, c.request()); answer.Code >= http.StatusBadRequest || !strings.Contains(answer.Body.String(), references) {
			t.Errorf("%s: %d %s", c.path, answer.Code, answer.Body)
		}
	}
}

func TestADocumentThatDoesNotFit(t *testing.T) {
	for name, o := range map[string]*exchange.Operation{
		"no such schema": {ID: "purchase", Method: http.MethodPost, Path: "purchases", Schema: "Nothing"},
		"no such query":  {ID: "nothing", Method: http.MethodGet, Path: "purchases"},
	} {
		if _, err := exchange.New(exchange.Contract{Document: airtimeapi.Document, Operations: []*exchange.Operation{o}}, exchange.Settings{}); err == nil {
			t.Errorf("%s: served all the same", name)
		}
	}
	if _, err := exchange.New(exchange.Contract{Document: []byte("{")}, exchange.Settings{}); err == nil {
		t.Error("what is no document is served by")
	}
}
