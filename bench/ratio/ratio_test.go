package ratio

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/bench"
)

// quick are options that take a moment: nothing can be concluded from the figures.
func quick(t *testing.T) Options {
	return Options{
		Scrip: os.Args[0], Dir: t.TempDir(), Runs: 2, Duration: 20 * time.Millisecond, Cards: 5,
		CompareCards: 8, Vouchers: 20_000, Transactions: 50,
	}
}

func TestMeasuresEverythingAndLeavesNothingBehind(t *testing.T) {
	options := quick(t)
	var progress bytes.Buffer
	options.Progress = &progress
	result, err := Run(t.Context(), options)
	if err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}
	var names []string
	for _, row := range result.Rows {
		names = append(names, row.Name)
		if len(row.Runs) == 0 || row.Low > row.Median || row.Median > row.High {
			t.Errorf("row %+v", row)
		}
	}
	for _, want := range []string{
		"redemptions, 32 clients / echo, 32 clients", "redemptions, 128 clients / echo, 128 clients",
		"redemptions with confirmation, 32 clients / redemptions, 32 clients",
		"redemptions on one card, 32 clients / redemptions, 32 clients", "look-ups, 32 clients / echo, 32 clients",
		"the same / (10 × fsync + 5 ms)", "disk for a redemption and its confirmation",
		"cost of a redemption with 8 cards / with 5",
		"voucher purchases, 32 clients / echo again, 32 clients", "voucher purchases, 128 clients / echo again, 128 clients",
		"voucher purchases with confirmation, 32 clients / voucher purchases, 32 clients",
		"import of 20000 vouchers, for each million", "voucher purchases until the stock ends / from the full one",
	} {
		if i := slices.Index(names, want); i < 0 || result.Rows[i].Verdict == "" {
			t.Errorf("%q is not judged in %q", want, names)
		}
	}
	left, err := os.ReadDir(options.Dir)
	if err != nil || len(left) != 0 {
		t.Errorf("it left %v behind, %v", left, err)
	}
	checkForms(t, result)
}

// checkForms looks at the two forms of a result.
func checkForms(t *testing.T, result Result) {
	t.Helper()
	var text, form bytes.Buffer
	if err := result.WriteText(&text); err != nil || !strings.Contains(text.String(), "≥ 0.25 (aim 0.3)") {
		t.Errorf("%v:\n%s", err, &text)
	}
	if err := result.WriteJSON(&form); err != nil {
		t.Error(err)
	}
	var read Result
	if err := json.Unmarshal(form.Bytes(), &read); err != nil || len(read.Rows) != len(result.Rows) ||
		len(read.Measurements) == 0 || read.Measurements[0].Report.Messages == 0 {
		t.Errorf("%v:\n%s", err, &form)
	}
}

// The store of the program that plays the server grows by this for each confirmation: a word, an
// id, a space and a line's end.
func TestDiskIsCountedPerConfirmation(t *testing.T) {
	const line = len("confirmed ") + 36 + 1
	options := quick(t)
	options.CompareCards, options.Vouchers, options.Transactions = 0, 0, 0
	result, err := Run(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range result.Rows {
		if row.Unit == "bytes" && (row.Median != float64(line) || row.Verdict != Pass) {
			t.Errorf("%+v, expected %d", row, line)
		}
	}
}

func TestSaysWhatTheProgramSaidWhenItDoesNotStart(t *testing.T) {
	program := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho the store is from the future >&2\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	options := quick(t)
	options.Scrip = program
	_, err := Run(t.Context(), options)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "from the future") {
		t.Errorf("got %v", err)
	}
}

func TestAFailingStopIsAnError(t *testing.T) {
	p := &process{command: exec.Command("/bin/sh", "-c", "exit 4"), log: filepath.Join(t.TempDir(), "log"), ended: make(chan struct{})}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.command.Wait()
		close(p.ended)
	}()
	<-p.ended
	if err := p.stop(); err == nil || !strings.Contains(err.Error(), "exit status 4") {
		t.Errorf("got %v", err)
	}
}

func TestRefusesOptionsThatMeasureNothing(t *testing.T) {
	for name, spoil := range map[string]func(*Options){
		"no program":            func(o *Options) { o.Scrip = "" },
		"no runs":               func(o *Options) { o.Runs = 0 },
		"no duration":           func(o *Options) { o.Duration = 0 },
		"no cards":              func(o *Options) { o.Cards = 0 },
		"too many cards":        func(o *Options) { o.CompareCards = MaxCards + 1 },
		"negative transactions": func(o *Options) { o.Transactions = -1 },
	} {
		options := quick(t)
		spoil(&options)
		if _, err := Run(t.Context(), options); err == nil {
			t.Errorf("%s: the options were accepted", name)
		}
	}
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		row  Row
		want Verdict
		goal string
	}{
		{Row{Runs: []float64{0.2, 0.25, 0.9}, Goal: 0.25, Aim: 0.3}, Pass, "≥ 0.25 (aim 0.3)"},
		{Row{Runs: []float64{0.2, 0.249, 0.9}, Goal: 0.25}, Miss, "≥ 0.25"},
		{Row{Runs: []float64{100, 150}, Goal: 150, AtMost: true}, Pass, "≤ 150"},
		{Row{Runs: []float64{150.1}, Goal: 150, AtMost: true}, Miss, "≤ 150"},
		{Row{Runs: []float64{0}, AtMost: true, Bound: true}, Pass, "≤ 0"},
		{Row{Runs: []float64{1}, AtMost: true, Bound: true}, Miss, "≤ 0"},
		{Row{Runs: []float64{1}}, "", ""},
	} {
		got := c.row.complete()
		if got.Verdict != c.want || got.goal() != c.goal {
			t.Errorf("%+v: goal %q", got, got.goal())
		}
	}
	if got := (Result{Rows: []Row{{Verdict: Miss}, {Verdict: Pass}, {}}}).Missed(); got != 1 {
		t.Errorf("%d missed", got)
	}
}

func TestMedianLiesInTheMiddle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-1e9, 1e9), 1, 20).Draw(t, "values")
		below, above, middle := 0, 0, median(values)
		for _, v := range values {
			if v <= middle {
				below++
			}
			if v >= middle {
				above++
			}
		}
		if 2*below < len(values) || 2*above < len(values) {
			t.Fatalf("median of %v is %v", values, middle)
		}
	})
}

func TestReadsTheMemoryOfAProcess(t *testing.T) {
	resident, peak, err := memoryMB(os.Getpid())
	if os.IsNotExist(err) {
		t.Skip("there is no /proc here")
	}
	if err != nil || resident < 1 || peak < resident {
		t.Errorf("got %v, %v, %v", resident, peak, err)
	}
}

func TestEveryPromiseIsAboutPointsThatAreMeasured(t *testing.T) {
	names := map[string]bool{}
	for _, p := range points {
		names[p.name] = true
		if !slices.Contains(bench.Modes, p.mode) {
			t.Errorf("%s: no mode %s", p.name, p.mode)
		}
	}
	for _, p := range promises {
		if !names[p.over] || !names[p.under] {
			t.Errorf("%s / %s is not measured", p.over, p.under)
		}
	}
}
