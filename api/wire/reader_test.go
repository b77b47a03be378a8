package wire

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// with replaces a part of the typical redemption, which must be there.
func with(t testing.TB, old, new string) string {
	t.Helper()
	if strings.Count(redemption, old) != 1 {
		t.Fatalf("the redemption has %q %d times, not once", old, strings.Count(redemption, old))
	}
	return strings.Replace(redemption, old, new, 1)
}

// adding puts one more member into the typical redemption.
func adding(t testing.TB, member string) string {
	t.Helper()
	return with(t, `{"id":"5a`, `{`+member+`,"id":"5a`)
}

// violationsOf reads a body that must be JSON and gives what is wrong with it.
func violationsOf(t testing.TB, m *Model, body string) []Violation {
	t.Helper()
	err := m.Read([]byte(body), new(Message))
	if err == nil {
		return nil
	}
	var violations *Violations
	if !errors.As(err, &violations) {
		t.Fatalf("want violations, have %T: %v", err, err)
	}
	return violations.List
}

// messagesOf are the Msg of all violations; each must begin with its Field.
func messagesOf(t testing.TB, violations []Violation) []string {
	t.Helper()
	var messages []string
	for _, v := range violations {
		if v.Field != "" && !strings.HasPrefix(v.Msg, v.Field+" ") {
			t.Errorf("message %q does not begin with the field %q", v.Msg, v.Field)
		}
		messages = append(messages, v.Msg)
	}
	return messages
}

func wantMessages(t *testing.T, m *Model, body string, want ...string) {
	t.Helper()
	have := messagesOf(t, violationsOf(t, m, body))
	if !slices.Equal(have, want) {
		t.Errorf("violations\nhave %q\nwant %q", have, want)
	}
}

func TestTypicalRedemptionIsAccepted(t *testing.T) {
	wantMessages(t, modelOf(t, "RedemptionRequest"), redemption)
}

