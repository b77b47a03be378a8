package echo

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const request = `{"id":"5a1f","time":"2026-01-02T03:04:05.678Z","originator":{"institution":{"id":"1","name":"A"},
"terminalId":"00000117","merchant":{"merchantType":"5411","merchantId":"000000000012345",
"merchantName":{"name":"N","city":"C","region":"GP","country":"ZA"}}},"client":{"id":"1","name":"A"},
"thirdPartyIdentifiers":[{"institutionId":"1","transactionIdentifier":"T1"}],
"amounts":{"requestAmount":{"amount":250,"currency":"710"}},"card":{"pan":"6001000000000001","expiryDate":"4012"}}`

func post(t *testing.T, handler http.Handler, body string) *httptest.ResponseRecorder {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest("POST", "/giftcard/v3/redemptions/5a1f", strings.NewReader(body)))
	return recorder
}

func TestAnswersATypedResponseOfTheSizeAsked(t *testing.T) {
	handler := NewHandler(1500)
	for range 2 { // the first message sets the size, the second one keeps to it
		answer := post(t, handler, request)
		if answer.Code != http.StatusCreated || answer.Body.Len() != 1500 {
			t.Fatalf("got status %d and %d bytes", answer.Code, answer.Body.Len())
		}
		var got Redemption
		if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if got.ID != "5a1f" || len(got.ThirdPartyIdentifiers) != 3 || got.Amounts.ApprovedAmount.Amount != 250 {
			t.Errorf("got %+v", got)
		}
	}
}

func TestASizeBelowTheBareResponseLeavesTheReceiptOut(t *testing.T) {
	if got := post(t, NewHandler(10), request).Body.String(); strings.Contains(got, "slipData") || len(got) < 500 {
		t.Errorf("got %s", got)
	}
}

func TestRefusesWhatIsNoMessage(t *testing.T) {
	if got := post(t, NewHandler(0), "{").Code; got != http.StatusBadRequest {
		t.Errorf("got status %d", got)
	}
}

func TestServesUntilTheContextEnds(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- Serve(ctx, listener, 0) }()
	response, err := http.Get("http://" + listener.Addr().String() + "/readyz")
	if err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("got %v, %v", response, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
