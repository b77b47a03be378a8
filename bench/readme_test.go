package bench

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The README shows a part of what docs/performance.md has, and tells so: by the same command, and how many goals are missed in all.
func TestReadmeTellsWhatItLeavesOut(t *testing.T) {
	readme, whole := page(t, "../README.md"), page(t, "../docs/performance.md")
	_, promised, found := strings.Cut(whole, "\n## What was promised, and what came\n")
	_, command, _ := strings.Cut(promised, "`")
	command, _, cut := strings.Cut(command, "`")
	if !found || !cut {
		t.Fatal("docs/performance.md does not tell by what it was measured")
	}
	for _, want := range []string{
		"A part of what is measured", "by `" + command + "`",
		fmt.Sprintf("In all, %d goals are missed", strings.Count(whole, "**missed**")), "(docs/performance.md#what-was-promised-and-what-came)",
	} {
		if !strings.Contains(strings.Join(strings.Fields(readme), " "), want) {
			t.Errorf("README.md lacks %q, which is so by docs/performance.md", want)
		}
	}
}

func page(t *testing.T, name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
