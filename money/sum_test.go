package money_test

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/money"
)

func TestSumsAgreeWithBigIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sum money.Sum
		want := new(big.Int)
		for _, m := range rapid.SliceOfN(rapid.Int64(), 1, 50).Draw(t, "amounts") {
			if rapid.Bool().Draw(t, "add") {
				sum, want = sum.Add(money.Minor(m)), want.Add(want, big.NewInt(m))
			} else {
				sum, want = sum.Sub(money.Minor(m)), want.Sub(want, big.NewInt(m))
			}
		}
		if sum.String() != want.String() {
			t.Fatalf("got %s, want %s", sum, want)
		}
	})
}

// Sums are compared with ==, whichever way they came about.
func TestEqualSumsAreEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, n := money.Minor(rapid.Int64().Draw(t, "m")), money.Minor(rapid.Int64().Draw(t, "n"))
		if money.SumOf(m, n) != money.SumOf(n).Plus(money.SumOf(m)) || money.SumOf(m, n).Sub(m) != money.SumOf(n) {
			t.Fatalf("%d and %d: the order matters", m, n)
		}
	})
}

// Amounts of which the halves were added up apart come to the same, also those below zero.
func TestSumsOfHalvesAreTheSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want money.Sum
		var high, low int64
		for _, m := range rapid.SliceOfN(rapid.Int64(), 1, 50).Draw(t, "amounts") {
			want, high, low = want.Add(money.Minor(m)), high+m>>32, low+m&math.MaxUint32
		}
		if got := money.SumOfHalves(high, low); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}

func ExampleSum() {
	var sum money.Sum
	for range 11 {
		sum = sum.Add(money.MaxMinor)
	}
	fmt.Println(sum)
	// Output: 10999999999999999989
}
