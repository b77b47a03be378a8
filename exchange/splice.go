package exchange

import (
	"bytes"
	"errors"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// identifiers is the member that references stand in.
const identifiers = "thirdPartyIdentifiers"

// errSplice says that a body has no place for a reference.
var errSplice = errors.New("the body has no list of third-party identifiers, and no place for one")

// HasReference says whether a body, which is JSON, has a reference among its third-party identifiers.
func HasReference(body []byte, r ident.Reference) bool {
	root, err := wire.Parse(body)
	return err == nil && holds(root.Member(identifiers), r)
}

func holds(list wire.Value, r ident.Reference) bool {
	for element := range list.Elements() {
		if TextIn(element.Member("institutionId")) == r.Institution && TextIn(element.Member("transactionIdentifier")) == r.Identifier {
			return true
		}
	}
	return false
}

// SpliceReference gives a body with a reference added behind its third-party identifiers, and every other byte as it was.
// One that has it already is given back as it is. The body must be a JSON object in which no name stands twice; the error
// never quotes it.
func SpliceReference(body txn.Wire, r ident.Reference) (txn.Wire, error) {
	root, err := wire.Parse(body)
	if err != nil || !root.IsObject() {
		return nil, errSplice
	}
	list := root.Member(identifiers)
	switch {
	case holds(list, r):
		return body, nil
	case list.IsArray():
		_, end := list.Span()
		return insert(body, end-1, element(r, isEmpty(list.Raw()))), nil
	case list.Exists():
		return nil, errSplice
	}
	if start, end, found := findNull(body); found {
		return slices.Concat(body[:start], inList(r), body[end:]), nil
	}
	_, end := root.Span()
	member := slices.Concat([]byte(`"`+identifiers+`":`), inList(r))
	if !isEmpty(root.Raw()) {
		member = slices.Concat([]byte{','}, member)
	}
	return insert(body, end-1, member), nil
}

// isEmpty says whether there is nothing between the brackets.
func isEmpty(container []byte) bool { return len(bytes.TrimSpace(container[1:len(container)-1])) == 0 }

// element is a reference as the next element of a list.
func element(r ident.Reference, first bool) []byte {
	w := &Writer{later: !first}
	composeReference(w, r)
	return w.b
}

func inList(r ident.Reference) []byte {
	return slices.Concat([]byte{'['}, element(r, true), []byte{']'})
}

func insert(body []byte, at int, text []byte) txn.Wire {
	return slices.Concat(body[:at], text, body[at:])
}

// findNull finds the member's value in a valid object that has it as null, if at all: that is no value to look up.
func findNull(body []byte) (start, end int, found bool) {
	d := jsontext.NewDecoder(bytes.NewReader(body))
	for token, err := d.ReadToken(); err == nil; token, err = d.ReadToken() {
		if token.Kind() != '"' {
			continue // the object begins
		}
		ours := token.String() == identifiers
		value, err := d.ReadValue()
		if err != nil || ours {
			end = int(d.InputOffset())
			return end - len(value), end, err == nil
		}
	}
	return 0, 0, false
}

// composeReference writes a reference as an element of a list.
func composeReference(w *Writer, r ident.Reference) {
	w.Open("")
	w.Text("institutionId", r.Institution)
	w.Say("transactionIdentifier", r.Identifier)
	w.Close()
}
