package exchange_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

var own = ident.Reference{Institution: "627", Identifier: "Scrip"}

const ownText = `{"institutionId":"627","transactionIdentifier":"Scrip"}`

func TestSplicing(t *testing.T) {
	for body, want := range map[string]string{
		`{}`:                              `{"thirdPartyIdentifiers":[` + ownText + `]}`,
		"{ \n }":                          "{ \n " + `"thirdPartyIdentifiers":[` + ownText + `]}`,
		` {"a":1} `:                       ` {"a":1,"thirdPartyIdentifiers":[` + ownText + `]} `,
		"{\"a\":1\n}\n":                   "{\"a\":1\n" + `,"thirdPartyIdentifiers":[` + ownText + "]}\n",
		`{"thirdPartyIdentifiers":[]}`:    `{"thirdPartyIdentifiers":[` + ownText + `]}`,
		`{"thirdPartyIdentifiers":[ ]}`:   `{"thirdPartyIdentifiers":[ ` + ownText + `]}`,
		`{"thirdPartyIdentifiers": null}`: `{"thirdPartyIdentifiers": [` + ownText + `]}`,
		`{"b":null,"thirdPartyIdentifiers":null,"a":1}`:                                                            `{"b":null,"thirdPartyIdentifiers":[` + ownText + `],"a":1}`,
		`{"thirdPartyIdentifiers":[null],"a":1}`:                                                                   `{"thirdPartyIdentifiers":[null,` + ownText + `],"a":1}`,
		`{"thirdPartyIdentifiers":[{"institutionId":"]"}] ,"a":[]}`:                                                `{"thirdPartyIdentifiers":[{"institutionId":"]"},` + ownText + `] ,"a":[]}`,
		`{"thirdParty\u0049dentifiers":[]}`:                                                                        `{"thirdParty\u0049dentifiers":[` + ownText + `]}`,
		`{"thirdparty\u0049dentifiers":[]}`:                                                                        `{"thirdparty\u0049dentifiers":[],"thirdPartyIdentifiers":[` + ownText + `]}`,
		`{"a":{"thirdPartyIdentifiers":[` + ownText + `]}}`:                                                        `{"a":{"thirdPartyIdentifiers":[` + ownText + `]},"thirdPartyIdentifiers":[` + ownText + `]}`,
		`{"a":{"thirdPartyIdentifiers":null}}`:                                                                     `{"a":{"thirdPartyIdentifiers":null},"thirdPartyIdentifiers":[` + ownText + `]}`,
		`{"a":"\"thirdPartyIdentifiers\":[]","thirdPartyIdentifiers":[7]}`:                                         `{"a":"\"thirdPartyIdentifiers\":[]","thirdPartyIdentifiers":[7,` + ownText + `]}`,
		`{"a":"thirdPartyIdentifiers","b":null}`:                                                                   `{"a":"thirdPartyIdentifiers","b":null,"thirdPartyIdentifiers":[` + ownText + `]}`,
		`{"thirdPartyIdentifiers":[{"institutionId":"627"}]}`:                                                      `{"thirdPartyIdentifiers":[{"institutionId":"627"},` + ownText + `]}`,
		`{"thirdPartyIdentifiers":[` + ownText + `]}`:                                                              `{"thirdPartyIdentifiers":[` + ownText + `]}`,
		`{"thirdPartyIdentifiers":[7,` + ownText + `,{}]}`:                                                         `{"thirdPartyIdentifiers":[7,` + ownText + `,{}]}`,
		`{"thirdPartyIdentifiers":[{"x":1,"transaction\u0049dentifier":"Scrip","institutionId":"\u0036\u00327"}]}`: `{"thirdPartyIdentifiers":[{"x":1,"transaction\u0049dentifier":"Scrip","institutionId":"\u0036\u00327"}]}`,
	} {
		got, err := exchange.SpliceReference(txn.Wire(body), own)
		if err != nil || string(got) != want {
			t.Errorf("%s\n became %s\n   want %s (%v)", body, string(got), want, err)
		}
		if !exchange.HasReference(got, own) {
			t.Errorf("%s has it not", got)
		}
	}
}

