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
	script, err := Parse("giftcard/x", "case one\n# [L1, L77]\nlookup card=nobody\n-> declined INVALID_CARD_NUMBER\n")
	if err != nil {
		t.Fatal(err)
	}
	both := []string{giftcardContract, airtimeContract}
	rules := []Rule{
		{Number: "L1", Contracts: both[:1]}, {Number: "L2", Contracts: both[:1]}, {Number: "L3", Contracts: both, Unscripted: "why"},
	}
	got := strings.Join(uncovered(rules, []Script{script}), "; ")
	want := "rule L2 of giftcard has no step; there is no rule L77 of giftcard, named in giftcard/x/one"
	if got != want {
		t.Errorf("found %q, want %q", got, want)
	}
	rules[0].Contracts = both
	if got := uncovered(rules, []Script{script}); !slices.Contains(got, "rule L1 of airtime has no step") {
		t.Errorf("a rule of both contracts has a step for one, and only %q was found", got)
	}
	rules[0].Unscripted = "never"
	if got := uncovered(rules, []Script{script}); !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "said to have no step") }) {
		t.Errorf("a rule said to have no step has one, and only %q was found", got)
	}
}

// A target with cards of its own has other PINs than the script gives its cards. So a script never spells a PIN that is
// to be right where it cannot be exchanged.
func TestNoPINObjectSpellsThePINOfACard(t *testing.T) {
	scripts, err := Scripts()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		for _, c := range s.Cases {
			pins := map[string]bool{}
			for _, step := range c.Steps {
				if step.Verb == "card" {
					pins[strings.ToUpper(or(step.Keys["pin"], step.Keys["encryptedPin"]))] = true
				}
				_, value, some := strings.Cut(step.Keys["pinObject"], ":")
				if some && pins[strings.ToUpper(value)] {
					t.Errorf("%s.txt:%d: %s spells the card's PIN", s.Name, step.Line, step.Text)
				}
			}
		}
	}
}

func TestATableWithAFaultIsRefused(t *testing.T) {
	if _, err := parseRules("L1 | a"); err == nil {
		t.Error("a rule of no contract is taken")
	}
	for _, table := range []string{"L1", "L1 | a | ", "L1 | a | b | c", "L1 | a\nL1 | b"} {
		if _, err := parseRules("of giftcard\n" + table); err == nil {
			t.Errorf("%q is taken for a table of rules", table)
		}
	}
}
