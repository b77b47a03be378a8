package wire

import (
	"fmt"

	"github.com/getkin/kin-openapi/openapi3"
)

// Query returns the query parameters of an operation as a Model: that of an object which has them as members, so that
// a query is judged as a body is. It is ready to read by; the same operation gives the same Model. An unknown
// operation, and a parameter that is no text, are errors.
func (d *Document) Query(operationID string) (*Model, error) {
	operation, found := d.operations[operationID]
	if !found {
		return nil, fmt.Errorf("query of %s: no such operation", operationID)
	}
	schema := &openapi3.Schema{Type: &openapi3.Types{openapi3.TypeObject}, Properties: openapi3.Schemas{}}
	for _, p := range operation.Parameters {
		switch {
		case p.Value.In != openapi3.ParameterInQuery:
			continue
		case p.Value.Schema == nil || !p.Value.Schema.Value.Type.Is(openapi3.TypeString):
			return nil, fmt.Errorf("query of %s: parameter %s is no text", operationID, p.Value.Name)
		case p.Value.Required:
			schema.Required = append(schema.Required, p.Value.Name)
		}
		schema.Properties[p.Value.Name] = p.Value.Schema
	}
	return d.model("query of "+operationID, &openapi3.SchemaRef{Value: schema})
}

// operationsOf finds a document's operations by their ids.
func operationsOf(paths *openapi3.Paths) map[string]*openapi3.Operation {
	operations := map[string]*openapi3.Operation{}
	for _, item := range paths.Map() {
		for _, o := range item.Operations() {
			operations[o.OperationID] = o
		}
	}
	return operations
}
