package airtime

import (
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/money"
)

// wholeShare is all of an amount, in the hundredths of a per cent in which a discount is told.
const wholeShare = 10_000

// Price gives what the account pays for a product that is sold for a face value: the wholesale price of a fixed
// product, or else its face value; of a variable product the amount less its discount. A discount is rounded down to
// whole minor units, so a price never is. It is a function of the edition and the face value alone, so that what was
// charged is found again when it is posted or released. The face value is one that the product can be sold for; it
// cannot overflow, because the discount is taken from the whole and the rest of a division.
func (p *Product) Price(face money.Amount) money.Amount {
	switch {
	case p.Wholesale != nil:
		return *p.Wholesale
	case len(p.Limits) == 0:
		return face
	}
	share := money.Minor(p.Discount)
	whole, rest := face.Minor/wholeShare, face.Minor%wholeShare
	return money.Amount{Minor: face.Minor - whole*share - rest*share/wholeShare, Currency: face.Currency}
}

// face gives the face value that a request buys: the amount it names where the product has that, and the first value
// of a fixed product when it names none. A product without any value is sold for nothing; its amount is zero, in no
// currency.
func (p *Product) face(asked *money.Amount) (money.Amount, *decline.Error) {
	switch {
	case asked != nil && asked.Minor <= 0:
		return money.Amount{}, invalidAmount("the amount must be above zero")
	case len(p.Limits) > 0:
		return p.between(asked)
	case asked == nil && len(p.Values) == 0:
		return money.Amount{}, nil
	case asked == nil:
		return p.Values[0], nil
	}
	for _, v := range p.Values {
		if v == *asked {
			return v, nil
		}
		if v.Currency == asked.Currency {
			return v, invalidAmount("the product is sold for %s", v)
		}
	}
	return money.Amount{}, invalidAmount("the product is not sold in currency %s", asked.Currency)
}

// between gives the amount that a request names for a variable product.
func (p *Product) between(asked *money.Amount) (money.Amount, *decline.Error) {
	if asked == nil {
		return money.Amount{}, invalidAmount("the product needs an amount")
	}
	for _, l := range p.Limits {
		if l.Currency != asked.Currency {
			continue
		}
		if asked.Minor < l.Min || asked.Minor > l.Max {
			return money.Amount{}, invalidAmount("the amount must be %d to %d", l.Min, l.Max)
		}
		return *asked, nil
	}
	return money.Amount{}, invalidAmount("the product is not sold in currency %s", asked.Currency)
}

func invalidAmount(format string, args ...any) *decline.Error {
	return decline.New(decline.InvalidAmount, format, args...).At("amounts.requestAmount")
}
