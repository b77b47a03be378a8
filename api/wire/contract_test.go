package wire_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	giftcardapi "github.com/scripworks/scrip/api/giftcard"
	"github.com/scripworks/scrip/api/wire"
)

// giftcardMessages are all messages that a gift card server or client reads.
var giftcardMessages = []string{
	"ActivationRequest", "ActivationConfirmation", "ActivationReversal", "ActivationResponse",
	"LoadRequest", "LoadConfirmation", "LoadReversal", "LoadResponse",
	"LookupRequest", "LookupResponse",
	"RedemptionRequest", "RedemptionConfirmation", "RedemptionReversal", "RedemptionResponse",
	"ReplaceRequest", "ReplaceConfirmation", "ReplaceReversal", "ReplaceResponse",
	"TransferRequest", "TransferConfirmation", "TransferReversal", "TransferResponse",
	"VoidRequest", "VoidConfirmation", "VoidReversal", "VoidResponse",
	"BasicAdvice", "ErrorDetail",
}

// giftcard is compiled once for all tests: it is a large document.
var giftcard = sync.OnceValues(func() (*wire.Document, error) { return wire.Compile(giftcardapi.Document) })

func giftcardModel(t testing.TB, name string) *wire.Model {
	t.Helper()
	d, err := giftcard()
	if err != nil {
		t.Fatal(err)
	}
	m, err := d.Model(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEveryGiftcardMessageCanBeReadBy(t *testing.T) {
	d, err := giftcard()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range giftcardMessages {
		m, err := d.Model(name)
		if err != nil {
			t.Error(err)
			continue
		}
		err = m.Read([]byte(`{}`), new(wire.Message))
		var violations *wire.Violations
		if !errors.As(err, &violations) || violations.List[0].Msg == "" {
			t.Errorf("%s: nothing is required of it: %v", name, err)
		}
	}
}

const (
	giftcardHeader = `{"id":"5a1a1e6a-2f5c-4b3e-9a55-0c8f3b1a7d10","time":"2026-03-04T10:11:12.123Z",` +
		`"originator":{"institution":{"id":"1234567","name":"Corner Stores"},"terminalId":"T0000001",` +
		`"merchant":{"merchantType":"5411","merchantId":"000000000012345","merchantName":{"name":"Corner Store 12",` +
		`"city":"Cape Town","region":"WC","country":"ZA"}}},"client":{"id":"7654321","name":"Retail Switch"}`
	giftcardAmount = `,"amounts":{"requestAmount":{"amount":"0012500","currency":"710"}}`
	giftcardCard   = `{"pan":"6001000000000001","expiryDate":"2912","pin":{"type":"CLEAR_PIN","pin":"1234"}}`
)

func TestGiftcardMessages(t *testing.T) {
	tests := []struct {
		name, model, body string
		want              string
	}{
		{"redemption", "RedemptionRequest", giftcardAmount + `,"card":` + giftcardCard, ""},
		{"redemption without an amount", "RedemptionRequest", `,"amounts":{},"card":` + giftcardCard,
			"amounts.requestAmount may not be null"},
		{"redemption without a card", "RedemptionRequest", giftcardAmount, "card may not be null"},
		{"redemption of a basket that nobody judges", "RedemptionRequest",
			giftcardAmount + `,"basket":{"basketId":"a b c","items":[{}]},"card":` + giftcardCard, ""},
		{"redemption with a PAN that is none", "RedemptionRequest", giftcardAmount + `,"card":{"pan":"6001 0000"}`,
			"card.pan must match ^[0-9]{1,19}$"},
		{"replace by the other names", "ReplaceRequest", `,"card":` + giftcardCard + `,"targetCard":{"pan":"2"}`, ""},
		{"replace with two different cards", "ReplaceRequest",
			`,"card":{"pan":"3"},"oldCard":` + giftcardCard + `,"newCard":{"pan":"2"}`, "card must equal oldCard"},
		{"transfer by the other name", "TransferRequest", giftcardAmount + `,"card":` + giftcardCard + `,"targetCard":{"pan":"2"}`, ""},
		{"lookup by card", "LookupRequest", `,"card":` + giftcardCard, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			have := ""
			if err := giftcardModel(t, test.model).Read([]byte(giftcardHeader+test.body+`}`), new(wire.Message)); err != nil {
				have = err.Error()
			}
			if have != test.want {
				t.Errorf("have %q, want %q", have, test.want)
			}
		})
	}
}

func TestGiftcardAdviceWithACopyOfItsRequest(t *testing.T) {
	m := giftcardModel(t, "RedemptionReversal")
	request := giftcardHeader + giftcardAmount + `,"card":` + giftcardCard + `}`
	body := `{"id":"r1","requestId":"5a1a1e6a","time":"2026-03-04T10:11:13.000Z","thirdPartyIdentifiers":[],` +
		`"reversalReason":"TIMEOUT","redemptionRequest":` + request + `}`
	if err := m.Read([]byte(body), new(wire.Message)); err != nil {
		t.Error(err)
	}
	err := m.Read([]byte(strings.Replace(body, "TIMEOUT", "BOREDOM", 1)), new(wire.Message))
	if want := "reversalReason must be one of TIMEOUT, CANCELLED, RESPONSE_NOT_FINAL"; err == nil || err.Error() != want {
		t.Errorf("have %v, want %s", err, want)
	}
}

func BenchmarkReadGiftcardRedemption(b *testing.B) {
	m := giftcardModel(b, "RedemptionRequest")
	body := []byte(giftcardHeader + giftcardAmount + `,"card":` + giftcardCard + `}`)
	msg := new(wire.Message)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Read(body, msg); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompileGiftcard is what a start pays for the document and all of its messages.
func BenchmarkCompileGiftcard(b *testing.B) {
	for b.Loop() {
		d, err := wire.Compile(giftcardapi.Document)
		if err != nil {
			b.Fatal(err)
		}
		for _, name := range giftcardMessages {
			if _, err := d.Model(name); err != nil {
				b.Fatal(err)
			}
		}
	}
}
