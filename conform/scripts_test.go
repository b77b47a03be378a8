package conform

import (
	"slices"
	"strings"
	"testing"
)

func TestEveryRuleHasAStepAndEveryStepARule(t *testing.T) {
	scripts, err := Scripts()
	if err != nil {
		t.Fatal(err)
	}
	rules, err := Rules()
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range uncovered(rules, scripts) {
		t.Error(what)
	}
	cases := 0
	for _, s := range scripts {
		cases += len(s.Cases)
	}
	t.Logf("%d rules, %d cases in %d scripts", len(rules), cases, len(scripts))
}

func TestWhatIsNotCoveredIsFound(t *testing.T) {
	script, err := Parse("x", "case one\n# [L1, L77]\nlookup card=nobody\n-> declined INVALID_CARD_NUMBER\n")
	if err != nil {
		t.Fatal(err)
	}
	rules := []Rule{{Number: "L1"}, {Number: "L2"}, {Number: "L3", Unscripted: "why"}}
	got := strings.Join(uncovered(rules, []Script{script}), "; ")
	want := "rule L2 has no step; there is no rule L77, named in x/one"
	if got != want {
		t.Errorf("found %q, want %q", got, want)
	}
	rules[0].Unscripted = "never"
	if got := uncovered(rules, []Script{script}); !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "said to have no step") }) {
		t.Errorf("a rule said to have no step has one, and only %q was found", got)
	}
}

func TestATableWithAFaultIsRefused(t *testing.T) {
	for _, table := range []string{"L1", "L1 | a | ", "L1 | a | b | c", "L1 | a\nL1 | b"} {
		if _, err := parseRules(table); err == nil {
			t.Errorf("%q is taken for a table of rules", table)
		}
	}
}
