package airtimehttp_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/api/apitest"
)

// message is a message that keeps the contract, with its place and what an ErrorDetail has to say of it.
type message struct {
	operation, requestType, method, path, body string
	id, originalID                             string // an id is empty for a query, which gets a new one
}

const (
	requestID = "5a1a1e6a-2f5c-4b3e-9a55-0c8f3b1a7d10"
	adviceID  = "0b8f3c52-51d7-4f62-8b0e-6f5f3d1c2a77"

	references = `"thirdPartyIdentifiers":[{"institutionId":"1234567","transactionIdentifier":"A83-000171"},` +
		`{"institutionId":"7654321","transactionIdentifier":"9931-1771"}]`
	originator = `"originator":{"institution":{"id":"1234567","name":"Corner Stores"},` +
		`"terminalId":"T0000001","merchant":{"merchantType":"5411","merchantId":"000000000012345","merchantName":` +
		`{"name":"Corner Store 12","city":"Cape Town","region":"WC","country":"ZA"}},"operatorId":"17","channelId":"web"}`
	client = `"client":{"id":"till","name":"Retail Switch"}`
	anAsk  = `"amounts":{"requestAmount":{"amount":12500,"currency":"710"}}`

	header = `{"id":"` + requestID + `","time":"2026-03-04T10:11:12.120Z",` + originator + `,` + client + `,` + references +
		`,"stan":"000123","rrn":"603410000123"`
	adviceReferences = `"thirdPartyIdentifiers":[{"institutionId":"1234567","transactionIdentifier":"A83-000171"}]`
	adviceHeader     = `{"id":"` + adviceID + `","requestId":"` + requestID + `","time":"2026-03-04T10:11:12.120Z",` + adviceReferences
)

// The ten operations, one message of each.
var (
	purchase = message{
		operation: "purchase", requestType: "PURCHASE_REQUEST", path: "/purchases/", id: requestID,
		body: header + `,` + anAsk + `,"product":{"productId":"A10"},"recipientMsisdn":{"msisdn":"+27831234567","country":"ZA"},` +
			`"tenders":[{"accountType":"DEFAULT","amount":{"amount":12500,"currency":"710"},"tenderType":"CASH"}]}`,
	}
	trial = message{
		operation: "purchaseTrial", requestType: "TRIAL_PURCHASE_REQUEST", path: "/purchases/trials", id: requestID,
		body: purchase.body,
	}
	purchaseConfirmation = message{
		operation: "purchaseConfirmation", requestType: "PURCHASE_CONFIRMATION", path: "/purchases/confirmations",
		id: adviceID, originalID: requestID, body: adviceHeader + `}`,
	}
	purchaseReversal = message{
		operation: "purchaseReversal", requestType: "PURCHASE_REVERSAL", path: "/purchases/reversals",
		id: adviceID, originalID: requestID, body: adviceHeader + `,"reversalReason":"TIMEOUT"}`,
	}
	provision = message{
		operation: "provisionVoucher", requestType: "VOUCHER_REQUEST", path: "/vouchers/" + requestID, id: requestID,
		body: header + `,"product":{"productId":"A10"}}`,
	}
	voucherConfirmation = message{
		operation: "confirmVoucher", requestType: "VOUCHER_CONFIRMATION", id: adviceID, originalID: requestID,
		path: "/vouchers/" + requestID + "/confirmations/" + adviceID, body: adviceHeader + `,"voucher":{"serialNumber":"S7"}}`,
	}
	voucherReversal = message{
		operation: "reverseVoucher", requestType: "VOUCHER_REVERSAL", id: adviceID, originalID: requestID,
		path: "/vouchers/" + requestID + "/reversals/" + adviceID, body: adviceHeader + `,"reversalReason":"TIMEOUT"}`,
	}
	status = message{
		operation: "purchaseStatus", requestType: "PURCHASE_STATUS_REQUEST", method: http.MethodGet,
		path: "/purchases/status?originalMsgId=" + requestID, originalID: requestID,
	}
	lookUp = message{
		operation: "lookupMsisdn", requestType: "MSISDN_INFO_REQUEST", method: http.MethodGet, path: "/msisdn/?msisdn=%2B27831234567",
	}
	list = message{
		operation: "listProducts", requestType: "LIST_PRODUCTS_REQUEST", method: http.MethodGet, path: "/products/?channelName=web",
	}
)

func messages() []message {
	return []message{
		purchase, trial, purchaseConfirmation, purchaseReversal, provision, voucherConfirmation, voucherReversal,
		status, lookUp, list,
	}
}

func (m message) advice() bool { return m.id == adviceID }

func (m message) query() bool { return m.method == http.MethodGet }

// sent makes the HTTP request of a message.
func (m message) sent() *http.Request {
	if m.query() {
		return httptest.NewRequest(http.MethodGet, airtimehttp.Base+m.path, nil)
	}
	r := httptest.NewRequest(http.MethodPost, airtimehttp.Base+m.path, strings.NewReader(m.body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// with replaces a part of the body, which must be there.
func (m message) with(t testing.TB, old, fresh string) message {
	t.Helper()
	if !strings.Contains(m.body, old) {
		t.Fatalf("%s has no %s", m.operation, old)
	}
	m.body = strings.Replace(m.body, old, fresh, 1)
	return m
}

// also adds members to the body.
func (m message) also(members string) message {
	m.body = strings.TrimSuffix(m.body, "}") + "," + members + "}"
	return m
}

// at is the message at another place.
func (m message) at(path string) message {
	m.path = path
	return m
}

// contract is the served document. References and tenders are passed on.
var contract = sync.OnceValue(func() *apitest.Contract {
	return apitest.MustLoad(airtimehttp.Document, lookUp.operation, "thirdPartyIdentifiers", "tenders")
})

// keepsContract wants an answer to be one that the document declares for its operation and status, and says what
// is wrong otherwise.
func keepsContract(operation string, answer *httptest.ResponseRecorder) error {
	declared := answer.Code
	if declared == http.StatusAccepted && (operation == status.operation || operation == lookUp.operation) {
		declared = http.StatusOK // the compatibility profile (docs/rules.md section 8)
	}
	return contract().Answers(operation, declared, answer)
}
