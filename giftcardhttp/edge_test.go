package giftcardhttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcardhttp"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// service answers every message alike, and remembers the last of each.
type service struct {
	err      error
	response giftcard.Response
	request  *giftcard.Request
	advice   *txn.Advice
	deadline time.Time
}

func (s *service) Request(ctx context.Context, r *giftcard.Request) (*giftcard.Response, error) {
	s.request = r
	s.deadline, _ = ctx.Deadline()
	if s.err != nil {
		return nil, s.err
	}
	return &s.response, ctx.Err()
}

func (s *service) Advise(ctx context.Context, a *txn.Advice) (*txn.Answer, error) {
	s.advice = a
	if s.err != nil {
		return nil, s.err
	}
	return nil, ctx.Err()
}

// door lets everybody in, or nobody.
type door struct {
	err      error
	guesses  int
	released int
}

func (d *door) Admit(*http.Request, bool) (*txn.Sender, func(), error) {
	return &txn.Sender{Account: 1, World: 1}, func() { d.released++ }, d.err
}

func (d *door) Guessed(*txn.Sender) { d.guesses++ }

// observer remembers what it was told last.
type observer struct {
	operation, errorType string
	status               int
	cause                error
}

func (o *observer) Observe(operation string, status int, errorType string, _ time.Duration, cause error) {
	*o = observer{operation, errorType, status, cause}
}

// edge is a server whose service, door and observer belong to the test.
type edge struct {
	*giftcardhttp.Server
	service  service
	door     door
	observer observer
}

var noon = time.Date(2100, 7, 1, 12, 0, 0, 0, time.UTC) // no deadline counted from it has passed

