// Package money holds amounts: whole minor units of a currency, with checked arithmetic, and sums of many of them.
//
// It promises that no sum or difference silently wraps around and that amounts of two currencies are never
// mixed. There is no floating point and no rounding anywhere (contract: Amounts, docs/rules.md C6 and C7).
package money

import (
	"errors"
	"fmt"
	"math"
)

// Minor is a number of minor units (cents) of some currency. It may be negative in a sum, never in a message.
type Minor int64

// MaxMinor is the largest amount a message may carry: 18 digits (rule C7).
const MaxMinor Minor = 999_999_999_999_999_999

// ErrOverflow says that a sum or difference does not fit the range of Minor.
var ErrOverflow = errors.New("amount overflows")

// Add returns m + n, or ErrOverflow.
func (m Minor) Add(n Minor) (Minor, error) {
	if (n > 0 && m > math.MaxInt64-n) || (n < 0 && m < math.MinInt64-n) {
		return 0, ErrOverflow
	}
	return m + n, nil
}

// Sub returns m - n, or ErrOverflow.
func (m Minor) Sub(n Minor) (Minor, error) {
	if (n < 0 && m > math.MaxInt64+n) || (n > 0 && m < math.MinInt64+n) {
		return 0, ErrOverflow
	}
	return m - n, nil
}

// Currency is a three digit ISO 4217 number, 0 to 999. Zero stands for no currency.
type Currency uint16

// ParseCurrency reads exactly three ASCII digits, such as "710".
func ParseCurrency(s string) (Currency, error) {
	if len(s) != 3 {
		return 0, fmt.Errorf("currency must be three digits")
	}
	var c Currency
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, fmt.Errorf("currency must be three digits")
		}
		c = c*10 + Currency(s[i]-'0')
	}
	return c, nil
}

// String gives the three digits as they stand in a message.
func (c Currency) String() string { return fmt.Sprintf("%03d", uint16(c)) }

// AppendTo appends the three digits to b.
func (c Currency) AppendTo(b []byte) []byte {
	return append(b, '0'+byte(c/100%10), '0'+byte(c/10%10), '0'+byte(c%10))
}

// Amount is a number of minor units in a currency.
type Amount struct {
	Minor    Minor
	Currency Currency
}

// String gives the amount for people, as in "5000 minor of 710".
func (a Amount) String() string { return fmt.Sprintf("%d minor of %s", int64(a.Minor), a.Currency) }
