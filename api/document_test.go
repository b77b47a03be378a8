package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// document takes an OpenAPI document apart into statements.
type document struct {
	*openapi3.T
	said statements
}

func loadDocument(t *testing.T, source []byte) *openapi3.T {
	t.Helper()
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(source)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(loader.Context); err != nil {
		t.Fatal(err)
	}
	return doc
}

func documentStatements(doc *openapi3.T) statements {
	d := document{doc, statements{}}
	d.said.say(doc.Info.Version, "protocol", "version")
	d.said.say(doc.Servers[0].URL, "protocol", "basePath")
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			d.sayOperation(method, doc.Servers[0].URL+path, o)
		}
	}
	for name, schema := range doc.Components.Schemas {
		if isModel(schema) {
			d.sayModel(name, schema)
		}
	}
	return d.said
}

func (d document) sayOperation(method, path string, o *openapi3.Operation) {
	at := []string{"operation", o.OperationID}
	say := func(value string, path ...string) { d.said.say(value, slices.Concat(at, path)...) }
	say(method, "method")
	say(slashless(path), "path")
	d.said.sayIf(o.Deprecated, "operation", o.OperationID, "deprecated")
	say(d.auth(o), "auth")
	for _, p := range o.Parameters {
		d.sayParameter(o.OperationID, p.Value)
	}
	if o.RequestBody != nil {
		body := o.RequestBody.Value
		d.said.sayIf(body.Required, "operation", o.OperationID, "request", "required")
		say(mediaTypes(body.Content), "consumes")
		say(contentModel(body.Content), "request", "model")
	}
	d.sayResponses(o)
}

func (d document) auth(o *openapi3.Operation) string {
	required := d.Security
	if o.Security != nil {
		required = *o.Security
	}
	var names []string
	for _, requirement := range required {
		for name := range requirement {
			names = append(names, d.scheme(name))
		}
	}
	slices.Sort(names)
	return strings.Join(names, " or ")
}

func (d document) scheme(name string) string {
	scheme := d.Components.SecuritySchemes[name].Value
	if scheme.Type == "http" && scheme.Scheme == "basic" {
		return "httpBasic"
	}
	return scheme.Type + " " + scheme.Scheme
}

func (d document) sayParameter(operation string, p *openapi3.Parameter) {
	at := []string{"operation", operation, "parameter", p.In, p.Name}
	shape := shapeOf(p.Schema)
	d.said.say(shape.typeName, slices.Concat(at, []string{"type"})...)
	d.said.sayIf(p.Required, slices.Concat(at, []string{"required"})...)
	for what, value := range shape.limits {
		d.said.say(value, slices.Concat(at, []string{what})...)
	}
}

func (d document) sayResponses(o *openapi3.Operation) {
	types := map[string]bool{}
	for status, r := range o.Responses.Map() {
		d.said.say(contentModel(r.Value.Content), "operation", o.OperationID, "response", status)
		for header := range r.Value.Headers {
			d.said.say(yes, "operation", o.OperationID, "response", status, "header", header)
		}
		if len(r.Value.Content) > 0 {
			types[mediaTypes(r.Value.Content)] = true
		}
	}
	d.said.say(strings.Join(slices.Sorted(maps.Keys(types)), " and "), "operation", o.OperationID, "produces")
}

func mediaTypes(content openapi3.Content) string {
	return strings.Join(slices.Sorted(maps.Keys(content)), " and ")
}

func contentModel(content openapi3.Content) string {
	for _, media := range content {
		return shapeOf(media.Schema).typeName
	}
	return "no body"
}

func (d document) sayModel(name string, ref *openapi3.SchemaRef) {
	d.said.say(yes, "model", name)
	if union := ref.Value; len(union.OneOf) > 0 {
		d.said.say(union.Discriminator.PropertyName, "model", name, "discriminator")
		for value, variant := range union.Discriminator.Mapping {
			d.said.say(componentName(variant.Ref), "model", name, "variant", value)
		}
		return
	}
	for _, part := range allParts(ref) {
		for property, schema := range part.Properties {
			d.sayProperty([]string{"model", name, property}, schema)
		}
		for _, property := range part.Required {
			d.said.say(yes, "model", name, property, "required")
		}
	}
}

func (d document) sayProperty(at []string, ref *openapi3.SchemaRef) {
	s := shapeOf(ref)
	d.said.say(s.typeName, slices.Concat(at, []string{"type"})...)
	for what, value := range s.limits {
		d.said.say(value, slices.Concat(at, []string{what})...)
	}
	for _, value := range s.enum {
		d.said.say(yes, slices.Concat(at, []string{"enum", value})...)
	}
	for _, member := range s.requires {
		d.said.say(yes, slices.Concat(at, []string{"requires", member})...)
	}
	switch {
	case s.limits["aliasOf"] != "":
	case s.holdsModel:
		d.said.say(judged(!s.unjudged), slices.Concat(at, []string{"judged"})...)
	case s.unjudged:
		d.said.say("no", slices.Concat(at, []string{"judged"})...)
	}
}

