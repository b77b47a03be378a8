package app

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// The reference of metrics has just those that there are, and so it has the alarms.
func TestReferenceOfMetrics(t *testing.T) {
	document, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	metrics, alarms, found := strings.Cut(string(document), "\n## Alarms\n")
	if !found {
		t.Fatal("it has no section of alarms")
	}
	literal := regexp.MustCompile(`"(scrip_[a-z_]*[a-z])"`)
	compare(t, firstCells(metrics, "scrip_"), append(inCode(t, literal, "../app", "../edge"), ofQueues()...))
	compare(t, firstCells(alarms, ""), inCode(t, regexp.MustCompile(`Alarm += "([a-z_]+)"`), ".."))
}

func compare(t *testing.T, documented, real []string) {
	t.Helper()
	slices.Sort(documented)
	slices.Sort(real)
	if real = slices.Compact(real); len(real) < 5 || !slices.Equal(documented, real) {
		t.Errorf("docs/metrics.md has\n%q\nand there are\n%q", documented, real)
	}
}

// firstCells gives what stands in the first cells of tables, as code that begins so.
func firstCells(document, prefix string) (cells []string) {
	for _, row := range regexp.MustCompile("(?m)^\\| `("+prefix+"[a-z_]+)` \\|").FindAllStringSubmatch(document, -1) {
		cells = append(cells, row[1])
	}
	return cells
}

// inCode gives what is matched in the program's own code below directories.
func inCode(t *testing.T, what *regexp.Regexp, dirs ...string) (found []string) {
	t.Helper()
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			code, err := os.ReadFile(path)
			for _, m := range what.FindAllSubmatch(code, -1) {
				found = append(found, string(m[1]))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// ofQueues gives the metrics of the queue, whose names are put together.
func ofQueues() (names []string) {
	described := make(chan *prometheus.Desc, 20)
	newLines(nil, nil).Describe(described)
	close(described)
	for d := range described {
		names = append(names, regexp.MustCompile(`fqName: "([a-z_]+)"`).FindStringSubmatch(d.String())[1])
	}
	return names
}
