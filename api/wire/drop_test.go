package wire

import (
	"encoding/json"
	"testing"
)

func TestDropLeavesNeitherNameNorValue(t *testing.T) {
	for body, want := range map[string]string{
		`{"pan":"123","x":1}`:                             `{"x":1}`,
		`{"x":1,"pan":"123"}`:                             `{"x":1}`,
		`{"x":1 , "pan":"123" }`:                          `{"x":1  }`,
		`{"x":1,"pan":2,"pin":3}`:                         `{"x":1}`,
		`{"pan":2,"pin":3,"x":1}`:                         `{"x":1}`,
		`{"pan":2,"x":1,"pin":{"a":[1,{}]},"y":2}`:        `{"x":1,"y":2}`,
		`{"pin":[]}`:                                      `{}`,
		`{"card" : {"pan" : "1\"2", "pin":4 } }`:          `{"card" : { } }`,
		`{"request":{"cards":[{"pin":12},{"pin":true}]}}`: `{"request":{"cards":[{},{}]}}`,
		`{"p\u0061n":"1"}`:                                `{}`,
		`{"text":"pin","list":["pan","pin"]}`:             `{"text":"pin","list":["pan","pin"]}`,
		`[]`:                                              `[]`,
	} {
		if got := string(Drop([]byte(body), secretName)); got != want {
			t.Errorf("%s\n got %s\nwant %s", body, got, want)
		}
	}
}

func FuzzDrop(f *testing.F) {
	f.Add([]byte(`{"card":{"pan":"856","pin":{"type":"CLEAR_PIN","pin":"1"}},"y":[1,"pin"]}`))
	f.Add([]byte(`{"x":1 ,"pin":5 , "pan" : 6}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		dropped := Drop(body, secretName)
		var v any
		if json.Unmarshal(body, &v) != nil {
			return // only JSON is ever cut; it must not panic on anything else
		}
		var left any
		if err := json.Unmarshal(dropped, &left); err != nil {
			t.Fatalf("%s became %s: %v", body, dropped, err)
		}
		if path := findSecret(left, ""); path != "" {
			t.Fatalf("%s is left in %s", path, dropped)
		}
	})
}