// shape is what a schema asks of one value, gathered from all its parts.
type shape struct {
	typeName   string
	holdsModel bool
	unjudged   bool
	enum       []string
	requires   []string
	limits     map[string]string
}

func shapeOf(ref *openapi3.SchemaRef) shape {
	s := shape{typeName: "any", limits: map[string]string{}}
	s.add(ref)
	return s
}

func (s *shape) add(ref *openapi3.SchemaRef) {
	if ref.Ref != "" && isModel(ref) {
		s.typeName, s.holdsModel = componentName(ref.Ref), true
		return
	}
	s.addType(ref.Value)
	s.addLimits(ref.Value)
	for _, value := range ref.Value.Enum {
		s.enum = append(s.enum, fmt.Sprint(value))
	}
	s.requires = append(s.requires, ref.Value.Required...)
	for _, part := range ref.Value.AllOf {
		s.add(part)
	}
}

func (s *shape) addType(schema *openapi3.Schema) {
	switch {
	case schema.Type.Is("array"):
		items := shapeOf(schema.Items)
		s.typeName, s.holdsModel = "[]"+items.typeName, items.holdsModel
	case schema.AdditionalProperties.Schema != nil:
		values := shapeOf(schema.AdditionalProperties.Schema)
		s.typeName, s.holdsModel = "map of "+values.typeName, values.holdsModel
	case schema.Type != nil && !s.holdsModel:
		s.typeName = strings.Join(*schema.Type, " or ")
	}
}

func (s *shape) addLimits(schema *openapi3.Schema) {
	for what, value := range map[string]string{
		"format":      schema.Format,
		"pattern":     wholeValue(schema.Pattern),
		"minLength":   unlessZero(schema.MinLength),
		"maxLength":   limit(schema.MaxLength),
		"minimum":     limit(schema.Min),
		"maximum":     limit(schema.Max),
		"minItems":    unlessZero(schema.MinItems),
		"maxItems":    limit(schema.MaxItems),
		"default":     defaultValue(schema.Default),
		"deprecated":  map[bool]string{true: yes}[schema.Deprecated],
		"nullable":    map[bool]string{true: yes}[schema.Nullable],
		"aliasOf":     extension(schema, "x-scrip-alias-of"),
		"masked":      extension(schema, "x-scrip-masked"),
		"unknown":     extension(schema, "x-scrip-unknown"),
		"alsoAccepts": wholeValue(extension(schema, "x-scrip-also-accepts")),
	} {
		if value != "" {
			s.limits[what] = value
		}
	}
	s.unjudged = s.unjudged || extension(schema, "x-scrip-unjudged") == "true"
}

func extension(schema *openapi3.Schema, name string) string {
	if value, ok := schema.Extensions[name]; ok {
		return fmt.Sprint(value)
	}
	return ""
}

func defaultValue(value any) string {
	if value == nil {
		return ""
	}
	written, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return canonical(written)
}

func limit[N uint64 | float64](n *N) string {
	if n == nil {
		return ""
	}
	return strconv.FormatFloat(float64(*n), 'f', -1, 64)
}

// unlessZero writes a lower limit, of which zero is none. The facts name a zero in places.
func unlessZero(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// allParts are the schemas that make up a model, its own and those it is built from.
func allParts(ref *openapi3.SchemaRef) []*openapi3.Schema {
	parts := []*openapi3.Schema{ref.Value}
	for _, part := range ref.Value.AllOf {
		parts = append(parts, allParts(part)...)
	}
	return parts
}

// isModel holds for objects with members of their own and for unions, not for named texts and numbers.
func isModel(ref *openapi3.SchemaRef) bool {
	if len(ref.Value.OneOf) > 0 {
		return true
	}
	return slices.ContainsFunc(allParts(ref), func(s *openapi3.Schema) bool { return len(s.Properties) > 0 })
}

func componentName(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// A document whose patterns do not hold for the whole value would be read as stricter than it is.
func checkPatternsAreAnchored(t *testing.T, doc *openapi3.T) {
	t.Helper()
	check := func(where string, ref *openapi3.SchemaRef) {
		if p := ref.Value.Pattern; p != "" && (!strings.HasPrefix(p, "^") || !strings.HasSuffix(p, "$")) {
			t.Errorf("%s: pattern %s does not hold for the whole value", where, p)
		}
	}
	for name, schema := range doc.Components.Schemas {
		for _, part := range allParts(schema) {
			check(name, &openapi3.SchemaRef{Value: part})
			for property, ref := range part.Properties {
				check(name+"."+property, ref)
			}
		}
	}
}

// An operation is a POST or a GET under its own id; nothing else is in the contracts.
func checkOperationIDs(t *testing.T, doc *openapi3.T) {
	t.Helper()
	seen := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			if o.OperationID == "" || seen[o.OperationID] {
				t.Errorf("%s %s has no operation id of its own", method, path)
			}
			if method != http.MethodPost && method != http.MethodGet {
				t.Errorf("%s %s: the contracts know only POST and GET", method, path)
			}
			seen[o.OperationID] = true
		}
	}
}
