package router

import (
	"fmt"
	"strings"
	"testing"
)

func TestRanges(t *testing.T) {
	tests := []struct {
		text     string
		holds    []string
		holdsNot []string
	}{
		{"6001-6009", []string{"6001", "6005", "6009"}, []string{"6000", "6010", "600", "60050", ""}},
		{"0001-0001", []string{"0001"}, []string{"1", "0002", "001"}},
		{"7001*", []string{"7001", "70010", "7001999999999999999"}, []string{"700", "7002", "07001", "7"}},
		{"00*", []string{"00", "0099"}, []string{"0", "01", "100"}},
		{"*", []string{"0", "9999999999999999999"}, []string{""}},
		{"0000000000000000000-9999999999999999999", []string{"0000000000000000000", "9999999999999999999"}, []string{"999999999999999999"}},
	}
	for _, test := range tests {
		r, err := ParseCards(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		for _, n := range test.holds {
			if r.width(numberOf(n)) == 0 {
				t.Errorf("%s does not hold %s", test.text, n)
			}
		}
		for _, n := range test.holdsNot {
			if r.width(numberOf(n)) != 0 {
				t.Errorf("%s holds %q", test.text, n)
			}
		}
	}
}

func TestWhatIsNoRange(t *testing.T) {
	for text, want := range map[string]error{
		"": errRange, "-": errRange, "6001": errRange, "6009-6001": errRange, "6001-60010": errRange, "a*": errRange, "60*1": errRange,
		"**": errRange, "6001-": errRange, "+6001*": errRange, " 6001*": errRange, "６*": errRange, "1-2-3": errRange,
		strings.Repeat("9", 20) + "*": errRange, strings.Repeat("0", 20) + "-" + strings.Repeat("0", 19) + "1": errRange,
	} {
		if _, err := ParseCards(text); err != want {
			t.Errorf("%q: got %v", text, err)
		}
	}
	for text, want := range map[string]error{
		"082*": errMSISDN, "+082*": errMSISDN, "0-1": errMSISDN, "++27*": errRange, "-": errRange, "27": errRange,
		"1000000000000000*": errLong, "1000000000000000-2000000000000000": errLong,
	} {
		if _, err := ParseMSISDNs(text); err != want {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func TestAnMSISDNMayHaveItsPlus(t *testing.T) {
	for plus, plain := range map[string]string{"+2782*": "2782*", "+2780-+2789": "2780-2789", "2780-+2789": "2780-2789"} {
		with, err := ParseMSISDNs(plus)
		without, err2 := ParseMSISDNs(plain)
		if err != nil || err2 != nil || with != without {
			t.Errorf("%s is %v (%v), %s is %v (%v)", plus, with, err, plain, without, err2)
		}
	}
}

func TestHowRangesStandToEachOther(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want relation
	}{
		{"10-19", "20-29", apart},
		{"10-19", "110-119", apart}, // of another length
		{"10-19", "10-19", same},
		{"10-19", "12-13", differs},
		{"10-19", "10-13", differs},
		{"10-19", "15-24", crosses},
		{"10-19", "19-20", crosses},
		{"7*", "70*", differs},
		{"7*", "7*", same},
		{"70*", "71*", apart},
		{"*", "7*", differs},
		{"*", "*", same},
		{"7*", "700-799", same}, // of the numbers of three digits
		{"7*", "700-798", differs},
		{"7*", "600-899", differs},
		{"7*", "650-750", crosses},
		{"7*", "800-899", apart},
		{"7001*", "700-799", apart}, // it has no numbers of three digits
	} {
		for _, pair := range [][2]string{{test.a, test.b}, {test.b, test.a}} {
			if got := cardRange(t, pair[0]).relate(cardRange(t, pair[1])); got != test.want {
				t.Errorf("%s to %s: got %d, want %d", pair[0], pair[1], got, test.want)
			}
		}
	}
}

func cardRange(t testing.TB, text string) Range {
	t.Helper()
	r, err := ParseCards(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}

// Whatever is read as a range holds what its text says, and the fault of anything else does not show it.
func FuzzRange(f *testing.F) {
	for _, seed := range []string{"6001000000000000-6001999999999999", "7001*", "*", "+2782*", "0-9", "9999999999999999999-9999999999999999999"} {
		f.Add(seed, "6001000000000000")
	}
	f.Fuzz(func(t *testing.T, text, digits string) {
		r, err := ParseCards(text)
		if err != nil {
			if strings.Contains(err.Error(), text) && strings.Trim(text, "0123456789") == "" && len(text) > 16 {
				t.Fatalf("the fault quotes %q", text)
			}
			return
		}
		if strings.Trim(digits, "0123456789") != "" || len(digits) > 19 || digits == "" {
			digits = "7001"
		}
		want := false
		if prefix, is := strings.CutSuffix(text, "*"); is {
			want = strings.HasPrefix(digits, prefix)
		} else {
			first, last, _ := strings.Cut(text, "-")
			want = len(digits) == len(first) && first <= digits && digits <= last
		}
		if got := r.width(numberOf(digits)) > 0; got != want {
			t.Errorf("%s holds %s: %t, want %t", text, digits, got, want)
		}
		if r.relate(r) != same {
			t.Errorf("%s is not itself", text)
		}
	})
}

func ExampleParseCards() {
	for _, text := range []string{"6001*", "6001-6009", "60-6009"} {
		_, err := ParseCards(text)
		fmt.Println(text, err == nil)
	}
	// Output:
	// 6001* true
	// 6001-6009 true
	// 60-6009 false
}
