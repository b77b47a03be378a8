package wire

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// MaxMembers bounds the members that one object's schema may name; they are counted in a machine word.
const MaxMembers = 64

// kind is the JSON type that a node asks for.
type kind uint8

const (
	kindAny kind = iota
	kindObject
	kindArray
	kindUnion
	kindText
	kindInteger
	kindAmount
	kindNumber
	kindBoolean
)

// node is a schema at one place in a message. Places do not share nodes, because slots belong to places.
type node struct {
	kind      kind
	unjudged  bool // nothing inside the value is judged
	hidden    bool // the value is never quoted in a violation
	slot      int16
	aliasSlot int16 // the slot of the member that this one is another name of

	members  []member
	byLength [][]uint8 // the members by the length of their names
	required []uint8   // in the order of the document
	needed   uint64    // the same as a set
	aliases  []uint8
	aliased  uint64 // the aliases and what they are other names of
	extra    *node  // the values of a map; nil when other members are unknown ones

	items              *node
	minItems, maxItems int

	discriminator string
	variants      []variant

	text   *textRules
	number *numberRules
}

type member struct {
	name    string
	node    *node
	aliasOf int // the index of the sibling that this is another name of, or -1
}

type variant struct {
	value string
	node  *node
}

// member returns the index of the member of that name, or -1.
func (n *node) member(name []byte) int {
	if len(name) >= len(n.byLength) {
		return -1
	}
	for _, i := range n.byLength[len(name)] {
		if n.members[i].name == string(name) {
			return int(i)
		}
	}
	return -1
}

// variant returns the model that a discriminator's value stands for, or nil.
func (n *node) variant(value string) *node {
	for _, v := range n.variants {
		if v.value == value {
			return v.node
		}
	}
	return nil
}

func (n *node) isMap() bool { return n.extra != nil && len(n.members) == 0 }

// compiler turns schemas into nodes. It knows the schemas that it is inside of, to refuse one that holds itself.
type compiler struct {
	inside   []*openapi3.Schema
	patterns patternSet
}

func (c *compiler) compileRoot(name string, ref *openapi3.SchemaRef) (*node, error) {
	n, err := c.compile([]*openapi3.SchemaRef{ref}, isPrivate(name))
	if err != nil {
		return nil, err
	}
	if n.kind != kindObject {
		return nil, errors.New("a message must be an object")
	}
	return n, nil
}

// compile makes one node of all the schemas that apply to one place: their constraints add up.
func (c *compiler) compile(refs []*openapi3.SchemaRef, hidden bool) (*node, error) {
	set := &schemaSet{hidden: hidden}
	for _, ref := range refs {
		if err := set.add(ref); err != nil {
			return nil, err
		}
	}
	for _, s := range set.schemas {
		if slices.Contains(c.inside, s) {
			return nil, errors.New("a schema that holds itself is not supported")
		}
	}
	mark := len(c.inside)
	c.inside = append(c.inside, set.schemas...)
	defer func() { c.inside = c.inside[:mark] }()
	return c.build(set)
}

func (c *compiler) build(set *schemaSet) (*node, error) {
	k, err := set.kind()
	if err != nil {
		return nil, err
	}
	n := &node{kind: k, hidden: set.hidden, unjudged: set.unjudged, slot: noSlot, aliasSlot: noSlot}
	switch k {
	case kindObject:
		err = c.buildObject(n, set)
	case kindArray:
		err = c.buildArray(n, set)
	case kindUnion:
		err = c.buildUnion(n, set)
	case kindText:
		n.text, err = newTextRules(set.schemas, set.unknownIsAbsent, c.patterns)
	case kindInteger, kindNumber:
		n.number, err = newNumberRules(set.schemas)
	}
	if k != kindText && set.hasEnum() {
		return nil, errors.New("enum is supported for texts only")
	}
	return n, err
}

