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
	if err != nil {
		return false
	}
	for element := range root.Member(identifiers).Elements() {
		if TextIn(element.Member("institutionId")) == r.Institution && TextIn(element.Member("transactionIdentifier")) == r.Identifier {
			return true
		}
	}
	return false
}

// SpliceReference gives a body with a reference added behind its third-party identifiers, and every other byte as it was.
// One that has it already is given back as it is. The body must be a JSON object; the error never quotes it.
func SpliceReference(body txn.Wire, r ident.Reference) (txn.Wire, error) {
	if HasReference(body, r) {
		return body, nil
	}
	list, end, empty, err := findList(body)
	if err != nil {
		return nil, err
	}
	w := &Writer{}
	composeReference(w, r)
	element := w.Bytes()
	switch {
	case list.end == 0: // no such member
		member := slices.Concat([]byte(`"`+identifiers+`":[`), element, []byte("]"))
		return splice(body, end, end, separated(member, empty)), nil
	case bytes.Equal(body[list.start:list.end], null):
		return splice(body, list.start, list.end, slices.Concat([]byte("["), element, []byte("]"))), nil
	case body[list.start] != '[':
		return nil, errSplice
	}
	inside := bytes.TrimSpace(body[list.start+1 : list.end-1])
	return splice(body, list.end-1, list.end-1, separated(element, len(inside) == 0)), nil
}

func separated(text []byte, first bool) []byte {
	if first {
		return text
	}
	return append([]byte{','}, text...)
}

func splice(body []byte, start, end int, text []byte) txn.Wire {
	return slices.Concat(body[:start], text, body[end:])
}

type span struct{ start, end int }

// findList finds the value of the member in an object, its zero value when there is none, and where the object ends.
func findList(body []byte) (list span, end int, empty bool, err error) {
	d := jsontext.NewDecoder(bytes.NewReader(body))
	if d.PeekKind() != '{' {
		return list, 0, false, errSplice
	}
	if _, err := d.ReadToken(); err != nil {
		return list, 0, false, errSplice
	}
	for empty = true; d.PeekKind() == '"'; empty = false {
		name, err := d.ReadToken()
		if err != nil {
			return list, 0, false, errSplice
		}
		ours := name.String() == identifiers
		value, err := d.ReadValue()
		if err != nil {
			return list, 0, false, errSplice
		}
		if ours {
			list.end = int(d.InputOffset())
			list.start = list.end - len(value)
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return list, 0, false, errSplice
	}
	return list, int(d.InputOffset()) - 1, empty, nil
}

// composeReference writes a reference as an element of a list.
func composeReference(w *Writer, r ident.Reference) {
	w.Open("")
	w.Text("institutionId", r.Institution)
	w.Say("transactionIdentifier", r.Identifier)
	w.Close()
}
