// Package apitest judges messages and answers by the served documents, for the tests of whoever reads and writes them.
//
// It promises to read the documents with another reader than api/wire, so that a fault there is not taken for right
// here, and to judge all that a document declares, also where our server is lenient. The one exception is what came
// and is only passed on: what the document leaves unjudged of it (x-scrip-unjudged, docs/rules.md 1.4) nobody can
// vouch for, and its JSON type alone is judged.
package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"unicode/utf16"

	"github.com/getkin/kin-openapi/openapi3"
)

// Contract is a served document, by the ids of its operations.
type Contract struct {
	requests, answers map[string]*openapi3.Operation
	measure           string
}

// MustLoad reads a document. The errors that the operation called measure declares are those of what matches no
// operation. passed names the members that an answer has as they came: what the document leaves unjudged of them is
// not judged here either. MustLoad panics when the document cannot be read, has no such operation, or leaves nothing
// unjudged in a member of that name.
func MustLoad(document []byte, measure string, passed ...string) *Contract {
	c := &Contract{requests: operations(document), answers: operations(document), measure: measure}
	if c.answers[measure] == nil {
		panic("there is no operation " + measure)
	}
	for _, name := range passed {
		c.pass(name)
	}
	return c
}

func operations(document []byte) map[string]*openapi3.Operation {
	loaded, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		panic(err)
	}
	all := map[string]*openapi3.Operation{}
	for _, path := range loaded.Paths.Map() {
		for _, o := range path.Operations() {
			all[o.OperationID] = o
		}
	}
	return all
}

// Declares says whether an operation may be answered with a status.
func (c *Contract) Declares(operation string, status int) bool {
	return c.answers[operation].Responses.Status(status) != nil
}

// Takes says what is wrong with a message as the body of an operation's request.
func (c *Contract) Takes(operation string, message []byte) error {
	_, err := visit(c.requests[operation].RequestBody.Value.Content, message)
	return err
}

// Answers says what is wrong with an answer to an operation, which is empty where none was found. The status is that of
// the answer in the document, and so may differ from the answer's own.
func (c *Contract) Answers(operation string, status int, answer *httptest.ResponseRecorder) error {
	declared := c.answers[operation]
	if operation == "" {
		declared = c.answers[c.measure]
	}
	switch {
	case declared == nil:
		return fmt.Errorf("there is no operation %s", operation)
	case operation == "" && status < http.StatusBadRequest:
		return fmt.Errorf("no operation is answered %d", status)
	case declared.Responses.Status(status) == nil:
		return fmt.Errorf("%s does not declare %d", operation, status)
	}
	if got := answer.Header().Get("Content-Type"); got != "application/json" {
		return fmt.Errorf("the content is %q", got)
	}
	body, err := visit(declared.Responses.Status(status).Value.Content, answer.Body.Bytes())
	if err != nil || status < http.StatusBadRequest {
		return err
	}
	return isErrorDetail(body.(map[string]any), operation, status)
}

// dateTime is RFC 3339's, in which t and z may be small letters; the reader of the documents knows only capitals.
var dateTime = openapi3.WithStringFormatValidator("date-time",
	openapi3.NewRegexpFormatValidator("(?i)"+openapi3.FormatOfStringDateTime))

// visit reads a body and judges it by what is declared for JSON. Numbers stay as they are written: what is passed on
// may have some that no machine can hold.
func visit(declared openapi3.Content, body []byte) (value any, err error) {
	if !json.Valid(body) {
		return nil, fmt.Errorf("no JSON: %s", body)
	}
	numbers := json.NewDecoder(bytes.NewReader(body))
	numbers.UseNumber()
	if err := numbers.Decode(&value); err != nil {
		return nil, fmt.Errorf("%s: %w", body, err)
	}
	if err := declared.Get("application/json").Schema.Value.VisitJSON(value, openapi3.MultiErrors(), dateTime); err != nil {
		return nil, fmt.Errorf("%s: %w", body, err)
	}
	return value, nil
}

// isErrorDetail holds an ErrorDetail to what the schema cannot say (docs/rules.md 1.3, C13).
func isErrorDetail(body map[string]any, operation string, status int) error {
	text, _ := body["errorMessage"].(string)
	detail, _ := body["detailMessage"].(map[string]any)
	switch {
	case len(utf16.Encode([]rune(text))) > 20 || text == "":
		return fmt.Errorf("errorMessage is %q", text)
	case detail == nil || detail["freeString"] == nil || detail["freeString"] == "":
		return fmt.Errorf("detailMessage is %v", body["detailMessage"])
	case (body["requestType"] == nil) != (operation == ""):
		return fmt.Errorf("requestType of %q is %v", operation, body["requestType"])
	case body["id"] == "":
		return fmt.Errorf("the id is empty")
	case (status == http.StatusNotFound) != (body["errorType"] == "UNABLE_TO_LOCATE_RECORD"):
		return fmt.Errorf("%d is %v", status, body["errorType"])
	}
	return nil
}
