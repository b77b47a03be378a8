package wire

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// FuzzRead holds the reader against two other readers of JSON, whatever the body.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		redemption, `{}`, `[]`, `null`, ``, `{"id":"1","oldCard":{"pan":"1"},"card":{"pan":"1"}}`,
		`{"id":"\u0000","card":{"pin":{"type":"CLEAR_PIN","pin":"1"}},"card":null}`,
		`{"cardHolder":{"profileId":1,"x":{"a":1,"\u0061":2}},"amounts":{"additionalAmounts":{"":{"amount":"1"}}}}`,
		`{"card":{"pin":{"pin":"]}\"","type":"ENCRYPTED_PIN"}},"thirdPartyIdentifiers":[null,{},1]}`,
	} {
		f.Add([]byte(seed))
	}
	models := fuzzModels(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, m := range models {
			checkReading(t, m, body)
		}
	})
}

func fuzzModels(f *testing.F) []*Model {
	d := document(f)
	var models []*Model
	for _, name := range []string{"RedemptionRequest", "ReplaceRequest", "Oddments"} {
		m, err := d.Model(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range append(redemptionPaths, "oldCard.pin.pin", "card.pin.pin", "anything", "cardHolder.profileId") {
			if m.Has(path) {
				m.Slot(path)
			}
		}
		models = append(models, m)
	}
	return models
}

func checkReading(t *testing.T, m *Model, body []byte) {
	msg, again := new(Message), new(Message)
	err := m.Read(body, msg)
	if other := m.Read(body, again); !reflect.DeepEqual(err, other) || msg.spans != again.spans {
		t.Fatalf("two readings differ: %v, %v", err, other)
	}
	var syntax *SyntaxError
	var violations *Violations
	switch {
	case errors.As(err, &syntax):
		checkRefusal(t, body, syntax)
		return
	case errors.As(err, &violations):
		checkViolations(t, violations)
	}
	checkAcceptance(t, body, violations)
	checkSpans(t, msg)
}

// checkRefusal expects every reason for a syntax error to be one for jsontext too, but for the depth.
func checkRefusal(t *testing.T, body []byte, fault *SyntaxError) {
	if fault.What == "nested too deeply" {
		if strings.Count(string(body), "{")+strings.Count(string(body), "[") <= MaxDepth {
			t.Error("nested too deeply without enough brackets")
		}
		return
	}
	if jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true)) {
		t.Errorf("valid JSON was refused: %v", fault)
	}
	if fault.Offset < 0 || fault.Offset > int64(len(body)) {
		t.Errorf("the fault lies outside of the body: %v", fault)
	}
}

// checkAcceptance expects what is read to be JSON for both others, and names that occur twice to be found
// exactly where jsontext finds some.
func checkAcceptance(t *testing.T, body []byte, violations *Violations) {
	if !json.Valid(body) || !jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true)) {
		t.Fatal("what is not JSON was accepted")
	}
	if violations != nil && violations.More {
		return
	}
	repeated := violations != nil && strings.Contains(violations.Error(), "occurs twice")
	if repeated == jsontext.Value(body).IsValid() {
		t.Errorf("a name occurs twice: %v, but jsontext says otherwise", repeated)
	}
}

func checkViolations(t *testing.T, violations *Violations) {
	for _, v := range violations.List {
		if !strings.HasPrefix(v.Msg, v.Field+" ") && v.Field != "" {
			t.Errorf("message %q does not begin with field %q", v.Msg, v.Field)
		}
		if v.Field == "" && v.Msg != "the message must be an object" {
			t.Errorf("a violation without a path: %q", v.Msg)
		}
		if len([]rune(v.Value)) > MaxValueLength {
			t.Errorf("value of %d characters", len([]rune(v.Value)))
		}
		if strings.HasPrefix(v.Field, "card") && v.Value != "" {
			t.Errorf("a value of %s is told", v.Field)
		}
	}
}

func checkSpans(t *testing.T, msg *Message) {
	for slot := range Slot(MaxSlots) {
		if !msg.Has(slot) {
			continue
		}
		if raw := msg.Raw(slot); !json.Valid(raw) || string(raw) == "null" {
			t.Errorf("slot %d holds %q", slot, raw)
		}
		checkValue(t, msg.Value(slot))
	}
}

// checkValue takes a value apart and expects the same as encoding/json finds in it.
func checkValue(t *testing.T, v Value) {
	decoder := json.NewDecoder(strings.NewReader(string(v.Raw())))
	decoder.UseNumber()
	var want any
	if err := decoder.Decode(&want); err != nil {
		t.Fatal(err)
	}
	if have := takeApart(v); !reflect.DeepEqual(have, want) {
		t.Errorf("have %#v, want %#v", have, want)
	}
	if !v.equal(v) && jsontext.Value(v.Raw()).IsValid() { // which of two members of one name counts is left open
		t.Errorf("%q does not equal itself", v.Raw())
	}
}

func takeApart(v Value) any {
	switch v.first() {
	case 0:
		return nil
	case '{':
		members := map[string]any{}
		for name, value := range v.Members() {
			members[name] = takeApart(value)
		}
		return members
	case '[':
		elements := []any{}
		for value := range v.Elements() {
			elements = append(elements, takeApart(value))
		}
		return elements
	case '"':
		text, _ := v.Text()
		return text
	case 't', 'f':
		return string(v.Raw()) == "true"
	default:
		return json.Number(v.Raw())
	}
}

// FuzzCursor expects of the cursor, which trusts what it is given, that it survives what it should not be given.
func FuzzCursor(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"b":"c\""}]}`, `"\`, `{"a"`, `]`, `,,,`, `[`, `{"type"`, `{"a":`, `[}{`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c := cursor{body, 0}
		v := c.value()
		if v.end > len(body) || v.start > v.end {
			t.Fatalf("value from %d to %d", v.start, v.end)
		}
		v.Member("type").Text()
		v.equal(v)
		takeApart(v)
	})
}

// FuzzPattern holds the patterns that are checked without regexp against regexp.
func FuzzPattern(f *testing.F) {
	for _, source := range testedPatterns {
		for _, text := range []string{"", "1", "0123", "+2782", "ABC", "a\nb", "é\u2028", "012345***", "\xff"} {
			f.Add(source, text)
		}
	}
	f.Fuzz(func(t *testing.T, source, text string) {
		p, err := compilePattern(source)
		if err != nil {
			return
		}
		if have, want := p.matches([]byte(text)), slowPattern(t, source).matches([]byte(text)); have != want {
			t.Errorf("%q matches %q: %v, by regexp %v", source, text, have, want)
		}
	})
}
