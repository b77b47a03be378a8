package wire

import (
	"encoding/json"
	"strings"
	"testing"
)

func secretName(name []byte) bool { return string(name) == "pin" || string(name) == "pan" }

func TestCutTakesSecretsOutAtAnyDepth(t *testing.T) {
	for body, want := range map[string]string{
		`{"pan":"123","x":1}`:                               `{"pan":null,"x":1}`,
		`{"card" : {"pan" : "1\"2", "pin":{"a":[1,{}]} } }`: `{"card" : {"pan" : null, "pin":null } }`,
		`{"request":{"cards":[{"pin":12},{"pin":true}]}}`:   `{"request":{"cards":[{"pin":null},{"pin":null}]}}`,
		`{"p\u0061n":"1"}`:                                  `{"p\u0061n":null}`,
		`{"text":"pin","list":["pan","pin"]}`:               `{"text":"pin","list":["pan","pin"]}`,
		`{"pin":""}`:                                        `{"pin":null}`,
		`{"pin":[]}`:                                        `{"pin":null}`,
		`{"pin":-1.5e3 ,"x":null}`:                          `{"pin":null ,"x":null}`,
		`[]`:                                                `[]`,
	} {
		if got := string(Cut([]byte(body), secretName)); got != want {
			t.Errorf("%s\n got %s\nwant %s", body, got, want)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add([]byte(`{"card":{"pan":"856","pin":{"type":"CLEAR_PIN","pin":"1"}},"y":[1,"pin"]}`))
	f.Add([]byte(`{"pin":5}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		cut := Cut(body, secretName)
		var v any
		if json.Unmarshal(body, &v) != nil {
			return // only JSON is ever cut; it must not panic on anything else
		}
		var kept any
		if err := json.Unmarshal(cut, &kept); err != nil {
			t.Fatalf("%s became %s: %v", body, cut, err)
		}
		if path := findSecret(kept, ""); path != "" {
			t.Fatalf("%s is left in %s", path, cut)
		}
	})
}

func findSecret(v any, path string) string {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if secretName([]byte(name)) && member != nil && !strings.Contains(name, "\ufffd") {
				return path + "." + name
			}
			if found := findSecret(member, path+"."+name); found != "" {
				return found
			}
		}
	case []any:
		for _, element := range v {
			if found := findSecret(element, path+"[]"); found != "" {
				return found
			}
		}
	}
	return ""
}
