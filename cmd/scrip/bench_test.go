package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/scripworks/scrip/bench"
	"github.com/scripworks/scrip/bench/echo"
	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// runBench runs `scrip bench` with these words.
func runBench(t *testing.T, words ...string) error {
	t.Helper()
	var command struct {
		Bench benchCmd `cmd:""`
	}
	parser, err := kong.New(&command, kong.BindTo(t.Context(), (*context.Context)(nil)))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(append([]string{"bench"}, words...))
	if err != nil {
		return err
	}
	return parsed.Run()
}

func TestBenchWritesItsReportAndItsLog(t *testing.T) {
	server := httptest.NewServer(echo.NewHandler(0))
	defer server.Close()
	dir := t.TempDir()
	cards, report, log := filepath.Join(dir, "cards.csv"), filepath.Join(dir, "report.json"), filepath.Join(dir, "log.csv")
	if err := os.WriteFile(cards, []byte("6001000000000000,4912\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := runBench(t, server.URL, "--mode", "redeem-only", "--no-prepare", "--cards", cards, "--clients", "2",
		"--cycles", "10", "--warmup", "0s", "--json", report, "--acknowledged", log)
	if err != nil {
		t.Fatal(err)
	}
	var got bench.Report
	text, err := os.ReadFile(report)
	if err != nil || json.Unmarshal(text, &got) != nil || got.Cycles != 10 || got.Cards != 1 {
		t.Errorf("%v: %s", err, text)
	}
	if text, err := os.ReadFile(log); err != nil || strings.Count(string(text), "\napproved,REDEMPTION_REQUEST,") != 10 {
		t.Errorf("%v: %s", err, text)
	}
}

func TestBenchFailsWhenNothingIsAcknowledged(t *testing.T) {
	err := runBench(t, "http://127.0.0.1:1", "--no-prepare", "--pan-from", "6001000000000000", "--cycles", "1", "--warmup", "0s")
	if err == nil || !strings.Contains(err.Error(), "nothing was acknowledged") {
		t.Errorf("got %v", err)
	}
}

func TestBenchWantsToKnowItsCards(t *testing.T) {
	for name, words := range map[string][]string{
		"none":       {"http://127.0.0.1:1"},
		"both":       {"http://127.0.0.1:1", "--cards", "bench_test.go", "--pan-from", "1"},
		"not a PAN":  {"http://127.0.0.1:1", "--pan-from", "x", "--no-prepare"},
		"too few":    {"http://127.0.0.1:1", "--pan-from", "1", "--count", "5", "--mode", "day", "--no-prepare"},
		"not a file": {"http://127.0.0.1:1", "--cards", "nowhere.csv"},
	} {
		if err := runBench(t, words...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// What took long to measure is told also when its file cannot be written.
func TestAReportIsToldThatCannotBeWritten(t *testing.T) {
	var report told
	if err := writeBoth(filepath.Join(t.TempDir(), "nowhere", "report.json"), &report); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if !report {
		t.Error("the report was not told")
	}
}

// told is a report that notes whether somebody was told.
type told bool

func (t *told) WriteJSON(io.Writer) error { return nil }
func (t *told) WriteText(io.Writer) error { *t = true; return nil }

func TestBenchWantsToKnowWhereToSave(t *testing.T) {
	for _, what := range []string{"suite", "history"} {
		if err := runBench(t, what, "--save"); err == nil || !strings.Contains(err.Error(), "--results") {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

// Without both stores nothing is left to measure, and the results would be those of one of them.
func TestBenchHistoryLeavesOneStoreOutAtMost(t *testing.T) {
	err := runBench(t, "history", "--no-sqlite", "--no-postgres", "--transactions", "1", "--runs", "1", "--duration", "1ms", "--dir", t.TempDir())
	var usage *kong.ParseError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "--no-sqlite") || !strings.Contains(err.Error(), "--no-postgres") {
		t.Errorf("got %v", err)
	}
}

func TestBenchOnPostgres(t *testing.T) {
	server := pgtest.Shared(t) // skips the test aloud where there is no PostgreSQL
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script/postgres", Setup: func(env *testscript.Env) error {
			env.Setenv("SCRIP_BENCH_POSTGRES", server.Superuser("postgres"))
			return nil
		},
	})
}
