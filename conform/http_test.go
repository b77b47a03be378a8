package conform

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// fakeServer speaks the contract over HTTP for a fake, and its admin API as far as the scripts below need.
// A fault of the wire spoils one thing about every answer.
type fakeServer struct {
	*fake
	fault string
	admin []string
}

func (s *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, adminPath) {
		s.administer(w, r)
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) < 4 || r.Header.Get("Authorization") == "" {
		http.Error(w, "{}", http.StatusUnauthorized)
		return
	}
	text, _ := io.ReadAll(r.Body)
	var body map[string]any
	if json.Unmarshal(text, &body) != nil {
		http.Error(w, "{}", http.StatusBadRequest)
		return
	}
	m := readMessage(parts[2:], body)
	a, _ := s.Do(r.Context(), m)
	answer := s.answer(m, a, body)
	s.spoil(w, answer, body)
	if a.Status == http.StatusCreated && s.fault != "no Location" {
		w.Header().Set("Location", r.URL.Path)
	}
	w.Header().Set("Content-Type", "application/json")
	if s.fault == "plain text" {
		w.Header().Set("Content-Type", "text/plain")
	}
	w.WriteHeader(a.Status)
	_ = json.NewEncoder(w).Encode(answer) // a client that has gone away needs no answer
}

// readMessage takes a request apart as far as the fake needs it.
func readMessage(path []string, body map[string]any) Message {
	m := Message{Act: Request, ID: textAt(body, "id"), RequestID: textAt(body, "requestId"), Product: textAt(body, "product.id")}
	for kind, names := range kindNames {
		if names.segment == path[0] {
			m.Kind = kind
		}
	}
	if len(path) == 4 {
		m.Act = map[string]Act{"confirmations": Confirmation, "reversals": Reversal}[path[2]]
	}
	m.Card = &Card{PAN: textAt(body, "card.pan")}
	if v, ok := lookupPath(body, "amounts.requestAmount.amount"); ok {
		m.Amount = &Amount{Minor: int64(v.(float64))}
	}
	return m
}

func (s *fakeServer) answer(m Message, a Answer, body map[string]any) map[string]any {
	if a.Status >= 400 {
		detail := map[string]any{"freeString": "why"}
		e := map[string]any{"errorType": a.ErrorType, "requestType": a.RequestType, "id": a.ID, "errorMessage": "no", "detailMessage": detail}
		if a.OriginalID != "" {
			e["originalId"] = a.OriginalID
		}
		return e
	}
	answer := maps.Clone(body)
	if a.Status == http.StatusAccepted {
		delete(answer, "reversalReason")
		delete(answer, "tenders")
		return answer
	}
	us := map[string]any{"id": "us", "name": "Us"}
	answer["settlementEntity"], answer["receiver"] = us, us
	answer["slipData"] = map[string]any{"messageLines": []any{}, "issuerReference": "G1"}
	mine := map[string]any{"institutionId": "us", "transactionIdentifier": "1"}
	answer["thirdPartyIdentifiers"] = append(slices.Clone(body["thirdPartyIdentifiers"].([]any)), mine, mine)
	amounts := map[string]any{}
	for name, value := range map[string]*int64{"requestAmount": a.Amounts.Requested, "approvedAmount": a.Amounts.Approved,
		"balanceAmount": a.Amounts.Book, "availableBalance": a.Amounts.Available} {
		if value != nil {
			amounts[name] = map[string]any{"amount": *value, "currency": "710"}
		}
	}
	answer["amounts"] = amounts
	card := maps.Clone(body["card"].(map[string]any))
	delete(card, "clearPin")
	answer["card"] = card
	return answer
}

