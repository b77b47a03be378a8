package ident

import (
	"errors"
	"fmt"
	"strings"
)

// Bounds of a subscriber's number, in digits (contract: Msisdn.msisdn; E.164).
const (
	minMSISDN = 2
	maxMSISDN = 15
)

// MSISDN is a subscriber's number in E.164: 2 to 15 digits that do not begin with 0. It prints without its middle.
type MSISDN struct{ digits string }

var errMSISDN = errors.New("an MSISDN is an optional + and 2 to 15 digits, the first from 1 to 9")

// ParseMSISDN reads a number with or without its plus sign.
func ParseMSISDN(s string) (MSISDN, error) {
	if s != "" && s[0] == '+' {
		s = s[1:]
	}
	if len(s) < minMSISDN || len(s) > maxMSISDN || s[0] == '0' {
		return MSISDN{}, errMSISDN
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return MSISDN{}, errMSISDN
		}
	}
	return MSISDN{strings.Clone(s)}, nil
}

// Reveal gives the digits, without a plus sign.
func (m MSISDN) Reveal() string { return m.digits }

// IsZero says that there is no number.
func (m MSISDN) IsZero() bool { return m.digits == "" }

// String gives the first and the last few digits.
func (m MSISDN) String() string {
	const first, last = 4, 2
	if len(m.digits) <= first+last {
		return "****"
	}
	return m.digits[:first] + "****" + m.digits[len(m.digits)-last:]
}

// GoString hides the number's middle.
func (m MSISDN) GoString() string { return "ident.MSISDN(" + m.String() + ")" }

// Format hides the middle under every verb.
func (m MSISDN) Format(s fmt.State, verb rune) { masked(s, verb, m.String(), m.GoString()) }

// MarshalText gives what String gives, so that no encoder writes the whole number.
func (m MSISDN) MarshalText() ([]byte, error) { return []byte(m.String()), nil }
