package adminhttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	adminapi "github.com/scripworks/scrip/api/admin"
)

// maxBody bounds the body of every call but an import, in bytes. Lists of a thousand products and ranges fit.
const maxBody = 256 << 10

// check is what the document says of an operation's body.
type check struct {
	media  string // of the body; empty when there is none
	schema *openapi3.Schema
}

// checksOf reads what the document says of each operation, by the pattern under which the mux knows it.
func checksOf(document []byte, base string) (map[string]check, error) {
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, err
	}
	checks := map[string]check{}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			c := check{}
			if operation.RequestBody != nil {
				for media, content := range operation.RequestBody.Value.Content {
					c = check{media, content.Schema.Value}
				}
			}
			checks[method+" "+base+path] = c
		}
	}
	return checks, nil
}

// checked compares a body with the document before anybody acts on it. The file of an import is judged line by
// line instead.
func (s *server) checked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := s.checks[r.Pattern]
		if c.media == "" {
			next.ServeHTTP(w, r)
			return
		}
		if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != c.media {
			write(w, http.StatusUnsupportedMediaType, adminapi.Error{Code: adminapi.ErrorCodeUNSUPPORTEDMEDIATYPE, Message: "the body must be " + c.media})
			return
		}
		if c.media != "application/json" {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			s.badRequest(w, r, err)
			return
		}
		if fault := c.judge(body); fault != nil {
			write(w, http.StatusBadRequest, *fault)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// judge names the first value that is not as the document says, without quoting it.
func (c check) judge(body []byte) *adminapi.Error {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return &adminapi.Error{Code: adminapi.ErrorCodeINVALID, Message: "the body is not JSON"}
	}
	err := c.schema.VisitJSON(value, openapi3.VisitAsRequest())
	if err == nil {
		return nil
	}
	fault := &adminapi.Error{Code: adminapi.ErrorCodeINVALID, Message: "is not as the document says"}
	var schemaError *openapi3.SchemaError
	if errors.As(err, &schemaError) {
		fault.Field = strings.Join(schemaError.JSONPointer(), ".")
		if fault.Message = schemaError.Reason; schemaError.SchemaField == "pattern" {
			fault.Message = inWords(schemaError.Schema.Pattern)
		}
	}
	return fault
}

var (
	// plain is a pattern of so many characters of one class.
	plain = regexp.MustCompile(`^\^\[([^\]]+)\]\{([0-9]+)(?:,([0-9]+))?\}\$$`)
	// classes are the words for the classes that the document has.
	classes = map[string]string{
		"A-Za-z0-9": "letters and digits", "0-9": "digits", "A-Z": "capital letters", "0-9A-Fa-f": "hexadecimal digits",
	}
)

// inWords says what a pattern of the document asks for.
func inWords(pattern string) string {
	parts := plain.FindStringSubmatch(pattern)
	switch {
	case parts == nil || classes[parts[1]] == "":
		return "has another form than the document says"
	case parts[3] == "":
		return "must be " + parts[2] + " " + classes[parts[1]]
	}
	return "must be " + parts[2] + " to " + parts[3] + " " + classes[parts[1]]
}
