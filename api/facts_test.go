package api

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
)

//go:embed facts.json
var factsFile []byte

type facts struct {
	About     string              `json:"about"`
	Reading   map[string]string   `json:"reading"`
	Protocols map[string]protocol `json:"protocols"`
	Models    map[string]model    `json:"models"`
	Enums     map[string]enum     `json:"enums"`
}

type protocol struct {
	Version           string      `json:"version"`
	BasePath          string      `json:"basePath"`
	PublishedBasePath string      `json:"publishedBasePath"`
	Operations        []operation `json:"operations"`
}

type operation struct {
	ID          string             `json:"id"`
	Method      string             `json:"method"`
	Path        string             `json:"path"`
	PathAliases []string           `json:"pathAliases"`
	Deprecated  bool               `json:"deprecated"`
	Auth        string             `json:"auth"`
	Consumes    string             `json:"consumes"`
	Produces    string             `json:"produces"`
	Parameters  []parameter        `json:"parameters"`
	Request     *request           `json:"request"`
	Success     success            `json:"success"`
	Errors      map[string]*string `json:"errors"`
}

type parameter struct {
	In          string `json:"in"`
	Name        string `json:"name"`
	Type        string `json:"type"`
	Required    bool   `json:"required"`
	RequiredDoc bool   `json:"requiredDoc"`
	NotNull     bool   `json:"notNull"`
	Pattern     string `json:"pattern"`
}

type request struct {
	Model       string `json:"model"`
	Required    bool   `json:"required"`
	RequiredDoc bool   `json:"requiredDoc"`
	Validated   bool   `json:"validated"`
}

type success struct {
	Status    int      `json:"status"`
	Model     string   `json:"model"`
	Container string   `json:"container"`
	Headers   []string `json:"headers"`
}

type model struct {
	UsedBy              []string       `json:"usedBy"`
	Extends             string         `json:"extends"`
	Abstract            bool           `json:"abstract"`
	Discriminator       *discriminator `json:"discriminator"`
	DiscriminatorValue  string         `json:"discriminatorValue"`
	WritesDiscriminator bool           `json:"writesDiscriminator"`
	Fields              []field        `json:"fields"`
}

type discriminator struct {
	Property string            `json:"property"`
	Visible  bool              `json:"visible"`
	Mapping  map[string]string `json:"mapping"`
}

type field struct {
	Name          string          `json:"name"`
	Type          string          `json:"type"`
	Items         string          `json:"items"`
	Format        string          `json:"format"`
	Required      bool            `json:"required"`
	RequiredDoc   bool            `json:"requiredDoc"`
	Cascade       bool            `json:"cascade"`
	Enum          string          `json:"enum"`
	Pattern       string          `json:"pattern"`
	MinLength     uint            `json:"minLength"`
	MaxLength     *uint64         `json:"maxLength"`
	Minimum       *float64        `json:"minimum"`
	Default       json.RawMessage `json:"default"`
	AlwaysWritten bool            `json:"alwaysWritten"`
	AliasOf       string          `json:"aliasOf"`
	Overrides     string          `json:"overrides"`
	Deprecated    bool            `json:"deprecated"`
	ImplicitName  bool            `json:"implicitName"`
	Masked        string          `json:"masked"`
	MaskedText    string          `json:"maskedText"`
	StoredAs      string          `json:"storedAs"`

	// values are those of the enum, or the one value of a discriminator in a model that it stands for.
	values []string
}

type enum struct {
	UsedBy     []string `json:"usedBy"`
	Unknown    string   `json:"unknown"`
	Deprecated bool     `json:"deprecated"`
	Values     []string `json:"values"`
}

func loadFacts(t *testing.T) *facts {
	t.Helper()
	var f facts
	decoder := json.NewDecoder(bytes.NewReader(factsFile))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		t.Fatal(err)
	}
	return &f
}

// statements takes apart what the facts say of one protocol.
func (f *facts) statements(name string) statements {
	s, p := statements{}, f.Protocols[name]
	s.say(p.Version, "protocol", "version")
	s.say(p.BasePath, "protocol", "basePath")
	for _, o := range p.Operations {
		s.sayOperation(o)
	}
	for m := range f.Models {
		if f.belongsTo(m, name) {
			f.sayModel(s, m)
		}
	}
	return s
}

