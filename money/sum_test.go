package money_test

import (
	"fmt"
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

func ExampleSum() {
	var sum money.Sum
	for range 11 {
		sum = sum.Add(money.MaxMinor)
	}
	fmt.Println(sum)
	// Output: 10999999999999999989
}
