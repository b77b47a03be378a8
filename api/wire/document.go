package wire

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/getkin/kin-openapi/openapi3"
)

// MaxSlots bounds the number of different paths that may be asked for in one Document.
const MaxSlots = 128

// Document is an OpenAPI document whose schemas can be read by. It is safe for concurrent use.
type Document struct {
	mu         sync.Mutex
	schemas    openapi3.Schemas
	operations map[string]*openapi3.Operation
	patterns   patternSet
	models     map[string]*Model
	slots      map[string]Slot
}

// Compile reads an OpenAPI 3.0 document, as YAML or JSON. It resolves references but does not judge the
// document as a whole; a schema that cannot be judged by is an error when its Model is asked for.
func Compile(doc []byte) (*Document, error) {
	parsed, err := openapi3.NewLoader().LoadFromData(doc)
	if err != nil {
		return nil, fmt.Errorf("compile document: %w", err)
	}
	if parsed.Components == nil || len(parsed.Components.Schemas) == 0 {
		return nil, fmt.Errorf("compile document: it has no schemas")
	}
	return &Document{
		schemas:    parsed.Components.Schemas,
		operations: operationsOf(parsed.Paths),
		patterns:   make(patternSet),
		models:     make(map[string]*Model),
		slots:      make(map[string]Slot),
	}, nil
}

// Model returns the schema of that name in components/schemas, ready to read by. The same name gives the
// same Model. An unknown name, and a schema that uses what this package cannot judge, are errors.
func (d *Document) Model(name string) (*Model, error) {
	ref, ok := d.schemas[name]
	if !ok {
		return nil, fmt.Errorf("model %s: no such schema", name)
	}
	return d.model(name, ref)
}

// model compiles a schema the first time that it is asked for.
func (d *Document) model(name string, ref *openapi3.SchemaRef) (*Model, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m, ok := d.models[name]; ok {
		return m, nil
	}
	c := &compiler{patterns: d.patterns}
	root, err := c.compileRoot(name, ref)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", name, err)
	}
	m := &Model{document: d, name: name, root: root}
	d.models[name] = m
	return m, nil
}

// Slot is the number under which a Message remembers the value at one path. A path has the same Slot in
// every Model of a Document, so that what messages have in common can be taken from them by one function.
type Slot uint8

const noSlot = -1

func (d *Document) slot(path string) int16 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.slots[path]; ok {
		return int16(s)
	}
	if len(d.slots) == MaxSlots {
		panic(fmt.Sprintf("wire: more than %d slots in one document", MaxSlots))
	}
	s := Slot(len(d.slots))
	d.slots[path] = s
	return int16(s)
}

// Model is one compiled schema. Once its slots have been asked for it is safe for concurrent use.
type Model struct {
	document *Document
	name     string
	root     *node
	sealed   atomic.Bool
}

// Name is the name of the schema in the document.
func (m *Model) Name() string { return m.name }

// Slot asks for the value at a dotted path, such as "amounts.requestAmount.amount", to be remembered
// whenever a body is read. Slots are asked for while a program starts: an unknown path, a path into an
// array or a map, and a new path after the first Read are mistakes of the program, and panic.
//
// The slot of a member that has an alias yields the value under whichever name it was sent. The slot of
// the alias yields only what was sent under the alias itself, so that both can be found and cut out.
func (m *Model) Slot(path string) Slot {
	found := m.find(path)
	if len(found) == 0 {
		panic(fmt.Sprintf("wire: model %s has no path %q", m.name, path))
	}
	number := m.document.slot(path)
	for _, p := range found {
		m.assign(p, number)
	}
	return Slot(number)
}

// Has reports whether Slot would accept the path.
func (m *Model) Has(path string) bool { return len(m.find(path)) > 0 }

func (m *Model) assign(p place, number int16) {
	target := &p.node.slot
	if p.alias {
		target = &p.node.aliasSlot
	}
	if *target == number {
		return
	}
	if m.sealed.Load() {
		panic(fmt.Sprintf("wire: a new slot was asked of model %s after its first Read", m.name))
	}
	*target = number
}

// place is a node that a path leads to, and whether it does so by way of an alias.
type place struct {
	node  *node
	alias bool
}

// find follows a path. It may end in several places: in the variants of a union, and under an alias.
func (m *Model) find(path string) []place {
	places := []place{{node: m.root}}
	for name := range strings.SplitSeq(path, ".") {
		var next []place
		for _, p := range places {
			next = append(next, p.step(name)...)
		}
		places = next
	}
	return places
}

func (p place) step(name string) []place {
	var found []place
	for _, v := range p.node.variants {
		found = append(found, place{v.node, p.alias}.step(name)...)
	}
	for i := range p.node.members {
		member := &p.node.members[i]
		if member.name == name {
			found = append(found, place{member.node, p.alias})
		}
		if member.aliasOf >= 0 && p.node.members[member.aliasOf].name == name {
			found = append(found, place{member.node, true})
		}
	}
	return found
}
