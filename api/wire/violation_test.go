package wire

import (
	"strings"
	"testing"
)

func TestViolationsTellValuesThatMayBeTold(t *testing.T) {
	m := modelOf(t, "RedemptionRequest")
	tests := []struct {
		name, old, new string
		value          string
	}{
		{"text", `"T0000001"`, `"T1"`, "T1"},
		{"unquoted text", `"T0000001"`, `"T\u0031"`, "T1"},
		{"number", `"T0000001"`, `17.50`, "17.50"},
		{"cut at 40 characters", `"Retail Switch"`, `"` + strings.Repeat("é", 41) + `"`, strings.Repeat("é", 40)},
		{"object", `"T0000001"`, `{"pan":"6001000000000001"}`, ""},
		{"array", `"T0000001"`, `["6001000000000001"]`, ""},
		{"missing", `"terminalId":"T0000001",`, ``, ""},
		{"PAN", `"6001000000000001"`, `"6001 0000 0000 0001"`, ""},
		{"card of a wrong type", `{"pan":"6001000000000001","expiryDate":"2912","clearPin":"1234"}`, `"6001000000000001"`, ""},
		{"expiry", `"2912"`, `"29/12"`, ""},
		{"PIN", `"clearPin":"1234"`, `"pin":{"type":"CLEAR_PIN","pin":1234}`, ""},
		{"kind of PIN", `"clearPin":"1234"`, `"pin":{"type":"1234"}`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			have := violationsOf(t, m, with(t, test.old, test.new))
			if len(have) != 1 || have[0].Value != test.value {
				t.Errorf("have %+v, want the value %q", have, test.value)
			}
		})
	}
}

func TestIsPrivate(t *testing.T) {
	for _, name := range []string{
		"card", "Card", "oldCard", "pan", "pin", "clearPin", "PinEncrypted", "PinEncrypted.EncryptionParameters",
		"voucher", "paymentMethods", "CardPayment", "Customer", "cardHolder", "cards", "msisdn", "Msisdn", "recipientMsisdn",
	} {
		if !isPrivate(name) {
			t.Errorf("%s may be told", name)
		}
	}
	for _, name := range []string{"", "id", "company", "shopping", "terminalId", "posInfo", "Product", "discard"} {
		if isPrivate(name) {
			t.Errorf("%s may not be told", name)
		}
	}
}

func TestErrorTextsQuoteNothing(t *testing.T) {
	m := modelOf(t, "RedemptionRequest")
	const secret = "6001000000000009"
	for _, body := range []string{
		with(t, `"T0000001"`, `"`+secret+`"`),
		with(t, `"T0000001"`, `{"`+secret+`":1,"`+secret+`":2}`),
		with(t, `"amounts":{`, `"amounts":{"additionalAmounts":{"`+secret+`":{"amount":"x`+secret+`"}},`),
		with(t, `"T0000001"`, `"`+secret+`" `+secret),
		with(t, `"T0000001"`, secret+`x`),
	} {
		err := m.Read([]byte(body), new(Message))
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("error %q", err)
		}
	}
}

func TestViolationsErrorNamesEveryField(t *testing.T) {
	err := modelOf(t, "Oddments").Read([]byte(`{"flag":1,"pair":[1,"x"]}`), new(Message))
	if want := "flag must be true or false; pair[1] must be an integer"; err == nil || err.Error() != want {
		t.Errorf("have %v, want %s", err, want)
	}
	more := &Violations{List: []Violation{{Field: "a", Msg: "a may not be null"}}, More: true}
	if want := "a may not be null; and more"; more.Error() != want {
		t.Errorf("have %v, want %s", more, want)
	}
}
