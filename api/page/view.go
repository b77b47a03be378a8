package page

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// view is what the template shows.
type view struct {
	Title, Version, Base string
	About                []block
	Identity             []answer
	Groups               []group
	Answers              []answer
	Models               []model
}

type group struct {
	Name       string
	About      []span
	Operations []operation
}

type operation struct {
	ID, Method, Path string
	Summary          string
	About            []block
	Role             string
	Deprecated       bool
	Parameters       []field
	Request          kind
	Successes        []answer
	Others           []answer
}

// answer is a response, or anything else that has a name, a text and perhaps a body.
type answer struct {
	Name    string
	Status  string
	About   []span
	Body    kind
	Headers []string
}

type model struct {
	Name          string
	About         []block
	Bases         []kind
	Fields        []field
	Discriminator string
	Variants      []variant
	Limits        []string
	Values        []string
	UsedBy        []link
	Deprecated    bool
}

type field struct {
	Name       string
	In         string
	Kind       kind
	Required   bool
	Deprecated bool
	About      []span
	Limits     []string
}

// link leads to something that the page shows.
type link struct{ Anchor, Name string }

type variant struct {
	Value string
	Kind  kind
}

// kind names a type: a model that the page explains, or a type of JSON.
type kind struct {
	Before string // "list of ", for example
	Name   string
	Model  bool
}

var anything = kind{Name: "anything"}

func newView(doc *openapi3.T) view {
	v := view{Title: doc.Info.Title, Version: doc.Info.Version, About: readProse(doc.Info.Description)}
	if len(doc.Servers) > 0 {
		v.Base = strings.TrimSuffix(doc.Servers[0].URL, "/")
	}
	v.Groups = groups(doc, v.Base)
	if doc.Components != nil {
		v.Identity = identity(doc.Components.SecuritySchemes)
		v.Answers = answers(doc.Components.Responses)
		v.Models = models(doc.Components.Schemas)
	}
	v.linkBack()
	return v
}

func identity(schemes openapi3.SecuritySchemes) []answer {
	var all []answer
	for _, name := range slices.Sorted(maps.Keys(schemes)) {
		all = append(all, answer{Name: name, About: readSpans(schemes[name].Value.Description)})
	}
	return all
}

// groups sorts the operations by their first tag, in the order in which the document explains the tags.
func groups(doc *openapi3.T, base string) []group {
	var all []group
	for _, tag := range doc.Tags {
		all = append(all, group{Name: tag.Name, About: readSpans(tag.Description)})
	}
	for _, path := range inOrder(doc.Paths.Map(), pathLine) {
		item := doc.Paths.Value(path)
		for _, method := range slices.Sorted(maps.Keys(item.Operations())) {
			all = addOperation(all, newOperation(method, base+path, item, item.GetOperation(method)), item.GetOperation(method).Tags)
		}
	}
	return slices.DeleteFunc(all, func(g group) bool { return len(g.Operations) == 0 })
}

func addOperation(all []group, o operation, tags []string) []group {
	name := "other"
	if len(tags) > 0 {
		name = tags[0]
	}
	i := slices.IndexFunc(all, func(g group) bool { return g.Name == name })
	if i < 0 {
		all, i = append(all, group{Name: name}), len(all)
	}
	all[i].Operations = append(all[i].Operations, o)
	return all
}

func newOperation(method, path string, item *openapi3.PathItem, o *openapi3.Operation) operation {
	made := operation{
		ID: o.OperationID, Method: method, Path: path, Summary: o.Summary,
		About: readProse(o.Description), Deprecated: o.Deprecated,
	}
	if role, ok := o.Extensions["x-scrip-role"]; ok {
		made.Role = fmt.Sprint(role)
	}
	if made.ID == "" {
		made.ID = method + "-" + path // an anchor has no spaces
	}
	for _, p := range slices.Concat(item.Parameters, o.Parameters) {
		made.Parameters = append(made.Parameters, newParameter(p.Value))
	}
	if o.RequestBody != nil {
		made.Request = bodyKind(o.RequestBody.Value.Content)
	}
	responses := o.Responses.Map()
	for _, status := range slices.Sorted(maps.Keys(responses)) {
		a := newAnswer(lastPart(responses[status].Ref), responses[status].Value)
		a.Status = status
		if strings.HasPrefix(status, "2") {
			made.Successes = append(made.Successes, a)
			continue
		}
		made.Others = append(made.Others, a)
	}
	return made
}

func newParameter(p *openapi3.Parameter) field {
	f := newField(p.Name, p.Schema)
	f.In, f.Required, f.Deprecated = p.In, p.Required, p.Deprecated
	if p.Description != "" {
		f.About = readSpans(p.Description)
	}
	return f
}

func answers(responses openapi3.ResponseBodies) []answer {
	var all []answer
	for _, name := range inOrder(responses, responseLine) {
		all = append(all, newAnswer(name, responses[name].Value))
	}
	return all
}

func newAnswer(name string, r *openapi3.Response) answer {
	a := answer{Name: name, Body: bodyKind(r.Content), Headers: slices.Sorted(maps.Keys(r.Headers))}
	if r.Description != nil {
		a.About = readSpans(*r.Description)
	}
	return a
}