func (c *compiler) buildObject(n *node, set *schemaSet) error {
	for _, name := range set.memberNames() {
		if err := c.addMember(n, name, set.memberSchemas(name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, s := range set.schemas {
		if s.AdditionalProperties.Schema == nil {
			continue
		}
		extra, err := c.compile([]*openapi3.SchemaRef{s.AdditionalProperties.Schema}, n.hidden)
		if err != nil {
			return fmt.Errorf("values: %w", err)
		}
		n.extra = extra
	}
	if len(n.members) > MaxMembers {
		return fmt.Errorf("more than %d members", MaxMembers)
	}
	n.index()
	return errors.Join(n.linkAliases(set), n.require(set))
}

func (c *compiler) addMember(n *node, name string, refs []*openapi3.SchemaRef) error {
	hidden := n.hidden || isPrivate(name)
	for _, ref := range refs {
		hidden = hidden || isPrivate(componentName(ref))
	}
	child, err := c.compile(refs, hidden)
	if err != nil {
		return err
	}
	n.members = append(n.members, member{name: name, node: child, aliasOf: -1})
	return nil
}

// index sorts the members by the length of their names, by which they are then found.
func (n *node) index() {
	for i, m := range n.members {
		for len(n.byLength) <= len(m.name) {
			n.byLength = append(n.byLength, nil)
		}
		n.byLength[len(m.name)] = append(n.byLength[len(m.name)], uint8(i))
	}
}

func (n *node) linkAliases(set *schemaSet) error {
	for i := range n.members {
		target, ok := aliasTarget(set.memberSchemas(n.members[i].name))
		if !ok {
			continue
		}
		of := n.member([]byte(target))
		if of < 0 || of == i {
			return fmt.Errorf("%s: alias of %q, which is no sibling", n.members[i].name, target)
		}
		n.members[i].aliasOf = of
		n.aliases = append(n.aliases, uint8(i))
		n.aliased |= 1<<i | 1<<of
	}
	if len(n.aliases) > maxAliases {
		return fmt.Errorf("more than %d aliases in one object", maxAliases)
	}
	for _, i := range n.aliases {
		if n.members[n.members[i].aliasOf].aliasOf >= 0 {
			return fmt.Errorf("%s: alias of an alias", n.members[i].name)
		}
	}
	return nil
}

func (n *node) require(set *schemaSet) error {
	for _, s := range set.schemas {
		for _, name := range s.Required {
			i := n.member([]byte(name))
			if i < 0 {
				return fmt.Errorf("%s: required, but not declared", name)
			}
			if n.needed&(1<<i) == 0 {
				n.needed |= 1 << i
				n.required = append(n.required, uint8(i))
			}
		}
	}
	return nil
}

func (c *compiler) buildArray(n *node, set *schemaSet) error {
	n.maxItems = math.MaxInt
	var items []*openapi3.SchemaRef
	for _, s := range set.schemas {
		if s.Items != nil {
			items = append(items, s.Items)
		}
		n.minItems = max(n.minItems, int(s.MinItems))
		if s.MaxItems != nil {
			n.maxItems = min(n.maxItems, int(*s.MaxItems))
		}
	}
	hidden := n.hidden
	for _, ref := range items {
		hidden = hidden || isPrivate(componentName(ref))
	}
	var err error
	if n.items, err = c.compile(items, hidden); err != nil {
		return fmt.Errorf("items: %w", err)
	}
	return nil
}

// buildUnion compiles the variants in the order of their values, so that messages about them are stable.
func (c *compiler) buildUnion(n *node, set *schemaSet) error {
	union, rest := set.union()
	n.discriminator = union.Discriminator.PropertyName
	for value, target := range union.Discriminator.Mapping {
		model, err := variantSchema(union, target.Ref)
		if err != nil {
			return fmt.Errorf("variant %s: %w", value, err)
		}
		child, err := c.compile(append([]*openapi3.SchemaRef{model}, rest...), n.hidden)
		if err != nil {
			return fmt.Errorf("variant %s: %w", value, err)
		}
		if child.kind != kindObject || child.member([]byte(n.discriminator)) < 0 {
			return fmt.Errorf("variant %s: not an object with %s", value, n.discriminator)
		}
		n.variants = append(n.variants, variant{value, child})
	}
	slices.SortFunc(n.variants, func(a, b variant) int { return strings.Compare(a.value, b.value) })
	if len(n.variants) == 0 {
		return errors.New("oneOf needs a discriminator with a mapping")
	}
	return nil
}

// variantSchema finds the member of a oneOf that a mapping refers to, by reference or by bare name.
func variantSchema(union *openapi3.Schema, ref string) (*openapi3.SchemaRef, error) {
	for _, candidate := range union.OneOf {
		if candidate.Ref == ref || componentName(candidate) == ref {
			return candidate, nil
		}
	}
	return nil, fmt.Errorf("%s is not among oneOf", ref)
}

// componentName is the name of the component that a schema refers to, or nothing.
func componentName(ref *openapi3.SchemaRef) string {
	return ref.Ref[strings.LastIndexByte(ref.Ref, '/')+1:]
}
