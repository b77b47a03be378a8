package airtime

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/money"
)

func rand(minor int64) money.Amount { return money.Amount{Minor: money.Minor(minor), Currency: 710} }
func euro(minor int64) money.Amount { return money.Amount{Minor: money.Minor(minor), Currency: 978} }

func TestPriceOfAFixedProduct(t *testing.T) {
	p := Product{Values: []money.Amount{rand(1000), euro(60)}}
	if got := p.Price(euro(60)); got != euro(60) {
		t.Errorf("without a wholesale price it costs %s", got)
	}
	wholesale := rand(900)
	p.Wholesale = &wholesale
	if got := p.Price(euro(60)); got != wholesale {
		t.Errorf("with one it costs %s", got)
	}
	if got := (&Product{}).Price(money.Amount{}); got != (money.Amount{}) {
		t.Errorf("a product without a value costs %s", got)
	}
}

func TestDiscountIsRoundedDown(t *testing.T) {
	for _, c := range []struct {
		amount   int64
		discount int32
		want     int64
	}{
		{1000, 0, 1000}, {1000, 250, 975}, {999, 250, 975}, // 24.975 off is 24
		{1, 9999, 1}, {2, 5000, 1}, {3, 5000, 2}, {1000, wholeShare, 0},
		{int64(money.MaxMinor), wholeShare, 0}, {int64(money.MaxMinor), 1, 999_900_000_000_000_000},
	} {
		p := Product{Limits: []Limit{{Currency: 710, Min: 1, Max: money.MaxMinor}}, Discount: c.discount}
		if got := p.Price(rand(c.amount)); got != rand(c.want) {
			t.Errorf("%d less %d is %s, not %d", c.amount, c.discount, got, c.want)
		}
	}
}

func TestDiscountAgreesWithLargeNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(1, int64(money.MaxMinor)).Draw(t, "amount")
		discount := rapid.Int32Range(0, wholeShare).Draw(t, "discount")
		off := new(big.Int).Mul(big.NewInt(amount), big.NewInt(int64(discount)))
		off.Quo(off, big.NewInt(wholeShare))
		p := Product{Limits: []Limit{{Currency: 710, Min: 1, Max: money.MaxMinor}}, Discount: discount}
		if got := p.Price(rand(amount)).Minor; int64(got) != amount-off.Int64() {
			t.Fatalf("%d, not %d", got, amount-off.Int64())
		}
	})
}

func TestFaceValue(t *testing.T) {
	fixed := Product{Values: []money.Amount{rand(1000), euro(60)}}
	variable := Product{Limits: []Limit{{Currency: 710, Min: 500, Max: 5000}, {Currency: 978, Min: 20, Max: 200}}}
	none := money.Amount{}
	for name, c := range map[string]struct {
		product Product
		asked   *money.Amount
		want    money.Amount
		refused bool
	}{
		"fixed, none named":            {fixed, nil, rand(1000), false},
		"fixed, its value":             {fixed, new(rand(1000)), rand(1000), false},
		"fixed, in another currency":   {fixed, new(euro(60)), euro(60), false},
		"fixed, another amount":        {fixed, new(rand(999)), none, true},
		"fixed, currency not offered":  {fixed, new(money.Amount{Minor: 1000, Currency: 840}), none, true},
		"fixed, zero":                  {fixed, new(rand(0)), none, true},
		"variable, none named":         {variable, nil, none, true},
		"variable, the least":          {variable, new(rand(500)), rand(500), false},
		"variable, the most":           {variable, new(euro(200)), euro(200), false},
		"variable, too little":         {variable, new(rand(499)), none, true},
		"variable, too much":           {variable, new(euro(201)), none, true},
		"variable, negative":           {variable, new(rand(-500)), none, true},
		"variable, currency not there": {variable, new(money.Amount{Minor: 500, Currency: 840}), none, true},
		"no value, none named":         {Product{}, nil, none, false},
		"no value, an amount":          {Product{}, new(rand(1)), none, true},
	} {
		got, refusal := c.product.face(c.asked)
		if c.refused {
			if refusal == nil || refusal.Reason != decline.InvalidAmount || refusal.Field != "amounts.requestAmount" || refusal.Text == "" {
				t.Errorf("%s: refused with %+v", name, refusal)
			}
			continue
		}
		if refusal != nil || got != c.want {
			t.Errorf("%s: %s, %v", name, got, refusal)
		}
	}
}
