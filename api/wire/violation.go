package wire

import (
	"fmt"
	"strings"
)

// MaxViolations bounds how many violations one reading reports.
const MaxViolations = 100

// MaxValueLength is the number of characters after which the value in a Violation is cut.
const MaxValueLength = 40

// SyntaxError says that a body is not JSON, or not JSON that we are ready to read. Its text never quotes the body.
type SyntaxError struct {
	Offset int64  // bytes of the body that could be read
	What   string // what is wrong there
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s at byte %d", e.What, e.Offset)
}

// Violation is one constraint of the contract that a body does not keep (docs/rules.md 1.3, formatErrors).
type Violation struct {
	// Field is the dotted path from the root, with the index of an array element in brackets. A name that
	// the sender made up stands in it only when it looks like a name, and as an asterisk otherwise.
	Field string
	// Msg is the path and what it must be; of a missing value exactly "<path> may not be null".
	Msg string
	// Value is the offending text or number, cut at MaxValueLength characters. It is empty for missing
	// values, objects and arrays, and for card, PIN, voucher, payment and customer fields.
	Value string
}

// Violations are all that is wrong with a body that is JSON, in the order in which it stands in the body;
// what is missing from an object comes at the object's end, in the order of the schema.
type Violations struct {
	List []Violation // at most MaxViolations
	More bool        // there were more
}

// Error names the fields. It holds no values.
func (v *Violations) Error() string {
	fields := make([]string, len(v.List))
	for i := range v.List {
		fields[i] = v.List[i].Msg
	}
	text := strings.Join(fields, "; ")
	if v.More {
		text += "; and more"
	}
	return text
}
