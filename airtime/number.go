package airtime

import (
	"strconv"

	"github.com/nyaruka/phonenumbers"

	"github.com/scripworks/scrip/ident"
)

// Prefixes are the beginnings of numbers, each with the network that has them. A number belongs to the network whose
// prefix is the longest that it begins with.
type Prefixes map[string]*Network

// Of gives the network that a number belongs to.
func (p Prefixes) Of(m ident.MSISDN) (*Network, bool) {
	digits := m.Reveal()
	for length := len(digits); length > 0; length-- {
		if n, found := p[digits[:length]]; found {
			return n, true
		}
	}
	return nil, false
}

// Country gives the country that a number belongs to by the numbering plans of the world, as two letters of ISO
// 3166-1. It is empty when they give it to none, or to no single country.
func Country(m ident.MSISDN) string {
	number, err := phonenumbers.Parse("+"+m.Reveal(), "")
	if err != nil {
		return ""
	}
	country := phonenumbers.GetRegionCodeForNumber(number)
	if country == "" {
		country = phonenumbers.GetRegionCodeForCountryCode(int(number.GetCountryCode()))
	}
	if !isCountry(country) || country == noCountry {
		return ""
	}
	return country
}

// noCountry is what the library says of a code that it does not know.
const noCountry = "ZZ"

// possible says whether a number can exist by the numbering plans of the world: the country code is one, and the
// length one of that country's.
func possible(m ident.MSISDN) bool {
	number, err := phonenumbers.Parse("+"+m.Reveal(), "")
	return err == nil && phonenumbers.IsPossibleNumber(number)
}

// longestCallingCode is how many digits a country calling code has at most (ITU-T E.164).
const longestCallingCode = 3

// planned says whether the country code that a number begins with is in a numbering plan of the world. No code is the
// beginning of another.
func planned(m ident.MSISDN) bool {
	digits, codes := m.Reveal(), phonenumbers.GetSupportedCallingCodes()
	for length := 1; length <= min(longestCallingCode, len(digits)); length++ {
		if code, err := strconv.Atoi(digits[:length]); err == nil && codes[code] {
			return true
		}
	}
	return false
}