func TestWhatHasNoPlaceForAReference(t *testing.T) {
	for _, body := range []string{
		"", "null", "[]", "7", `"thirdPartyIdentifiers"`, "<html>", `{`, `{"a":1`, `{"a":1}}`, `{"a":1} {}`, `{"thirdPartyIdentifiers":{}}`,
		`{"thirdPartyIdentifiers":"PIN 1234"}`, `{"thirdPartyIdentifiers":7}`, `{"thirdPartyIdentifiers":[}`, `{"a":1,"a":2}`,
		`{"thirdPartyIdentifiers":[],"thirdPartyIdentifiers":[]}`, `{"thirdPartyIdentifiers":[],"thirdParty\u0049dentifiers":[]}`, "{\"a\":\"\xff\"}",
	} {
		got, err := exchange.SpliceReference(txn.Wire(body), own)
		if err == nil || got != nil || strings.Contains(err.Error(), "1234") {
			t.Errorf("%q became %q (%v)", body, string(got), err)
		}
	}
}

func TestAReferenceIsWrittenAsJSON(t *testing.T) {
	for _, r := range []ident.Reference{{Institution: `a"b\c`, Identifier: "\n\x00é\u2028"}, {Institution: "only"}} {
		got, err := exchange.SpliceReference(txn.Wire(`{}`), r)
		if err != nil || !json.Valid(got) || !exchange.HasReference(got, r) {
			t.Errorf("%q: %s, %v", r, string(got), err)
		}
	}
}

// The memory of the message is its sender's, and nothing is written to it.
func TestSplicingLeavesTheMessageAlone(t *testing.T) {
	memory := []byte(`{"thirdPartyIdentifiers":[]}~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~`)
	before := string(memory)
	if _, err := exchange.SpliceReference(memory[:28:len(memory)], own); err != nil || string(memory) != before {
		t.Errorf("%v: %s", err, memory)
	}
}

// members are drawn as a sender may write them: blanks wherever they may be, escapes, decoys, nulls.
func members(t *rapid.T) (body []byte) {
	blank := rapid.SampledFrom([]string{"", "", " ", "\n\t", "\r\n"})
	value := rapid.SampledFrom([]string{
		"null", "true", "-1.5e3", `"text"`, `"\"thirdPartyIdentifiers\":[]"`, "[]", "{}", `{"thirdPartyIdentifiers":[]}`, `[{"thirdPartyIdentifiers":null}]`,
		`[` + ownText + `]`, `"]}"`, `"\\"`, `"\u005d"`,
	})
	name := rapid.SampledFrom([]string{`"id"`, `"a\"b"`, `"thirdpartyidentifiers"`, `"Third"`, `"thirdPartyIdentifiers "`, `""`, `"é"`, `"]"`})
	list := rapid.SampledFrom([]string{"null", "[]", "[ ]", "[1]", "[\n null ]", `[{"institutionId":"627","transactionIdentifier":"other"}]`, `[` + ownText + `]`, `[[` + ownText + `]]`})
	parts := []string{}
	for _, n := range rapid.SliceOfNDistinct(name, 0, 4, rapid.ID).Draw(t, "names") {
		parts = append(parts, n+blank.Draw(t, "blank")+":"+blank.Draw(t, "blank")+value.Draw(t, "value"))
	}
	if rapid.Bool().Draw(t, "listed") {
		n := rapid.SampledFrom([]string{`"thirdPartyIdentifiers"`, `"\u0074hirdPartyIdentifiers"`}).Draw(t, "name")
		at := rapid.IntRange(0, len(parts)).Draw(t, "at")
		parts = slices.Insert(parts, at, n+blank.Draw(t, "blank")+":"+blank.Draw(t, "blank")+list.Draw(t, "list"))
	}
	b := blank.Draw(t, "blank")
	return []byte(b + "{" + b + strings.Join(parts, b+","+blank.Draw(t, "blank")) + blank.Draw(t, "blank") + "}" + b)
}

func TestSplicingChangesNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := members(t)
		r := ident.Reference{Institution: rapid.StringN(1, 12, -1).Draw(t, "institution"), Identifier: rapid.String().Draw(t, "identifier")}
		if rapid.Bool().Draw(t, "own") {
			r = own
		}
		spliced(t, body, r)
	})
}

