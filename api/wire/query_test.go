package wire

import (
	"strings"
	"testing"
)

// shop is a document with one query.
const shop = `{"openapi":"3.0.3","info":{"title":"t","version":"1"},
"components":{"schemas":{"Kind":{"type":"string","enum":["DATA","VOICE"]}}},
"paths":{"/shop/{town}":{"get":{"operationId":"list","responses":{},"parameters":[
	{"name":"town","in":"path","required":true,"schema":{"type":"string"}},
	{"name":"number","in":"query","required":true,"schema":{"type":"string","pattern":"^[0-9]+$"}},
	{"name":"kind","in":"query","schema":{"$ref":"#/components/schemas/Kind"}}]},
"post":{"operationId":"count","responses":{},"parameters":[{"name":"n","in":"query","schema":{"type":"integer"}}]}}}}`

// TestQueryIsJudgedAsABodyIs reads parameters that were written as an object.
func TestQueryIsJudgedAsABodyIs(t *testing.T) {
	d, err := Compile([]byte(shop))
	if err != nil {
		t.Fatal(err)
	}
	m, err := d.Query("list")
	if err != nil {
		t.Fatal(err)
	}
	number := m.Slot("number")
	for body, want := range map[string]string{
		`{"number":"12"}`: "",
		`{"number":"12","kind":"DATA","other":"x"}`: "",
		`{}`:                          "number may not be null",
		`{"number":"x"}`:              "number",
		`{"number":"1","kind":"FAX"}`: "kind",
	} {
		var msg Message
		err := m.Read([]byte(body), &msg)
		if text, _ := msg.Text(number); err == nil && (want != "" || text != "12") {
			t.Errorf("%s is accepted, with number %q", body, text)
		}
		if violations, _ := err.(*Violations); err != nil && (violations == nil || !strings.HasPrefix(violations.List[0].Msg, want) || want == "") {
			t.Errorf("%s: %v", body, err)
		}
	}
	if m.Has("town") {
		t.Error("a segment of the path counts as a parameter of the query")
	}
	if again, _ := d.Query("list"); again != m {
		t.Error("the same query has two models")
	}
}

func TestQueriesThatCannotBeJudgedBy(t *testing.T) {
	d, err := Compile([]byte(shop))
	if err != nil {
		t.Fatal(err)
	}
	for operation, want := range map[string]string{
		"nothing": "query of nothing: no such operation",
		"count":   "query of count: parameter n is no text",
	} {
		if _, err := d.Query(operation); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", operation, err, want)
		}
	}
}
