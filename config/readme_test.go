package config

import (
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
