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
	// Unscripted says why no script can show it; empty for all others.
	Unscripted string
}

// Rules returns the rules that the scripts are about, in the order of the contract.
func Rules() ([]Rule, error) { return parseRules(ruleTable) }

func parseRules(table string) ([]Rule, error) {
	var rules []Rule
	known := map[string]bool{}
	for i, line := range strings.Split(table, "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		rule, err := parseRule(line)
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

// uncovered compares the table with the scripts: rules without a step, steps of rules that there are not.
func uncovered(rules []Rule, scripts []Script) []string {
	named := map[string]string{}
	for _, s := range scripts {
		for _, c := range s.Cases {
			for _, rule := range c.rules() {
				named[rule] = s.Name + "/" + c.Name
			}
		}
	}
	var found []string
	for _, rule := range rules {
		where, scripted := named[rule.Number]
		switch {
		case !scripted && rule.Unscripted == "":
			found = append(found, "rule "+rule.Number+" has no step")
		case scripted && rule.Unscripted != "":
			found = append(found, "rule "+rule.Number+" is said to have no step, but has one in "+where)
		}
		delete(named, rule.Number)
	}
	for rule, where := range named {
		found = append(found, "there is no rule "+rule+", named in "+where)
	}
	return found
}
