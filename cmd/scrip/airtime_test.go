package main

import (
	"fmt"
	"testing"
	"time"
)

func FuzzParseAirtime(f *testing.F) {
	for _, s := range []string{"5000:710", "5000", ":", "-1:710", "500:100000:710", "1:2:3:4", "1:GB", "30:DAYS", "9223372036854775808:710"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if m, err := parseMoney(s); err == nil {
			if again, err := parseMoney(fmt.Sprintf("%d:%s", m.Amount, m.Currency)); err != nil || again != m {
				t.Errorf("%q was read as %+v, and that as %+v (%v)", s, m, again, err)
			}
		}
		if l, err := parseLimit(s); err == nil {
			if again, err := parseLimit(fmt.Sprintf("%d:%d:%s", l.Min, l.Max, l.Currency)); err != nil || again != l {
				t.Errorf("%q was read as %+v, and that as %+v (%v)", s, l, again, err)
			}
		}
		if v, err := parseValidity(s); err == nil {
			if again, err := parseValidity(fmt.Sprintf("%d:%s", v.Duration, v.Unit)); err != nil || again != v {
				t.Errorf("%q was read as %+v, and that as %+v (%v)", s, v, again, err)
			}
		}
	})
}

// A day is sold through to its end; an instant is what it says.
func TestParseDay(t *testing.T) {
	for text, want := range map[string]string{
		"": "0001-01-01T00:00:00Z", "2027-12-31": "2027-12-31T23:59:59Z", "2028-02-29": "2028-02-29T23:59:59Z",
		"2027-12-31T12:00:00+02:00": "2027-12-31T10:00:00Z",
	} {
		if at, err := parseDay(text); err != nil || at.UTC().Format(time.RFC3339) != want {
			t.Errorf("%q is %s (%v), want %s", text, at, err, want)
		}
	}
	for _, text := range []string{"tomorrow", "2027-02-29", "2027-12-31 12:00", "12/31/2027"} {
		if _, err := parseDay(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
