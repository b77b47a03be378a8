package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var testTarget = Target{
	URL: "http://127.0.0.1:8080", User: `till "7"`, Password: "p:w", Product: "product001", Currency: "710",
}

// rendered makes one message and reads it back as a server would.
func rendered(t rapid.TB, kind Kind, v *values) (*http.Request, map[string]any, []byte) {
	t.Helper()
	base, err := url.Parse(testTarget.URL)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := newMessages(testTarget, base)[kind].append(nil, nil, v)
	request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatalf("%s is no HTTP request: %v", kind, err)
	}
	body, err := io.ReadAll(request.Body)
	if err != nil || int64(len(body)) != request.ContentLength || !bytes.HasSuffix(raw, body) {
		t.Fatalf("%s has a body of %d bytes and says %d: %v", kind, len(body), request.ContentLength, err)
	}
	var members map[string]any
	if err := json.Unmarshal(body, &members); err != nil {
		t.Fatalf("%s is no JSON: %v\n%s", kind, err, body)
	}
	return request, members, body
}

func someValues() *values {
	random := rand.New(rand.NewPCG(1, 2))
	return &values{
		id: newID(random), request: newID(random), at: time.Date(2026, 1, 2, 3, 4, 5, 670e6, time.UTC),
		card: &Card{PAN: "6001000000000001", Expiry: "4012"}, amount: 250, sequence: 1234567890123,
		parties: []byte(`[{"institutionId":"1","transactionIdentifier":"2"}]`),
	}
}

func TestMessagesAreWellFormedWhateverTheValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		v := someValues()
		v.card = &Card{
			PAN:    rapid.StringMatching(`[0-9]{1,19}`).Draw(t, "pan"),
			Expiry: rapid.StringMatching(`([0-9]{4})?`).Draw(t, "expiry"),
			PIN:    rapid.StringMatching(`[0-9]{0,6}`).Draw(t, "pin"),
		}
		v.amount = rapid.Int64().Draw(t, "amount")
		v.sequence = rapid.Uint64().Draw(t, "sequence")
		_, members, _ := rendered(t, kind, v)
		if members["id"] != string(v.id[:]) || members["rrn"] == nil || len(members["stan"].(string)) != 6 {
			t.Fatalf("%s: %v", kind, members)
		}
		if card, has := members["card"].(map[string]any); has && card["pan"] != v.card.PAN {
			t.Fatalf("%s: %v", kind, card)
		}
	})
}

func TestARedemptionIsLikeOneFromATill(t *testing.T) {
	v := someValues()
	request, members, body := rendered(t, RedemptionRequest, v)
	if len(body) < 850 || len(body) > 1100 {
		t.Errorf("a redemption has %d bytes, not about 0.9 KB", len(body))
	}
	if request.Method != "POST" || request.URL.Path != "/giftcard/v3/redemptions/"+string(v.id[:]) {
		t.Errorf("%s %s", request.Method, request.URL)
	}
	if user, password, _ := request.BasicAuth(); user != testTarget.User || password != testTarget.Password {
		t.Errorf("from %q, %q", user, password)
	}
	for _, name := range []string{
		"id", "time", "originator", "client", "settlementEntity", "receiver", "thirdPartyIdentifiers",
		"tranType", "stan", "rrn", "amounts", "card", "posInfo", "product",
	} {
		if members[name] == nil {
			t.Errorf("it has no %s", name)
		}
	}
	if members["time"] != "2026-01-02T03:04:05.670Z" || len(members["thirdPartyIdentifiers"].([]any)) != 2 {
		t.Errorf("time %v, references %v", members["time"], members["thirdPartyIdentifiers"])
	}
	if !strings.Contains(string(body), `"requestAmount":{"amount":250,"currency":"710"}`) {
		t.Errorf("the amount is not there: %s", body)
	}
}

func TestAdvicesNameTheirRequest(t *testing.T) {
	for kind, path := range map[Kind]string{
		ActivationConfirmation: "activations/REQUEST/confirmations/ID",
		ActivationReversal:     "activations/REQUEST/reversals/ID",
		LoadConfirmation:       "loads/REQUEST/confirmations/ID",
		RedemptionConfirmation: "redemptions/REQUEST/confirmations/ID",
		RedemptionReversal:     "redemptions/REQUEST/reversals/ID",
	} {
		v := someValues()
		request, members, _ := rendered(t, kind, v)
		path = strings.NewReplacer("REQUEST", string(v.request[:]), "ID", string(v.id[:])).Replace(path)
		if request.URL.Path != "/giftcard/v3/"+path || members["requestId"] != string(v.request[:]) {
			t.Errorf("%s: %s, %v", kind, request.URL.Path, members)
		}
		if kind.success() != 202 || (members["reversalReason"] != nil) != kind.reversal() {
			t.Errorf("%s: success %d, %v", kind, kind.success(), members)
		}
	}
}

func TestIDsAreUniqueUUIDsVersionFour(t *testing.T) {
	shape := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	random := rand.New(rand.NewPCG(3, 4))
	seen := map[id]bool{}
	for range 10_000 {
		made := newID(random)
		if seen[made] || !shape.Match(made[:]) {
			t.Fatalf("id %s", made)
		}
		seen[made] = true
	}
}

func BenchmarkRedemption(b *testing.B) {
	base, _ := url.Parse(testTarget.URL)
	message, v := newMessages(testTarget, base)[RedemptionRequest], someValues()
	var request, scratch []byte
	b.ReportAllocs()
	for b.Loop() {
		request, scratch = message.append(request[:0], scratch, v)
	}
}
