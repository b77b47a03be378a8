package ratio

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/bench"
)

// fakeCluster makes no databases: the program that plays the server keeps its store in its directory.
type fakeCluster struct {
	made, dropped []string
	filled        string
	fails         error
}

func (c *fakeCluster) Create(_ context.Context, name string) (string, error) {
	c.made = append(c.made, name)
	return "postgres://nobody@127.0.0.1/" + name, c.fails
}

func (c *fakeCluster) Drop(_ context.Context, name string) error {
	c.dropped = append(c.dropped, name)
	return nil
}

func (c *fakeCluster) Bytes(context.Context, string) (int64, error) { return 0, nil }

func (c *fakeCluster) Settings(context.Context) ([]string, error) {
	return []string{"fsync = on"}, nil
}

func (c *fakeCluster) FillTPCB(_ context.Context, url string) error {
	c.filled = url
	return nil
}

func (c *fakeCluster) TPCB(_ context.Context, url string, clients int, _ time.Duration) (float64, time.Duration, error) {
	if url != c.filled || clients != 32 {
		return 0, 0, fmt.Errorf("not what was filled: %s with %d clients", url, clients)
	}
	return 1500, 20 * time.Millisecond, nil
}

// quickSuite takes a moment: nothing can be concluded from the figures.
func quickSuite(t *testing.T) (SuiteOptions, *fakeCluster) {
	cluster := &fakeCluster{}
	options := SuiteOptions{Options: quick(t), Clients: []int{1, 32, 128}, Postgres: cluster}
	options.CompareCards, options.Vouchers, options.Transactions = 0, 0, 0
	return options, cluster
}

func TestTheSuiteMeasuresEverythingAndLeavesNothingBehind(t *testing.T) {
	options, cluster := quickSuite(t)
	var progress bytes.Buffer
	options.Progress = &progress
	result, err := RunSuite(t.Context(), options)
	if err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}
	judged := map[string]bool{}
	for _, row := range result.Rows {
		judged[row.Name] = row.Verdict != ""
		if len(row.Runs) == 0 || row.Low > row.Median || row.Median > row.High {
			t.Errorf("row %+v", row)
		}
	}
	for _, want := range []string{
		"redemptions, 32 clients: PostgreSQL / pgbench TPC-B", "redemptions, 32 clients: PostgreSQL / echo", "redemptions, 128 clients: PostgreSQL / echo",
		"redemptions, 32 clients: SQLite / echo", "redemptions, 128 clients: SQLite / echo",
		"redemptions, 32 clients: two nodes on PostgreSQL / PostgreSQL",
		"redemptions on one card / on many, SQLite, 32 clients", "redemptions on one card / on many, PostgreSQL, 32 clients",
		"p99 of redemptions, 128 clients: SQLite / echo", "p99 of redemptions, 128 clients: PostgreSQL / echo",
		"p50 of redemptions, 1 client: SQLite / (fsync + 2 × echo)",
	} {
		if !judged[want] {
			t.Errorf("%q is not judged in %q", want, names(result.Rows))
		}
	}
	for _, want := range []string{
		"redemptions, 32 clients: PostgreSQL / plain on PostgreSQL", "look-ups, 128 clients: SQLite / echo",
		"mixed day, PostgreSQL, 1 client", "voucher purchases, SQLite, 128 clients", "transactions, pgbench TPC-B, 32 clients",
	} {
		if _, there := judged[want]; !there {
			t.Errorf("%q is missing in %q", want, names(result.Rows))
		}
	}
	if left, err := os.ReadDir(options.Dir); err != nil || len(left) != 0 {
		t.Errorf("it left %v behind, %v", left, err)
	}
	if !slices.Equal(cluster.made, cluster.dropped) || len(cluster.made) != 3 {
		t.Errorf("made %q, dropped %q", cluster.made, cluster.dropped)
	}
	checkPlaces(t, result)
}

func names(rows []Row) (all []string) {
	for _, row := range rows {
		all = append(all, row.Name)
	}
	return all
}