func TestRedemptionViolations(t *testing.T) {
	tests := []struct {
		name     string
		old, new string
		want     []string
	}{
		{"missing text", `"name":"Corner Store 12","city":"Cape Town",`, `"name":"Corner Store 12",`,
			[]string{"originator.merchant.merchantName.city may not be null"}},
		{"null counts as missing", `"city":"Cape Town"`, `"city":null`,
			[]string{"originator.merchant.merchantName.city may not be null"}},
		{"missing parent has no missing children", `,"client":{"id":"7654321","name":"Retail Switch"}`, ``,
			[]string{"client may not be null"}},
		{"several missing, in the order of the schema", `{"id":"7654321","name":"Retail Switch"}`, `{}`,
			[]string{"client.id may not be null", "client.name may not be null"}},
		{"pattern", `"5411"`, `"54x1"`, []string{"originator.merchant.merchantType must match [0-9]{4}"}},
		{"pattern covers the whole text", `"5411"`, `"54111"`,
			[]string{"originator.merchant.merchantType must match [0-9]{4}"}},
		{"exact length", `"T0000001"`, `"T1"`, []string{"originator.terminalId must have exactly 8 characters"}},
		{"greatest length", `"ZA"`, `"ZAF"`,
			[]string{"originator.merchant.merchantName.country must have at most 2 characters"}},
		{"enumeration", `"BARCODE"`, `"BEEP"`,
			[]string{"posInfo.entryMode.panEntryMode must be one of UNKNOWN, MANUAL, BARCODE"}},
		{"enumeration in another case", `"BARCODE"`, `"Barcode"`,
			[]string{"posInfo.entryMode.panEntryMode must be one of UNKNOWN, MANUAL, BARCODE"}},
		{"object for a text", `"5411"`, `{"a":1}`, []string{"originator.merchant.merchantType must be a text"}},
		{"number for a text", `"710"`, `710`, []string{"amounts.requestAmount.currency must be a text"}},
		{"text for an object", `{"id":"44","name":"Gift Issuer"}`, `"44"`, []string{"receiver must be an object"}},
		{"array for an object", `{"id":"44","name":"Gift Issuer"}`, `[]`, []string{"receiver must be an object"}},
		{"name in another case is unknown", `"terminalId"`, `"terminalID"`,
			[]string{"originator.terminalId may not be null"}},
		{"known name twice", `"operatorId":"17"`, `"operatorId":"17","operatorId":"18"`,
			[]string{"originator.operatorId occurs twice"}},
		{"known name twice, once null", `"operatorId":"17"`, `"operatorId":null,"operatorId":"18"`,
			[]string{"originator.operatorId occurs twice"}},
		{"known name twice, once escaped", `"operatorId":"17"`, `"operatorId":"17","\u006fperatorId":"18"`,
			[]string{"originator.operatorId occurs twice"}},
		{"unknown name twice", `"operatorId":"17"`, `"x":1,"x":2`, []string{"originator.x occurs twice"}},
		{"unknown name twice, once escaped", `"operatorId":"17"`, `"x":1,"\u0078":2`,
			[]string{`originator.* occurs twice`}},
		{"unknown name that is no name", `"operatorId":"17"`, `"6001000000000001":1,"6001000000000001":2`,
			[]string{"originator.* occurs twice"}},
		{"name twice deep inside what is unknown", `"operatorId":"17"`, `"x":[{"y":{"z":1,"z":2}}]`,
			[]string{"originator.x[0].y.z occurs twice"}},
		{"array element", `{"institutionId":"7654321","transactionIdentifier":"9931-1771"}`, `{"institutionId":7}`,
			[]string{"thirdPartyIdentifiers[1].institutionId must be a text"}},
		{"null element", `{"institutionId":"7654321","transactionIdentifier":"9931-1771"}`, `null`,
			[]string{"thirdPartyIdentifiers[1] may not be null"}},
		{"too many elements", `[{"institutionId":"1234567",`, `[{"institutionId":"1"},{"institutionId":"2"},` +
			`{"institutionId":"3"},{"institutionId":"4"},{"institutionId":"1234567",`,
			[]string{"thirdPartyIdentifiers must have 0 to 5 elements"}},
		{"object for an array", `[{"institutionId":"1234567","transactionIdentifier":"A83-000171"},` +
			`{"institutionId":"7654321","transactionIdentifier":"9931-1771"}]`, `{"institutionId":"1"}`,
			[]string{"thirdPartyIdentifiers must be an array"}},
		{"time without a zone", `10:11:12.123Z`, `10:11:12.123`, []string{"time must be an RFC 3339 date-time"}},
		{"NUL", `"operatorId":"17"`, `"operatorId":"1\u0000"`,
			[]string{"originator.operatorId must not contain a NUL character"}},
		{"amount with a fraction", `:12500`, `:12500.0`, []string{"amounts.requestAmount.amount " + amountText}},
		{"amount with an exponent", `:12500`, `:125e2`, []string{"amounts.requestAmount.amount " + amountText}},
		{"amount of 19 digits as a text", `:12500`, `:"0000000000000012500"`,
			[]string{"amounts.requestAmount.amount " + amountText}},
		{"amount as an empty text", `:12500`, `:""`, []string{"amounts.requestAmount.amount " + amountText}},
		{"amount beyond 64 bits", `:12500`, `:9223372036854775808`,
			[]string{"amounts.requestAmount.amount " + amountText}},
		{"amount of a wrong type", `:12500`, `:true`, []string{"amounts.requestAmount.amount " + amountText}},
		{"two rules at once", `{"id":"7654321","name":"Retail Switch"}`, `{"name":7}`,
			[]string{"client.name must be a text", "client.id may not be null"}},
		{"value of a map", `"amounts":{`, `"amounts":{"additionalAmounts":{"tip":{"amount":1}},`,
			[]string{"amounts.additionalAmounts.tip.currency may not be null"}},
		{"value of a map under no name", `"amounts":{`, `"amounts":{"additionalAmounts":{"a tip":{"amount":1}},`,
			[]string{"amounts.additionalAmounts.*.currency may not be null"}},
		{"key of a map twice", `"amounts":{`, `"amounts":{"additionalAmounts":{"tip":null,"tip":null},`,
			[]string{"amounts.additionalAmounts.tip occurs twice"}},
	}
	m := modelOf(t, "RedemptionRequest")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantMessages(t, m, with(t, test.old, test.new), test.want...)
		})
	}
}

