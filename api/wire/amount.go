package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
)

// Amount is the number of minor units in an amount as it travels in JSON (rule C7): read from an
// integer without fraction or exponent, or from a string of digits, and always written as a number.
// It carries no currency and knows no limits of business; those belong to the rooms above.
type Amount int64

// MaxAmountDigits is the greatest number of digits of an amount sent as a string, leading zeros
// included (rule C7).
const MaxAmountDigits = 18

// ErrAmount says that a JSON value is not an amount in the sense of rule C7. It never quotes the value.
var ErrAmount = errors.New("not an amount: want an integer or a string of 1 to 18 digits")

// ParseAmount reads one JSON value, without space around it, as rule C7 allows: an integer that fits
// 64 bits, or a string of 1 to MaxAmountDigits digits. Nothing is cut or rounded; anything else, null
// included, is ErrAmount.
func ParseAmount(value []byte) (Amount, error) {
	if len(value) > 0 && value[0] == '"' {
		return parseAmountString(value)
	}
	if !isJSONInteger(value) {
		return 0, ErrAmount
	}
	return parseDigits(string(value))
}

// UnmarshalJSON reads a JSON value by ParseAmount. As elsewhere in encoding/json, null leaves the
// amount as it was: a null member counts as absent.
func (a *Amount) UnmarshalJSON(value []byte) error {
	if bytes.Equal(value, []byte("null")) {
		return nil
	}
	parsed, err := ParseAmount(value)
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

func parseAmountString(value []byte) (Amount, error) {
	text, ok := unquote(value)
	if !ok || len(text) < 1 || len(text) > MaxAmountDigits || !isDigits(text) {
		return 0, ErrAmount
	}
	return parseDigits(text)
}

func parseDigits(text string) (Amount, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, ErrAmount
	}
	return Amount(n), nil
}

// isJSONInteger holds for an optional minus sign and digits that do not begin with a needless zero.
// It stands before strconv, which would also take a plus sign and leading zeros.
func isJSONInteger(value []byte) bool {
	digits := string(bytes.TrimPrefix(value, []byte("-")))
	if digits == "" || !isDigits(digits) {
		return false
	}
	return len(digits) == 1 || digits[0] != '0'
}

func isDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// unquote returns the text of a JSON string. Text without escapes, the usual case, is taken as it is;
// whoever asks checks every character of it afterwards.
func unquote(value []byte) (string, bool) {
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		return "", false
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : len(value)-1]), true
	}
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return "", false
	}
	return text, true
}
