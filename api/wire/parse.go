package wire

import (
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrJSON says that a body is not JSON, or has a name twice in one object. It never quotes the body.
var ErrJSON = errors.New("the body is not JSON")

// Parse gives a body as one value that can be looked into, once it was found to be valid JSON in which no object has
// one name twice. Nothing else is judged: it is for what was answered to us, of which we read what we know. null is
// no value. The size of the body is for the caller to bound.
func Parse(body []byte) (Value, error) {
	if !jsontext.Value(body).IsValid() {
		return Value{}, ErrJSON
	}
	c := cursor{body: body}
	return c.value(), nil
}

// ByName are the members of an object by their names, null ones left out; none for anything else.
func (v Value) ByName() map[string]Value {
	members := map[string]Value{}
	for name, member := range v.Members() {
		if member.Exists() {
			members[name] = member
		}
	}
	return members
}

// IsObject says whether the value is an object.
func (v Value) IsObject() bool { return v.first() == '{' }

// IsArray says whether the value is an array.
func (v Value) IsArray() bool { return v.first() == '[' }

// Texts are the texts among the elements of an array, in order.
func (v Value) Texts() (texts []string) {
	for element := range v.Elements() {
		if text, isText := element.Text(); isText {
			texts = append(texts, text)
		}
	}
	return texts
}
