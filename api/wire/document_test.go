package wire

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func document(t testing.TB) *Document {
	t.Helper()
	source, err := os.ReadFile("testdata/till.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d, err := Compile(source)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// modelOf gives a model of the tests' own contract, without slots.
func modelOf(t testing.TB, name string) *Model {
	t.Helper()
	m, err := document(t).Model(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestDocumentsThatDoNotCompile(t *testing.T) {
	for _, source := range []string{
		``, `{`, `openapi: 3.0.3`,
		`{"openapi":"3.0.3","components":{"schemas":{"A":{"$ref":"#/components/schemas/B"}}}}`,
	} {
		if _, err := Compile([]byte(source)); err == nil {
			t.Errorf("%q compiles", source)
		}
	}
}

func TestModelIsTheSameEachTime(t *testing.T) {
	d := document(t)
	first, _ := d.Model("Card")
	second, _ := d.Model("Card")
	if first == nil || first != second || first.Name() != "Card" {
		t.Errorf("models %v and %v", first, second)
	}
}

// TestSchemasThatCannotBeJudgedBy must not be read by as if what they say were not there.
func TestSchemasThatCannotBeJudgedBy(t *testing.T) {
	tests := []struct{ schema, want string }{
		{`{"type":"string"}`, "a message must be an object"},
		{`{"type":"object","properties":{"a":{"anyOf":[{"type":"string"}]}}}`, "a: keyword anyOf is not supported"},
		{`{"type":"object","properties":{"a":{"not":{"type":"string"}}}}`, "a: keyword not is not supported"},
		{`{"type":"object","properties":{"a":{"type":"integer","multipleOf":2}}}`, "a: keyword multipleOf is not supported"},
		{`{"type":"object","properties":{"a":{"type":"integer","minimum":1,"exclusiveMinimum":true}}}`,
			"a: keyword exclusiveMinimum is not supported"},
		{`{"type":"object","properties":{"a":{"type":"array","uniqueItems":true,"items":{}}}}`,
			"a: keyword uniqueItems is not supported"},
		{`{"type":"object","minProperties":1}`, "keyword minProperties is not supported"},
		{`{"type":"object","properties":{"a":{"oneOf":[{"type":"string"}]}}}`, "a: oneOf needs a discriminator"},
		{`{"type":"object","properties":{"a":{"type":"integer","enum":[1]}}}`, "a: enum is supported for texts only"},
		{`{"type":"object","properties":{"a":{"type":"string","enum":[1]}}}`, "a: an enum of texts holds something else"},
		{`{"type":"object","properties":{"a":{"type":"string","pattern":"["}}}`, "a: pattern: "},
		{`{"type":"object","properties":{"a":{"type":"integer","maximum":9223372036854775807}}}`,
			"a: a minimum or maximum beyond 2^53 is not supported"},
		{`{"type":"object","required":["a"]}`, "a: required, but not declared"},
		{`{"type":"object","properties":{"a":{"allOf":[{"type":"string"},{"type":"object"}]}}}`, "a: allOf mixes types"},
		{`{"type":"object","properties":{"a":{"$ref":"#/components/schemas/A"}}}`, "a: a schema that holds itself is not supported"},
		{`{"type":"object","properties":{"a":{"type":"string","x-scrip-alias-of":"b"}}}`, `a: alias of "b", which is no sibling`},
		{`{"type":"object","properties":{"a":{"type":"string","x-scrip-alias-of":"a"}}}`, `a: alias of "a", which is no sibling`},
		{`{"type":"object","properties":{"a":{"x-scrip-alias-of":"b"},"b":{"x-scrip-alias-of":"c"},"c":{}}}`, "a: alias of an alias"},
		{`{"type":"object","properties":{"a":{"type":"string","x-scrip-unknown":"absent"}}}`, "a: x-scrip-unknown stands without an enum"},
		{`{"type":"object","properties":{"a":{"type":"string","x-scrip-unknown":"other"}}}`, "a: x-scrip-unknown must be absent"},
		{`{"type":"object","properties":{"a":{"x-scrip-unjudged":"yes"}}}`, "a: x-scrip-unjudged must be true or false"},
		{`{"type":"object","properties":{` + manyMembers() + `}}`, "more than 64 members"},
	}
	for _, test := range tests {
		source := `{"openapi":"3.0.3","info":{"title":"t","version":"1"},"paths":{},"components":{"schemas":{"A":` + test.schema + `}}}`
		d, err := Compile([]byte(source))
		if err != nil {
			t.Errorf("%s: %v", test.schema, err)
			continue
		}
		if _, err = d.Model("A"); err == nil || !strings.HasPrefix(err.Error(), "model A: "+test.want) {
			t.Errorf("%s\nhave %v\nwant %s", test.schema, err, test.want)
		}
	}
}

func manyMembers() string {
	names := make([]string, MaxMembers+1)
	for i := range names {
		names[i] = fmt.Sprintf(`"m%d":{}`, i)
	}
	return strings.Join(names, ",")
}

func TestUnknownModel(t *testing.T) {
	if _, err := document(t).Model("Nothing"); err == nil || err.Error() != "model Nothing: no such schema" {
		t.Errorf("error %v", err)
	}
}

func TestSlotIsTheSameInEveryModel(t *testing.T) {
	d := document(t)
	redemption, _ := d.Model("RedemptionRequest")
	replace, _ := d.Model("ReplaceRequest")
	if redemption.Slot("card.pan") != replace.Slot("card.pan") || redemption.Slot("id") != replace.Slot("id") {
		t.Error("one path has two slots")
	}
	if redemption.Slot("id") == redemption.Slot("card.pan") {
		t.Error("two paths have one slot")
	}
}

func TestSlotsThatCannotBeAskedFor(t *testing.T) {
	m := modelOf(t, "RedemptionRequest")
	known := m.Slot("id")
	for _, path := range []string{
		"", "ID", "id.x", "nothing", "card.nothing", "thirdPartyIdentifiers.institutionId", "amounts.additionalAmounts.tip",
	} {
		if m.Has(path) || !panics(func() { m.Slot(path) }) {
			t.Errorf("%q has a slot", path)
		}
	}
	readInto(t, m, redemption)
	if !panics(func() { m.Slot("time") }) {
		t.Error("a slot could be asked for after reading")
	}
	if panics(func() { m.Slot("id") }) || m.Slot("id") != known {
		t.Error("a slot that was there before reading is not there any more")
	}
}

func panics(act func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	act()
	return false
}
