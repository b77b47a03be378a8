package apitest_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/scripworks/scrip/api/apitest"
)

// document has members that are judged and members that are not, of each kind.
const document = `
openapi: 3.0.3
info: {title: Cellar, version: '1'}
paths:
  /bottles:
    post:
      operationId: open
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Bottle'}}}}
      responses:
        '201': {description: opened, content: {application/json: {schema: {allOf: [{$ref: '#/components/schemas/Bottle'}]}}}}
        '400': {description: not, content: {application/json: {schema: {type: object, required: [id]}}}}
        '404': {description: none, content: {application/json: {schema: {type: object, required: [id]}}}}
components:
  schemas:
    Bottle:
      type: object
      required: [id]
      properties:
        id: {type: string, pattern: '^[a-z]+$'}
        filled: {type: string, format: date-time}
        labels: {type: array, items: {$ref: '#/components/schemas/Label'}}
        passed: {type: array, items: {$ref: '#/components/schemas/Label'}, x-scrip-unjudged: true}
        label: {allOf: [{$ref: '#/components/schemas/Label'}], x-scrip-unjudged: true}
        ours: {allOf: [{$ref: '#/components/schemas/Label'}], x-scrip-unjudged: true}
    Label: {type: object, required: [name], properties: {name: {type: string}}}
`

func load() *apitest.Contract {
	return apitest.MustLoad([]byte(document), "open", "passed", "label")
}

func answer(body string) *httptest.ResponseRecorder {
	a := httptest.NewRecorder()
	a.Header().Set("Content-Type", "application/json")
	a.Body.WriteString(body)
	return a
}

// at is where a fault is, or nothing.
func at(err error) string {
	if err == nil {
		return ""
	}
	_, where, found := strings.Cut(err.Error(), `Error at "`)
	if !found {
		return err.Error()
	}
	where, _, _ = strings.Cut(where, `"`)
	return where
}

// What is judged is found wherever it is wrong; of what is unjudged and passed on, the JSON type alone. What is unjudged
// and not passed on is of our own making, and what is sent is sent by us.
func TestWhatIsFound(t *testing.T) {
	for member, want := range map[string]struct{ answered, sent string }{
		`"labels":[{"name":"x"}]`:         {"", ""},
		`"labels":[{}]`:                   {"/labels/0/name", "/labels/0/name"},
		`"labels":[{"name":null}]`:        {"/labels/0/name", "/labels/0/name"},
		`"labels":null`:                   {"/labels", "/labels"},
		`"passed":[{}]`:                   {"", "/passed/0/name"},
		`"passed":[null,7,[{}],{"a":[]}]`: {"", "/passed/0"},
		`"passed":[1e400]`:                {"", "/passed/0"},
		`"passed":{}`:                     {"/passed", "/passed"},
		`"passed":null`:                   {"/passed", "/passed"},
		`"label":{}`:                      {"", "/label"},
		`"label":{"name":7}`:              {"", "/label"},
		`"label":[]`:                      {"/label", "/label"},
		`"label":"x"`:                     {"/label", "/label"},
		`"ours":{}`:                       {"/ours", "/ours"},
		`"ours":{"name":7}`:               {"/ours", "/ours"},
		`"filled":"2026-02-03t10:00:00z"`: {"", ""},
		`"filled":"2026-02-03 10:00:00Z"`: {"/filled", "/filled"},
		`"filled":"2026-02-03T10:00:00"`:  {"/filled", "/filled"},
		`"unknown":{"x":[null,1e400]}`:    {"", ""},
	} {
		body := `{"id":"a",` + member + `}`
		if got := at(load().Answers("open", 201, answer(body))); got != want.answered {
			t.Errorf("answered %s: found %q, want %q", body, got, want.answered)
		}
		if got := at(load().Takes("open", []byte(body))); got != want.sent {
			t.Errorf("sent %s: found %q, want %q", body, got, want.sent)
		}
	}
}

// What the schema cannot say of an answer is found as well.
func TestAnswersThatAreNone(t *testing.T) {
	const refusal = `{"id":"a","requestType":"OPEN","errorType":"EMPTY","errorMessage":"nothing","detailMessage":{"freeString":"it is empty"}}`
	missing := strings.Replace(refusal, "EMPTY", "UNABLE_TO_LOCATE_RECORD", 1)
	unmatched := strings.Replace(refusal, `"requestType":"OPEN",`, "", 1)
	if err := load().Answers("open", 400, answer(refusal)); err != nil {
		t.Fatal(err)
	}
	if err := load().Answers("open", 404, answer(missing)); err != nil {
		t.Fatal(err)
	}
	if err := load().Answers("", 400, answer(unmatched)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		operation string
		status    int
		body      string
	}{
		"another status":       {"open", 200, refusal},
		"another operation":    {"shut", 400, refusal},
		"a success of nothing": {"", 201, `{"id":"a"}`},
		"no JSON":              {"open", 201, `{"id":"a"}}`},
		"an empty body":        {"open", 201, ""},
		"no id":                {"open", 400, strings.Replace(refusal, `"id":"a",`, "", 1)},
		"an empty id":          {"open", 400, strings.Replace(refusal, `"id":"a"`, `"id":""`, 1)},
		"a long text":          {"open", 400, strings.Replace(refusal, "nothing", "there is nothing in it", 1)},
		"no text":              {"open", 400, strings.Replace(refusal, `"nothing"`, `""`, 1)},
		"no detail":            {"open", 400, strings.Replace(refusal, "freeString", "free", 1)},
		"nobody's requestType": {"open", 400, unmatched},
		"a type of nothing":    {"", 400, refusal},
		"missing without 404":  {"open", 400, missing},
		"404 without missing":  {"open", 404, refusal},
	} {
		if load().Answers(c.operation, c.status, answer(c.body)) == nil {
			t.Errorf("%s is taken for an answer", name)
		}
	}
	plain := answer(`{"id":"a"}`)
	plain.Header().Set("Content-Type", "text/plain")
	if load().Answers("open", 201, plain) == nil {
		t.Error("plain text is taken for an answer")
	}
	if c := load(); !c.Declares("open", 404) || c.Declares("open", 500) {
		t.Error("declares other statuses than the document")
	}
}

// A name that nothing is passed on under would look like leniency that is needed.
func TestWhatIsJudgedCannotBePassedOn(t *testing.T) {
	for _, c := range []struct{ measure, passed string }{{"shut", "label"}, {"open", "labels"}, {"open", "nothing"}, {"open", "name"}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v was loaded", c)
				}
			}()
			apitest.MustLoad([]byte(document), c.measure, c.passed)
		}()
	}
}