// bodyKind is the type of the first content there is; our documents have one at most.
func bodyKind(content openapi3.Content) kind {
	types := slices.Sorted(maps.Keys(content))
	switch {
	case len(types) == 0:
		return kind{}
	case content[types[0]].Schema == nil:
		return kind{Name: types[0]}
	default:
		return kindOf(content[types[0]].Schema)
	}
}

func models(schemas openapi3.Schemas) []model {
	var all []model
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		all = append(all, newModel(name, schemas[name].Value))
	}
	return all
}

func newModel(name string, s *openapi3.Schema) model {
	m := model{
		Name: name, About: readProse(s.Description), Deprecated: s.Deprecated,
		Limits: limits(s), Values: values(s),
	}
	if s.Discriminator != nil {
		m.Discriminator = s.Discriminator.PropertyName
		for _, value := range slices.Sorted(maps.Keys(s.Discriminator.Mapping)) {
			m.Variants = append(m.Variants, variant{value, kind{Name: lastPart(s.Discriminator.Mapping[value].Ref), Model: true}})
		}
	}
	m.addFields(s)
	return m
}

// addFields adds the fields that a model has of its own, and names the models that it has the others of.
func (m *model) addFields(s *openapi3.Schema) {
	for _, name := range inOrder(s.Properties, schemaLine) {
		f := newField(name, s.Properties[name])
		f.Required = slices.Contains(s.Required, name)
		m.Fields = append(m.Fields, f)
	}
	for _, part := range s.AllOf {
		if part.Ref != "" {
			m.Bases = append(m.Bases, kindOf(part))
			continue
		}
		m.addFields(part.Value)
	}
}

func newField(name string, ref *openapi3.SchemaRef) field {
	if ref == nil {
		return field{Name: name, Kind: anything}
	}
	f := field{Name: name, Kind: kindOf(ref), Limits: allLimits(ref), Deprecated: ref.Value.Deprecated}
	if ref.Ref == "" {
		f.About = readSpans(ref.Value.Description)
	}
	return f
}

// kindOf names the type of a schema. A single model with something beside it counts as that model.
func kindOf(ref *openapi3.SchemaRef) kind {
	if ref == nil {
		return anything
	}
	switch s := ref.Value; {
	case ref.Ref != "":
		return kind{Name: lastPart(ref.Ref), Model: true}
	case s.Type.Is("array"):
		return kindOf(s.Items).in("list of ")
	case s.AdditionalProperties.Schema != nil:
		return kindOf(s.AdditionalProperties.Schema).in("map of ")
	case len(s.AllOf) > 0:
		return kindOf(s.AllOf[0])
	case s.Type == nil:
		return anything
	case s.Format != "":
		return kind{Name: strings.Join(*s.Type, " or ") + ", " + s.Format}
	default:
		return kind{Name: strings.Join(*s.Type, " or ")}
	}
}

func (k kind) in(container string) kind {
	k.Before = container + k.Before
	return k
}

// linkBack notes with each model which operations, answers and models name it.
func (v *view) linkBack() {
	by := users{}
	for _, g := range v.Groups {
		for _, o := range g.Operations {
			by.add(link{"operation-" + o.ID, o.ID}, o.kinds())
		}
	}
	for _, a := range v.Answers {
		by.add(link{"answer-" + a.Name, a.Name}, []kind{a.Body})
	}
	for _, m := range v.Models {
		by.add(link{"model-" + m.Name, m.Name}, m.kinds())
	}
	for i := range v.Models {
		v.Models[i].UsedBy = by[v.Models[i].Name]
	}
}

// users are, by a model's name, who names it.
type users map[string][]link

func (by users) add(user link, kinds []kind) {
	for _, k := range kinds {
		if k.Model && !slices.Contains(by[k.Name], user) {
			by[k.Name] = append(by[k.Name], user)
		}
	}
}

// kinds are the types that an operation names itself. What its shared answers name is theirs.
func (o operation) kinds() []kind {
	all := []kind{o.Request}
	for _, p := range o.Parameters {
		all = append(all, p.Kind)
	}
	for _, a := range slices.Concat(o.Successes, o.Others) {
		if a.Name == "" {
			all = append(all, a.Body)
		}
	}
	return all
}

func (m model) kinds() []kind {
	all := slices.Clone(m.Bases)
	for _, f := range m.Fields {
		all = append(all, f.Kind)
	}
	for _, alternative := range m.Variants {
		all = append(all, alternative.Kind)
	}
	return all
}

// inOrder returns names in the order in which they stand in the document, and by name where that is unknown.
func inOrder[T any](all map[string]T, line func(T) int) []string {
	return slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(cmp.Compare(line(all[a]), line(all[b])), cmp.Compare(a, b))
	})
}

func pathLine(item *openapi3.PathItem) int { return originLine(item.Origin) }

func responseLine(ref *openapi3.ResponseRef) int {
	return originLine(cmp.Or(ref.Origin, ref.Value.Origin))
}

func schemaLine(ref *openapi3.SchemaRef) int {
	return originLine(cmp.Or(ref.Origin, ref.Value.Origin))
}

func originLine(o *openapi3.Origin) int {
	if o == nil || o.Key == nil {
		return 0
	}
	return o.Key.Line
}

func lastPart(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

func values(s *openapi3.Schema) []string {
	all := make([]string, len(s.Enum))
	for i, value := range s.Enum {
		all[i] = fmt.Sprint(value)
	}
	return all
}
