package conform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// object is a JSON object that is being written. It keeps its members in order, and lets a member stand
// twice or be any text at all, because that is what the wire's own rules have to be tried with.
type object struct{ members []objectMember }

type objectMember struct {
	name  string
	value any // *object, []*object or raw
}

// raw is JSON text, written as it stands.
type raw string

// quote is the JSON of a text.
func quote(s string) raw {
	b, err := json.Marshal(s)
	if err != nil {
		return raw(strconv.Quote(s)) // json.Marshal knows every string
	}
	return raw(b)
}

// add appends a member and returns the object.
func (o *object) add(name string, value any) *object {
	o.members = append(o.members, objectMember{name, value})
	return o
}

// text appends a text, unless it is empty.
func (o *object) text(name, value string) *object {
	if value == "" {
		return o
	}
	return o.add(name, quote(value))
}

// amount appends money, unless there is none.
func (o *object) amount(name string, a *Amount) *object {
	if a == nil {
		return o
	}
	value := new(object).add("amount", raw(strconv.FormatInt(a.Minor, 10))).text("currency", a.Currency)
	return o.add(name, value)
}

// write renders the object.
func (o *object) write(b *strings.Builder) {
	b.WriteByte('{')
	for i, m := range o.members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(string(quote(m.name)))
		b.WriteByte(':')
		writeValue(b, m.value)
	}
	b.WriteByte('}')
}

func writeValue(b *strings.Builder, value any) {
	switch v := value.(type) {
	case *object:
		v.write(b)
	case []*object:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			item.write(b)
		}
		b.WriteByte(']')
	case raw:
		b.WriteString(string(v))
	}
}

// find returns the object that holds the last name of a dotted path, making what is missing on the way.
func (o *object) find(path string) (holder *object, name string) {
	head, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		return o, head
	}
	for _, m := range o.members {
		if inner, ok := m.value.(*object); ok && m.name == head {
			return inner.find(rest)
		}
	}
	inner := new(object)
	o.set(head, inner)
	return inner.find(rest)
}

// set replaces a member, or appends it.
func (o *object) set(name string, value any) {
	for i, m := range o.members {
		if m.name == name {
			o.members[i].value = value
			return
		}
	}
	o.add(name, value)
}

// remove takes a member out.
func (o *object) remove(name string) {
	kept := o.members[:0]
	for _, m := range o.members {
		if m.name != name {
			kept = append(kept, m)
		}
	}
	o.members = kept
}

// edit obeys those edits that change members.
func (o *object) edit(e Edit) {
	switch e.Verb {
	case "with":
		holder, name := o.find(e.Path)
		holder.set(name, raw(e.Text))
	case "without":
		holder, name := o.find(e.Path)
		holder.remove(name)
	case "twice":
		holder, name := o.find(e.Path)
		holder.add(name, raw(e.Text))
	case "padding":
		n, _ := strconv.Atoi(e.Text) // judged when it was read
		o.add("padding", quote(strings.Repeat("x", n)))
	}
}

// maxJSON bounds an answer that is read; no answer of the contract comes near it.
const maxJSON = 1 << 20

// parseJSON reads one JSON value with its numbers as written, and nothing after it.
func parseJSON(text []byte) (any, error) {
	if len(text) > maxJSON {
		return nil, fmt.Errorf("longer than %d bytes", maxJSON)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, errors.New("not JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text after the JSON")
	}
	return value, nil
}

// lookupPath finds the value at a dotted path; name[2] is the third entry of an array.
func lookupPath(value any, path string) (any, bool) {
	for step := range strings.SplitSeq(path, ".") {
		name, index, indexed := strings.Cut(strings.TrimSuffix(step, "]"), "[")
		members, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		if value, ok = members[name]; !ok {
			return nil, false
		}
		if !indexed {
			continue
		}
		items, ok := value.([]any)
		i, err := strconv.Atoi(index)
		if !ok || err != nil || i < 0 || i >= len(items) {
			return nil, false
		}
		value = items[i]
	}
	return value, true
}

// textAt returns the text at a path, empty when there is none.
func textAt(value any, path string) string {
	found, _ := lookupPath(value, path)
	text, _ := found.(string)
	return text
}

// numberAt returns the integer at a path, nil when there is none.
func numberAt(value any, path string) *int64 {
	found, _ := lookupPath(value, path)
	number, _ := found.(json.Number)
	n, err := number.Int64()
	if err != nil {
		return nil
	}
	return &n
}

// showJSON renders a value found in an answer, short enough for a report.
func showJSON(value any) string {
	const enough = 200
	text := showWhole(value)
	if len(text) > enough {
		return text[:enough] + "…"
	}
	return text
}

// showWhole renders a value found in an answer.
func showWhole(value any) string {
	b, err := json.Marshal(value)
	if err != nil {
		return "" // what was read as JSON can be written
	}
	return string(b)
}
