package wire

import (
	"bytes"
	"strconv"
	"strings"
)

// step is one step of the path from the root to a value: a declared name, an element's index, or a name
// that the sender made up.
type step struct {
	name  string
	index int // of an element, plus one
	at    int // where a name that is not declared stands in the body
}

// pathText writes the path of the value being read. It is made only for violations.
func (r *reader) pathText() string {
	var text strings.Builder
	for _, s := range r.path[1 : r.depth+1] {
		if s.index > 0 {
			text.WriteString("[" + strconv.Itoa(s.index-1) + "]")
			continue
		}
		if text.Len() > 0 {
			text.WriteByte('.')
		}
		text.WriteString(r.stepName(s))
	}
	return text.String()
}

func (r *reader) stepName(s step) string {
	if s.name != "" {
		return s.name
	}
	c := cursor{r.message.body, s.at}
	raw := c.value().Raw()
	if len(raw) > 2 && looksLikeName(raw[1:len(raw)-1]) {
		return string(raw[1 : len(raw)-1])
	}
	return "*"
}

// looksLikeName keeps texts that a sender put where a name belongs, such as card numbers, out of answers.
func looksLikeName(name []byte) bool {
	const longest = 40
	if len(name) > longest || bytes.ContainsAny(name[:1], "0123456789-") {
		return false
	}
	for _, b := range name {
		isLetter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
		if !isLetter && (b < '0' || b > '9') && b != '_' && b != '-' {
			return false
		}
	}
	return true
}

// report adds a violation at the present path, up to MaxViolations.
func (r *reader) report(what string, value Value) {
	if r.syntax != nil {
		return
	}
	r.reports++
	if r.violations == nil {
		r.violations = new(Violations)
	}
	if len(r.violations.List) == MaxViolations {
		r.violations.More = true
		return
	}
	field := r.pathText()
	subject := field
	if field == "" {
		subject = "the message"
	}
	r.violations.List = append(r.violations.List, Violation{
		Field: field, Msg: subject + " " + what, Value: quote(value),
	})
}

// quote is the text or number of a value as far as a violation may tell it.
func quote(v Value) string {
	text, ok := v.Text()
	if !ok {
		text = string(v.Raw())
	}
	count := 0
	for at := range text {
		if count == MaxValueLength {
			return text[:at]
		}
		count++
	}
	return text
}
