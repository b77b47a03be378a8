package exchange_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	airtimeapi "github.com/scripworks/scrip/api/airtime"
	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

const (
	base      = "/airtime/v5/"
	requestID = "5a1a1e6a-2f5c-4b3e-9a55-0c8f3b1a7d10"
	adviceID  = "0b8f3c52-51d7-4f62-8b0e-6f5f3d1c2a77"
	aRequest  = `{"id":"` + requestID + `","time":"2026-03-04T10:11:12.120Z","originator":{"institution":{"id":"1","name":"Corner Stores"},` +
		`"terminalId":"T0000001","merchant":{"merchantType":"5411","merchantId":"000000000012345","merchantName":` +
		`{"name":"Corner Store 12","city":"Cape Town","region":"WC","country":"ZA"}}},"client":{"id":"7654321","name":"Retail Switch"},` +
		`"thirdPartyIdentifiers":[],"product":{"productId":"A5"}}`
	aConfirmation = `{"id":"` + adviceID + `","requestId":"` + requestID + `","time":"2026-03-04T10:11:12.120Z",` +
		`"thirdPartyIdentifiers":[],"tenders":[]}`
	aReversal = `{"id":"` + adviceID + `","requestId":"` + requestID + `","time":"2026-03-04T10:11:12.120Z",` +
		`"thirdPartyIdentifiers":[],"reversalReason":"TIMEOUT"}`
)

// room is a contract as airtime has it: ids in paths or in bodies alone, and queries. Each message is answered err, or
// successfully.
type room struct {
	*exchange.Server
	err      error
	instead  func(x *exchange.Exchange) error // answers instead; nil for the usual
	answered int
	advice   *txn.Advice
	deadline bool
	msisdn   wire.Slot

	turned   error // what the door says
	repeated bool  // what the door was told last
	released int

	operation, errorType string // what the observer was told last
	status               int
	cause                error
}