func TestRedemptionLeniency(t *testing.T) {
	tests := []struct{ name, old, new string }{
		{"unknown members", `"operatorId":"17"`, `"voucher":{"pin":[1,{"a":null}]},"x":1.5e3,"y":"\u0000"`},
		{"null for what is optional", `"operatorId":"17"`, `"operatorId":null`},
		{"array that is null", `"stan":"000123"`, `"stan":null,"basketRef":null`},
		{"amount as a text", `:12500`, `:"12500"`},
		{"amount with leading zeros", `:12500`, `:"000000000000012500"`},
		{"negative amount, for the rules to decline", `:12500`, `:-1`},
		{"time with an offset", `10:11:12.123Z`, `12:11:12.123+02:00`},
		{"time in lower case", `T10:11:12.123Z`, `t10:11:12z`},
		{"unknown value that counts as absent", `"posInfo":{`, `"posInfo":{"posConditionCode":"MOON",`},
		{"characters outside the basic plane", `"Cape Town"`, `"😀😀😀😀😀😀"`},
		{"white space", `{"requestAmount":{"amount":12500,`, " {\r\n\t\"requestAmount\" : {\"amount\" : 12500 , "},
		{"map", `"amounts":{`, `"amounts":{"additionalAmounts":{"a tip":{"amount":"1","currency":"710"},"none":null},`},
		{"unjudged object", `"posInfo":{`, `"basket":{"items":[1,2],"basketId":17},"posInfo":{`},
	}
	m := modelOf(t, "RedemptionRequest")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantMessages(t, m, with(t, test.old, test.new))
		})
	}
}

func TestLengthCountsUTF16(t *testing.T) {
	m := modelOf(t, "RedemptionRequest")
	wantMessages(t, m, with(t, `"Cape Town"`, `"`+strings.Repeat("é", 13)+`"`))
	wantMessages(t, m, with(t, `"Cape Town"`, `"`+strings.Repeat(`\ud83d\ude00`, 6)+`"`))
	wantMessages(t, m, with(t, `"Cape Town"`, `"`+strings.Repeat("😀", 7)+`"`),
		"originator.merchant.merchantName.city must have at most 13 characters")
}

func TestUnjudgedJudgesTheOutermostTypeAlone(t *testing.T) {
	m := modelOf(t, "RedemptionRequest")
	wantMessages(t, m, adding(t, `"cardHolder":{"msisdn":7,"emailAddress":"none"}`))
	wantMessages(t, m, adding(t, `"cardHolder":"Mrs Jones"`), "cardHolder must be an object")
	wantMessages(t, m, adding(t, `"cardHolder":{"x":{"y":1,"y":1}}`), "cardHolder.x.y occurs twice")
}

func TestUnionIsReadByItsDiscriminator(t *testing.T) {
	const none = "card.pin.type may not be null"
	const other = "card.pin.type must be one of CLEAR_PIN, ENCRYPTED_PIN"
	tests := []struct {
		name, pin string
		want      []string
	}{
		{"first", `{"type":"CLEAR_PIN","pin":"1234"}`, nil},
		{"last", `{"pin":"1234","type":"CLEAR_PIN"}`, nil},
		{"escaped", `{"pin":"1234","\u0074ype":"CLEAR\u005fPIN"}`, nil},
		{"null pin", `null`, nil},
		{"other variant", `{"type":"ENCRYPTED_PIN","pinBlock":"0123456789abcdef","pin":7}`, nil},
		{"judged by its variant", `{"type":"ENCRYPTED_PIN","pinBlock":"xyz"}`,
			[]string{"card.pin.pinBlock must match [a-fA-F0-9]{16}"}},
		{"missing", `{"pin":"1234"}`, []string{none}},
		{"null", `{"type":null}`, []string{none}},
		{"unknown", `{"type":"MOON_PIN","pin":7}`, []string{other}},
		{"another case", `{"type":"clear_pin","pin":"1"}`, []string{other}},
		{"number", `{"type":1}`, []string{other}},
		{"not an object", `"1234"`, []string{"card.pin must be an object"}},
		{"twice", `{"type":"CLEAR_PIN","pin":"1","type":"ENCRYPTED_PIN"}`, []string{"card.pin.type occurs twice"}},
		{"within another member", `{"x":{"type":"CLEAR_PIN"}}`, []string{none}},
	}
	m := modelOf(t, "RedemptionRequest")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantMessages(t, m, with(t, `"clearPin":"1234"`, `"pin":`+test.pin), test.want...)
		})
	}
}

