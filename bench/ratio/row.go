package ratio

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Row is one figure: the median of the runs with their spread, and what was promised.
type Row struct {
	Name   string    `json:"name"`
	Unit   string    `json:"unit"`
	Median float64   `json:"median"`
	Low    float64   `json:"low"`
	High   float64   `json:"high"`
	Runs   []float64 `json:"runs"`
	// Goal is the promise, at least or (AtMost) at most; Aim is what is hoped for beyond it. A
	// row without a promise has neither, unless Bound says that a goal of 0 is meant.
	Goal    float64 `json:"goal,omitzero"`
	Aim     float64 `json:"aim,omitzero"`
	AtMost  bool    `json:"atMost,omitzero"`
	Bound   bool    `json:"bound,omitzero"`
	Verdict Verdict `json:"verdict,omitzero"`
}

// Verdict says whether a promise was kept.
type Verdict string

// The verdicts. A row without a promise has none.
const (
	Pass Verdict = "pass"
	Miss Verdict = "miss"
)

// add completes a row and puts it into the result.
func (s *session) add(r Row) {
	s.result.Rows = append(s.result.Rows, r.complete())
}

// complete computes what follows from the runs.
func (r Row) complete() Row {
	r.Median, r.Low, r.High = median(r.Runs), slices.Min(r.Runs), slices.Max(r.Runs)
	if r.Goal == 0 && !r.Bound {
		return r
	}
	r.Verdict = Miss
	if r.AtMost && r.Median <= r.Goal || !r.AtMost && r.Median >= r.Goal {
		r.Verdict = Pass
	}
	return r
}

// median is the middle value, or the mean of the two in the middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// quotients divides the rounds' values one by one, so that what slows down a whole round does not
// show in the ratio.
func quotients(over, under []float64) []float64 {
	made := make([]float64, len(over))
	for i := range made {
		made[i] = over[i] / under[i]
	}
	return made
}

// Missed counts the promises that were not kept.
func (r Result) Missed() (n int) {
	for _, row := range r.Rows {
		if row.Verdict == Miss {
			n++
		}
	}
	return n
}

// WriteJSON writes the rows and every measurement behind them.
func (r Result) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(r)
}

// WriteText writes the rows as a table for people.
func (r Result) WriteText(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "%s; median of %d runs of %g s; %d cards; the generator runs on the same cores\n",
		r.System, r.Runs, r.Seconds, r.Cards)
	if len(r.Postgres) > 0 {
		fmt.Fprintf(out, "PostgreSQL, the same server for all: %s\n", strings.Join(r.Postgres, ", "))
	}
	fmt.Fprintln(out)
	fmt.Fprintln(out, "what\tmedian\tfrom – to\tgoal\t")
	for _, row := range r.Rows {
		fmt.Fprintf(out, "%s\t%s %s\t%s – %s\t%s\t%s\n", row.Name, number(row.Median), row.Unit,
			number(row.Low), number(row.High), row.goal(), row.Verdict)
	}
	return out.Flush()
}

// goal is the promise in words.
func (r Row) goal() string {
	switch {
	case r.Verdict == "":
		return ""
	case r.AtMost:
		return "≤ " + number(r.Goal)
	case r.Aim > 0:
		return "≥ " + number(r.Goal) + " (aim " + number(r.Aim) + ")"
	}
	return "≥ " + number(r.Goal)
}

// number writes a figure with as many digits as it deserves.
func number(v float64) string {
	switch {
	case v >= 1000:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.3f", v), "0"), ".")
}
