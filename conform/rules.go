package conform

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"
)

//go:embed rules.txt
var ruleTable string

// Rule is one rule of the contract.
type Rule struct {
	// Number is how scripts and reports name it.
	Number string
	// Says is the rule in a few words.
	Says string
	// Contracts names the contracts that the rule is of, by the directories of their scripts; each needs a step.
	Contracts []string
	// Unscripted says why no script can show it; empty for all others.
	Unscripted string
}

// Rules returns the rules that the scripts are about, in the order of the contract.
func Rules() ([]Rule, error) { return parseRules(ruleTable) }

func parseRules(table string) ([]Rule, error) {
	var rules []Rule
	known := map[string]bool{}
	var contracts []string
	for i, line := range strings.Split(table, "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if of, found := strings.CutPrefix(line, "of "); found {
			contracts = strings.Fields(of)
			continue
		}
		rule, err := parseRule(line)
		rule.Contracts = contracts
		if err == nil && len(contracts) == 0 {
			err = errors.New("no line before it says of which contract it is")
		}
		if err == nil && known[rule.Number] {
			err = fmt.Errorf("%s stands twice", rule.Number)
		}
		if err != nil {
			return nil, fmt.Errorf("rules.txt:%d: %w", i+1, err)
		}
		known[rule.Number] = true
		rules = append(rules, rule)
	}
	return rules, nil
}

func parseRule(line string) (Rule, error) {
	columns := strings.Split(line, "|")
	for i := range columns {
		columns[i] = strings.TrimSpace(columns[i])
	}
	switch {
	case len(columns) == 2:
		return Rule{Number: columns[0], Says: columns[1]}, nil
	case len(columns) == 3 && columns[2] != "":
		return Rule{Number: columns[0], Says: columns[1], Unscripted: columns[2]}, nil
	}
	return Rule{}, errors.New("a rule is a number, what it says, and perhaps why it has no script")
}

// ruleOf is a rule as the scripts of one contract name it.
type ruleOf struct{ contract, number string }

// named gives every rule that a step names, and one case that does.
func named(scripts []Script) map[ruleOf]string {
	all := map[ruleOf]string{}
	for _, s := range scripts {
		contract, _, _ := strings.Cut(s.Name, "/")
		for _, c := range s.Cases {
			for _, rule := range c.rules() {
				all[ruleOf{contract, rule}] = s.Name + "/" + c.Name
			}
		}
	}
	return all
}

// uncovered compares the table with the scripts: rules without a step in the scripts of each of their contracts, steps
// of rules that there are not.
func uncovered(rules []Rule, scripts []Script) (found []string) {
	steps := named(scripts)
	for _, rule := range rules {
		for _, contract := range rule.Contracts {
			where, scripted := steps[ruleOf{contract, rule.Number}]
			switch {
			case !scripted && rule.Unscripted == "":
				found = append(found, "rule "+rule.Number+" of "+contract+" has no step")
			case scripted && rule.Unscripted != "":
				found = append(found, "rule "+rule.Number+" is said to have no step, but has one in "+where)
			}
			delete(steps, ruleOf{contract, rule.Number})
		}
	}
	for rule, where := range steps {
		found = append(found, "there is no rule "+rule.number+" of "+rule.contract+", named in "+where)
	}
	return found
}