// checkPlaces looks at the measurements: each is of its place, with all its clients, and says nothing of the machine.
func checkPlaces(t *testing.T, result Result) {
	t.Helper()
	for _, m := range result.Measurements {
		if !strings.Contains(m.Name, m.Report.Target) || strings.Contains(m.Report.Target, ":") {
			t.Errorf("%s is of %q", m.Name, m.Report.Target)
		}
		if !strings.HasSuffix(m.Name, connections(m.Report.Clients)) || m.Report.CyclesPerSecond <= 0 {
			t.Errorf("%s: %+v", m.Name, m.Report)
		}
	}
}

func TestTheSuiteMeasuresWhatItIsAskedForAlone(t *testing.T) {
	options, _ := quickSuite(t)
	options.Postgres, options.Clients, options.Loads = nil, []int{2}, []bench.Mode{bench.ModeLookup}
	result, err := RunSuite(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range result.Rows {
		if strings.Contains(row.Name, "PostgreSQL") || strings.Contains(row.Name, "mixed") || row.Verdict != "" && row.Unit != "MB" && !strings.HasPrefix(row.Name, "memory") {
			t.Errorf("row %+v", row)
		}
	}
	if !slices.Contains(names(result.Rows), "look-ups, 2 clients: SQLite / echo") {
		t.Errorf("look-ups are missing in %q", names(result.Rows))
	}
}

func TestTheSuiteDropsItsDatabasesWhenItFails(t *testing.T) {
	options, cluster := quickSuite(t)
	cluster.fails = errors.New("no room")
	if _, err := RunSuite(t.Context(), options); !errors.Is(err, cluster.fails) || !slices.Equal(cluster.made, cluster.dropped) {
		t.Errorf("%v; made %q, dropped %q", err, cluster.made, cluster.dropped)
	}
}

// Every comparison is of turns that are taken in the same round, and not far apart.
func TestBothSidesOfARatioLieCloseTogether(t *testing.T) {
	const near = 5
	s := &suite{session: &session{}, clients: SuiteClients, loads: SuiteLoads, places: map[string]*place{}}
	for _, name := range []string{atSQLite, atPostgres, atTwoNodes, atEcho, atPlainSQLite, atPlainPostgres, atTPCB} {
		s.places[name] = &place{}
	}
	turns := s.turns()
	judged := 0
	for _, c := range s.comparisons() {
		over, under := slices.Index(turns, c.over), slices.Index(turns, c.under)
		switch taken := over >= 0 && under >= 0; {
		case taken && max(over-under, under-over) > near:
			t.Errorf("%s: turns %d and %d", c.name, over, under)
		case taken && c.goal > 0:
			judged++
		}
	}
	if judged != 9 { // two of each store with the echo, pgbench, two nodes with 32 and 128, one card on each
		t.Errorf("%d comparisons are judged", judged)
	}
}

func TestTheSuiteRefusesWhatItCannotMeasure(t *testing.T) {
	for _, refused := range []struct {
		change func(*SuiteOptions)
		says   string
	}{
		{func(o *SuiteOptions) { o.Clients = []int{0} }, "clients must be 1 to"},
		{func(o *SuiteOptions) { o.Clients = []int{1, 32, 1} }, "1 client is there twice"},
		{func(o *SuiteOptions) { o.Clients = []int{} }, "nothing to measure"},
		{func(o *SuiteOptions) { o.Loads = []bench.Mode{} }, "nothing to measure"},
		{func(o *SuiteOptions) { o.Loads = []bench.Mode{bench.ModeRedeem} }, "the suite does not measure"},
		{func(o *SuiteOptions) { o.Loads = []bench.Mode{bench.ModeLoad, bench.ModeLoad} }, `"load" is there twice`},
		{func(o *SuiteOptions) { o.Runs = 0 }, "at least one run"},
	} {
		options, cluster := quickSuite(t)
		refused.change(&options)
		if _, err := RunSuite(t.Context(), options); err == nil || !strings.Contains(err.Error(), refused.says) {
			t.Errorf("got %v, want %q", err, refused.says)
		}
		if len(cluster.made) > 0 {
			t.Errorf("%s: databases were made before: %q", refused.says, cluster.made)
		}
	}
}

func TestReadsWhatPgbenchPrints(t *testing.T) {
	const said = "number of failed transactions: 0 (0.000%)\nlatency average = 12.345 ms\ninitial connection time = 60.1 ms\ntps = 2591.123456 (without initial connection time)\n"
	rate, latency, err := readTPCB(said)
	if err != nil || rate != 2591.123456 || latency != 12345*time.Microsecond {
		t.Errorf("%v, %v, %v", rate, latency, err)
	}
	if _, _, err := readTPCB("pgbench: error: connection refused"); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
}

func result() Result {
	return Result{
		System: "plan9/mips, 2 cores", Cards: 7, Seconds: 4,
		Rows: []Row{
			Row{Name: "redemptions, 32 clients: SQLite / echo", Unit: "×", Goal: 0.3, Runs: []float64{0.3, 0.4}}.complete(),
			Row{Name: "p50 of redemptions, 1 client: SQLite / (fsync + 2 × echo)", Unit: "×", AtMost: true, Goal: 1, Runs: []float64{0.9}}.complete(),
		},
		Measurements: []Measure{{1, "a", bench.Report{Messages: 5}}, {2, "b", bench.Report{Messages: 6}}},
	}
}

func TestALineForEachRowAndMeasurement(t *testing.T) {
	var lines, whole bytes.Buffer
	if err := errors.Join(result().WriteLines(&lines), result().WriteJSON(&whole)); err != nil {
		t.Fatal(err)
	}
	var a, b any
	if err := errors.Join(json.Unmarshal(lines.Bytes(), &a), json.Unmarshal(whole.Bytes(), &b)); err != nil {
		t.Fatalf("%v\n%s", err, &lines)
	}
	if fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("%v\nis not\n%v", a, b)
	}
	if got := strings.Count(lines.String(), "\n"); got != 7 {
		t.Errorf("%d lines:\n%s", got, &lines)
	}
}

