package wire

import (
	"errors"
	"fmt"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// The extensions of OpenAPI that this package understands; the package comment says what they mean.
const (
	extensionUnjudged = "x-scrip-unjudged"
	extensionUnknown  = "x-scrip-unknown"
	extensionAliasOf  = "x-scrip-alias-of"
	extensionGoType   = "x-go-type"
	goTypeAmount      = "wire.Amount"
)

// schemaSet is all the schemas that apply to one place in a message, allOf resolved, in document order.
type schemaSet struct {
	schemas         []*openapi3.Schema
	amount          bool
	unjudged        bool
	unknownIsAbsent bool
	hidden          bool
}

func (set *schemaSet) add(ref *openapi3.SchemaRef) error {
	if ref == nil || ref.Value == nil {
		return errors.New("an unresolved schema")
	}
	set.hidden = set.hidden || isPrivate(componentName(ref))
	if err := errors.Join(set.addExtensions(ref.Extensions), set.addExtensions(ref.Value.Extensions)); err != nil {
		return err
	}
	if err := checkKeywords(ref.Value); err != nil {
		return err
	}
	set.schemas = append(set.schemas, ref.Value)
	for _, part := range ref.Value.AllOf {
		if err := set.add(part); err != nil {
			return err
		}
	}
	return nil
}

func (set *schemaSet) addExtensions(extensions map[string]any) error {
	if v, ok := extensions[extensionUnjudged]; ok {
		unjudged, isBool := v.(bool)
		if !isBool {
			return fmt.Errorf("%s must be true or false", extensionUnjudged)
		}
		set.unjudged = set.unjudged || unjudged
	}
	if v, ok := extensions[extensionUnknown]; ok {
		if v != "absent" {
			return fmt.Errorf("%s must be absent", extensionUnknown)
		}
		set.unknownIsAbsent = true
	}
	set.amount = set.amount || extensions[extensionGoType] == goTypeAmount
	return nil
}

// checkKeywords refuses what would otherwise go unjudged without anybody noticing.
func checkKeywords(s *openapi3.Schema) error {
	unsupported := map[string]bool{
		"anyOf":            len(s.AnyOf) > 0,
		"not":              s.Not != nil,
		"uniqueItems":      s.UniqueItems,
		"multipleOf":       s.MultipleOf != nil,
		"exclusiveMinimum": s.ExclusiveMin.IsSet(),
		"exclusiveMaximum": s.ExclusiveMax.IsSet(),
		"minProperties":    s.MinProps > 0,
		"maxProperties":    s.MaxProps != nil,
		"const":            s.Const != nil,
	}
	for keyword, used := range unsupported {
		if used {
			return fmt.Errorf("keyword %s is not supported", keyword)
		}
	}
	return nil
}

var kindsOfType = map[string]kind{
	"object": kindObject, "array": kindArray, "string": kindText,
	"integer": kindInteger, "number": kindNumber, "boolean": kindBoolean,
}

// kind is what the schemas agree to ask for.
func (set *schemaSet) kind() (kind, error) {
	if set.amount {
		return kindAmount, nil
	}
	found := kindAny
	for _, s := range set.schemas {
		k, err := kindOf(s)
		switch {
		case err != nil:
			return found, err
		case k == kindAny, k == found, found == kindUnion && k == kindObject:
		case found == kindAny, found == kindObject && k == kindUnion:
			found = k
		default:
			return found, errors.New("allOf mixes types")
		}
	}
	return found, nil
}

func kindOf(s *openapi3.Schema) (kind, error) {
	switch {
	case len(s.OneOf) > 0 && s.Discriminator == nil:
		return kindAny, errors.New("oneOf needs a discriminator")
	case len(s.OneOf) > 0:
		return kindUnion, nil
	case s.Type == nil && len(s.Properties) > 0:
		return kindObject, nil
	case s.Type == nil:
		return kindAny, nil
	case len(*s.Type) != 1:
		return kindAny, errors.New("several types are not supported")
	}
	k, ok := kindsOfType[(*s.Type)[0]]
	if !ok {
		return kindAny, fmt.Errorf("type %s is not supported", (*s.Type)[0])
	}
	return k, nil
}

// memberNames are the names of all members: the required ones in the order in which they are required,
// then the others by name, since the order of properties does not survive the loading of the document.
func (set *schemaSet) memberNames() []string {
	var required, others []string
	for _, s := range set.schemas {
		for _, name := range s.Required {
			if len(set.memberSchemas(name)) > 0 && !slices.Contains(required, name) {
				required = append(required, name)
			}
		}
	}
	for _, s := range set.schemas {
		for name := range s.Properties {
			if !slices.Contains(required, name) && !slices.Contains(others, name) {
				others = append(others, name)
			}
		}
	}
	slices.Sort(others)
	return append(required, others...)
}

func (set *schemaSet) memberSchemas(name string) []*openapi3.SchemaRef {
	var refs []*openapi3.SchemaRef
	for _, s := range set.schemas {
		if ref := s.Properties[name]; ref != nil {
			refs = append(refs, ref)
		}
	}
	return refs
}

// union splits off the schema that lists the variants; what stands beside it applies to each of them.
func (set *schemaSet) union() (union *openapi3.Schema, rest []*openapi3.SchemaRef) {
	for _, s := range set.schemas {
		if len(s.OneOf) > 0 {
			union = s
			continue
		}
		if len(s.AllOf) == 0 {
			beside := *s // a copy, since the schema itself counts as one that we are inside of
			rest = append(rest, &openapi3.SchemaRef{Value: &beside})
		}
	}
	return union, rest
}

func aliasTarget(refs []*openapi3.SchemaRef) (string, bool) {
	for _, ref := range refs {
		for _, extensions := range []map[string]any{ref.Extensions, ref.Value.Extensions} {
			if name, ok := extensions[extensionAliasOf].(string); ok {
				return name, true
			}
		}
	}
	return "", false
}

func (set *schemaSet) hasEnum() bool {
	return slices.ContainsFunc(set.schemas, func(s *openapi3.Schema) bool { return len(s.Enum) > 0 })
}