// belongsTo holds for the models that a protocol uses, and for those that these extend.
func (f *facts) belongsTo(modelName, protocol string) bool {
	if slices.Contains(f.Models[modelName].UsedBy, protocol) {
		return true
	}
	for child, m := range f.Models {
		if m.Extends == modelName && f.belongsTo(child, protocol) {
			return true
		}
	}
	return false
}

func (s statements) sayOperation(o operation) {
	at := []string{"operation", o.ID}
	say := func(value string, path ...string) { s.say(value, slices.Concat(at, path)...) }
	say(o.Method, "method")
	say(slashless(o.Path), "path")
	for _, alias := range o.PathAliases {
		if slashless(alias) != slashless(o.Path) {
			say(yes, "alias", alias)
		}
	}
	s.sayIf(o.Deprecated, "operation", o.ID, "deprecated")
	say(o.Auth, "auth")
	say(o.Consumes, "consumes")
	say(o.Produces, "produces")
	for _, p := range o.Parameters {
		say(p.Type, "parameter", p.In, p.Name, "type")
		say(wholeValue(p.Pattern), "parameter", p.In, p.Name, "pattern")
		s.sayIf(p.RequiredDoc, "operation", o.ID, "parameter", p.In, p.Name, "required")
	}
	if o.Request != nil {
		say(shortName(o.Request.Model), "request", "model")
		s.sayIf(o.Request.RequiredDoc, "operation", o.ID, "request", "required")
	}
	say(o.Success.answer(), "response", strconv.Itoa(o.Success.Status))
	for _, header := range o.Success.Headers {
		say(yes, "response", strconv.Itoa(o.Success.Status), "header", header)
	}
	for status, errorModel := range o.Errors {
		say(answer(errorModel), "response", status)
	}
}

func (a success) answer() string {
	if a.Container != "" {
		return "[]" + shortName(a.Model)
	}
	return answer(&a.Model)
}

func answer(model *string) string {
	if model == nil || *model == "" {
		return "no body"
	}
	return shortName(*model)
}

// shortName is the name of a model as our documents have it: without its module, and without a dot.
func shortName(name string) string {
	_, short, _ := strings.Cut(name, ".")
	return strings.ReplaceAll(short, ".", "")
}

func (f *facts) sayModel(s statements, name string) {
	m, at := f.Models[name], shortName(name)
	s.say(yes, "model", at)
	if m.Discriminator != nil { // on the wire it is always one of its variants, each of which has its fields
		s.say(m.Discriminator.Property, "model", at, "discriminator")
		for value, variant := range m.Discriminator.Mapping {
			s.say(shortName(variant), "model", at, "variant", value)
		}
		return
	}
	for _, fl := range f.fields(name) {
		f.sayField(s, at, fl)
	}
}

// fields are all of a model's, the inherited ones first.
func (f *facts) fields(name string) []field {
	m, ok := f.Models[name]
	if !ok {
		return nil
	}
	all := f.fields(m.Extends)
	for _, own := range m.Fields {
		own.values = f.Enums[own.Enum].Values
		if i := slices.IndexFunc(all, func(inherited field) bool { return inherited.Name == own.Name }); i >= 0 {
			all[i] = own
			continue
		}
		all = append(all, own)
	}
	for i := range all {
		if m.DiscriminatorValue != "" && all[i].Name == f.Models[m.Extends].Discriminator.Property {
			all[i].values, all[i].Enum, all[i].Default = []string{m.DiscriminatorValue}, "", nil
		}
	}
	return all
}

func (f *facts) sayField(s statements, modelName string, fl field) {
	at := []string{"model", modelName, fl.Name}
	say := func(value string, path ...string) { s.say(value, slices.Concat(at, path)...) }
	say(fl.typeName(), "type")
	say(fl.Format, "format")
	s.sayIf(fl.Required, slices.Concat(at, []string{"required"})...)
	s.sayIf(fl.Deprecated || f.Enums[fl.Enum].Deprecated, slices.Concat(at, []string{"deprecated"})...)
	say(wholeValue(fl.Pattern), "pattern")
	say(unlessZero(uint64(fl.MinLength)), "minLength")
	say(limit(fl.MaxLength), "maxLength")
	say(limit(fl.Minimum), "minimum")
	for _, value := range fl.values {
		say(yes, "enum", value)
	}
	if f.Enums[fl.Enum].Unknown == "absent" {
		say("absent", "unknown")
	}
	say(canonical(fl.Default), "default")
	say(map[string]string{"MaskAll": "all", "MaskPan": "pan"}[fl.Masked], "masked")
	say(fl.AliasOf, "aliasOf")
	if fl.AliasOf == "" && fl.holdsModel() {
		say(judged(fl.Cascade), "judged")
	}
}

