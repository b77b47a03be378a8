package router

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/scripworks/scrip/ident"
)

// maxMSISDN bounds a subscriber's number, in digits (E.164).
const maxMSISDN = 15

// Range is numbers that a condition holds: those between two numbers of one length, or those of any length that begin
// with the same digits. The zero value holds every number.
type Range struct {
	length      int    // in digits; 0 of a prefix
	begins      int    // how many digits a prefix has
	first, last uint64 // of a prefix both are its digits
}

var (
	errRange  = errors.New("is no range: a range is two numbers of one length such as 6001000000000000-6001999999999999, the lower one first, or the first digits of its numbers such as 6001*")
	errLong   = errors.New("is a range of longer numbers than there are")
	errMSISDN = errors.New("is a range without country code: no number begins with 0")
)

// ParseCards reads a range of card numbers: FIRST-LAST, both included and of one length, or the first digits of its
// numbers and a star. The error does not quote it.
func ParseCards(s string) (Range, error) { return parse(s, ident.MaxPANLength) }

// ParseMSISDNs reads a range of subscribers' numbers in E.164, written like a range of card numbers. A plus sign in front
// of a number is left out.
func ParseMSISDNs(s string) (Range, error) {
	first, last, isPair := strings.Cut(s, "-")
	s = strings.TrimPrefix(first, "+")
	if strings.HasPrefix(s, "0") {
		return Range{}, errMSISDN
	}
	if isPair {
		s += "-" + strings.TrimPrefix(last, "+")
	}
	return parse(s, maxMSISDN)
}

func parse(s string, longest int) (Range, error) {
	if digits, is := strings.CutSuffix(s, "*"); is {
		return parsePrefix(digits, longest)
	}
	low, high, _ := strings.Cut(s, "-")
	first, ok := readDigits(low)
	last, ok2 := readDigits(high)
	switch {
	case !ok || !ok2 || len(low) != len(high) || last < first:
		return Range{}, errRange
	case len(low) > longest:
		return Range{}, errLong
	}
	return Range{length: len(low), first: first, last: last}, nil
}

func parsePrefix(digits string, longest int) (Range, error) {
	if digits == "" {
		return Range{}, nil
	}
	value, ok := readDigits(digits)
	switch {
	case !ok:
		return Range{}, errRange
	case len(digits) > longest:
		return Range{}, errLong
	}
	return Range{begins: len(digits), first: value, last: value}, nil
}

// readDigits reads a number of 1 to 19 digits, which is what 64 bits hold. A longer one that fits by its leading zeros
// is none.
func readDigits(s string) (uint64, bool) {
	if len(s) > ident.MaxPANLength || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	value, err := strconv.ParseUint(s, 10, 64)
	return value, err == nil
}

// number is a card's or a subscriber's number as ranges see it. The zero value is none.
type number struct {
	length int
	value  uint64
}

func numberOf(digits string) number {
	value, ok := readDigits(digits)
	if !ok {
		return number{}
	}
	return number{len(digits), value}
}

// at gives the range among the numbers of one length; ok is false when it has none of them.
func (r Range) at(length int) (first, last uint64, ok bool) {
	if r.length != 0 {
		return r.first, r.last, r.length == length
	}
	if length < max(r.begins, 1) {
		return 0, 0, false
	}
	many := power(length - r.begins)
	return r.first * many, r.first*many + (many - 1), true
}

// power gives 10 to the n, for n of 0 to 19.
func power(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

// width gives how many numbers of the same length as n the range has, if it has n; otherwise 0.
func (r Range) width(n number) uint64 {
	first, last, ok := r.at(n.length)
	if !ok || n.value < first || n.value > last {
		return 0
	}
	return last - first + 1
}

// narrowest gives the width of the narrowest range that has a number; 0 when none has.
func narrowest(ranges []Range, n number) uint64 {
	least := uint64(math.MaxUint64)
	for _, r := range ranges {
		if w := r.width(n); w > 0 {
			least = min(least, w)
		}
	}
	if least == math.MaxUint64 {
		return 0
	}
	return least
}

// relation is how two conditions stand to each other.
type relation uint8

const (
	apart   relation = iota // no message meets both
	differs                 // of each message that meets both, one holds fewer numbers, or only one asks
	same                    // there is a message that meets both alike
	crosses                 // there is one that meets both, and neither lies within the other
)

// relate compares two ranges.
func (r Range) relate(other Range) relation {
	length := max(r.length, other.length) // where only one has a length, it is compared there
	if length == 0 {
		length = max(r.begins, other.begins, 1)
	}
	first, last, ok := r.at(length)
	first2, last2, ok2 := other.at(length)
	switch {
	case !ok || !ok2 || last < first2 || last2 < first:
		return apart
	case first == first2 && last == last2:
		return same
	case first <= first2 && last >= last2 || first2 <= first && last2 >= last:
		return differs
	}
	return crosses
}

// relateAll compares two conditions on numbers: of all their pairs the relation that decides least.
func relateAll(a, b []Range) relation {
	if len(a) == 0 || len(b) == 0 {
		return relateOne(len(a) > 0, len(b) > 0)
	}
	found := apart
	for _, x := range a {
		for _, y := range b {
			found = max(found, x.relate(y))
		}
	}
	return found
}

// relateOne compares two conditions of which one at most asks for anything.
func relateOne(a, b bool) relation {
	if a == b {
		return same
	}
	return differs
}