func newEdge(t testing.TB) *edge {
	t.Helper()
	e := &edge{service: service{response: giftcard.Response{
		Reference: giftcard.Reference(1), Balance: ledger.Balance{Book: 87500, Available: 87500}, Currency: 710,
		Requested: new(money.Minor(12500)), Approved: new(money.Minor(12500)), Status: giftcard.ActivatedConfirmed,
		Product: &giftcard.Product{ID: "plain", Currency: 710},
	}}}
	var err error
	e.Server, err = giftcardhttp.New(&e.service, exchange.Settings{
		Gate: &e.door, Observer: &e.observer, Institution: ourselves, Now: func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// answer is what a message is answered.
func (e *edge) answer(r *http.Request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	e.ServeHTTP(answer, r)
	return answer
}

// good is a success's body, after it was held to the contract.
func (e *edge) good(t *testing.T, m message) string {
	t.Helper()
	answer := e.answer(m.post())
	if answer.Code >= http.StatusBadRequest {
		t.Fatalf("%s: %d %s", m.operation, answer.Code, answer.Body)
	}
	if err := keepsContract(m.operation, answer); err != nil {
		t.Error(err)
	}
	return answer.Body.String()
}

// detail is the ErrorDetail of an answer, after it was held to the contract.
func detail(t *testing.T, operation string, answer *httptest.ResponseRecorder) (d struct {
	ErrorType, RequestType, ID, OriginalID, ErrorMessage string
	DetailMessage                                        map[string]any
}) {
	t.Helper()
	if err := keepsContract(operation, answer); err != nil {
		t.Error(err)
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEveryOperationSucceedsAsDeclared(t *testing.T) {
	e := newEdge(t)
	for _, m := range messages() {
		answer, want := e.answer(m.post()), http.StatusCreated
		if m.originalID != "" {
			want = http.StatusAccepted
		}
		if answer.Code != want {
			t.Errorf("%s: %d %s", m.operation, answer.Code, answer.Body)
		}
		if err := keepsContract(m.operation, answer); err != nil {
			t.Errorf("%s: %v", m.operation, err)
		}
		if at := answer.Header().Get("Location"); (at == m.path) != (want == http.StatusCreated) { // C11
			t.Errorf("%s: Location is %q", m.operation, at)
		}
		if e.observer != (observer{operation: m.operation, status: want}) {
			t.Errorf("%s: the observer was told %+v", m.operation, e.observer)
		}
	}
	if e.door.released != len(messages()) {
		t.Errorf("%d of %d were let go of", e.door.released, len(messages()))
	}
}

// C13 and docs/errors.md: what cannot be taken, and what nobody knows.
func TestWhatIsNotDecidedIsAnsweredByItsCause(t *testing.T) {
	later := 1500 * time.Millisecond
	for _, c := range []struct {
		name            string
		err             error
		request, advice int
		requestReason   string
		retry           string
	}{
		{"nobody knows", errors.New("commit: disk on fire"), 500, 500, "GENERAL_ERROR", ""},
		{"overloaded", &decline.NotTaken{Cause: decline.Overloaded, Text: "busy", After: later}, 503, 500, "TEMPORARY_FAILURE", "2"},
		{"stopping", &decline.NotTaken{Cause: decline.Stopping, Text: "bye", After: time.Second}, 503, 500, "TEMPORARY_FAILURE", "1"},
		{"store down", &decline.NotTaken{Cause: decline.StoreDown, Text: "disk full"}, 503, 500, "TEMPORARY_FAILURE", ""},
		{"store down, and why", fmt.Errorf("%w: %w", &decline.NotTaken{Cause: decline.StoreDown, Text: "x"}, errors.New("disk on fire")), 503, 500, "TEMPORARY_FAILURE", ""},
		{"too often", &decline.NotTaken{Cause: decline.RateLimited, Text: "slowly", After: time.Minute}, 429, 500, "TEMPORARY_FAILURE", "60"},
		{"too late", &decline.NotTaken{Cause: decline.Expired, Text: "late"}, 504, 500, "TEMPORARY_FAILURE", ""},
		{"who are you", &decline.NotTaken{Cause: decline.Unauthenticated, Text: "who?"}, 401, 401, "GENERAL_ERROR", ""},
		{"not here", &decline.NotTaken{Cause: decline.Forbidden, Text: "no"}, 403, 403, "GENERAL_ERROR", ""},
	} {
		for _, where := range []string{"at the door", "by the service"} {
			t.Run(c.name+" "+where, func(t *testing.T) {
				e := newEdge(t)
				if where == "at the door" {
					e.door.err = c.err
				} else {
					e.service.err = c.err
				}
				for _, m := range messages() {
					answer, want, reason := e.answer(m.post()), c.request, c.requestReason
					if m.originalID != "" {
						want, reason = c.advice, "GENERAL_ERROR"
					}
					d := detail(t, m.operation, answer)
					if answer.Code != want || d.ErrorType != reason {
						t.Errorf("%s: %d %s", m.operation, answer.Code, d.ErrorType)
					}
					if d.ID != m.id || d.OriginalID != m.originalID || d.RequestType != m.requestType {
						t.Errorf("%s: the answer speaks of %s %s of %s", m.operation, d.RequestType, d.ID, d.OriginalID)
					}
					if got := answer.Header().Get("Retry-After"); got != c.retry {
						t.Errorf("%s: Retry-After is %q", m.operation, got)
					}
					if asks := answer.Header().Get("WWW-Authenticate") != ""; asks != (want == 401) {
						t.Errorf("%s: asks for credentials: %t", m.operation, asks)
					}
					if strings.Contains(answer.Body.String(), "fire") {
						t.Errorf("%s: tells of our faults: %s", m.operation, answer.Body)
					}
				}
			})
		}
	}
}

// Every reason of a refusal has a short message, its status, and the right ids around it.
func TestRefusals(t *testing.T) {
	e := newEdge(t)
	for _, reason := range []decline.Reason{
		decline.DuplicateRecord, decline.FormatError, decline.FunctionNotSupported, decline.GeneralError, decline.InvalidAmount,
		decline.RoutingError, decline.TransactionNotSupported, decline.UnableToLocateRecord, decline.UpstreamUnavailable,
		decline.InvalidProduct, decline.CardNotActivated, decline.CardActivated, decline.CardVoided, decline.CardBlocked,
		decline.InsufficientFunds, decline.InvalidCardNumber, decline.CardExpired, decline.IncorrectPIN,
		decline.TemporaryFailure, decline.DoNotHonour, decline.PINAttemptsExceeded,
	} {
		e.service.err = decline.New(reason, "because")
		want := http.StatusBadRequest
		if reason == decline.UnableToLocateRecord {
			want = http.StatusNotFound
		}
		for _, m := range messages() {
			answer := e.answer(m.post())
			if answer.Code == http.StatusNotFound && m.originalID == "" && m.operation != "lookupGiftcard" {
				continue // no request but a look-up has it, and the document does not declare it
			}
			d := detail(t, m.operation, answer)
			if answer.Code != want || d.ErrorType != string(reason) {
				t.Errorf("%s %s: %d %s", m.operation, reason, answer.Code, d.ErrorType)
			}
			if d.ID != m.id || d.OriginalID != m.originalID || d.RequestType != m.requestType {
				t.Errorf("%s %s: the answer speaks of %s %s of %s", m.operation, reason, d.RequestType, d.ID, d.OriginalID)
			}
			for _, secret := range []string{"7052", "6001000000000000001", "4010"} {
				if strings.Contains(answer.Body.String(), secret) {
					t.Errorf("%s %s: tells %s: %s", m.operation, reason, secret, answer.Body)
				}
			}
		}
	}
	if want := 2 * len(messages()); e.door.guesses != want {
		t.Errorf("the door heard of %d guesses, want %d", e.door.guesses, want)
	}
}

func TestAnAlarmIsObserved(t *testing.T) {
	e := newEdge(t)
	refusal := decline.New(decline.GeneralError, "not yours")
	refusal.Alarm = decline.ForeignReversal
	e.service.err = refusal
	e.answer(redemptionReversal.post())
	if !errors.Is(e.observer.cause, refusal) || e.observer.status != 400 || e.observer.errorType != "GENERAL_ERROR" {
		t.Errorf("the observer was told %+v", e.observer)
	}
}

// What the service does not take is told with its cause, so that it is counted; what the gate turns away is not, because
// the gate counts that itself.
func TestWhatTheServiceDoesNotTakeIsObserved(t *testing.T) {
	turned := &decline.NotTaken{Cause: decline.Expired, Text: "the deadline passed"}
	for _, m := range []message{redemption, redemptionReversal} {
		e := newEdge(t)
		e.service.err = fmt.Errorf("decide: %w", turned)
		e.answer(m.post())
		if e.observer.cause != e.service.err {
			t.Errorf("%s: of the service the observer was told %v", m.operation, e.observer.cause)
		}
		e.door.err = turned
		e.answer(m.post())
		if e.observer.cause != nil {
			t.Errorf("%s: of the gate the observer was told %v", m.operation, e.observer.cause)
		}
	}
}

// L12: an advice whose request is still being processed comes again, and nobody has done anything wrong.
func TestAnAdviceThatHasToComeAgainIsNoFault(t *testing.T) {
	e := newEdge(t)
	e.service.err = txn.ErrInFlight
	if answer := e.answer(redemptionReversal.post()); answer.Code != http.StatusInternalServerError || e.observer.errorType != "GENERAL_ERROR" || e.observer.cause != nil {
		t.Errorf("%d %s, and a fault is %v", answer.Code, answer.Body, e.observer.cause)
	}
}

// What a refusal tells of the messages that led to it (1.3).
func TestDetailsOfARefusal(t *testing.T) {
	e := newEdge(t)
	at := time.Date(2026, 3, 4, 5, 6, 7, 120_000_000, time.UTC)
	for _, c := range []struct {
		name    string
		refusal *decline.Error
		of      message
		want    string
	}{
		{"the request and its card", decline.New(decline.CardExpired, "x"), redemption,
			`{"freeString":"x","requestId":"` + requestID + `","card":{"pan":"600100*********0001"}}`},
		{"a text is always there", decline.New(decline.CardExpired, ""), redemption,
			`{"freeString":"Card expired","requestId":"` + requestID + `","card":{"pan":"600100*********0001"}}`},
		{"the product that is not sold", decline.New(decline.InvalidProduct, "x"), kinds[0].ask(),
			`{"freeString":"x","requestId":"` + requestID + `","card":{"pan":"600100*********0001"},"product":{"id":"plain"}}`},
		{"the activation", decline.New(decline.CardActivated, "x").With(decline.Detail{ActivationID: "a1", ConfirmationID: "c1", ConfirmTime: at}), kinds[0].ask(),
			`{"freeString":"x","activationId":"a1","confirmationId":"c1","confirmDate":"2026-03-04T05:06:07.120Z","card":{"pan":"600100*********0001"}}`},
		{"the sender's own earlier message", decline.New(decline.DuplicateRecord, "x").With(decline.Detail{RequestID: requestID, RequestTime: at}), redemption,
			`{"freeString":"x","requestId":"` + requestID + `","requestTime":"2026-03-04T05:06:07.120Z","card":{"pan":"600100*********0001"}}`},
		{"nothing of another's message", decline.New(decline.DuplicateRecord, "x"), redemption, `{"freeString":"x"}`},
		{"funds", decline.New(decline.InsufficientFunds, "x").With(decline.Detail{
			Requested: &money.Amount{Minor: 5, Currency: 710}, Balance: &money.Amount{Minor: 0, Currency: 710}}), redemption,
			`{"freeString":"x","requestId":"` + requestID + `","card":{"pan":"600100*********0001"},"amounts":{"requestAmount":{"amount":5,"currency":"710"},` +
				`"approvedAmount":{"amount":0,"currency":"710"},"balanceAmount":{"amount":0,"currency":"710"}}}`},
		{"both endings", decline.New(decline.TransactionNotSupported, "x").With(decline.Detail{
			RequestID: requestID, ReversalID: adviceID, ReversalTime: at, ConfirmationID: "c1", ConfirmTime: at}), redemptionReversal,
			`{"freeString":"x","requestId":"` + requestID + `","reversalId":"` + adviceID + `","reversalTime":"2026-03-04T05:06:07.120Z",` +
				`"confirmationId":"c1","confirmDate":"2026-03-04T05:06:07.120Z"}`},
		{"nothing of another's request", decline.New(decline.GeneralError, "x"), redemptionReversal, `{"freeString":"x"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			e.service.err = c.refusal
			d := detail(t, c.of.operation, e.answer(c.of.post()))
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

// What is answered before the service hears of it: path, method, type, size, form.
func TestTheWayIn(t *testing.T) {
	large := redemption
	large.body = strings.Repeat(" ", exchange.MaxBody) + large.body
	advice := redemptionReversal
	for _, c := range []struct {
		name      string
		change    func(m message) *http.Request
		status    int
		reason    string
		id        string // of the answer to the redemption; that to the advice has the advice's
		operation bool   // whether one matches
	}{
		{"another path", func(m message) *http.Request { m.path = giftcardhttp.Base + "/balances/" + m.id; return m.post() }, 501, "FUNCTION_NOT_SUPPORTED", requestID, false},
		{"no path", func(m message) *http.Request { m.path = giftcardhttp.Base + "/"; return m.post() }, 501, "FUNCTION_NOT_SUPPORTED", requestID, false},
		{"another base", func(m message) *http.Request { m.path = "/giftcard/v4/x"; return m.post() }, 501, "FUNCTION_NOT_SUPPORTED", requestID, false},
		{"a longer path", func(m message) *http.Request { m.path += "/confirmations"; return m.post() }, 501, "FUNCTION_NOT_SUPPORTED", requestID, false},
		{"another method", func(m message) *http.Request { r := m.post(); r.Method = http.MethodGet; return r }, 405, "FUNCTION_NOT_SUPPORTED", requestID, false},
		{"another type", func(m message) *http.Request { r := m.post(); r.Header.Set("Content-Type", "text/plain"); return r }, 415, "FORMAT_ERROR", requestID, true},
		{"no type", func(m message) *http.Request { r := m.post(); r.Header.Del("Content-Type"); return r }, 415, "FORMAT_ERROR", requestID, true},
		{"a broken type", func(m message) *http.Request {
			r := m.post()
			r.Header.Set("Content-Type", "application/json;;")
			return r
		}, 415, "FORMAT_ERROR", requestID, true},
		{"too large", func(m message) *http.Request { m.body = large.body; return m.post() }, 413, "FORMAT_ERROR", requestID, true},
		{"too large, in pieces", func(m message) *http.Request {
			m.body = large.body
			r := m.post()
			r.ContentLength = -1
			return r
		}, 413, "FORMAT_ERROR", requestID, true},
		{"no body (V2)", func(m message) *http.Request { m.body = ""; return m.post() }, 400, "FORMAT_ERROR", requestID, true},
		{"no body and no type (V2)", func(m message) *http.Request {
			m.body = ""
			r := m.post()
			r.Header.Del("Content-Type")
			return r
		}, 400, "FORMAT_ERROR", requestID, true},
		{"no JSON (V1)", func(m message) *http.Request { m.body = "{"; return m.post() }, 400, "FORMAT_ERROR", requestID, true},
		{"null (V1)", func(m message) *http.Request { m.body = "null"; return m.post() }, 400, "FORMAT_ERROR", requestID, true},
		{"an array (V1)", func(m message) *http.Request { m.body = "[]"; return m.post() }, 400, "FORMAT_ERROR", requestID, true},
		{"no id (V3)", func(m message) *http.Request { return m.with(t, `"id":"`+m.id+`",`, "").post() }, 400, "FORMAT_ERROR", requestID, true},
		{"another id (V4)", func(m message) *http.Request { return m.with(t, m.id, "other").post() }, 400, "FORMAT_ERROR", "other", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEdge(t)
			for _, m := range []message{redemption, advice} {
				answer := e.answer(c.change(m))
				operation, wantType := m.operation, m.requestType
				if !c.operation {
					operation, wantType = "", ""
				}
				wantID := c.id
				if wantID == requestID {
					wantID = m.id
				}
				d := detail(t, operation, answer)
				if answer.Code != c.status || d.ErrorType != c.reason || d.RequestType != wantType {
					t.Errorf("%s: %d %s", m.operation, answer.Code, answer.Body)
				}
				if d.ID != wantID && !(c.name == "a longer path" || c.name == "another base") || d.ID == "" {
					t.Errorf("%s: the answer's id is %q", m.operation, d.ID)
				}
				if e.observer.status != c.status || e.observer.operation != operation {
					t.Errorf("%s: the observer was told %+v", m.operation, e.observer)
				}
			}
			if e.service.request != nil || e.service.advice != nil {
				t.Error("the service heard of it")
			}
		})
	}
}

func TestAnotherMethodIsToldTheRightOne(t *testing.T) {
	r := redemption.post()
	r.Method = http.MethodDelete
	if got := newEdge(t).answer(r).Header().Get("Allow"); got != "POST" {
		t.Errorf("Allow is %q", got)
	}
}

// An advice whose body ends too early will come again; a request is refused.
func TestABodyThatEndsTooEarly(t *testing.T) {
	e := newEdge(t)
	for _, c := range []struct {
		of     message
		status int
	}{{redemption, 400}, {redemptionReversal, 500}} {
		r := c.of.post()
		r.Body = io.NopCloser(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(c.of.body))))
		answer := e.answer(r)
		if d := detail(t, c.of.operation, answer); answer.Code != c.status || d.ID != c.of.id {
			t.Errorf("%s: %d %s", c.of.operation, answer.Code, answer.Body)
		}
	}
}

func TestPathAndBodyMustNameTheSame(t *testing.T) {
	e := newEdge(t)
	d := detail(t, "redemption", e.answer(redemption.with(t, requestID, "other").post())) // V4
	if d.DetailMessage["pathId"] != requestID || d.ID != "other" || d.OriginalID != "" {
		t.Errorf("%+v", d)
	}
	d = detail(t, "reverseRedemption", e.answer(redemptionReversal.with(t, requestID, "other").post())) // V5
	if d.DetailMessage["pathId"] != requestID || d.ID != adviceID || d.OriginalID != "other" {
		t.Errorf("%+v", d)
	}
}

// Each field at fault has its own entry, and what is missing within a missing parent has none (1.3).
func TestFormatErrorsNameEachField(t *testing.T) {
	e := newEdge(t)
	m := redemption.with(t, `"terminalId":"T0000001"`, `"terminalId":"T1"`).with(t, `,"city":"Cape Town"`, "").with(t, `"card":`+aCard+`,`, "")
	d := detail(t, "redemption", e.answer(m.post()))
	want := []any{
		map[string]any{"field": "originator.terminalId", "msg": "originator.terminalId must have exactly 8 characters", "value": "T1"},
		map[string]any{"field": "originator.merchant.merchantName.city", "msg": "originator.merchant.merchantName.city may not be null"},
		map[string]any{"field": "card", "msg": "card may not be null"},
	}
	if got := d.DetailMessage["formatErrors"]; !reflect.DeepEqual(got, want) {
		t.Errorf("told %v", got)
	}
	if d.ID != requestID || e.service.request != nil {
		t.Errorf("%+v", d)
	}
}

// Ids are opaque: what a path has to escape comes back as it was (C9).
func TestIDsOfAnyCharacters(t *testing.T) {
	e := newEdge(t)
	for id, escaped := range map[string]string{
		"a/b": "a%2Fb", "100%": "100%25", "a%2Fb": "a%252Fb", "Ä-is-none": "", "#?;=&+": "%23%3F;=&+", "'\"<>": "%27%22%3C%3E",
	} {
		m := redemption
		m.body = strings.ReplaceAll(m.body, requestID, strings.ReplaceAll(id, `"`, `\"`))
		m.path = strings.ReplaceAll(m.path, requestID, escaped)
		if escaped == "" {
			m.path = strings.ReplaceAll(redemption.path, requestID, "%C3%84-is-none")
			if answer := e.answer(m.post()); answer.Code != 400 || detail(t, m.operation, answer).ID != id {
				t.Errorf("%q: %d %s", id, answer.Code, answer.Body)
			}
			continue
		}
		for _, slash := range []string{"", "/"} { // C3
			r := m.post()
			r.URL.Path, r.URL.RawPath = "", ""
			parsed, err := r.URL.Parse(m.path + slash)
			if err != nil {
				t.Fatal(err)
			}
			r.URL = parsed
			answer := e.answer(r)
			if answer.Code != 201 || string(e.service.request.ID) != id || answer.Header().Get("Location") != m.path {
				t.Errorf("%q: %d %s at %s", id, answer.Code, answer.Body, answer.Header().Get("Location"))
			}
		}
	}
}

// A path may hold bytes that no JSON can: the answer is JSON all the same.
func TestWhatNoJSONCanHold(t *testing.T) {
	e := newEdge(t)
	for _, id := range []string{"%ff", "%00", "%0a", "%7f", strings.Repeat("%c3%a4", 400)} {
		r := httptest.NewRequest(http.MethodPost, giftcardhttp.Base+"/redemptions/"+id+"/reversals/"+id, strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
		detail(t, "reverseRedemption", e.answer(r))
	}
}

// S1: whatever form a PIN came in, it is not answered, and what is kept of the message has neither PIN nor number.
func TestNoPINComesBackOrIsKept(t *testing.T) {
	e := newEdge(t)
	for _, pin := range []string{
		`"clearPin":"7052"`, `"encryptedPin":"30DED59C"`,
		`"pin":{"type":"CLEAR_PIN","pin":"7052"}`,
		`"pin":{"type":"ENCRYPTED_PIN","pinBlock":"30DED59C30DED59C","pinBlockFormat":"ISO_9564_FORMAT_0"}`,
		`"pin":{"type":"HASHED_PIN","hash":"30DED59C"}`,
	} {
		answer := e.answer(redemption.with(t, `"clearPin":"7052"`, pin).post())
		if answer.Code != http.StatusCreated {
			t.Errorf("%s: %s", pin, answer.Body)
		}
		for _, text := range []string{answer.Body.String(), string(e.service.request.Body)} {
			if strings.Contains(text, "7052") || strings.Contains(text, "30DED59C") {
				t.Errorf("%s: %s", pin, text)
			}
		}
		if strings.Contains(string(e.service.request.Body), "6001000000000000001") {
			t.Errorf("the number is kept: %s", e.service.request.Body)
		}
	}
}

// C4: what the contract does not know may stand anywhere, and yet no PIN comes back with it.
func TestNoPINComesBackInsideWhatIsEchoed(t *testing.T) {
	e := newEdge(t)
	for _, hidden := range []string{`"old":{"clearPin":"7052"}`, `"old":[{"p\u0069n":"7052"}]`, `"old":[1,[{"card":{"pan":"7052","x":null}}]]`} {
		m := redemption.with(t, `{"institutionId":"1234567"`, `{`+hidden+`,"institutionId":"1234567"`)
		answer := e.answer(m.post())
		var body struct {
			ThirdPartyIdentifiers []map[string]any
		}
		err := json.Unmarshal(answer.Body.Bytes(), &body)
		if err != nil || answer.Code != http.StatusCreated || strings.Contains(answer.Body.String(), "7052") {
			t.Errorf("%s: %v in %s", hidden, err, answer.Body)
		}
		if first := body.ThirdPartyIdentifiers[0]; first["institutionId"] != "1234567" || first["old"] == nil {
			t.Errorf("%s came back as %v", hidden, first)
		}
	}
}

// S2 and S3: who takes part is always told, with a reference of ours for each of the two.
func TestTheParties(t *testing.T) {
	e := newEdge(t)
	const theirs = `{"institutionId":"1234567","transactionIdentifier":"A83-000171"},{"institutionId":"7654321","transactionIdentifier":"9931-1771"}`
	reference := func(of string) string {
		return `{"institutionId":"` + of + `","transactionIdentifier":"` + giftcard.Reference(1) + `"}`
	}
	for _, c := range []struct{ name, settlement, receiver string }{
		{"both ours", "", ""},
		{"theirs and ours", `{"id":"33","name":"Settle Bank"}`, ""},
		{"both theirs", `{"id":"33","name":"Settle Bank"}`, `{"id":"44","name":"Issuer"}`},
	} {
		m, ids := redemption, []string{"scrip", "scrip"}
		settlement, receiver := `{"id":"scrip","name":"Scrip"}`, `{"id":"scrip","name":"Scrip"}`
		if c.settlement != "" {
			m, settlement, ids[0] = m.with(t, `"stan"`, `"settlementEntity":`+c.settlement+`,"stan"`), c.settlement, "33"
		}
		if c.receiver != "" {
			m, receiver, ids[1] = m.with(t, `"stan"`, `"receiver":`+c.receiver+`,"stan"`), c.receiver, "44"
		}
		answer := e.answer(m.post()).Body.String()
		for _, want := range []string{
			`"settlementEntity":` + settlement, `"receiver":` + receiver,
			`"thirdPartyIdentifiers":[` + theirs + `,` + reference(ids[0]) + `,` + reference(ids[1]) + `]`,
			`"issuerReference":"` + giftcard.Reference(1) + `"`, `"messageLines":[{"text":"GIFT CARD REDEMPTION"}]`, // S6
		} {
			if !strings.Contains(answer, want) {
				t.Errorf("%s: no %s in %s", c.name, want, answer)
			}
		}
	}
}

// C5: null is absent, and what is absent is left out, however deep it stands.
func TestNullDoesNotComeBack(t *testing.T) {
	e := newEdge(t)
	m := redemption.with(t, `"city":"Cape Town"`, `"more":{"a":null,"null":[1]},"gone":null,"city":"Cape Town"`).with(t, `"stan":"000123"`,
		`"stan":null,"posInfo":{"posConditionCode":null},"settlementEntity":null`).with(t, `"transactionIdentifier":"A83-000171"`, `"transactionIdentifier":null`)
	answer := e.answer(m.post())
	if answer.Code != http.StatusCreated {
		t.Fatal(answer.Body)
	}
	if err := keepsContract(m.operation, answer); err != nil {
		t.Error(err)
	}
	body := answer.Body.String()
	for _, want := range []string{`"more":{"null":[1]},"city":"Cape Town"`, `"posInfo":{}`, `[{"institutionId":"1234567"},`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	if strings.Contains(body, "null,") || strings.Contains(body, ":null") {
		t.Errorf("null comes back: %s", body)
	}
}

// S4 and S5: an advice comes back as it was sent, member by member, and its references are not compared.
func TestAnAdviceComesBack(t *testing.T) {
	e := newEdge(t)
	m := kinds[2].advise(true).with(t, `"time"`, `"stan":"000001","rrn":"9","surprise":{"a":[null]},"amounts":{"approvedAmount":{"amount":12500,"currency":"710"}},"time"`)
	answer := e.answer(m.post())
	want := `{"id":"` + adviceID + `","requestId":"` + requestID + `","time":"2026-03-04T10:11:12.120Z",` +
		`"thirdPartyIdentifiers":[{"institutionId":"1234567","transactionIdentifier":"A83-000171"}],"stan":"000001","rrn":"9",` +
		`"amounts":{"approvedAmount":{"amount":12500,"currency":"710"}}}`
	if answer.Code != http.StatusAccepted || answer.Body.String() != want {
		t.Errorf("%d %s\nwant %s", answer.Code, answer.Body, want)
	}
	if a := e.service.advice.Approved; a == nil || *a != (money.Amount{Minor: 12500, Currency: 710}) {
		t.Errorf("the service was told %v", a)
	}
	without := kinds[2].advise(true).with(t, `,"thirdPartyIdentifiers":[{"institutionId":"1234567","transactionIdentifier":"A83-000171"}]`, "")
	if answer := e.answer(without.post()); answer.Code != http.StatusAccepted || !strings.Contains(answer.Body.String(), `"thirdPartyIdentifiers":[]`) {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
}

// Inside of what the document leaves unjudged nothing is a format error (1.4): it comes back as it was sent (S3, S4). So
// does a condition at the till that is in no list.
func TestWhatIsUnjudgedComesBackAsItWasSent(t *testing.T) {
	e := newEdge(t)
	for _, odd := range []string{`[{}]`, `[{"institutionId":7}]`, `[null,{"type":[]},[1e400],"text"]`} {
		for _, m := range messages() {
			sent, back := references, `"thirdPartyIdentifiers":`+strings.TrimSuffix(odd, "]")+`,`
			if m.originalID != "" {
				sent, back = adviceReferences, `"thirdPartyIdentifiers":`+odd
			}
			if answer := e.good(t, m.with(t, sent, `"thirdPartyIdentifiers":`+odd)); !strings.Contains(answer, back) {
				t.Errorf("no %s in %s", back, answer)
			}
		}
	}
	back := `{"institutionId":"1234567"},{},` // C5
	if answer := e.good(t, redemption.with(t, references, `"thirdPartyIdentifiers":[{"institutionId":"1234567"},{"institutionId":null}]`)); !strings.Contains(answer, back) {
		t.Errorf("no %s in %s", back, answer)
	}
	circumstances := `"posInfo":{"posConditionCode":"AT_SEA"}`
	if answer := e.good(t, redemption.with(t, references, circumstances)); !strings.Contains(answer, circumstances) {
		t.Errorf("no %s in %s", circumstances, answer)
	}
}

// Whatever stands in a member, the answer is one of the contract's, and somebody knows it.
func TestOddMessagesAreAnsweredAsDeclared(t *testing.T) {
	const activation, replacement, lookUp = 0, 4, 6
	e := newEdge(t)
	for _, m := range []message{kinds[activation].ask(), redemption, redemptionReversal, kinds[replacement].ask(), kinds[lookUp].ask()} {
		for body := range contract().Odd(m.operation, []byte(m.body)) {
			m.body = string(body)
			answer := e.answer(m.post())
			if err := keepsContract(m.operation, answer); err != nil || answer.Code == http.StatusInternalServerError {
				t.Errorf("%s: %v (%v)", m.body, err, e.observer.cause)
			}
		}
	}
}

// A request is applied until its time-out and while its sender is there; an advice whatever its sender does.
func TestDeadlines(t *testing.T) {
	e := newEdge(t)
	e.answer(redemption.post())
	if want := noon.Add(exchange.DefaultRequestTimeout); !e.service.deadline.Equal(want) {
		t.Errorf("the deadline is %s, want %s", e.service.deadline, want)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if answer := e.answer(redemption.post().WithContext(gone)); answer.Code != http.StatusInternalServerError {
		t.Errorf("a request whose sender has gone: %d", answer.Code)
	}
	if answer := e.answer(redemptionReversal.post().WithContext(gone)); answer.Code != http.StatusAccepted {
		t.Errorf("an advice whose sender has gone: %d", answer.Code)
	}
}

func TestTheChannelAndTheMerchantOfARequest(t *testing.T) {
	e := newEdge(t)
	e.answer(redemption.with(t, `"terminalId":`, `"channelId":"web","terminalId":`).post())
	if got := e.service.request.Merchant; got != "000000000012345" {
		t.Errorf("the service was told of the merchant %q", got)
	}
	if got := e.service.request.Channel; got != "web" {
		t.Errorf("the channel is %q", got)
	}
	e.answer(redemption.post())
	if got := e.service.request.Channel; got != "" {
		t.Errorf("without one the channel is %q", got)
	}
}

// What a card's PIN is depends on the newer form when it is there.
func TestTheNewerFormOfAPINGoesFirst(t *testing.T) {
	e := newEdge(t)
	for _, c := range []struct {
		card string
		want giftcard.Presented
	}{
		{`"clearPin":"1","encryptedPin":"AB"`, giftcard.Presented{PIN: giftcard.PIN{Clear: "1", Encrypted: "AB"}}},
		{`"clearPin":"1","pin":{"type":"CLEAR_PIN","pin":"2"}`, giftcard.Presented{PIN: giftcard.PIN{Clear: "2"}}},
		{`"clearPin":"1","pin":{"type":"HASHED_PIN","hash":"AB"}`, giftcard.Presented{Hashed: true}},
		{`"clearPin":"1","pin":null`, giftcard.Presented{PIN: giftcard.PIN{Clear: "1"}}},
	} {
		answer := e.answer(redemption.with(t, `"clearPin":"7052"`, c.card).post())
		if answer.Code != http.StatusCreated {
			t.Fatalf("%s: %s", c.card, answer.Body)
		}
		got := e.service.request.Card
		if got.PIN != c.want.PIN || got.Hashed != c.want.Hashed {
			t.Errorf("%s is not read so", c.card)
		}
	}
}
