package wire

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
)

// textRules are the constraints on a string. A zero value has none.
type textRules struct {
	enum            []string
	unknownIsAbsent bool
	minLength       int // in UTF-16 code units
	maxLength       int
	patterns        []*pattern
	dateTime        bool
	email           bool
}

func newTextRules(schemas []*openapi3.Schema, unknownIsAbsent bool, patterns patternSet) (*textRules, error) {
	rules := &textRules{maxLength: math.MaxInt, unknownIsAbsent: unknownIsAbsent}
	for _, s := range schemas {
		if err := rules.add(s, patterns); err != nil {
			return nil, err
		}
	}
	if unknownIsAbsent && rules.enum == nil {
		return nil, fmt.Errorf("%s stands without an enum", extensionUnknown)
	}
	return rules, nil
}

func (r *textRules) add(s *openapi3.Schema, patterns patternSet) error {
	r.minLength = max(r.minLength, int(s.MinLength))
	if s.MaxLength != nil {
		r.maxLength = min(r.maxLength, int(*s.MaxLength))
	}
	r.dateTime = r.dateTime || s.Format == "date-time"
	r.email = r.email || s.Format == "email"
	if s.Pattern != "" {
		p, err := patterns.compile(s.Pattern)
		if err != nil {
			return err
		}
		r.patterns = append(r.patterns, p)
	}
	return r.addEnum(s.Enum)
}

// addEnum keeps the values that all enumerations so far have in common.
func (r *textRules) addEnum(values []any) error {
	if len(values) == 0 {
		return nil
	}
	var texts []string
	for _, v := range values {
		text, ok := v.(string)
		if !ok {
			return errors.New("an enum of texts holds something else")
		}
		if r.enum == nil || slices.Contains(r.enum, text) {
			texts = append(texts, text)
		}
	}
	if len(texts) == 0 {
		return errors.New("an enum without values")
	}
	r.enum = texts
	return nil
}

func (r *textRules) knows(text []byte) bool {
	for _, value := range r.enum {
		if value == string(text) {
			return true
		}
	}
	return r.enum == nil
}

// hasLength judges the length alone.
func (r *textRules) hasLength(text []byte) bool {
	if r.minLength == 0 && len(text) <= r.maxLength {
		return true // a text has no more UTF-16 code units than bytes
	}
	n := utf16Length(text)
	return n >= r.minLength && n <= r.maxLength
}

func (r *textRules) lengthText() string {
	switch {
	case r.minLength == r.maxLength:
		return fmt.Sprintf("must have exactly %d characters", r.minLength)
	case r.maxLength == math.MaxInt:
		return fmt.Sprintf("must have at least %d characters", r.minLength)
	case r.minLength == 0:
		return fmt.Sprintf("must have at most %d characters", r.maxLength)
	default:
		return fmt.Sprintf("must have %d to %d characters", r.minLength, r.maxLength)
	}
}

func (r *textRules) enumText() string {
	return "must be one of " + strings.Join(r.enum, ", ")
}

// judgeFormat says what is wrong with the format of a text, or nothing.
func (r *textRules) judgeFormat(text []byte) string {
	if r.dateTime {
		if _, ok := readClock(string(text)); !ok {
			return "must be an RFC 3339 date-time"
		}
	}
	if r.email && !isEmail(text) {
		return "must be an e-mail address"
	}
	return ""
}

// utf16Length counts as the contract's reference does, in which a character outside the basic plane is two.
func utf16Length(text []byte) int {
	n := 0
	for _, b := range text {
		switch {
		case b < utf8.RuneSelf, b >= 0xC0 && b < 0xF0:
			n++
		case b >= 0xF0:
			n += 2
		}
	}
	return n
}

// isEmail is what the reference's check amounts to: an empty text, or something before and something
// after one @, without spaces or control characters.
func isEmail(text []byte) bool {
	if len(text) == 0 {
		return true
	}
	at := slices.Index(text, '@')
	if at <= 0 || at == len(text)-1 || slices.Contains(text[at+1:], '@') {
		return false
	}
	return !slices.ContainsFunc(text, func(b byte) bool { return b <= ' ' || b == 0x7F })
}

// numberRules are the constraints on an integer or a number.
type numberRules struct {
	min, max       int64   // of an integer, format included
	minReal        float64 // of a number
	maxReal        float64
	integerBitSize int
}

func newNumberRules(schemas []*openapi3.Schema) (*numberRules, error) {
	rules := &numberRules{
		min: math.MinInt64, max: math.MaxInt64,
		minReal: math.Inf(-1), maxReal: math.Inf(1), integerBitSize: 64,
	}
	for _, s := range schemas {
		if s.Format == "int32" {
			rules.integerBitSize = 32
			rules.min, rules.max = max(rules.min, math.MinInt32), min(rules.max, math.MaxInt32)
		}
		if err := rules.bound(s); err != nil {
			return nil, err
		}
	}
	return rules, nil
}

// bound takes over minimum and maximum, which the document's reader holds as floating point: beyond 2^53
// they would no longer be what was written.
func (r *numberRules) bound(s *openapi3.Schema) error {
	const exact = 1 << 53
	for _, limit := range []*float64{s.Min, s.Max} {
		if limit != nil && math.Abs(*limit) > exact {
			return errors.New("a minimum or maximum beyond 2^53 is not supported")
		}
	}
	if s.Min != nil {
		r.minReal = max(r.minReal, *s.Min)
		r.min = max(r.min, int64(math.Ceil(*s.Min)))
	}
	if s.Max != nil {
		r.maxReal = min(r.maxReal, *s.Max)
		r.max = min(r.max, int64(math.Floor(*s.Max)))
	}
	return nil
}

// judgeInteger says what is wrong with a JSON number that is to be an integer, or nothing.
func (r *numberRules) judgeInteger(value []byte) string {
	if !isJSONInteger(value) {
		return "must be an integer"
	}
	n, err := strconv.ParseInt(string(value), 10, r.integerBitSize)
	if err != nil {
		return fmt.Sprintf("must be an integer of %d bits", r.integerBitSize)
	}
	if n < r.min || n > r.max {
		return fmt.Sprintf("must be an integer from %d to %d", r.min, r.max)
	}
	return ""
}

// judgeNumber says what is wrong with a JSON number, or nothing.
func (r *numberRules) judgeNumber(value []byte) string {
	n, err := strconv.ParseFloat(string(value), 64)
	if err != nil {
		return "must be a number within range"
	}
	if n < r.minReal || n > r.maxReal {
		return fmt.Sprintf("must be a number from %g to %g", r.minReal, r.maxReal)
	}
	return ""
}
