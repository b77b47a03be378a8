package airtime

import (
	"strings"
	"testing"

	"github.com/scripworks/scrip/ident"
)

func number(t testing.TB, s string) ident.MSISDN {
	t.Helper()
	m, err := ident.ParseMSISDN(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheLongestPrefixWins(t *testing.T) {
	country, network, range_ := &Network{ID: "country"}, &Network{ID: "network"}, &Network{ID: "range"}
	p := Prefixes{"27": country, "2783": network, "2783123": range_, "278312345678901": range_}
	for digits, want := range map[string]*Network{
		"27": country, "27741234567": country, "2783": network, "27839999999": network, "27831239999": range_,
		"278312": network, "278312345678901": range_,
	} {
		if n, found := p.Of(number(t, digits)); !found || n != want {
			t.Errorf("%s belongs to %+v", digits, n)
		}
	}
	for _, digits := range []string{"28", "1234567", "72783"} {
		if n, found := p.Of(number(t, digits)); found {
			t.Errorf("%s belongs to %s", digits, n.ID)
		}
	}
}

// A plain search through all prefixes gives the same.
func FuzzPrefixes(f *testing.F) {
	f.Add("27 2783 2783123", "27831234567")
	f.Add("1 12 123 1234 12345", "12399")
	f.Add("", "27831234567")
	f.Fuzz(func(t *testing.T, prefixes, digits string) {
		m, err := ident.ParseMSISDN(digits)
		if err != nil {
			return
		}
		p, longest := Prefixes{}, ""
		for _, prefix := range strings.Fields(prefixes) {
			if p[prefix] = (&Network{ID: prefix}); strings.HasPrefix(m.Reveal(), prefix) && len(prefix) > len(longest) {
				longest = prefix
			}
		}
		n, found := p.Of(m)
		if found != (longest != "") || found && n.ID != longest {
			t.Errorf("%+v, not %q", n, longest)
		}
	})
}

func TestCountry(t *testing.T) {
	for digits, want := range map[string]string{
		"27749670999": "ZA", "486451465135": "PL", "12025550123": "US", "14165550123": "CA", "447400123456": "GB",
		"98987654356789": "IR", "80012345678": "", "999123456": "", "10": "",
	} {
		if got := Country(number(t, digits)); got != want {
			t.Errorf("%s: %q, not %q", digits, got, want)
		}
	}
}

func TestPossibleNumbers(t *testing.T) {
	for digits, want := range map[string]bool{
		"27749670999": true, "447911123456": true, "277496": false, "277496709991234": false, "999123456789": false, "27": false,
	} {
		if got := possible(number(t, digits)); got != want {
			t.Errorf("%s: %t", digits, got)
		}
	}
}

func TestPlannedCountryCodes(t *testing.T) {
	for digits, want := range map[string]bool{
		"27749670999": true, "27": true, "2783": true, "278312345678901": true, "12025550123": true, "80012345678": true,
		"999123456789": false, "99": false, "21012345678": false,
	} {
		if got := planned(number(t, digits)); got != want {
			t.Errorf("%s: %t", digits, got)
		}
	}
}

func FuzzCountry(f *testing.F) {
	for _, seed := range []string{"27749670999", "+12025550123", "80012345678", "99", "10", "888123456789012"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ident.ParseMSISDN(s)
		if err != nil {
			return
		}
		if c := Country(m); c != "" && !isCountry(c) {
			t.Errorf("%q is no country", c)
		}
		if possible(m) && !planned(m) {
			t.Error("a number is possible under a country code that is not planned")
		}
	})
}

// Every reference that is read is one that was made, and no other text leads to a purchase.
func FuzzParseReference(f *testing.F) {
	for _, seed := range []string{Reference(1), Reference(1<<45 - 1), "A00000000I", "V000000001", "A0000000001", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if seq, ok := ParseReference(s); ok && (Reference(seq) != s || seq < 0) {
			t.Errorf("%q was read as %d, which is %q", s, seq, Reference(seq))
		}
	})
}
