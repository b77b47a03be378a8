package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// fakeCard is what the fake server knows of a card.
type fakeCard struct {
	state     string // NEW, ACTIVATED, ACTIVATED_CONFIRMED
	available int64
}

// fakeRequest is what it keeps of an approved request.
type fakeRequest struct {
	kind   string
	pan    string
	amount int64
	parts  string // the references it answered with
	ended  string
}

// fakeServer is a gift card server of the simplest kind that speaks the contract's shapes: enough
// to find out whether the generator does. What it complains about fails the test.
type fakeServer struct {
	*httptest.Server
	t *testing.T

	// before, when it is true, has answered a message in the server's place.
	before func(kind Kind, w http.ResponseWriter, r *http.Request) bool

	mutex    sync.Mutex
	cards    map[string]*fakeCard
	requests map[string]*fakeRequest
	ids      map[string]bool
	accepted map[Kind]int
	sums     map[Kind]int64
}

func newFakeServer(t *testing.T, cards []Card, state string) *fakeServer {
	s := &fakeServer{
		t: t, cards: map[string]*fakeCard{}, requests: map[string]*fakeRequest{}, ids: map[string]bool{},
		accepted: map[Kind]int{}, sums: map[Kind]int64{},
	}
	for _, card := range cards {
		s.cards[card.PAN] = &fakeCard{state: state}
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// target is the fake server as the generator is to see it.
func (s *fakeServer) target() Target {
	return Target{URL: s.URL, User: "22222222", Password: "secret", Product: "product001"}
}

// fakeMessage has the members that the fake server looks at.
type fakeMessage struct {
	ID        string `json:"id"`
	RequestID string `json:"requestId"`
	Time      string `json:"time"`
	Client    struct {
		ID string `json:"id"`
	} `json:"client"`
	ThirdPartyIdentifiers json.RawMessage `json:"thirdPartyIdentifiers"`
	Amounts               struct {
		RequestAmount struct {
			Amount   int64  `json:"amount"`
			Currency string `json:"currency"`
		} `json:"requestAmount"`
	} `json:"amounts"`
	Card struct {
		PAN string `json:"pan"`
	} `json:"card"`
	Product struct {
		ID        string `json:"id"`
		ProductID string `json:"productId"`
	} `json:"product"`
	Tenders []struct {
		Amount struct {
			Amount int64 `json:"amount"`
		} `json:"amount"`
	} `json:"tenders"`
	ReversalReason string `json:"reversalReason"`
}

func (s *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, requestID, id := s.parsePath(r)
	if s.before != nil && s.before(kind, w, r) {
		return
	}
	body, _ := io.ReadAll(r.Body)
	var m fakeMessage
	if err := json.Unmarshal(body, &m); err != nil {
		s.t.Errorf("%s: %v", kind, err)
	}
	if user, password, _ := r.BasicAuth(); user != "22222222" || password != "secret" {
		s.t.Errorf("%s comes from %q", kind, user)
	}
	if kind.airtime() {
		id, requestID = m.ID, m.RequestID // they stand in the body alone
	}
	if m.ID == "" || m.ID != id || m.RequestID != requestID || (requestID != "") != kind.Advice() || m.Time == "" {
		s.t.Errorf("%s: path has %s about %s, body %s about %s at %s", kind, id, requestID, m.ID, m.RequestID, m.Time)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.ids[id] {
		s.t.Errorf("%s: id %s was used before", kind, id)
	}
	s.ids[id] = true
	if kind.Advice() {
		s.advice(w, kind, &m, body)
		return
	}
	s.request(w, kind, &m, body)
}

// parsePath reads what the path says of a message.
func (s *fakeServer) parsePath(r *http.Request) (kind Kind, requestID, id string) {
	switch r.URL.Path {
	case "/airtime/v5/purchases":
		return PurchaseRequest, "", ""
	case "/airtime/v5/purchases/confirmations":
		return PurchaseConfirmation, "", ""
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/giftcard/v3/"), "/")
	names := map[string]string{"activations": "ACTIVATION", "loads": "LOAD", "redemptions": "REDEMPTION", "lookupGiftcard": "LOOKUP"}
	name := names[parts[0]]
	switch {
	case len(parts) == 2 && name != "":
		return Kind(name + "_REQUEST"), "", parts[1]
	case len(parts) == 4 && parts[2] == "confirmations":
		return Kind(name + "_CONFIRMATION"), parts[1], parts[3]
	case len(parts) == 4 && parts[2] == "reversals":
		return Kind(name + "_REVERSAL"), parts[1], parts[3]
	}
	s.t.Errorf("no such path: %s", r.URL.Path)
	return "", "", ""
}

func (s *fakeServer) request(w http.ResponseWriter, kind Kind, m *fakeMessage, body []byte) {
	card, amount := s.cards[m.Card.PAN], m.Amounts.RequestAmount.Amount
	if kind == PurchaseRequest {
		card = &fakeCard{} // airtime needs none
		if m.Product.ProductID != "product001" || len(m.Tenders) != 1 {
			s.t.Errorf("%s names product %q and %d tenders", kind, m.Product.ProductID, len(m.Tenders))
		}
		amount = m.Tenders[0].Amount.Amount
	}
	if m.Client.ID != "22222222" || kind != LookupRequest && kind != PurchaseRequest && m.Amounts.RequestAmount.Currency != "710" {
		s.t.Errorf("%s is not complete: %s", kind, body)
	}
	switch {
	case card == nil:
		s.refuse(w, kind, 400, "INVALID_CARD_NUMBER")
		return
	case kind == ActivationRequest && card.state != "NEW":
		s.refuse(w, kind, 400, "CARD_ACTIVATED")
		return
	case (kind == LoadRequest || kind == RedemptionRequest) && card.state != "ACTIVATED_CONFIRMED":
		s.refuse(w, kind, 400, "CARD_NOT_ACTIVATED")
		return
	case kind == RedemptionRequest && amount > card.available:
		s.refuse(w, kind, 400, "INSUFFICIENT_FUNDS")
		return
	case kind == RedemptionRequest:
		card.available -= amount
	case kind == ActivationRequest:
		card.state = "ACTIVATED"
	}
	parts := strings.TrimSuffix(string(m.ThirdPartyIdentifiers), "]") +
		`,{"institutionId":"ours","transactionIdentifier":"[\"` + m.ID + `"}]`
	s.requests[m.ID] = &fakeRequest{kind: string(kind), pan: m.Card.PAN, amount: amount, parts: parts}
	s.count(kind, amount)
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"id":%q,"thirdPartyIdentifiers":%s,"amounts":{"availableBalance":{"amount":%d,"currency":"710"}}}`,
		m.ID, parts, card.available)
}

func (s *fakeServer) advice(w http.ResponseWriter, kind Kind, m *fakeMessage, body []byte) {
	original := s.requests[m.RequestID]
	if original == nil {
		s.refuse(w, kind, 404, "UNABLE_TO_LOCATE_RECORD")
		return
	}
	if string(m.ThirdPartyIdentifiers) != original.parts {
		s.t.Errorf("%s: references %s are not the response's %s", kind, m.ThirdPartyIdentifiers, original.parts)
	}
	if (m.ReversalReason != "") != kind.reversal() || original.ended != "" {
		s.t.Errorf("%s of a request that is %q: %s", kind, original.ended, body)
	}
	original.ended = string(kind)
	card := s.cards[original.pan] // none of a purchase
	switch kind {
	case ActivationConfirmation:
		card.state, card.available = "ACTIVATED_CONFIRMED", original.amount
	case ActivationReversal:
		card.state = "NEW"
	case LoadConfirmation, RedemptionReversal:
		card.available += original.amount
	}
	s.count(kind, original.amount)
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write(body)
}

func (s *fakeServer) count(kind Kind, amount int64) {
	s.accepted[kind]++
	s.sums[kind] += amount
}

func (s *fakeServer) refuse(w http.ResponseWriter, kind Kind, status int, errorType string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errorType":%q,"requestType":%q,"id":"x","errorMessage":"no"}`, errorType, kind)
}

// someCards makes cards for tests.
func someCards(t *testing.T, count int) []Card {
	t.Helper()
	cards, err := ConsecutiveCards("6001000000000000", count, "4012")
	if err != nil {
		t.Fatal(err)
	}
	return cards
}