func TestAliases(t *testing.T) {
	const card = `{"pan":"6001","expiryDate":"2912","pin":{"type":"CLEAR_PIN","pin":"12"}}`
	const differs = "card must equal oldCard"
	tests := []struct {
		name, cards string
		want        []string
	}{
		{"the name itself", `"oldCard":` + card, nil},
		{"the other name", `"card":` + card, nil},
		{"both, written differently", `"oldCard":` + card +
			`,"card":{"pin":{"pin":"1\u0032","x":1,"type":"CLEAR_PIN"},"rank":null,"expiryDate":"2912","y":2,"pan":"6001"}`, nil},
		{"other name null", `"oldCard":` + card + `,"card":null`, nil},
		{"name itself null", `"oldCard":null,"card":` + card, nil},
		{"neither", `"x":1`, []string{"oldCard may not be null"}},
		{"both null", `"oldCard":null,"card":null`, []string{"oldCard may not be null"}},
		{"other PAN", `"oldCard":{"pan":"1"},"card":{"pan":"2"}`, []string{differs}},
		{"other PAN, other order", `"card":{"pan":"2"},"oldCard":{"pan":"1"}`, []string{differs}},
		{"PIN in one only", `"oldCard":` + card + `,"card":{"pan":"6001","expiryDate":"2912"}`, []string{differs}},
		{"judged under its own name", `"card":{"pan":"x"}`, []string{"card.pan must match [0-9]{1,19}"}},
		{"not an object", `"card":"6001"`, []string{"card must be an object"}},
	}
	m := modelOf(t, "ReplaceRequest")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantMessages(t, m, `{"id":"1",`+test.cards+`}`, test.want...)
		})
	}
}

func TestAccidentalNameOfTheSettlementEntity(t *testing.T) {
	m := modelOf(t, "RedemptionRequest")
	slot := m.Slot("settlementEntity.id")
	msg := new(Message)
	body := with(t, `"settlementEntity"`, `"tlementEntity"`)
	if err := m.Read([]byte(body), msg); err != nil {
		t.Fatal(err)
	}
	if id, _ := msg.Text(slot); id != "33" {
		t.Errorf("settlement entity %q, want 33", id)
	}
	wantMessages(t, m, with(t, `"settlementEntity":`, `"tlementEntity":{"id":"34","name":"Settle Bank"},"settlementEntity":`),
		"tlementEntity must equal settlementEntity")
}

func TestOddments(t *testing.T) {
	tests := []struct {
		member string
		want   []string
	}{
		{`"int32":2147483647`, nil},
		{`"int32":-2147483648`, nil},
		{`"int32":2147483648`, []string{"int32 must be an integer of 32 bits"}},
		{`"int32":1.0`, []string{"int32 must be an integer"}},
		{`"int32":1e1`, []string{"int32 must be an integer"}},
		{`"int32":"1"`, []string{"int32 must be an integer"}},
		{`"int64":9223372036854775807`, nil},
		{`"int64":9223372036854775808`, []string{"int64 must be an integer of 64 bits"}},
		{`"small":0`, []string{"small must be an integer from 1 to 9"}},
		{`"small":9`, nil},
		{`"ratio":2.5`, nil},
		{`"ratio":2.51`, []string{"ratio must be a number from 0 to 2.5"}},
		{`"ratio":1e999`, []string{"ratio must be a number within range"}},
		{`"ratio":"1"`, []string{"ratio must be a number"}},
		{`"flag":true`, nil},
		{`"flag":"true"`, []string{"flag must be true or false"}},
		{`"anything":[1,"a",{"b":null}]`, nil},
		{`"anything":{"b":1,"b":1}`, []string{"anything.b occurs twice"}},
		{`"pair":[1,2]`, nil},
		{`"pair":[1]`, []string{"pair must have 2 to 2 elements"}},
		{`"pair":[1,2,"x"]`, []string{"pair[2] must be an integer", "pair must have 2 to 2 elements"}},
		{`"some":[]`, []string{"some must have at least 1 elements"}},
		{`"long":"ab"`, []string{"long must have at least 3 characters"}},
		{`"between":"a"`, []string{"between must have 2 to 3 characters"}},
		{`"email":""`, nil},
		{`"email":"a@b"`, nil},
		{`"email":"a"`, []string{"email must be an e-mail address"}},
		{`"email":"a@b@c"`, []string{"email must be an e-mail address"}},
		{`"narrowed":"B"`, nil},
		{`"narrowed":"A"`, []string{"narrowed must be one of B, C"}},
		{`"narrowed":"bb"`, []string{"narrowed must be one of B, C", "narrowed must have at most 1 characters",
			"narrowed must match [A-Z]"}},
	}
	m := modelOf(t, "Oddments")
	for _, test := range tests {
		t.Run(test.member, func(t *testing.T) {
			wantMessages(t, m, "{"+test.member+"}", test.want...)
		})
	}
}