func (fl field) holdsModel() bool {
	return strings.Contains(fl.Type+fl.Items, ".")
}

func (fl field) typeName() string {
	switch {
	case fl.Type == "array":
		return "[]" + typeName(fl.Items)
	case fl.Type == "map":
		return "map of " + typeName(fl.Items)
	default:
		return typeName(fl.Type)
	}
}

func typeName(name string) string {
	if strings.Contains(name, ".") {
		return shortName(name)
	}
	return name
}

func judged(holds bool) string {
	if holds {
		return yes
	}
	return "no"
}

// canonical writes a JSON value so that 1 and 1.0 are the same.
func canonical(value json.RawMessage) string {
	if value == nil {
		return ""
	}
	var decoded any
	if err := json.Unmarshal(value, &decoded); err != nil {
		return err.Error()
	}
	written, _ := json.Marshal(decoded)
	return string(written)
}

// Facts that name a model or an enum which is not there would silently compare as nothing.
func TestFactsAreWhole(t *testing.T) {
	f := loadFacts(t)
	for name, m := range f.Models {
		if _, ok := f.Models[m.Extends]; !ok && m.Extends != "" {
			t.Errorf("%s extends %s, which is not there", name, m.Extends)
		}
		for _, fl := range m.Fields {
			f.checkField(t, name, fl)
		}
	}
	for name, p := range f.Protocols {
		for _, o := range p.Operations {
			f.checkOperation(t, name, o)
		}
	}
}

func (f *facts) checkField(t *testing.T, modelName string, fl field) {
	for _, used := range []string{fl.Type, fl.Items} {
		if _, ok := f.Models[used]; !ok && strings.Contains(used, ".") {
			t.Errorf("%s.%s is of type %s, which is not there", modelName, fl.Name, used)
		}
	}
	if _, ok := f.Enums[fl.Enum]; !ok && fl.Enum != "" {
		t.Errorf("%s.%s takes a value of %s, which is not there", modelName, fl.Name, fl.Enum)
	}
	if fl.Masked != "" && fl.Masked != "MaskAll" && fl.Masked != "MaskPan" {
		t.Errorf("%s.%s is masked by %s, which is unknown", modelName, fl.Name, fl.Masked)
	}
}

func (f *facts) checkOperation(t *testing.T, protocol string, o operation) {
	used := []string{o.Success.Model}
	if o.Request != nil {
		used = append(used, o.Request.Model)
	}
	for _, name := range used {
		if _, ok := f.Models[name]; !ok && name != "" {
			t.Errorf("%s %s uses %s, which is not there", protocol, o.ID, name)
		}
	}
}

// The counts are those of the published interfaces; they guard against facts that go missing together.
func TestFactsAreAllThere(t *testing.T) {
	f := loadFacts(t)
	used := map[string]int{}
	for _, m := range f.Models {
		for _, by := range m.UsedBy {
			used[by]++
		}
	}
	for _, count := range []struct {
		what      string
		got, want int
	}{
		{"models", len(f.Models), 100},
		{"enums", len(f.Enums), 24},
		{"models of giftcard", used["giftcard"], 58},
		{"models of airtime", used["airtime"], 49},
		{"operations of giftcard", len(f.Protocols["giftcard"].Operations), 19},
		{"operations of airtime", len(f.Protocols["airtime"].Operations), 10},
		{"error types of giftcard", len(f.Enums["giftcard.ErrorDetail.ErrorType"].Values), 23},
		{"request types of giftcard", len(f.Enums["giftcard.ErrorDetail.RequestType"].Values), 19},
		{"error types of airtime", len(f.Enums["airtime.ErrorDetail.ErrorType"].Values), 26},
		{"request types of airtime", len(f.Enums["airtime.ErrorDetail.RequestType"].Values), 11},
	} {
		if count.got != count.want {
			t.Errorf("%d %s, want %d", count.got, count.what, count.want)
		}
	}
}
