package exchange

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/money"
)

// Writer writes one JSON value, member by member, into a growing body. Values that come from a message are copied as
// they stood in it, so that times, references and unknown members come back as they were sent. Each method writes one
// member of the object, or element of the list, that was opened last and not closed; the name of an element, and of
// the value as a whole, is empty.
type Writer struct {
	b     []byte
	later bool // something stands before the next member
}

// next begins a member or an element. The name needs no escapes.
func (w *Writer) next(name string) {
	w.comma()
	if name != "" {
		w.b = append(w.b, '"')
		w.b = append(w.b, name...)
		w.b = append(w.b, '"', ':')
	}
}

// quoted begins a member whose name the sender chose.
func (w *Writer) quoted(name string) {
	w.comma()
	w.b = append(appendText(w.b, name), ':')
}

func (w *Writer) comma() {
	if w.later {
		w.b = append(w.b, ',')
	}
	w.later = true
}

// Open begins an object.
func (w *Writer) Open(name string) { w.open(name, '{') }

// Close ends an object.
func (w *Writer) Close() { w.close('}') }

// OpenList begins a list.
func (w *Writer) OpenList(name string) { w.open(name, '[') }

// CloseList ends a list.
func (w *Writer) CloseList() { w.close(']') }

func (w *Writer) open(name string, bracket byte) {
	w.next(name)
	w.b = append(w.b, bracket)
	w.later = false
}

func (w *Writer) close(bracket byte) {
	w.b = append(w.b, bracket)
	w.later = true
}

// Raw writes a value that is JSON already, and nothing when it is nil.
func (w *Writer) Raw(name string, value []byte) {
	if value != nil {
		w.next(name)
		w.b = append(w.b, value...)
	}
}

// Echo writes a value as it stood in the message, but for what an answer never has: members that are null (C5), and
// card numbers and PINs in members that the contract does not have. It writes nothing when the value is absent.
func (w *Writer) Echo(name string, v wire.Value) {
	if v.Exists() {
		w.next(name)
		w.b = appendEcho(w.b, v)
	}
}

// EchoAmounts is Echo for a value that has amounts in it: one that was sent as a string is written as a number, as all
// amounts are on output (rule C7).
func (w *Writer) EchoAmounts(name string, v wire.Value) {
	if v.Exists() {
		w.next(name)
		w.b = appendAmounts(w.b, v)
	}
}

// Text writes a text of our own.
func (w *Writer) Text(name, value string) {
	w.next(name)
	w.b = appendText(w.b, value)
}

// Say writes a text of our own unless it is empty.
func (w *Writer) Say(name, value string) {
	if value != "" {
		w.Text(name, value)
	}
}

// Named writes a text of our own under a name that may need escapes.
func (w *Writer) Named(name, value string) {
	w.quoted(name)
	w.b = appendText(w.b, value)
}

// Int writes a whole number.
func (w *Writer) Int(name string, value int64) {
	w.next(name)
	w.b = strconv.AppendInt(w.b, value, 10)
}

// Bool writes true or false.
func (w *Writer) Bool(name string, value bool) {
	w.next(name)
	w.b = strconv.AppendBool(w.b, value)
}

// Time writes an instant of our own: three fractional digits and Z (rule C8).
func (w *Writer) Time(name string, at time.Time) {
	w.Text(name, at.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// Amount writes an amount in minor units with its currency (rule C6).
func (w *Writer) Amount(name string, value money.Minor, c money.Currency) {
	w.Open(name)
	w.Int("amount", int64(value))
	w.next("currency")
	w.b = append(w.b, '"')
	w.b = append(c.AppendTo(w.b), '"')
	w.Close()
}

var null = []byte("null")

// careful are texts that a value holds if it may have something in it that is never answered.
var careful = [][]byte{null, []byte(`\`), []byte(`pan"`), []byte(`in"`), []byte(`Block"`), []byte(`Number"`), []byte(`hash"`)}

func needsCare(raw []byte) bool {
	return slices.ContainsFunc(careful, func(text []byte) bool { return bytes.Contains(raw, text) })
}

// appendEcho copies a value as Echo does. Most values have nothing to leave out, and are copied as they are. What is no
// value is an element that was null.
func appendEcho(b []byte, v wire.Value) []byte {
	raw := v.Raw()
	switch {
	case !v.Exists():
		return append(b, null...)
	case raw[0] != '{' && raw[0] != '[' || !needsCare(raw):
		return append(b, raw...)
	case raw[0] == '[':
		return appendElements(b, v, appendEcho)
	}
	w := Writer{b: append(b, '{')}
	for name, member := range v.Members() {
		if !member.Exists() || isSecret([]byte(name)) {
			continue
		}
		w.quoted(name)
		w.b = appendEcho(w.b, member)
	}
	return append(w.b, '}')
}

// appendAmounts copies a value as EchoAmounts does.
func appendAmounts(b []byte, v wire.Value) []byte {
	raw := v.Raw()
	switch {
	case !v.Exists():
		return append(b, null...)
	case raw[0] == '[':
		return appendElements(b, v, appendAmounts)
	case raw[0] != '{':
		return append(b, raw...)
	}
	w := Writer{b: append(b, '{')}
	for name, member := range v.Members() {
		if !member.Exists() || isSecret([]byte(name)) {
			continue
		}
		w.quoted(name)
		if minor, err := wire.ParseAmount(member.Raw()); err == nil && name == "amount" {
			w.b = strconv.AppendInt(w.b, int64(minor), 10)
			continue
		}
		w.b = appendAmounts(w.b, member)
	}
	return append(w.b, '}')
}

// appendElements copies a list, null and all, with what copies its elements.
func appendElements(b []byte, v wire.Value, echo func([]byte, wire.Value) []byte) []byte {
	b = append(b, '[')
	first := true
	for element := range v.Elements() {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = echo(b, element)
	}
	return append(b, ']')
}

// appendText quotes a text. What is no UTF-8 in it, such as an unescaped byte of a path, becomes the replacement
// character, since JSON has no way to say it.
func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
