package admin

import "fmt"

// Code is the sort of a refusal.
type Code uint8

// The codes.
const (
	Invalid   Code = iota + 1 // a value cannot be
	Forbidden                 // the operator's role may not
	NotFound                  // there is no such thing
	Exists                    // there is one already
	Conflict                  // the thing is not in a state for this
	Busy                      // not now: another act of the kind is under way
)

// Refusal says why an act was not done. Surely nothing was changed. It never holds a card number, a PIN or a
// secret.
type Refusal struct {
	Code  Code
	Field string // dotted path of the value at fault; may be empty
	Text  string // for people
}

// Error gives the text, after the field if there is one.
func (r *Refusal) Error() string {
	if r.Field == "" {
		return r.Text
	}
	return r.Field + ": " + r.Text
}

func refuse(code Code, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Text: fmt.Sprintf(format, args...)}
}

func invalid(field, format string, args ...any) *Refusal {
	return &Refusal{Code: Invalid, Field: field, Text: fmt.Sprintf(format, args...)}
}
