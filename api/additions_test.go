package api

import (
	"bytes"
	_ "embed"
	"fmt"
	"path"
	"testing"

	"go.yaml.in/yaml/v3"
)

//go:embed additions.yaml
var additionsFile []byte

// addition is one thing that our document says otherwise than the facts. Each pattern is for path.Match;
// every statement that it matches must differ in just this way. Empty means that nothing is said.
type addition struct {
	At        []string `yaml:"at"`
	Published string   `yaml:"published"`
	Ours      string   `yaml:"ours"`
	What      string   `yaml:"what"`
	Why       string   `yaml:"why"`
	Rule      string   `yaml:"rule"`
}

func loadAdditions(t *testing.T) map[string][]addition {
	t.Helper()
	var all map[string][]addition
	decoder := yaml.NewDecoder(bytes.NewReader(additionsFile))
	decoder.KnownFields(true)
	if err := decoder.Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// compare finds every difference that is not listed, and everything listed that is no difference.
func compare(published, ours statements, additions []addition) []string {
	all := paths(published, ours)
	expected, findings := expand(all, additions)
	for _, at := range all {
		want, listed := expected[at]
		switch p, o := published[at], ours[at]; {
		case !listed && p != o:
			findings = append(findings, fmt.Sprintf("%s: published %q, ours %q, and not listed", at, p, o))
		case listed && p == o:
			findings = append(findings, fmt.Sprintf("%s: listed, but no longer differs", at))
		case listed && (p != want.Published || o != want.Ours):
			findings = append(findings, fmt.Sprintf("%s: published %q, ours %q, but listed as %q and %q", at, p, o, want.Published, want.Ours))
		}
	}
	return findings
}

// expand finds the statement paths that the additions speak of.
func expand(all []string, additions []addition) (expected map[string]addition, findings []string) {
	expected = map[string]addition{}
	for _, a := range additions {
		for _, pattern := range a.At {
			matched := false
			for _, at := range all {
				if ok, err := path.Match(pattern, at); err != nil || !ok {
					continue
				}
				if _, twice := expected[at]; twice {
					findings = append(findings, fmt.Sprintf("%s: listed twice", at))
				}
				expected[at], matched = a, true
			}
			if !matched {
				findings = append(findings, fmt.Sprintf("%s: listed, but neither side says anything like it", pattern))
			}
		}
	}
	return expected, findings
}

func TestAdditionsGiveTheirReasons(t *testing.T) {
	for protocol, additions := range loadAdditions(t) {
		for _, a := range additions {
			if len(a.At) == 0 || a.What == "" || a.Why == "" || a.Rule == "" {
				t.Errorf("%s: the addition at %q must say where, what, why and by which rule", protocol, a.At)
			}
			if a.Published == a.Ours {
				t.Errorf("%s: the addition at %q says the same on both sides", protocol, a.At)
			}
		}
	}
}