// spoil does what the fault says.
func (s *fakeServer) spoil(w http.ResponseWriter, answer, body map[string]any) {
	_, isError := answer["errorType"]
	switch s.fault {
	case "trims zeros":
		answer["time"] = strings.Replace(fmt.Sprint(answer["time"]), ".120Z", ".12Z", 1)
	case "writes null":
		answer["rrn"] = nil
	case "echoes the PIN":
		answer["card"] = body["card"]
	case "amounts as text":
		if v, ok := lookupPath(answer, "amounts.balanceAmount.amount"); ok {
			answer["amounts"].(map[string]any)["balanceAmount"] = map[string]any{"amount": strconv.FormatInt(v.(int64), 10)}
		}
	case "drops identifiers":
		answer["thirdPartyIdentifiers"] = []any{}
	case "no slip":
		delete(answer, "slipData")
	case "no institutions":
		delete(answer, "receiver")
	case "talks too much":
		if isError {
			answer["errorMessage"] = "this is not a short message"
		}
	case "tells the PAN":
		if isError {
			answer["detailMessage"] = map[string]any{"freeString": "card " + textAt(body, "card.pan")}
		}
	case "no free text":
		if isError {
			answer["detailMessage"] = map[string]any{"text": "x"}
		}
	case "an error of its own":
		if isError {
			answer["errorType"] = "NO_MONEY"
		}
	case "no original":
		delete(answer, "originalId")
	}
}

// administer is the admin API of products, cards and accounts.
func (s *fakeServer) administer(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Name, ID, PAN, Expiry string
		Settings              struct {
			StartBalance   int64
			WrongPerMinute *int
		}
	}
	if json.NewDecoder(r.Body).Decode(&body) != nil || r.Header.Get("Authorization") != "Bearer secret" {
		http.Error(w, `{"code":"UNAUTHENTICATED","message":"who are you?"}`, http.StatusUnauthorized)
		return
	}
	s.admin = append(s.admin, r.Method+" "+strings.TrimPrefix(r.URL.Path, adminPath))
	switch r.URL.Path {
	case adminPath + "/accounts":
		if body.Settings.WrongPerMinute == nil || *body.Settings.WrongPerMinute != 0 {
			http.Error(w, `{"code":"INVALID","message":"scripts may guess as often as they like, unless they say otherwise"}`, http.StatusBadRequest)
		}
	case adminPath + "/products":
		s.starts[body.ID] = body.Settings.StartBalance
	case adminPath + "/cards":
		s.cards[body.PAN] = &fakeCard{}
		_, _ = io.WriteString(w, `{"number":17}`)
	}
}

// wireScript exercises the wire with a few messages.
const wireScript = `
wire
product p1 opening=sum start=1000
card c1 product=p1
case of the wire
active c1
# [S1]
redeem id=r1 card=c1 amount=100 pin=7788
-> approved requested=100 approved=100 book=900 available=900
  body card.clearPin absent
  body amounts.approvedAmount is {"amount":100,"currency":"710"}
  body thirdPartyIdentifiers size 4
  body slipData.issuerReference matches G[0-9]
  header Location matches .*/redemptions/{r1}
# [V6]
redeem id=r1 card=c1 amount=100
-> declined DUPLICATE_RECORD originalId=none book=900 available=900
  body detailMessage.freeString holds wh
  body hides 6001001
# [L9]
confirm id=k1 of=r9 kind=redeem
-> declined UNABLE_TO_LOCATE_RECORD originalId=r9
`

