package bench

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sampleReport is a report with every part filled.
func sampleReport() Report {
	warm, counted := newTally(), newTally()
	warm.of(RedemptionRequest).latency.Record(time.Second)
	warm.of(RedemptionRequest).sumMinor = 7
	for kind, sum := range map[Kind]int64{RedemptionRequest: 300, RedemptionConfirmation: 200, LookupRequest: 0} {
		of := counted.of(kind)
		of.latency.Record(1500 * time.Microsecond)
		of.latency.Record(2500 * time.Microsecond)
		of.sumMinor, of.bytes = sum, 2400
	}
	counted.faults[Failure{Kind: RedemptionRequest, Status: 400, ErrorType: "INSUFFICIENT_FUNDS"}] = 3
	counted.faults[Failure{Kind: RedemptionRequest, Status: 500}] = 1
	counted.faults[Failure{Kind: LookupRequest, Transport: FaultTimeout}] = 1
	counted.cycles, counted.missed = 4, 2
	plan := Plan{Target: Target{URL: "http://127.0.0.1:8080"}, Mode: ModeRedeem, Clients: 2, Rate: 3, Cards: make([]Card, 5)}
	report := newReport(plan, counted, 2*time.Second)
	report.acknowledge(warm, counted)
	return report
}

// golden compares a text with the one kept in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is now\n%s\nand was\n%s", name, got, want)
	}
}

func TestReportAsJSONKeepsItsNames(t *testing.T) {
	var out bytes.Buffer
	if err := sampleReport().WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", out.Bytes())
}

func TestReportAsText(t *testing.T) {
	var out bytes.Buffer
	if err := sampleReport().WriteText(&out); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.txt", out.Bytes())
}

func TestAReportThatCannotBeWrittenIsAnError(t *testing.T) {
	if err := sampleReport().WriteText(failingWriter{}); err == nil {
		t.Error("no error")
	}
}
