package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The README's file with a route is one that a server takes.
func TestExampleOfTheReadme(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```yaml\n")
	example, _, found := strings.Cut(rest, "```\n")
	if !found {
		t.Fatal("README.md shows no settings")
	}
	s, err := given(t, strings.ReplaceAll(example, "north.password", files(t)+"/password"), nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Switch()
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Upstreams) != 1 || got.Upstreams[0].Name != "north" || len(got.Routes) != 2 || len(got.Warnings) > 0 {
		t.Errorf("got %+v", got)
	}
}

// The README leads to what is kept how long, and the page there has the least values and an example that a server takes.
func TestRetentionIsToldToOperators(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "(docs/housekeeping.md#what-is-kept-how-long)") {
		t.Error("README.md does not lead to what is kept how long")
	}
	page, err := os.ReadFile("../docs/housekeeping.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## What is kept how long\n")
	if !found {
		t.Fatal("docs/housekeeping.md does not tell what is kept how long")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for _, least := range []string{
		fmt.Sprintf("| `retention` | `%.0fh`", minRetention.Hours()), fmt.Sprintf("| `retention-ids` | `%.0fh`", minRetentionIDs.Hours()),
	} {
		if !strings.Contains(section, least) {
			t.Errorf("what is kept how long lacks %q", least)
		}
	}
	if s, err := given(t, indented(section), nil); err != nil || s.Retention == 0 || s.RetentionIDs == 0 {
		t.Errorf("the example keeps messages for %s and ids for %s: %v", s.Retention, s.RetentionIDs, err)
	}
}

// indented gives the lines of a page that stand as they are to be written.
func indented(page string) string {
	var lines []string
	for line := range strings.Lines(page) {
		if text, found := strings.CutPrefix(line, "    "); found {
			lines = append(lines, text)
		}
	}
	return strings.Join(lines, "")
}
