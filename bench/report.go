package bench

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what came of a run. Its JSON names are stable. Latencies are in microseconds, amounts
// in minor units.
type Report struct {
	Mode    Mode    `json:"mode"`
	Target  string  `json:"target"`
	Clients int     `json:"clients"`
	Rate    float64 `json:"rate"` // cycles a second that were due; 0 is a closed loop
	Cards   int     `json:"cards"`

	// ElapsedSeconds is from the first cycle after the warm-up to the end of the last one.
	ElapsedSeconds float64 `json:"elapsedSeconds"`
	// Messages and Cycles count what succeeded after the warm-up.
	Messages          int64   `json:"messages"`
	MessagesPerSecond float64 `json:"messagesPerSecond"`
	Cycles            int64   `json:"cycles"`
	CyclesPerSecond   float64 `json:"cyclesPerSecond"`
	// Missed counts the cycles of an open loop that were due and never begun, because the server
	// was too far behind. When it is not 0, the latencies are better than they should be.
	Missed int64 `json:"missed"`

	Latencies    []Latency      `json:"latencies"`
	Errors       []ErrorCount   `json:"errors"`
	Acknowledged []Acknowledged `json:"acknowledged"`
}

// Latency is how long the successful messages of one kind took.
type Latency struct {
	Kind       Kind    `json:"kind"`
	Count      uint64  `json:"count"`
	MeanMicros float64 `json:"meanMicros"`
	P50Micros  float64 `json:"p50Micros"`
	P90Micros  float64 `json:"p90Micros"`
	P99Micros  float64 `json:"p99Micros"`
	P999Micros float64 `json:"p999Micros"`
	MaxMicros  float64 `json:"maxMicros"`
	// ResponseBytes is the mean size of the bodies of the answers.
	ResponseBytes float64 `json:"responseBytes"`
}

// ErrorCount is how often messages failed in one way after the warm-up.
type ErrorCount struct {
	Failure
	Count int64 `json:"count"`
}

// Acknowledged is what the server acknowledged of one kind, warm-up included: approved requests
// or accepted advices, and the sum of the amounts of the requests.
type Acknowledged struct {
	Kind     Kind   `json:"kind"`
	Outcome  string `json:"outcome"` // approved or accepted
	Count    uint64 `json:"count"`
	SumMinor int64  `json:"sumMinor"`
}

func newReport(plan Plan, counted *tally, elapsed time.Duration) Report {
	report := Report{
		Mode: plan.Mode, Target: plan.Target.URL, Clients: plan.Clients, Rate: plan.Rate, Cards: len(plan.Cards),
		ElapsedSeconds: elapsed.Seconds(), Cycles: counted.cycles, Missed: counted.missed,
		Latencies: []Latency{}, Errors: []ErrorCount{}, Acknowledged: []Acknowledged{},
	}
	for _, kind := range kinds {
		if of := counted.kinds[kind]; of != nil {
			report.Latencies = append(report.Latencies, newLatency(kind, of))
			report.Messages += int64(of.latency.Count())
		}
	}
	for failure, n := range counted.faults {
		report.Errors = append(report.Errors, ErrorCount{failure, n})
	}
	slices.SortFunc(report.Errors, compareErrors)
	if elapsed > 0 {
		report.MessagesPerSecond = float64(report.Messages) / elapsed.Seconds()
		report.CyclesPerSecond = float64(report.Cycles) / elapsed.Seconds()
	}
	return report
}

func newLatency(kind Kind, of *kindTally) Latency {
	h := &of.latency
	return Latency{
		Kind: kind, Count: h.Count(), MeanMicros: micros(h.Mean()),
		P50Micros: micros(h.Quantile(0.5)), P90Micros: micros(h.Quantile(0.9)),
		P99Micros: micros(h.Quantile(0.99)), P999Micros: micros(h.Quantile(0.999)), MaxMicros: micros(h.Max()),
		ResponseBytes: float64(of.bytes) / float64(max(h.Count(), 1)),
	}
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// compareErrors puts the most frequent first and makes the order definite.
func compareErrors(a, b ErrorCount) int {
	return cmp.Or(
		cmp.Compare(b.Count, a.Count), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Status, b.Status),
		cmp.Compare(a.ErrorType, b.ErrorType), cmp.Compare(a.Transport, b.Transport),
	)
}

// acknowledge fills in what was acknowledged in all phases together.
func (r *Report) acknowledge(phases ...*tally) {
	all := newTally()
	for _, phase := range phases {
		all.merge(phase)
	}
	for _, kind := range kinds {
		of := all.kinds[kind]
		if of == nil {
			continue
		}
		outcome := "approved"
		if kind.Advice() {
			outcome = "accepted"
		}
		r.Acknowledged = append(r.Acknowledged, Acknowledged{kind, outcome, of.latency.Count(), of.sumMinor})
	}
}

// Latency gives the row of one kind; it is empty when none of that kind succeeded.
func (r Report) Latency(kind Kind) Latency {
	for _, row := range r.Latencies {
		if row.Kind == kind {
			return row
		}
	}
	return Latency{Kind: kind}
}

// WriteJSON writes the report as indented JSON.
func (r Report) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(r)
}

// WriteText writes the report as tables for people.
func (r Report) WriteText(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s on %s, %d clients, %d cards, %s, %.1f s\n", r.Mode, r.Target, r.Clients, r.Cards, r.loop(), r.ElapsedSeconds)
	fmt.Fprintf(w, "%.0f messages/s, %.0f cycles/s (%d messages, %d cycles)\n", r.MessagesPerSecond, r.CyclesPerSecond, r.Messages, r.Cycles)
	if r.Missed > 0 {
		fmt.Fprintf(w, "%d cycles were due and never begun: the latencies are better than they should be\n", r.Missed)
	}
	fmt.Fprintln(out, "\nlatency in ms\tcount\tmean\tp50\tp90\tp99\tp99.9\tmax\tbytes back\t")
	for _, l := range r.Latencies {
		fmt.Fprintf(out, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%.0f\t\n", l.Kind, l.Count, millis(l.MeanMicros), millis(l.P50Micros),
			millis(l.P90Micros), millis(l.P99Micros), millis(l.P999Micros), millis(l.MaxMicros), l.ResponseBytes)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	r.writeErrors(out)
	fmt.Fprintln(out, "\nacknowledged\toutcome\tcount\tsum (minor units)\t")
	for _, a := range r.Acknowledged {
		fmt.Fprintf(out, "%s\t%s\t%d\t%d\t\n", a.Kind, a.Outcome, a.Count, a.SumMinor)
	}
	return out.Flush()
}

func (r Report) writeErrors(out *tabwriter.Writer) {
	if len(r.Errors) == 0 {
		fmt.Fprintln(out, "\nno errors")
		_ = out.Flush() // a failing writer fails the next flush too
		return
	}
	fmt.Fprintln(out, "\nerrors\twhat\tcount\t")
	for _, e := range r.Errors {
		fmt.Fprintf(out, "%s\t%s\t%d\t\n", e.Kind, e.what(), e.Count)
	}
	_ = out.Flush()
}

// what says in a word or two how the messages failed.
func (f Failure) what() string {
	if f.Transport != "" {
		return string(f.Transport)
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", f.Status, f.ErrorType))
}

func (r Report) loop() string {
	if r.Rate > 0 {
		return fmt.Sprintf("open loop at %g cycles/s", r.Rate)
	}
	return "closed loop"
}

func millis(micros float64) string { return fmt.Sprintf("%.2f", micros/1000) }
