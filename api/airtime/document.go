// Package airtimeapi is the contract of Airtime v5: the OpenAPI document, and the Go types and the
// client that are generated from it.
//
// The document is the source. It is compared with the facts of the published interface by the tests of
// package api, and a readable page is made of it by package page. A field that may be absent is a plain
// value here, left out of JSON when it is zero; an amount is a wire.Amount (rule C7) and a time a
// wire.Time, which keeps the characters that it was received in (rule C8). A pointer stands where an
// empty value would not say the same as an absent one: the parameters of queries, and whether a product
// is a top-up. A PaymentMethod keeps the JSON that it was read from, so that one of a type that nobody
// knows is written as it came.
package airtimeapi

import _ "embed" // for the document

//go:generate go tool oapi-codegen -config oapi-codegen.yaml openapi.yaml

// Document is the OpenAPI 3.0 document, as YAML.
//
//go:embed openapi.yaml
var Document []byte
