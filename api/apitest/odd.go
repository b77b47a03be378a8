package apitest

import (
	"encoding/json"
	"iter"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// odd are values that few members can have, or that are seldom sent.
var odd = []json.RawMessage{
	[]byte(`null`), []byte(`{}`), []byte(`[]`), []byte(`[{}]`), []byte(`[null]`), []byte(`[[1,null,{"a":null}]]`), []byte(`{"amount":"007","currency":"710"}`),
	[]byte(`""`), []byte(`"X"`), []byte(`"a\nb"`), []byte(`"\u0000"`), []byte(`"\ud83d"`), []byte(`"2026-02-03t23:59:60z"`), []byte(`"007"`),
	[]byte(`1`), []byte(`-0`), []byte(`1.5`), []byte(`1e400`), []byte(`12345678901234567890`), []byte(`true`),
	[]byte(`"` + strings.Repeat("é", 500) + `"`),
}

// Odd gives a message again and again, each time with something odd in one of the places that the document has for an
// operation's request, at whatever depth; what has to stand around it is made. Most of what it gives is no message of
// the contract. The answer to it must be one all the same.
func (c *Contract) Odd(operation string, message []byte) iter.Seq[[]byte] {
	all := places(c.requests[operation].RequestBody.Value.Content.Get("application/json").Schema.Value, nil)
	return func(yield func([]byte) bool) {
		for _, place := range all {
			for _, value := range odd {
				if !yield(put(message, place, value)) {
					return
				}
			}
		}
	}
}

// element stands in a place for the first element of a list; all else are names of members.
const element = "[]"

// places are all members and elements at or below a place, each once.
func places(s *openapi3.Schema, at []string) (all [][]string) {
	for name, member := range s.Properties {
		here := append(slices.Clone(at), name)
		all = append(append(all, here), places(member.Value, here)...)
	}
	if s.Items != nil {
		here := append(slices.Clone(at), element)
		all = append(append(all, here), places(s.Items.Value, here)...)
	}
	for _, part := range slices.Concat(s.AllOf, s.OneOf) {
		all = append(all, places(part.Value, at)...)
	}
	slices.SortFunc(all, slices.Compare)
	return slices.CompactFunc(all, slices.Equal)
}

// put gives a message with a value in one place.
func put(message json.RawMessage, place []string, value json.RawMessage) json.RawMessage {
	switch {
	case len(place) == 0:
		return value
	case place[0] == element:
		var list []json.RawMessage
		_ = json.Unmarshal(message, &list) // what is no list gives way to one
		if len(list) == 0 {
			list = make([]json.RawMessage, 1)
		}
		list[0] = put(list[0], place[1:], value)
		return written(list)
	}
	var members map[string]json.RawMessage
	_ = json.Unmarshal(message, &members) // what is no object gives way to one
	if members == nil {
		members = map[string]json.RawMessage{}
	}
	members[place[0]] = put(members[place[0]], place[1:], value)
	return written(members)
}

func written(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}
