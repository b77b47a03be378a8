package money_test

import (
	"errors"
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/money"
)

func TestArithmeticAgreesWithBigIntegersOrRefuses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, n := rapid.Int64().Draw(t, "m"), rapid.Int64().Draw(t, "n")
		sum := new(big.Int).Add(big.NewInt(m), big.NewInt(n))
		difference := new(big.Int).Sub(big.NewInt(m), big.NewInt(n))
		agree(t, sum, func() (money.Minor, error) { return money.Minor(m).Add(money.Minor(n)) })
		agree(t, difference, func() (money.Minor, error) { return money.Minor(m).Sub(money.Minor(n)) })
	})
}

func agree(t *rapid.T, want *big.Int, compute func() (money.Minor, error)) {
	got, err := compute()
	if !want.IsInt64() {
		if !errors.Is(err, money.ErrOverflow) {
			t.Fatalf("%s does not fit, yet got %d, %v", want, got, err)
		}
		return
	}
	if err != nil || int64(got) != want.Int64() {
		t.Fatalf("want %s, got %d, %v", want, got, err)
	}
}

func TestCurrencyIsExactlyThreeDigits(t *testing.T) {
	for _, bad := range []string{"", "71", "7100", "71a", "-10", "７10"} {
		if c, err := money.ParseCurrency(bad); err == nil {
			t.Errorf("%q was read as %v", bad, c)
		}
	}
	c, err := money.ParseCurrency("036")
	if err != nil || c.String() != "036" || string(c.AppendTo(nil)) != "036" {
		t.Errorf("036 was read as %v, %v", c, err)
	}
}

func FuzzParseCurrency(f *testing.F) {
	f.Add("710")
	f.Add("71x")
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := money.ParseCurrency(s); err == nil && c.String() != s {
			t.Errorf("%q came back as %q", s, c)
		}
	})
}

func ExampleMinor_Add() {
	sum, err := money.Minor(250).Add(750)
	fmt.Println(sum, err)
	// Output: 1000 <nil>
}