func TestIsKeptAndComparedWithWhatWasCommitted(t *testing.T) {
	dir := t.TempDir()
	for _, step := range []struct {
		save  bool
		says  []string
		files []string
	}{
		{true, []string{"no committed results"}, []string{"suite.json", "suite.md", "suite.txt"}},
		{false, []string{"Redemptions,32_clients:SQLite_over_echo", "committed", "now", "ratio"}, []string{"last-suite.json", "last-suite.md", "last-suite.txt", "suite.json", "suite.md", "suite.txt"}},
	} {
		var said bytes.Buffer
		if err := result().Keep(t.Context(), dir, "suite", step.save, &said); err != nil {
			t.Fatal(err)
		}
		for _, want := range step.says {
			if !strings.Contains(said.String(), want) {
				t.Errorf("%q is missing in:\n%s", want, &said)
			}
		}
		var files []string
		found, err := filepath.Glob(filepath.Join(dir, "*"))
		for _, name := range found {
			files = append(files, filepath.Base(name))
		}
		if err != nil || !slices.Equal(files, step.files) {
			t.Errorf("files %q, %v", files, err)
		}
	}
}

func TestATableSaysWhatWasMissed(t *testing.T) {
	r := result()
	r.Postgres = []string{"fsync = on", "wal = big"}
	r.Rows = append(r.Rows, Row{Name: "memory", Unit: "MB", AtMost: true, Goal: 200, Runs: []float64{201}}.complete())
	var table bytes.Buffer
	if err := r.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"fsync = on, wal = big.\n\n| what |", "\n| redemptions, 32 clients: SQLite / echo | 0.35 × | 0.3 – 0.4 | ≥ 0.3 | pass |\n",
		"\n| memory | 201 MB | 201 – 201 | ≤ 200 | **missed** |\n",
	} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, &table)
		}
	}
}
