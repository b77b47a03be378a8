package wire

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"testing"
)

// testedPatterns are all shapes of pattern that the contracts have, and some that they do not.
var testedPatterns = []string{
	`[0-9]{4}`, `^[0-9]{1,19}$`, `.{0,20}`, `^.{1,100}`, `[0-9,A-F]{1,512}`, `[0-9ABCDEF]+`, `[A-Za-z0-9 -]{1,20}`,
	`[0-9]{6}[0-9*]{0,13}`, `^\+?[1-9]\d{0,14}`, `[!-~]{1,64}`, `a|bc`, `(?i)ab`, `[^a]*`, `a?a`, `.*b.*`, `\w+x`, `a*b?a`, `é+`,
}

// slowPattern is the same pattern left to regexp in every case.
func slowPattern(t testing.TB, source string) *pattern {
	t.Helper()
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		t.Fatal(err)
	}
	if javaDot(tree) {
		source = tree.String()
	}
	return &pattern{expr: regexp.MustCompile(`\A(?:` + source + `)\z`)}
}

func TestPatternsOfTheContractsNeedNoRegexp(t *testing.T) {
	for _, source := range testedPatterns[:10] {
		p, err := compilePattern(source)
		if err != nil {
			t.Fatal(err)
		}
		if p.runs == nil {
			t.Errorf("%s is left to regexp", source)
		}
	}
}

func TestPatternsCoverTheWholeText(t *testing.T) {
	tests := []struct {
		pattern, yes, no string
	}{
		{`[0-9]{4}`, "0123", "01234"},
		{`[0-9]{4}`, "9999", "999"},
		{`^[0-9]{1,19}$`, "0123456789012345678", "01234567890123456789"},
		{`^[0-9]{1,19}$`, "0", "0\n"},
		{`.{0,3}`, "😀é1", "1234"},
		{`.{0,3}`, "", "\u0085"},
		{`.{0,3}`, "a b", "a\rb"},
		{`.{0,3}`, "\v", "\u2029"},
		{`[0-9ABCDEF]+`, strings.Repeat("A", 1000), ""},
		{`[0-9]{6}[0-9*]{0,13}`, "600100", "60010*"},
		{`[0-9]{6}[0-9*]{0,13}`, "600100******0001", "6001"},
		{`^\+?[1-9]\d{0,14}`, "+27821234567", "+0"},
		{`^\+?[1-9]\d{0,14}`, "1", "++1"},
		{`a|bc`, "bc", "abc"},
		{`(.b)*`, "abéb", "a\u2028b"},
	}
	for _, test := range tests {
		p, err := compilePattern(test.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if !p.matches([]byte(test.yes)) {
			t.Errorf("%s does not match %q", test.pattern, test.yes)
		}
		if p.matches([]byte(test.no)) {
			t.Errorf("%s matches %q", test.pattern, test.no)
		}
	}
}

func TestPatternThatIsNone(t *testing.T) {
	if _, err := compilePattern(`[`); err == nil {
		t.Error("[ is a pattern")
	}
}
