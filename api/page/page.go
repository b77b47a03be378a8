// Package page makes a readable page of an OpenAPI document.
//
// The page is one HTML file that needs nothing else: no script, no style sheet, no picture. It shows
// what our documents use (operations with parameters and answers, models with fields and limits,
// enumerations, our own extensions) in the order of the document, and links whatever is named to where
// it is explained. It is meant for the documents under api; it is no viewer for any document there is.
package page

import (
	_ "embed" // for the template
	"fmt"
	"html/template"
	"io"

	"github.com/getkin/kin-openapi/openapi3"
)

//go:embed page.html
var source string

var page = template.Must(template.New("page").Parse(source))

// Render writes the page of an OpenAPI 3.0 document, given as YAML or JSON. A document that cannot be
// read is an error, and nothing has been written then; any other error is the writer's.
func Render(w io.Writer, doc []byte) error {
	loader := openapi3.NewLoader()
	loader.IncludeOrigin = true // lines, for the order of things
	parsed, err := loader.LoadFromData(doc)
	if err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	if err := parsed.Validate(loader.Context); err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	if err := page.Execute(w, newView(parsed)); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}