func newRoom(t testing.TB) *room {
	t.Helper()
	r := &room{}
	post, get := http.MethodPost, http.MethodGet
	var err error
	r.Server, err = exchange.New(exchange.Contract{
		Base: "/airtime/v5", Document: airtimeapi.Document,
		Busy: decline.SystemMalfunction, Limited: decline.LimitExceeded,
		Spelling: map[decline.Reason]string{decline.DoNotHonour: "DO_NOT_HONOR"}, Show: show,
		Operations: []*exchange.Operation{
			{ID: "purchase", Method: post, Path: "purchases", Family: txn.Purchase, Role: txn.Request, RequestType: "PURCHASE_REQUEST", Schema: "PurchaseRequest", Status: 201, Answer: r.decide},
			{ID: "purchaseTrial", Method: post, Path: "purchases/trials", Family: txn.Purchase, Role: txn.Request, RequestType: "TRIAL_PURCHASE_REQUEST", Schema: "PurchaseRequest", Status: 200, Answer: r.decide},
			{ID: "purchaseConfirmation", Method: post, Path: "purchases/confirmations", Family: txn.Purchase, Role: txn.Confirmation, RequestType: "PURCHASE_CONFIRMATION", Schema: "PurchaseConfirmation", Status: 202, Answer: r.decide},
			{ID: "purchaseStatus", Method: get, Path: "purchases/status", RequestType: "PURCHASE_STATUS_REQUEST", Status: 200, Repeated: true, Answer: r.decide},
			{ID: "lookupMsisdn", Method: get, Path: "msisdn", RequestType: "MSISDN_INFO_REQUEST", Status: 200, Answer: r.decide},
			{ID: "provisionVoucher", Method: post, Path: "vouchers/{id}", Family: txn.Voucher, Role: txn.Request, RequestType: "VOUCHER_REQUEST", Schema: "VoucherRequest", Status: 201, Located: true, Answer: r.decide},
			{ID: "reverseVoucher", Method: post, Path: "vouchers/{requestId}/reversals/{id}", Family: txn.Voucher, Role: txn.Reversal, RequestType: "VOUCHER_REVERSAL", Schema: "BasicReversal", Status: 202, Answer: r.decide},
		},
	}, exchange.Settings{Gate: r, Observer: r, Institution: ident.Reference{Institution: "scrip", Identifier: "Scrip"}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	r.msisdn = r.Slot("msisdn")
	return r
}

// show tells the field at fault.
func show(w *exchange.Writer, _ *exchange.Exchange, refusal *decline.Error) {
	w.Say("shown", refusal.Field)
}

// decide answers every operation.
func (r *room) decide(ctx context.Context, x *exchange.Exchange) error {
	r.answered++
	_, r.deadline = ctx.Deadline()
	switch {
	case r.instead != nil:
		return r.instead(x)
	case r.err != nil:
		return r.err
	case x.Operation.Advice():
		return r.accept(x)
	case x.Operation.Method == http.MethodGet:
		r.tell(x)
	default:
		x.Approve(approval).Close()
	}
	return nil
}

var approval = exchange.Approval{Reference: "P1", Line: "AIRTIME"}

func (r *room) accept(x *exchange.Exchange) (err error) {
	if r.advice, err = x.Advice(); err != nil {
		return err
	}
	x.Receipt().Close()
	return nil
}

func (r *room) tell(x *exchange.Exchange) {
	w := x.Answer()
	w.Open("")
	number, _ := x.Message.Text(r.msisdn)
	w.Say("msisdn", number)
	w.Close()
}

func (r *room) Admit(_ *http.Request, repeated bool) (*txn.Sender, func(), error) {
	r.repeated = repeated
	return &txn.Sender{Account: 1, World: 1}, func() { r.released++ }, r.turned
}

func (*room) Guessed(*txn.Sender) {}

func (r *room) Observe(operation string, status int, errorType string, _ time.Duration, cause error) {
	r.operation, r.status, r.errorType, r.cause = operation, status, errorType, cause
}

// call is a message and what it is to the contract.
type call struct{ operation, method, path, body string }

var (
	purchase     = call{"purchase", "POST", "purchases", aRequest}
	trial        = call{"purchaseTrial", "POST", "purchases/trials", aRequest}
	confirmation = call{"purchaseConfirmation", "POST", "purchases/confirmations", aConfirmation}
	status       = call{"purchaseStatus", "GET", "purchases/status?originalMsgId=" + requestID, ""}
	lookUp       = call{"lookupMsisdn", "GET", "msisdn?msisdn=%2B27821234567", ""}
	voucher      = call{"provisionVoucher", "POST", "vouchers/" + requestID, aRequest}
	reversal     = call{"reverseVoucher", "POST", "vouchers/" + requestID + "/reversals/" + adviceID, aReversal}
)

func (c call) request() *http.Request {
	r := httptest.NewRequest(c.method, base+c.path, strings.NewReader(c.body))
	if c.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// detail is what an ErrorDetail says.
type detail struct {
	ErrorType, RequestType, ID, OriginalID, ErrorMessage string
	DetailMessage                                        struct {
		FreeString, PathID, RequestID, Shown string
		FormatErrors                         []map[string]string
	}
}

// answer is what a call is answered; its detail, when it failed, has the schema's required members.
func (r *room) answer(t testing.TB, request *http.Request) (*httptest.ResponseRecorder, detail) {
	t.Helper()
	answer := httptest.NewRecorder()
	r.ServeHTTP(answer, request)
	var d detail
	if err := json.Unmarshal(answer.Body.Bytes(), &d); err != nil {
		t.Fatalf("%d %s: %v", answer.Code, answer.Body, err)
	}
	if answer.Code >= 400 && (d.ErrorType == "" || d.ID == "" || d.ErrorMessage == "" || len(d.ErrorMessage) > 20 || d.DetailMessage.FreeString == "") {
		t.Errorf("%d %s is no ErrorDetail", answer.Code, answer.Body)
	}
	if got := answer.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("the content is %q", got)
	}
	return answer, d
}
