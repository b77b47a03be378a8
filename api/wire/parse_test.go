package wire_test

import (
	"encoding/json"
	"testing"

	"github.com/scripworks/scrip/api/wire"
)

func TestParseTakesJSONAndNothingElse(t *testing.T) {
	for body, good := range map[string]bool{
		`{"a":1}`: true, ` [1, 2] `: true, `null`: true, `"x"`: true,
		``: false, `{"a":1`: false, `{"a":1}{}`: false, `{"a":1,"a":2}`: false, "{\"a\":\"\xff\"}": false, `<html>`: false,
	} {
		if _, err := wire.Parse([]byte(body)); (err == nil) != good {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestParsedValuesAreLookedInto(t *testing.T) {
	v, err := wire.Parse([]byte(` {"a":{"b":"c\u0064"},"none":null,"list":["x",1,null,"y"]}`))
	if err != nil {
		t.Fatal(err)
	}
	members := v.ByName()
	if _, there := members["none"]; there || len(members) != 2 || !v.IsObject() || v.IsArray() {
		t.Errorf("members are %v", members)
	}
	if text, _ := members["a"].Member("b").Text(); text != "cd" {
		t.Errorf("a.b is %q", text)
	}
	if list := members["list"]; !list.IsArray() || len(list.Texts()) != 2 {
		t.Errorf("the list has %q", list.Texts())
	}
	if len(members["list"].ByName()) != 0 {
		t.Error("a list has members")
	}
}

// What Parse takes, everybody takes, and looking into it comes to an end.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"a":{"b":["c",{}]},"d":null}`))
	f.Add([]byte(`["\ud800"]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := wire.Parse(body)
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("%q is not JSON", body)
		}
		for name, member := range v.ByName() {
			if name != "" && string(v.Member(name).Raw()) != string(member.Raw()) {
				t.Errorf("%q is two things", name)
			}
		}
		v.Texts()
	})
}
