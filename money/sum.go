package money

import (
	"math/big"
	"math/bits"
)

// Sum is a total of many amounts, in 128 bits: more amounts than a program could ever add up do not overflow it. The
// zero value is a sum of nothing, and two sums may be compared with ==.
type Sum struct {
	high int64
	low  uint64
}

// SumOf gives the sum of some amounts.
func SumOf(amounts ...Minor) (s Sum) {
	for _, m := range amounts {
		s = s.Add(m)
	}
	return s
}

// SumOfHalves gives high · 2³² + low: the sum of many amounts of which the upper and the lower 32 bits were added up apart,
// as by a database that has nothing wider than 64 bits.
func SumOfHalves(high, low int64) Sum {
	return Sum{high >> 32, uint64(high) << 32}.Add(Minor(low))
}

// Add returns s + m.
func (s Sum) Add(m Minor) Sum {
	low, carry := bits.Add64(s.low, uint64(m), 0)
	return Sum{s.high + m.sign() + int64(carry), low}
}

// Sub returns s - m.
func (s Sum) Sub(m Minor) Sum {
	low, borrow := bits.Sub64(s.low, uint64(m), 0)
	return Sum{s.high - m.sign() - int64(borrow), low}
}

// Plus returns s + o.
func (s Sum) Plus(o Sum) Sum {
	low, carry := bits.Add64(s.low, o.low, 0)
	return Sum{s.high + o.high + int64(carry), low}
}

// sign is the upper half of an amount in 128 bits: -1 below zero, else 0.
func (m Minor) sign() int64 { return int64(m) >> 63 }

// String gives all digits.
func (s Sum) String() string { return s.big().String() }

func (s Sum) big() *big.Int {
	high := new(big.Int).Lsh(big.NewInt(s.high), 64)
	return high.Add(high, new(big.Int).SetUint64(s.low))
}
