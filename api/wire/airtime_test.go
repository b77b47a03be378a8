package wire_test

import (
	"errors"
	"sync"
	"testing"

	airtimeapi "github.com/scripworks/scrip/api/airtime"
	"github.com/scripworks/scrip/api/wire"
)

// airtimeMessages are all messages that an airtime server or client reads.
var airtimeMessages = []string{
	"PurchaseRequest", "PurchaseConfirmation", "PurchaseReversal", "PurchaseResponse",
	"VoucherRequest", "VoucherConfirmation", "BasicReversal", "VoucherResponse",
	"BasicAdvice", "ErrorDetail",
}

// airtimeModels are the others that are read whole: what queries answer.
var airtimeModels = []string{"MsisdnInfoResponse", "Product"}

var airtime = sync.OnceValues(func() (*wire.Document, error) { return wire.Compile(airtimeapi.Document) })

func airtimeModel(t testing.TB, name string) *wire.Model {
	t.Helper()
	d, err := airtime()
	if err != nil {
		t.Fatal(err)
	}
	m, err := d.Model(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEveryAirtimeMessageCanBeReadBy(t *testing.T) {
	for _, name := range airtimeMessages {
		err := airtimeModel(t, name).Read([]byte(`{}`), new(wire.Message))
		var violations *wire.Violations
		if !errors.As(err, &violations) || violations.List[0].Msg == "" {
			t.Errorf("%s: nothing is required of it: %v", name, err)
		}
	}
	for _, name := range airtimeModels {
		if err := airtimeModel(t, name).Read([]byte(`{"productId":"A10"}`), new(wire.Message)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const (
	airtimeProduct = `,"product":{"productId":"A10"}`
	airtimeAdvice  = `{"id":"a1","requestId":"5a1a1e6a","time":"2026-03-04T10:11:13.000Z"`
)

func TestAirtimeMessages(t *testing.T) {
	tests := []struct {
		name, model, body string
		want              string
	}{
		{"purchase", "PurchaseRequest", giftcardHeader + giftcardAmount + airtimeProduct, ""},
		{"purchase with newer members", "PurchaseRequest", giftcardHeader + airtimeProduct +
			`,"transactionLabels":["spring",{"a":null}]`, ""},
		{"purchase without a product", "PurchaseRequest", giftcardHeader, "product may not be null"},
		{"purchase of a product without a code", "PurchaseRequest", giftcardHeader + `,"product":{"name":"Ten"}`,
			"product.productId may not be null"},
		{"purchase of a code that is none", "PurchaseRequest", giftcardHeader + `,"product":{"productId":"A 10"}`,
			"product.productId must match ^[0-9A-Za-z]{1,20}$"},
		{"purchase of a product of an unknown kind", "PurchaseRequest",
			giftcardHeader + `,"product":{"productId":"A10","type":"PIGEON"}`,
			"product.type must be one of AIRTIME_FIXED, AIRTIME_VARIABLE, SMS_BUNDLE, DATA, APP_RELATED, COMBO, " +
				"DATA_FIXED, DATA_VARIABLE, VOICE_BUNDLE"},
		{"purchase of a product that nobody judges", "PurchaseRequest", giftcardHeader +
			`,"product":{"productId":"A10","description":{},"productValues":[{}],"validityPeriod":{"durationUnit":"Days"},` +
			`"productContents":[{"amount":-1}],"operator":{},"channels":[{}]}`, ""},
		{"purchase for a number that is none", "PurchaseRequest",
			giftcardHeader + airtimeProduct + `,"recipientMsisdn":{"msisdn":"0831234567"}`,
			`recipientMsisdn.msisdn must match ^\+?[1-9]\d{1,14}$`},
		{"purchase for a number in a country of three letters", "PurchaseRequest",
			giftcardHeader + airtimeProduct + `,"senderMsisdn":{"msisdn":"+27831234567","country":"ZAF"}`,
			"senderMsisdn.country must have exactly 2 characters"},
		{"purchase paid for with what nobody knows", "PurchaseRequest", giftcardHeader + airtimeProduct +
			`,"tenders":[{}],"paymentMethods":[{"type":"SEASHELLS","count":12},{"type":"WALLET"},{}]`, ""},
		{"purchase with payments that are no list", "PurchaseRequest", giftcardHeader + airtimeProduct + `,"paymentMethods":{}`,
			"paymentMethods must be an array"},
		{"confirmation of a purchase", "PurchaseConfirmation", airtimeAdvice + `,"tenders":[{}]`, ""},
		{"confirmation of a purchase with any voucher", "PurchaseConfirmation", airtimeAdvice + `,"voucher":7`, ""},
		{"reversal of a purchase", "PurchaseReversal", airtimeAdvice + `,"reversalReason":"TIMEOUT"`, ""},
		{"reversal without a reason", "PurchaseReversal", airtimeAdvice, "reversalReason may not be null"},
		{"voucher request", "VoucherRequest", giftcardHeader + airtimeProduct, ""},
		{"confirmation of a voucher", "VoucherConfirmation", airtimeAdvice + `,"voucher":{"serialNumber":"S1"}`, ""},
		{"confirmation of a voucher without a serial number", "VoucherConfirmation", airtimeAdvice + `,"voucher":{}`,
			"voucher.serialNumber may not be null"},
		{"reversal of a voucher", "BasicReversal", airtimeAdvice + `,"reversalReason":"CANCELLED"`, ""},
		{"voucher", "VoucherResponse", giftcardHeader + `,"voucher":{"serialNumber":"S1","pin":"1234"}`, ""},
		{"voucher without a PIN", "VoucherResponse", giftcardHeader + `,"voucher":{"serialNumber":"S1"}`,
			"voucher.pin may not be null"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			have := ""
			if err := airtimeModel(t, test.model).Read([]byte(test.body+`}`), new(wire.Message)); err != nil {
				have = err.Error()
			}
			if have != test.want {
				t.Errorf("have %q, want %q", have, test.want)
			}
		})
	}
}

// Labels and payments are found where they stand, whatever they are, so that they can be passed on byte for byte.
func TestAirtimeValuesAreFoundAsTheyCame(t *testing.T) {
	d, err := wire.Compile(airtimeapi.Document) // anew, since slots are asked for before the first reading
	if err != nil {
		t.Fatal(err)
	}
	m, err := d.Model("PurchaseRequest")
	if err != nil {
		t.Fatal(err)
	}
	const labels, payments = `{ "campaign" : [ "spring" ] }`, `[ {"type":"SEASHELLS"} ]`
	slots, msg := []wire.Slot{m.Slot("transactionLabels"), m.Slot("paymentMethods")}, new(wire.Message)
	body := giftcardHeader + airtimeProduct + `,"transactionLabels":` + labels + `,"paymentMethods":` + payments + `}`
	if err := m.Read([]byte(body), msg); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{labels, payments} {
		if have := string(msg.Raw(slots[i])); have != want {
			t.Errorf("have %s, want %s", have, want)
		}
	}
}
