package wire

import (
	"slices"
	"strings"
	"testing"
)

// readInto reads a body that must be in order.
func readInto(t testing.TB, m *Model, body string) *Message {
	t.Helper()
	msg := new(Message)
	if err := m.Read([]byte(body), msg); err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestMessageTellsWhatItsSlotsHold(t *testing.T) {
	m := modelOf(t, "RedemptionRequest")
	id, amount := m.Slot("id"), m.Slot("amounts.requestAmount.amount")
	receiver, basket := m.Slot("receiver"), m.Slot("basketRef")
	msg := readInto(t, m, redemption)

	if text, ok := msg.Text(id); text != "5a1a1e6a-2f5c-4b3e-9a55-0c8f3b1a7d10" || !ok {
		t.Errorf("id %q, %v", text, ok)
	}
	if n, ok := msg.Amount(amount); n != 12500 || !ok {
		t.Errorf("amount %d, %v", n, ok)
	}
	if n, ok := msg.Int(amount); n != 12500 || !ok {
		t.Errorf("integer %d, %v", n, ok)
	}
	if raw := string(msg.Raw(receiver)); raw != `{"id":"44","name":"Gift Issuer"}` {
		t.Errorf("receiver %s", raw)
	}
	start, end := msg.Span(receiver)
	if redemption[start:end] != string(msg.Raw(receiver)) {
		t.Errorf("receiver stands at %d to %d", start, end)
	}
	if msg.Has(basket) || msg.Raw(basket) != nil {
		t.Error("an absent member has a value")
	}
	if text, ok := msg.Text(basket); text != "" || ok {
		t.Errorf("an absent text is %q", text)
	}
	if _, ok := msg.Text(receiver); ok {
		t.Error("an object is a text")
	}
	if _, ok := msg.Amount(id); ok {
		t.Error("an id is an amount")
	}
}

func TestMessageUnquotesTexts(t *testing.T) {
	m := modelOf(t, "RedemptionRequest")
	city := m.Slot("originator.merchant.merchantName.city")
	msg := readInto(t, m, with(t, `"Cape Town"`, `"C\u0061f\u00e9 \"\ud83d\ude00\""`))
	if text, ok := msg.Text(city); text != `Café "😀"` || !ok {
		t.Errorf("city %q, %v", text, ok)
	}
}

func TestMessageReadsAmountsSentAsText(t *testing.T) {
	m := modelOf(t, "RedemptionRequest")
	slot := m.Slot("amounts.requestAmount.amount")
	msg := readInto(t, m, with(t, `:12500`, `:"000000000000012500"`))
	if n, ok := msg.Amount(slot); n != 12500 || !ok {
		t.Errorf("amount %d, %v", n, ok)
	}
}

func TestMessageBool(t *testing.T) {
	m := modelOf(t, "Oddments")
	flag := m.Slot("flag")
	for _, body := range []string{`{"flag":true}`, `{"flag":false}`} {
		value, ok := readInto(t, m, body).Bool(flag)
		if value != strings.Contains(body, "true") || !ok {
			t.Errorf("%s reads as %v, %v", body, value, ok)
		}
	}
	if _, ok := readInto(t, m, `{}`).Bool(flag); ok {
		t.Error("an absent flag has a value")
	}
}

func TestMessageElements(t *testing.T) {
	m := modelOf(t, "RedemptionRequest")
	slot := m.Slot("thirdPartyIdentifiers")
	body := with(t, `[{"institutionId"`, "[ \n"+`{"institutionId"`)
	msg := readInto(t, m, body)
	var have []string
	for element := range msg.Elements(slot) {
		institution, _ := element.Member("institutionId").Text()
		reference, _ := element.Member("transactionIdentifier").Text()
		start, end := element.Span()
		if body[start:end] != string(element.Raw()) {
			t.Errorf("element stands at %d to %d", start, end)
		}
		have = append(have, institution+"/"+reference)
	}
	if want := []string{"1234567/A83-000171", "7654321/9931-1771"}; !slices.Equal(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
}

func TestValueMembers(t *testing.T) {
	m := modelOf(t, "RedemptionRequest")
	slot := m.Slot("client")
	msg := readInto(t, m, with(t, `{"id":"7654321",`, `{ "x" : [ {"y":"]}"} ] , "z":null,"\u0069d":"7654321",`))
	var have []string
	for name, value := range msg.Value(slot).Members() {
		have = append(have, name+"="+string(value.Raw()))
	}
	want := []string{`x=[ {"y":"]}"} ]`, "z=", `id="7654321"`, `name="Retail Switch"`}
	if !slices.Equal(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
}

func TestSlotsLeadThroughUnionsAndUnjudgedObjects(t *testing.T) {
	m := modelOf(t, "RedemptionRequest")
	pin, profile := m.Slot("card.pin.pin"), m.Slot("cardHolder.profileId")
	msg := readInto(t, m, with(t, `"clearPin":"1234"}`, `"pin":{"pin":"99","type":"CLEAR_PIN"}},"cardHolder":{"profileId":"p1"}`))
	if text, _ := msg.Text(pin); text != "99" {
		t.Errorf("pin %q", text)
	}
	if text, _ := msg.Text(profile); text != "p1" {
		t.Errorf("profile %q", text)
	}
}

func TestWhatIsAskedForInAnUnjudgedObjectHasNoNUL(t *testing.T) {
	m := modelOf(t, "RedemptionRequest")
	m.Slot("cardHolder.profileId")
	wantMessages(t, m, adding(t, `"cardHolder":{"profileId":"p\u0000","msisdn":"\u0000"}`),
		"cardHolder.profileId must not contain a NUL character")
}

func TestSlotOfAnAliasedMember(t *testing.T) {
	m := modelOf(t, "ReplaceRequest")
	either, own := m.Slot("oldCard.clearPin"), m.Slot("card.clearPin")
	tests := []struct{ name, cards string }{
		{"the name itself", `{"id":"1","oldCard":{"pan":"1","clearPin":"9"}}`},
		{"the other name", `{"id":"1","card":{"pan":"1","clearPin":"9"}}`},
		{"both", `{"id":"1","oldCard":{"pan":"1","clearPin":"9"},"card":{"pan":"1","clearPin":"9"}}`},
		{"both, the other way round", `{"id":"1","card":{"pan":"1","clearPin":"9"},"oldCard":{"pan":"1","clearPin":"9"}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			msg := readInto(t, m, test.cards)
			at := strings.Index(test.cards, `"oldCard"`)
			wantEither := strings.Index(test.cards[max(at, 0):], `"9"`) + max(at, 0)
			if start, _ := msg.Span(either); start != wantEither {
				t.Errorf("oldCard.clearPin stands at %d, want %d", start, wantEither)
			}
			at = strings.Index(test.cards, `"card"`)
			if msg.Has(own) != (at >= 0) {
				t.Fatalf("card.clearPin has a value: %v", msg.Has(own))
			}
			if start, _ := msg.Span(own); at >= 0 && start != at+strings.Index(test.cards[at:], `"9"`) {
				t.Errorf("card.clearPin stands at %d", start)
			}
		})
	}
}

func TestUnknownValueReadsAsAbsent(t *testing.T) {
	m := modelOf(t, "RedemptionRequest")
	slot := m.Slot("posInfo.posConditionCode")
	if readInto(t, m, with(t, `"posInfo":{`, `"posInfo":{"posConditionCode":"MOON",`)).Has(slot) {
		t.Error("an unknown condition code has a value")
	}
	if !readInto(t, m, with(t, `"posInfo":{`, `"posInfo":{"posConditionCode":"CUSTOMER_NOT_PRESENT",`)).Has(slot) {
		t.Error("a known condition code has none")
	}
}

func TestAfterViolationsWhatIsInOrderCanBeRead(t *testing.T) {
	m := modelOf(t, "RedemptionRequest")
	id, terminal, client := m.Slot("id"), m.Slot("originator.terminalId"), m.Slot("client")
	msg := new(Message)
	if m.Read([]byte(with(t, `"T0000001"`, `"T1"`)), msg) == nil {
		t.Fatal("a terminal of two characters was accepted")
	}
	if !msg.Has(id) || !msg.Has(client) {
		t.Error("id or client is not readable")
	}
	if msg.Has(terminal) {
		t.Error("the offending value is readable")
	}
}

func TestOffendingValueBeyondTheBoundIsNotReadable(t *testing.T) {
	m := modelOf(t, "Oddments")
	small := m.Slot("small")
	msg := new(Message)
	body := `{"pair":[` + strings.Repeat(`"x",`, 2*MaxViolations) + `1],"small":10}`
	if m.Read([]byte(body), msg) == nil || msg.Has(small) {
		t.Error("an offending value is readable")
	}
}

func TestMessageIsReusable(t *testing.T) {
	m := modelOf(t, "Oddments")
	flag, small := m.Slot("flag"), m.Slot("small")
	msg := new(Message)
	for _, body := range []string{`{"flag":true}`, `{"small":12}`, `{"x`, `{"small":3}`} {
		_ = m.Read([]byte(body), msg) // only what is left of it counts
	}
	if msg.Has(flag) {
		t.Error("a value is left over from an earlier body")
	}
	if n, ok := msg.Int(small); n != 3 || !ok {
		t.Errorf("small is %d, %v", n, ok)
	}
	msg.Reset()
	if msg.Has(small) || msg.Body() != nil {
		t.Error("a value is left over after Reset")
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	m := modelOf(t, "RedemptionRequest")
	for _, path := range redemptionPaths {
		m.Slot(path)
	}
	body, msg := []byte(redemption), new(Message)
	allocations := testing.AllocsPerRun(100, func() {
		if err := m.Read(body, msg); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 0 {
		t.Errorf("%v allocations a message", allocations)
	}
}