func TestRootMustBeAnObject(t *testing.T) {
	for _, body := range []string{`[]`, `"x"`, `1`, `true`, `null`} {
		wantMessages(t, modelOf(t, "Oddments"), body, "the message must be an object")
	}
}

func TestManyUnknownNames(t *testing.T) {
	var body strings.Builder
	for i := range 10_000 {
		body.WriteString(`"n` + strings.Repeat("x", i%7) + string(rune('0'+i%10)) + strings.Repeat("y", i/70) + `":1,`)
	}
	wantMessages(t, modelOf(t, "Oddments"), `{`+body.String()+`"last":1,"last":2}`, "last occurs twice")
}

func TestViolationsAreBounded(t *testing.T) {
	elements := strings.Repeat(`"x",`, 3*MaxViolations)
	err := modelOf(t, "Oddments").Read([]byte(`{"pair":[`+elements+`1]}`), new(Message))
	var violations *Violations
	if !errors.As(err, &violations) || len(violations.List) != MaxViolations || !violations.More {
		t.Fatalf("want the first %d violations and more, have %v", MaxViolations, err)
	}
	if violations.List[MaxViolations-1].Field != "pair[99]" {
		t.Errorf("last violation is of %s", violations.List[MaxViolations-1].Field)
	}
}

func TestSyntaxErrors(t *testing.T) {
	const late, bad, utf = "the body ends too early", "text that is not JSON", "text that is not UTF-8"
	tests := []struct {
		body   string
		offset int64
		what   string
	}{
		{``, 0, "the body is empty"},
		{`   `, 0, late},
		{`{"x":1`, 6, late},
		{`{"x":"ab`, 8, late},
		{`{"x":1}}`, 7, "text after the end of the message"},
		{`{} {}`, 2, "text after the end of the message"},
		{`{"x":1} garbage`, 7, "text after the end of the message"},
		{`{x:1}`, 1, bad},
		{`{"x":01}`, 6, bad},
		{`{"x":1,}`, 6, bad},
		{`{"x" 1}`, 5, bad},
		{`{"x":'a'}`, 5, bad},
		{`{"x":NaN}`, 5, bad},
		{`{"x":nul}`, 8, bad},
		{`{"x":{"a":[}}`, 11, bad},
		{"{\"x\":\"a\nb\"}", 7, bad},
		{"{\"x\":\"\xff\"}", 6, utf},
		{"{\"\xc3\x28\":1}", 2, utf},
		{`{"x":"\ud800"}`, 6, bad},
		{`{"x":"\q"}`, 6, bad},
		{"\ufeff{}", 0, bad},
		{strings.Repeat(`{"x":`, MaxDepth+1), 5 * MaxDepth, "nested too deeply"},
		{`{"anything":` + strings.Repeat(`[`, 100_000), 12 + MaxDepth - 1, "nested too deeply"},
	}
	m := modelOf(t, "Oddments")
	for _, test := range tests {
		t.Run(test.body[:min(len(test.body), 20)], func(t *testing.T) {
			err := m.Read([]byte(test.body), new(Message))
			var fault *SyntaxError
			if !errors.As(err, &fault) {
				t.Fatalf("want a syntax error, have %v", err)
			}
			if fault.What != test.what || fault.Offset != test.offset {
				t.Errorf("have %q, want %s at byte %d", fault, test.what, test.offset)
			}
		})
	}
}

func TestDeepestNestingIsAccepted(t *testing.T) {
	body := strings.Repeat(`{"x":`, MaxDepth-1) + `{}` + strings.Repeat(`}`, MaxDepth-1)
	wantMessages(t, modelOf(t, "Oddments"), body)
}

func TestSyntaxBeatsViolations(t *testing.T) {
	err := modelOf(t, "Oddments").Read([]byte(`{"int32":"x","flag":`), new(Message))
	var fault *SyntaxError
	if !errors.As(err, &fault) {
		t.Errorf("want a syntax error, have %v", err)
	}
}