func runWire(t *testing.T, server *fakeServer) Report {
	t.Helper()
	listening := httptest.NewServer(server)
	defer listening.Close()
	script, err := Parse("wire", wireScript)
	if err != nil {
		t.Fatal(err)
	}
	target, err := NewHTTPTarget(HTTPTarget{BaseURL: listening.URL, AdminURL: listening.URL, AdminToken: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), target, Options{Scripts: []Script{script}})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestARightServerPassesOverHTTP(t *testing.T) {
	server := &fakeServer{fake: newFake("")}
	report := runWire(t, server)
	if !report.OK() {
		t.Error(report.Results)
	}
	want := []string{"POST /accounts", "POST /accounts", "POST /products", "POST /cards"}
	if !slices.Equal(server.admin, want) {
		t.Errorf("set up by %v, want %v", server.admin, want)
	}
}

func TestEachFaultOfTheWireIsFound(t *testing.T) {
	for fault, want := range map[string]string{
		"trims zeros":         "C8: time as sent",
		"writes null":         "C5",
		"echoes the PIN":      "S1: no PIN",
		"amounts as text":     "book=900",
		"drops identifiers":   "S3",
		"no slip":             "S6",
		"no institutions":     "S2",
		"talks too much":      "E5",
		"tells the PAN":       "E9",
		"no free text":        "E6",
		"an error of its own": "NO_MONEY",
		"no original":         "originalId=",
		"no Location":         "C11",
		"plain text":          "C2",
	} {
		t.Run(fault, func(t *testing.T) {
			report := runWire(t, &fakeServer{fake: newFake(""), fault: fault})
			if report.Results[0].Status != Failed {
				t.Fatalf("%s", report.Results[0].Status)
			}
			found := fmt.Sprint(report.Results[0].Failures)
			if !strings.Contains(found, want) {
				t.Errorf("found as %s", found)
			}
			if strings.Contains(found, "7788") {
				t.Errorf("the report tells the PIN: %s", found)
			}
		})
	}
}

func TestWithoutAnAdminTheCardsAreThoseOfTheServer(t *testing.T) {
	server := &fakeServer{fake: newFake("")}
	cards, products := SandboxSeed()
	for _, c := range cards {
		server.cards[c.PAN] = &fakeCard{}
	}
	for _, p := range products {
		server.starts[p.ID] = p.Start
	}
	listening := httptest.NewServer(server)
	defer listening.Close()
	target, err := NewHTTPTarget(HTTPTarget{BaseURL: listening.URL, Cards: cards, Products: products,
		Accounts: [2]Credentials{{"one", "x"}, {"two", "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	script, err := Parse("seed", `
product p1 opening=sum start=1000
case first
card c1 product=p1
# [2.2/activation-approved]
activate card=c1
-> approved book=1000 available=0
case second
card c1 product=p1
# [2.2/activation-approved]
activate card=c1
-> approved book=1000 available=0
case third
product p2 opening=sum start=1000 minLoad=5
card c1 product=p2
# [2.3/issuer/min-load]
lookup card=c1
-> approved book=0 available=0
`)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), target, Options{Scripts: []Script{script}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"passed", "skipped it has no card left with no PIN in currency 710",
		"skipped its products have no rules of their own that could be set"}
	for i, r := range report.Results {
		if got := strings.TrimSpace(string(r.Status) + " " + r.Reason); got != want[i] {
			t.Errorf("%s: %s, want %s", r.Name, got, want[i])
		}
	}
}

func TestATestServerIsAskedWhatItHolds(t *testing.T) {
	server, resets := &fakeServer{fake: newFake("")}, 0
	fresh := func() {
		server.fake.cards = map[string]*fakeCard{"8561725642498548895": {}}
		server.starts["product003"], server.requests, server.used = 1000, map[string]*fakeRequest{}, map[string]bool{}
	}
	mux := http.NewServeMux()
	mux.Handle("/", server)
	mux.HandleFunc("POST /giftcard/v3/testServerAdmin/reset", func(http.ResponseWriter, *http.Request) { resets++; fresh() })
	mux.HandleFunc("GET /giftcard/v3/testServerAdmin/data", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"cards":[{"card":{"pan":"8561725642498548895","expiryDate":"4010"},
			"balance":{"balanceAmount":{"amount":0,"currency":"710"}},"status":"NEW"}],
			"products":[{"product":{"id":"product003"},"startingBalance":{"amount":1000,"currency":"710"}}]}`)
	})
	listening := httptest.NewServer(mux)
	defer listening.Close()
	target, err := NewHTTPTarget(HTTPTarget{BaseURL: listening.URL, Reset: true, Accounts: [2]Credentials{{"one", "x"}, {"two", "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	script, err := Parse("seed", `
product p1 opening=sum start=1000
card c1 product=p1
case first
# [2.2/activation-approved]
activate card=c1
-> approved book=1000 available=0
case second
# [2.2/activation-approved]
activate card=c1
-> approved book=1000 available=0
`)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), target, Options{Scripts: []Script{script}})
	if err != nil || report.Count(Passed) != 2 || resets != 4 {
		t.Errorf("%+v, %v, after %d resets", report.Results, err, resets)
	}
}

func TestSomebodyElseMaySetTheServerUp(t *testing.T) {
	server := &fakeServer{fake: newFake("")}
	listening := httptest.NewServer(server)
	defer listening.Close()
	login := func(name string) Credentials { return Credentials{Name: name, Password: "x"} }
	target, err := NewHTTPTarget(HTTPTarget{BaseURL: listening.URL, Setup: server.fake, Login: login})
	if err != nil {
		t.Fatal(err)
	}
	script, err := Parse("wire", wireScript)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), target, Options{Scripts: []Script{script}})
	if err != nil || !report.OK() || len(server.admin) > 0 {
		t.Errorf("%v, %v, admin API called for %v", report.Results, err, server.admin)
	}
}

func TestATargetThatCannotBeReachedIsRefused(t *testing.T) {
	one, two := Credentials{"one", "x"}, Credentials{"two", "x"}
	for _, wrong := range []HTTPTarget{
		{Accounts: [2]Credentials{one, two}},
		{BaseURL: "http://x", Accounts: [2]Credentials{one, one}},
		{BaseURL: "http://x"},
		{BaseURL: "http://x", AdminURL: "http://y", Accounts: [2]Credentials{one, one}},
		{BaseURL: "http://x", Setup: NoSetup{}},
	} {
		if _, err := NewHTTPTarget(wrong); err == nil {
			t.Errorf("%+v is taken for a target", wrong)
		}
	}
}

func TestEditsReachTheWire(t *testing.T) {
	var got *http.Request
	var body string
	listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Clone(r.Context())
		text, _ := io.ReadAll(r.Body)
		body = string(text)
	}))
	defer listening.Close()
	target, err := NewHTTPTarget(HTTPTarget{BaseURL: listening.URL, Accounts: [2]Credentials{{"one", "x"}, {"two", "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	m := Message{Kind: Redeem, Act: Request, Account: "b", ID: "id 1", Time: "now", Card: &Card{PAN: "6001", Expiry: "4010"},
		Amount: &Amount{Minor: 5, Currency: "710"}, Edits: []Edit{
			{Verb: "with", Path: "amounts.requestAmount.amount", Text: "5e0"}, {Verb: "without", Path: "originator"},
			{Verb: "twice", Path: "card.pan", Text: `"7"`}, {Verb: "with", Path: "a.b", Text: "[1]"},
			{Verb: "header", Path: "Content-Type", Text: "text/plain"}, {Verb: "method", Text: "PUT"}}}
	if _, err := target.Do(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	name, _, _ := got.BasicAuth()
	if got.Method != "PUT" || got.URL.EscapedPath() != "/giftcard/v3/redemptions/id%201" || name != "two" ||
		got.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("sent %s %s by %s as %s", got.Method, got.URL.EscapedPath(), name, got.Header.Get("Content-Type"))
	}
	for _, part := range []string{`"amount":5e0,`, `"pan":"6001","expiryDate":"4010","pan":"7"`, `"a":{"b":[1]}`} {
		if !strings.Contains(body, part) {
			t.Errorf("the body lacks %s: %s", part, body)
		}
	}
	if strings.Contains(body, "originator") {
		t.Errorf("the body has an originator: %s", body)
	}
}

func TestARedirectIsAnAnswer(t *testing.T) {
	asked := 0
	listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer listening.Close()
	target, err := NewHTTPTarget(HTTPTarget{BaseURL: listening.URL, Accounts: [2]Credentials{{"one", "x"}, {"two", "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := target.Do(t.Context(), Message{Kind: Lookup, Act: Request, Account: "a", ID: "1"})
	if err != nil || a.Status != http.StatusTemporaryRedirect || asked != 1 {
		t.Errorf("answered %d after %d requests, %v", a.Status, asked, err)
	}
}
