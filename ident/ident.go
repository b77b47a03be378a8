// Package ident holds the identifiers of the field: message ids, card numbers, accounts, references.
//
// Each has a type and one way to make it from text, so that what has a type has been checked. A card
// number prints masked; only Reveal, called by name, gives it whole.
package ident

import (
	"fmt"
	"io"
	"strings"
)

// MaxIDLength bounds a message id (rule C9).
const MaxIDLength = 64

// ID is a message id: opaque, case-sensitive, 1 to 64 printable ASCII characters, meant to be a random UUID (rule C9).
type ID string

// ParseID reads a message id, or says what is wrong with it.
func ParseID(s string) (ID, error) {
	if s == "" || len(s) > MaxIDLength {
		return "", fmt.Errorf("must have 1 to %d characters", MaxIDLength)
	}
	for i := range len(s) {
		if s[i] < '!' || s[i] > '~' {
			return "", fmt.Errorf("must be printable ASCII without spaces")
		}
	}
	return ID(s), nil
}

// UUID gives the 16 bytes of an id that is a UUID in canonical lower-case form. Any other id stays text,
// because its exact characters must come back.
func (id ID) UUID() (u [16]byte, ok bool) {
	if len(id) != 36 {
		return u, false
	}
	at := 0
	for i := 0; i < 36; {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if id[i] != '-' {
				return u, false
			}
			i++
			continue
		}
		high, low := nibble(id[i]), nibble(id[i+1])
		if high > 15 || low > 15 {
			return u, false
		}
		u[at] = high<<4 | low
		at++
		i += 2
	}
	return u, true
}

func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

// FromUUID gives the id whose UUID form has these 16 bytes.
func FromUUID(u [16]byte) ID {
	const hex = "0123456789abcdef"
	var b [36]byte
	at := 0
	for i := range 16 {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b[at] = '-'
			at++
		}
		b[at], b[at+1] = hex[u[i]>>4], hex[u[i]&15]
		at += 2
	}
	return ID(b[:])
}

// MaxPANLength bounds a card number (contract: Card.pan).
const MaxPANLength = 19

// PAN is a card number of 1 to 19 digits. It prints masked.
type PAN struct{ digits string }

// ParsePAN reads a card number. It is the only way to a PAN. The error never quotes the text.
func ParsePAN(s string) (PAN, error) {
	if s == "" || len(s) > MaxPANLength {
		return PAN{}, fmt.Errorf("must have 1 to %d digits", MaxPANLength)
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return PAN{}, fmt.Errorf("must have 1 to %d digits", MaxPANLength)
		}
	}
	return PAN{digits: strings.Clone(s)}, nil
}

// Reveal gives all digits. Call it only where the number itself has to be known, such as hashing and encryption.
func (p PAN) Reveal() string { return p.digits }

// IsZero says that no number was given.
func (p PAN) IsZero() bool { return p.digits == "" }

// String gives the masked number: first six and last four of more than ten digits, otherwise only stars.
func (p PAN) String() string { return Mask(p.digits) }

// GoString masks as String does, so that %#v does not reveal.
func (p PAN) GoString() string { return "ident.PAN(" + p.String() + ")" }

// Format masks under every verb: fmt asks String for few of them, and shows fields for the others.
func (p PAN) Format(s fmt.State, verb rune) { masked(s, verb, p.String(), p.GoString()) }

// masked writes the masked form of a value, whatever the verb.
func masked(s fmt.State, verb rune, text, goText string) {
	if verb == 'v' && s.Flag('#') {
		text = goText
	}
	_, _ = io.WriteString(s, text) // a writer that fails has a caller who knows
}

// MarshalText masks, so that no encoder reveals a number by accident.
func (p PAN) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Mask keeps the first six and last four characters of a text of more than ten, and stars the rest
// (contract: MaskPan).
func Mask(s string) string {
	const first, last = 6, 4
	if len(s) <= first+last {
		return strings.Repeat("*", len(s))
	}
	return s[:first] + strings.Repeat("*", len(s)-first-last) + s[len(s)-last:]
}

// World separates the worlds of a sandbox; production has exactly one, and its number is 1 (docs/rules.md section 8).
type World int32

// Production is the one world outside a sandbox.
const Production World = 1

// Account is the number of the sender of messages: what credentials and client certificates lead to (rule A2).
type Account int32

// Reference is one party's own identifier for a transaction (contract: ThirdPartyIdentifier).
type Reference struct {
	Institution string // whose reference it is
	Identifier  string // the reference, unique within that institution; may be empty
}
