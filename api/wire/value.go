package wire

import (
	"bytes"
	"iter"
	"maps"

	"github.com/go-json-experiment/json/jsontext"
)

// Value is one JSON value within a body that has been read before. It shares the body's bytes. The zero
// Value is no value, and so is null.
type Value struct {
	body       []byte
	start, end int
}

// Raw is the value as it stands in the body; nil when there is none.
func (v Value) Raw() []byte {
	if v.end == 0 {
		return nil
	}
	return v.body[v.start:v.end:v.end]
}

// Span is where the value stands in the body, from start up to end, quotes included.
func (v Value) Span() (start, end int) { return v.start, v.end }

func (v Value) span() span { return span{int32(v.start), int32(v.end)} }

// Exists reports whether there is a value, null being none.
func (v Value) Exists() bool { return v.end != 0 }

// Text is the unquoted text of a string, and false when there is no value or it is something else.
func (v Value) Text() (string, bool) {
	return unquote(v.Raw())
}

// Elements are the elements of an array in order, nulls included as what is no value; none for anything else.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.first() != '[' {
			return
		}
		c := cursor{v.body, v.start + 1}
		for c.more() {
			if !yield(c.value()) {
				return
			}
		}
	}
}

// Members are the members of an object in order, with their names unquoted; none for anything else.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.first() != '{' {
			return
		}
		c := cursor{v.body, v.start + 1}
		for c.more() {
			name := c.value()
			text, _ := name.Text()
			if !yield(text, c.value()) {
				return
			}
		}
	}
}

// Member is the value of the first member of that name; no value when there is none.
func (v Value) Member(name string) Value {
	if v.first() != '{' {
		return Value{}
	}
	c := cursor{v.body, v.start + 1}
	for c.more() {
		found := c.value()
		value := c.value()
		if found.isText(name) {
			return value
		}
	}
	return Value{}
}

func (v Value) first() byte {
	if v.end == 0 {
		return 0
	}
	return v.body[v.start]
}

// isText compares without unquoting what needs no unquoting.
func (v Value) isText(want string) bool {
	raw := v.Raw()
	if len(raw) < 2 || raw[0] != '"' {
		return false
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1:len(raw)-1]) == want
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	return err == nil && string(text) == want
}

// equal compares as JSON does: members in any order, null as absence, texts by what they mean, and
// numbers as they are written.
func (v Value) equal(other Value) bool {
	if v.first() != other.first() {
		return !v.Exists() && !other.Exists()
	}
	switch v.first() {
	case '{':
		return v.hasMembersOf(other) && other.hasMembersOf(v)
	case '[':
		return v.hasElementsOf(other)
	case '"':
		text, ok := v.Text()
		return ok && other.isText(text)
	default:
		return bytes.Equal(v.Raw(), other.Raw())
	}
}

// hasMembersOf looks names up in a map: both objects may be as large as a body.
func (v Value) hasMembersOf(other Value) bool {
	mine := maps.Collect(v.Members())
	for name, value := range other.Members() {
		if !value.equal(mine[name]) {
			return false
		}
	}
	return true
}

func (v Value) hasElementsOf(other Value) bool {
	next, stop := iter.Pull(other.Elements())
	defer stop()
	for element := range v.Elements() {
		partner, ok := next()
		if !ok || !element.equal(partner) {
			return false
		}
	}
	_, left := next()
	return !left
}

// cursor goes through JSON without judging it. It is made for JSON that is valid; of anything else it
// makes something or other, but it never leaves the body and always comes to an end.
type cursor struct {
	body []byte
	at   int
}

// more steps over what separates values and reports whether another one follows in the same array or object.
func (c *cursor) more() bool {
	c.separator()
	return c.at < len(c.body) && c.body[c.at] != ']' && c.body[c.at] != '}'
}

func (c *cursor) separator() {
	for c.at < len(c.body) {
		switch c.body[c.at] {
		case ' ', '\t', '\r', '\n', ',', ':':
			c.at++
		default:
			return
		}
	}
}

// value takes the next value.
func (c *cursor) value() Value {
	c.separator()
	start := c.at
	if start == len(c.body) {
		return Value{}
	}
	switch c.body[start] {
	case '"':
		c.text()
	case '{', '[':
		c.container()
	default:
		c.scalar()
	}
	if string(c.body[start:c.at]) == "null" {
		return Value{}
	}
	return Value{body: c.body, start: start, end: c.at}
}

func (c *cursor) text() {
	for c.at++; c.at < len(c.body) && c.body[c.at] != '"'; c.at++ {
		if c.body[c.at] == '\\' {
			c.at++
		}
	}
	c.at = min(c.at+1, len(c.body))
}

func (c *cursor) container() {
	depth := 0
	for c.at < len(c.body) {
		switch c.body[c.at] {
		case '"':
			c.text()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		c.at++
		if depth == 0 {
			return
		}
	}
}

func (c *cursor) scalar() {
	for c.at++; c.at < len(c.body); c.at++ {
		switch c.body[c.at] {
		case ' ', '\t', '\r', '\n', ',', ':', ']', '}', '"', '{', '[':
			return
		}
	}
}