// spliced judges what becomes of a body that is an object.
func spliced(t interface{ Fatalf(string, ...any) }, body []byte, r ident.Reference) {
	before := slices.Clone(body)
	got, err := exchange.SpliceReference(body, r)
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if !bytes.Equal(body, before) {
		t.Fatalf("%s was changed to %s", before, body)
	}
	if !exchange.HasReference(got, r) {
		t.Fatalf("%s became %s, which has it not", body, string(got))
	}
	again, err := exchange.SpliceReference(got, r)
	if err != nil || !bytes.Equal(again, got) {
		t.Fatalf("%s became %s the second time (%v)", string(got), string(again), err)
	}
	if exchange.HasReference(body, r) != bytes.Equal(got, body) {
		t.Fatalf("%s became %s", body, string(got))
	}
	onlyAdded(t, body, got)
	onlyOneMore(t, body, got)
}

// onlyAdded says that there is one place where something was put in, in place of a null at the most.
func onlyAdded(t interface{ Fatalf(string, ...any) }, body, got []byte) {
	same := 0
	for same < len(body) && same < len(got) && body[same] == got[same] {
		same++
	}
	rest := body[same:]
	if bytes.HasSuffix(got, rest) || bytes.HasPrefix(rest, []byte("null")) && bytes.HasSuffix(got, rest[4:]) {
		return
	}
	t.Fatalf("%s became %s", body, string(got))
}

// onlyOneMore says that all other members mean what they meant, and the list has what it had and one more.
func onlyOneMore(t interface{ Fatalf(string, ...any) }, body, got []byte) {
	had, has := membersOf(t, body), membersOf(t, got)
	before, after := elements(had["thirdPartyIdentifiers"]), elements(has["thirdPartyIdentifiers"])
	delete(had, "thirdPartyIdentifiers")
	delete(has, "thirdPartyIdentifiers")
	if len(had) != len(has) || len(after) < len(before) || len(after) > len(before)+1 {
		t.Fatalf("%s became %s", body, string(got))
	}
	for name := range had {
		if !bytes.Equal(had[name], has[name]) {
			t.Fatalf("%s became %s", body, string(got))
		}
	}
	for i := range before {
		if !bytes.Equal(before[i], after[i]) {
			t.Fatalf("%s became %s", body, string(got))
		}
	}
}

func membersOf(t interface{ Fatalf(string, ...any) }, body []byte) (all map[string]json.RawMessage) {
	if err := json.Unmarshal(body, &all); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return all
}

func elements(list json.RawMessage) (all []json.RawMessage) {
	_ = json.Unmarshal(list, &all) // none when there is no list
	return all
}

func FuzzSpliceReference(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { "a" : null } `, `{"thirdPartyIdentifiers":null}`, `{"thirdPartyIdentifiers":[]}`, `{"thirdParty\u0049dentifiers":[1]}`,
		`{"thirdPartyIdentifiers":[` + ownText + `]}`, `{"thirdPartyIdentifiers":{}}`, `[]`, `{"a":{"thirdPartyIdentifiers":[]}}`, aRequest, aReversal,
	} {
		f.Add([]byte(seed), own.Institution, own.Identifier)
	}
	f.Fuzz(func(t *testing.T, body []byte, institution, identifier string) {
		r := ident.Reference{Institution: institution, Identifier: identifier}
		exchange.HasReference(body, r)
		got, err := exchange.SpliceReference(body, r)
		switch {
		case err != nil && got != nil:
			t.Fatalf("%q has an error and %q", body, string(got))
		case err != nil:
			refusedWithReason(t, body)
			return
		case strings.ToValidUTF8(institution+identifier, "") != institution+identifier:
			return // it is written as what can be said of it
		}
		spliced(t, body, r)
	})
}

// refusedWithReason says that a body is no object that could be used, or has something else where the list should be.
func refusedWithReason(t *testing.T, body []byte) {
	t.Helper()
	var all map[string]json.RawMessage
	if !jsontext.Value(body).IsValid() || json.Unmarshal(body, &all) != nil || all == nil {
		return
	}
	var list []json.RawMessage
	if value, listed := all["thirdPartyIdentifiers"]; !listed || json.Unmarshal(value, &list) == nil {
		t.Fatalf("%q has a place for a reference", body)
	}
}
