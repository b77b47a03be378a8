// Package adminapi is the operators' interface: the OpenAPI document, and the Go types, the client and
// the strict server that are generated from it.
//
// The document is the source. What may be absent is a plain value here, left out of JSON when it is zero.
package adminapi

import _ "embed" // for the document

//go:generate go tool oapi-codegen -config oapi-codegen.yaml openapi.yaml

// Base is the path under which the interface lives on the operators' listener.
const Base = "/admin/v1"

// Document is the OpenAPI 3.0 document, as YAML.
//
//go:embed openapi.yaml
var Document []byte
