package wire

import (
	"bytes"
	"errors"
	"strings"
	"time"
)

// Time is an RFC 3339 date-time kept as the characters it was received in, because clients compare the
// returned time of a message as a string (rule C8). The zero value means that there is none.
type Time string

// MaxTimeLength bounds the characters of a Time. Nine fractional digits and an offset need 35.
const MaxTimeLength = 64

// ErrTime says that a text is not an RFC 3339 date-time. It never quotes the text.
var ErrTime = errors.New("not an RFC 3339 date-time")

// ownTimeLayout is how times of our own are written: UTC, three fractional digits and Z (rule C8).
const ownTimeLayout = "2006-01-02T15:04:05.000Z"

// NewTime writes an instant of our own: in UTC, with three fractional digits and Z (rule C8).
// Digits beyond the millisecond are cut.
func NewTime(instant time.Time) Time {
	return Time(instant.UTC().Format(ownTimeLayout))
}

// ParseTime checks that a text is an RFC 3339 date-time and keeps it unchanged. An offset, a lower-case
// t or z, a leap second and any number of fractional digits up to MaxTimeLength are part of RFC 3339;
// a missing zone, missing seconds or a space instead of T are not, and give ErrTime.
func ParseTime(text string) (Time, error) {
	if _, ok := readClock(text); !ok {
		return "", ErrTime
	}
	return Time(text), nil
}

// Instant is the point in time meant, in the offset that was sent. A leap second is the second after it.
// The zero Time, and a Time that never went through ParseTime and is none, give the zero time.Time.
func (t Time) Instant() time.Time {
	c, ok := readClock(string(t))
	if !ok {
		return time.Time{}
	}
	return time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, c.nanosecond, c.zone())
}

// UnmarshalJSON reads a JSON string by ParseTime. As elsewhere in encoding/json, null leaves the time
// as it was: a null member counts as absent.
func (t *Time) UnmarshalJSON(value []byte) error {
	if bytes.Equal(value, []byte("null")) {
		return nil
	}
	text, ok := unquote(value)
	if !ok {
		return ErrTime
	}
	parsed, err := ParseTime(text)
	if err != nil {
		return err
	}
	*t = parsed
	return nil
}

// clock holds the numbers of a date-time as written.
type clock struct {
	year, month, day, hour, minute, second, nanosecond int
	offsetMinutes                                      int
}

func (c clock) zone() *time.Location {
	if c.offsetMinutes == 0 {
		return time.UTC
	}
	return time.FixedZone("", c.offsetMinutes*60)
}

// readClock reads the grammar of RFC 3339 section 5.6. The standard library is more lenient (a comma
// before the fraction) and less (no leap second, no lower case), so it is not asked.
func readClock(text string) (c clock, ok bool) {
	if len(text) > MaxTimeLength || len(text) < len("2006-01-02T15:04:05Z") {
		return c, false
	}
	if !hasDateTimeShape(text) {
		return c, false
	}
	c.year, c.month, c.day = number(text[0:4]), number(text[5:7]), number(text[8:10])
	c.hour, c.minute, c.second = number(text[11:13]), number(text[14:16]), number(text[17:19])
	rest, ok := c.readFraction(text[19:])
	if !ok || !c.readOffset(rest) {
		return c, false
	}
	return c, c.isOnTheCalendar()
}

func hasDateTimeShape(text string) bool {
	const shape = "dddd-dd-ddTdd:dd:dd"
	for i := range len(shape) {
		if !fitsShape(shape[i], text[i]) {
			return false
		}
	}
	return true
}

func fitsShape(want, have byte) bool {
	switch want {
	case 'd':
		return have >= '0' && have <= '9'
	case 'T':
		return have == 'T' || have == 't'
	default:
		return have == want
	}
}

// readFraction takes a fraction of a second off the front, if there is one.
func (c *clock) readFraction(rest string) (string, bool) {
	if rest == "" || rest[0] != '.' {
		return rest, true
	}
	end := 1
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	if end == 1 {
		return rest, false
	}
	nanos := rest[1:end]
	if len(nanos) > 9 {
		nanos = nanos[:9]
	}
	c.nanosecond = number(nanos + strings.Repeat("0", 9-len(nanos)))
	return rest[end:], true
}

func (c *clock) readOffset(rest string) bool {
	if rest == "Z" || rest == "z" {
		return true
	}
	if len(rest) != len("+00:00") || rest[3] != ':' || !isDigits(rest[1:3]) || !isDigits(rest[4:6]) {
		return false
	}
	hours, minutes := number(rest[1:3]), number(rest[4:6])
	c.offsetMinutes = hours*60 + minutes
	if rest[0] == '-' {
		c.offsetMinutes = -c.offsetMinutes
	}
	return (rest[0] == '+' || rest[0] == '-') && hours <= 23 && minutes <= 59
}

func (c *clock) isOnTheCalendar() bool {
	if c.month < 1 || c.month > 12 || c.day < 1 || c.day > daysIn(c.year, c.month) {
		return false
	}
	return c.hour <= 23 && c.minute <= 59 && c.second <= 60
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	default:
		return 31
	}
}

// number reads digits that have already been checked and are too few to overflow.
func number(digits string) int {
	n := 0
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	return n
}
