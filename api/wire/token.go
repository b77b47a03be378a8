package wire

import (
	"errors"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// token reads one token that needs no looking at.
func (r *reader) token() {
	if _, err := r.decoder.ReadToken(); err != nil {
		r.fail(err)
	}
}

// open reads the beginning of an object or array and returns where it stands.
func (r *reader) open() (start int, ok bool) {
	if r.token(); r.syntax != nil {
		return 0, false
	}
	start = int(r.decoder.InputOffset()) - 1
	if r.depth == MaxDepth {
		r.syntax = &SyntaxError{Offset: int64(start), What: "nested too deeply"}
		return 0, false
	}
	r.depth++
	return start, true
}

// scalarToken reads a value that is neither object nor array and returns it with the place where it stands.
func (r *reader) scalarToken() (raw []byte, start int) {
	value, err := r.decoder.ReadValue()
	if err != nil {
		r.fail(err)
		return nil, 0
	}
	end := int(r.decoder.InputOffset())
	start = end - len(value)
	return r.message.body[start:end], start
}

// name reads the name of a member, unquoted. One that had to be unquoted is a copy, for it is kept.
func (r *reader) name() (name []byte, at int) {
	raw, at := r.scalarToken()
	if r.syntax != nil {
		return nil, 0
	}
	if text := r.unquote(raw); len(text) != len(raw)-2 {
		return append([]byte(nil), text...), at
	}
	return raw[1 : len(raw)-1], at
}

// upcoming is the value that will be read next, which has not been judged to be JSON yet.
func (r *reader) upcoming() Value {
	c := cursor{r.message.body, int(r.decoder.InputOffset())}
	return c.value()
}

// valueAt is the value that has just been read and begins at start.
func (r *reader) valueAt(start int) Value {
	return Value{body: r.message.body, start: start, end: int(r.decoder.InputOffset())}
}

// fail keeps the first fault of syntax. It says what is wrong in its own words, since the decoder's quote
// the body.
func (r *reader) fail(err error) {
	if r.syntax != nil {
		return
	}
	offset := r.decoder.InputOffset()
	var fault *jsontext.SyntacticError
	if errors.As(err, &fault) {
		offset = fault.ByteOffset
	}
	r.syntax = &SyntaxError{Offset: offset, What: r.faultText(err, offset)}
}

func (r *reader) faultText(err error, offset int64) string {
	body := r.message.body
	rest := body[min(int(offset), len(body)):]
	char, size := utf8.DecodeRune(rest)
	switch {
	case len(body) == 0:
		return "the body is empty"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), len(rest) == 0:
		return "the body ends too early"
	case char == utf8.RuneError && size == 1:
		return "text that is not UTF-8"
	default:
		return "text that is not JSON"
	}
}
