package giftcardhttp_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/scripworks/scrip/api/apitest"
	giftcardapi "github.com/scripworks/scrip/api/giftcard"
	"github.com/scripworks/scrip/giftcardhttp"
)

// kind is one of the seven families of messages, as the wire has them.
type kind struct {
	resource, requestType, request, name string
	members                              string // of its request, beside those of every request
}

const (
	aCard   = `{"pan":"6001000000000000001","expiryDate":"4010","clearPin":"7052"}`
	another = `{"pan":"6001000000000000002","expiryDate":"4010"}`
	anAsk   = `"amounts":{"requestAmount":{"amount":12500,"currency":"710"}}`
)

var kinds = []kind{
	{"activations", "ACTIVATION", "activate", "Activation", `,"card":` + aCard + `,"product":{"id":"plain"}`},
	{"loads", "LOAD", "load", "Load", `,"card":` + aCard + `,` + anAsk},
	{"redemptions", "REDEMPTION", "redemption", "Redemption", `,"card":` + aCard + `,` + anAsk},
	{"voids", "VOID", "void", "Void", `,"card":` + aCard},
	{"replaces", "REPLACE", "replace", "Replace", `,"oldCard":` + aCard + `,"newCard":` + another},
	{"transfers", "TRANSFER", "transfer", "Transfer", `,"sourceCard":` + aCard + `,"targetCard":` + another + `,` + anAsk},
	{"lookupGiftcard", "LOOKUP", "lookupGiftcard", "Lookup", `,"card":` + aCard + `,"posInfo":{}`},
}

// message is a message that keeps the contract, with its place and what an ErrorDetail has to say of it.
type message struct {
	operation, requestType, path, body string
	id, originalID                     string
}

const (
	requestID = "5a1a1e6a-2f5c-4b3e-9a55-0c8f3b1a7d10"
	adviceID  = "0b8f3c52-51d7-4f62-8b0e-6f5f3d1c2a77"

	references = `"thirdPartyIdentifiers":[{"institutionId":"1234567","transactionIdentifier":"A83-000171"},` +
		`{"institutionId":"7654321","transactionIdentifier":"9931-1771"}]`
	adviceReferences = `"thirdPartyIdentifiers":[{"institutionId":"1234567","transactionIdentifier":"A83-000171"}]`
)

func (k kind) ask() message {
	return message{
		operation: k.request, requestType: k.requestType + "_REQUEST", path: giftcardhttp.Base + "/" + k.resource + "/" + requestID, id: requestID,
		body: `{"id":"` + requestID + `","time":"2026-03-04T10:11:12.120Z","originator":{"institution":{"id":"1234567","name":"Corner Stores"},` +
			`"terminalId":"T0000001","merchant":{"merchantType":"5411","merchantId":"000000000012345","merchantName":` +
			`{"name":"Corner Store 12","city":"Cape Town","region":"WC","country":"ZA"}}},"client":{"id":"7654321","name":"Retail Switch"},` +
			references + `,"stan":"000123","rrn":"603410000123"` + k.members + `}`,
	}
}

func (k kind) advise(confirm bool) message {
	operation, segment, role, reason := "reverse"+k.name, "/reversals/", "_REVERSAL", `,"reversalReason":"TIMEOUT"`
	if confirm {
		operation, segment, role, reason = "confirm"+k.name, "/confirmations/", "_CONFIRMATION", ""
	}
	return message{
		operation: operation, requestType: k.requestType + role, id: adviceID, originalID: requestID,
		path: giftcardhttp.Base + "/" + k.resource + "/" + requestID + segment + adviceID,
		body: `{"id":"` + adviceID + `","requestId":"` + requestID + `","time":"2026-03-04T10:11:12.120Z",` +
			adviceReferences + reason + `}`,
	}
}

// messages are one of each of the nineteen operations.
func messages() []message {
	var all []message
	for _, k := range kinds {
		all = append(all, k.ask())
		if k.resource != "lookupGiftcard" {
			all = append(all, k.advise(true), k.advise(false))
		}
	}
	return all
}

var redemption, redemptionReversal = kinds[2].ask(), kinds[2].advise(false)

// post makes the HTTP request of a message.
func (m message) post() *http.Request {
	r := httptest.NewRequest(http.MethodPost, m.path, strings.NewReader(m.body))
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

// contract is the served document. References and the circumstances at the till are passed on.
var contract = sync.OnceValue(func() *apitest.Contract {
	return apitest.MustLoad(giftcardapi.Document, "lookupGiftcard", "thirdPartyIdentifiers", "posInfo")
})

// keepsContract wants an answer to be one that the document declares for its operation and status, and says what
// is wrong otherwise.
func keepsContract(operation string, answer *httptest.ResponseRecorder) error {
	return contract().Answers(operation, answer.Code, answer)
}
