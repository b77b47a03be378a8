package wire

import (
	"bytes"
	"iter"
	"strconv"
)

// Message is what a Model found in a body: where the values asked for by Slot stand. The zero Message is
// ready for use, and may be used again, for any Model, once what it told is no longer needed. It
// refers to the body, which must stay as it is until the next Read or Reset.
type Message struct {
	body   []byte
	text   string // the body once more, which all texts are parts of; made when first needed
	spans  [MaxSlots]span
	reader reader
}

// span is where a value stands in the body: the bytes from start up to end. An empty one stands for no value.
type span struct{ start, end int32 }

func (s span) isEmpty() bool { return s.end == 0 }

// Reset forgets everything, so that no part of the body is kept alive, or readable, by an idle Message.
func (msg *Message) Reset() { msg.begin(nil) }

func (msg *Message) begin(body []byte) {
	msg.body, msg.text = body, ""
	clear(msg.spans[:])
	msg.reader.begin(msg)
}

// Body is the body that was read.
func (msg *Message) Body() []byte { return msg.body }

// Has reports whether there is a value, null being none.
func (msg *Message) Has(slot Slot) bool { return !msg.spans[slot].isEmpty() }

// Span is where the value stands in the body, from start up to end, quotes included. Both are 0 when
// there is no value.
func (msg *Message) Span(slot Slot) (start, end int) {
	s := msg.spans[slot]
	return int(s.start), int(s.end)
}

// Raw is the value as it stands in the body, and shares its bytes. It is nil when there is no value.
func (msg *Message) Raw(slot Slot) []byte { return msg.Value(slot).Raw() }

// Value is the value together with its place in the body.
func (msg *Message) Value(slot Slot) Value { return msg.at(msg.spans[slot]) }

func (msg *Message) at(s span) Value {
	return Value{body: msg.body, start: int(s.start), end: int(s.end)}
}

// Text is the unquoted text of a string, and false when there is no value or it is something else. All
// texts of a message share one private copy of the body: whoever keeps one for long keeps a clone of it.
func (msg *Message) Text(slot Slot) (string, bool) {
	raw := msg.Raw(slot)
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(raw, '\\') >= 0 {
		return unquote(raw)
	}
	if msg.text == "" {
		msg.text = string(msg.body)
	}
	s := msg.spans[slot]
	return msg.text[s.start+1 : s.end-1], true
}

// Amount is the minor units of an amount, in either form that rule C7 allows, and false when there is no
// value or it is something else.
func (msg *Message) Amount(slot Slot) (int64, bool) {
	amount, err := ParseAmount(msg.Raw(slot))
	return int64(amount), err == nil
}

// Int is an integer, and false when there is no value or it is something else.
func (msg *Message) Int(slot Slot) (int64, bool) {
	raw := msg.Raw(slot)
	if !isJSONInteger(raw) {
		return 0, false
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return n, err == nil
}

// Bool is a boolean, and false, false when there is no value or it is something else.
func (msg *Message) Bool(slot Slot) (value, ok bool) {
	switch string(msg.Raw(slot)) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// Elements are the elements of an array in order; none when there is no value or it is something else.
func (msg *Message) Elements(slot Slot) iter.Seq[Value] { return msg.Value(slot).Elements() }
