package apitest_test

import (
	"encoding/json"
	"testing"
)

// Each value comes to each place once, and leaves the rest of the message alone.
func TestOddMessages(t *testing.T) {
	given := map[string]bool{}
	for message := range load().Odd("open", []byte(`{"id":"a","labels":[{"name":"x"},7],"passed":[{"name":"x"},7],"label":7}`)) {
		if given[string(message)] || !json.Valid(message) {
			t.Errorf("gives %s", message)
		}
		given[string(message)] = true
	}
	for _, want := range []string{
		`{"id":null,"label":7,"labels":[{"name":"x"},7],"passed":[{"name":"x"},7]}`,
		`{"id":"a","label":{},"labels":[{"name":"x"},7],"passed":[{"name":"x"},7]}`,
		`{"id":"a","label":{"name":1e400},"labels":[{"name":"x"},7],"passed":[{"name":"x"},7]}`,
		`{"id":"a","label":7,"labels":[{"name":"x"},7],"passed":[null,7]}`,
		`{"id":"a","label":7,"labels":[{"name":"x"},7],"passed":[{"name":[null]},7]}`,
		`{"id":"a","label":7,"labels":[{"name":true},7],"passed":[{"name":"x"},7]}`,
	} {
		if !given[want] {
			t.Errorf("never gives %s", want)
		}
	}
	const places, values = 12, 21
	if len(given) != places*values {
		t.Errorf("gives %d messages, want %d", len(given), places*values)
	}
}
