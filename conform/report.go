package conform

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// Status is how a case ended.
type Status string

// A case passes, fails, or could not be played.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// Report is what was found. It holds no whole PAN and no PIN.
type Report struct {
	Profile Profile   `json:"profile"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	Results []Result  `json:"results"`
}

// Result is how one case ended.
type Result struct {
	// Name is the script's name, a slash, and the case's.
	Name   string `json:"name"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	Status Status `json:"status"`
	// Reason says why a case was skipped.
	Reason string `json:"reason,omitempty"`
	// Rules are the numbers of the rules that the case is about.
	Rules    []string      `json:"rules"`
	Failures []Failure     `json:"failures,omitempty"`
	Took     time.Duration `json:"tookNanoseconds"`
}

// Failure is one thing that was other than the contract says.
type Failure struct {
	File  string   `json:"file"`
	Line  int      `json:"line"`
	Rules []string `json:"rules,omitempty"`
	// Sent describes the message, masked.
	Sent     string `json:"sent,omitempty"`
	Expected string `json:"expected"`
	Got      string `json:"got"`
}

// String is the failure on a few lines.
func (f Failure) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:", f.File, f.Line)
	if len(f.Rules) > 0 {
		fmt.Fprintf(&b, " [%s]", strings.Join(f.Rules, ", "))
	}
	if f.Sent != "" {
		fmt.Fprintf(&b, "\n    sent:     %s", f.Sent)
	}
	fmt.Fprintf(&b, "\n    expected: %s\n    came:     %s", f.Expected, f.Got)
	return b.String()
}

// Count returns how many cases ended so.
func (r Report) Count(status Status) int {
	n := 0
	for _, result := range r.Results {
		if result.Status == status {
			n++
		}
	}
	return n
}

// OK says that cases were played and none failed. A report of skipped cases only is not OK.
func (r Report) OK() bool { return r.Count(Failed) == 0 && r.Count(Passed) > 0 }

// Text writes the report for people: every failure, every skipped case with its reason, and the sum.
func (r Report) Text(w io.Writer) error {
	var b strings.Builder
	for _, result := range r.Results {
		switch result.Status {
		case Failed:
			fmt.Fprintf(&b, "FAIL  %s\n", result.Name)
			for _, f := range result.Failures {
				fmt.Fprintf(&b, "  %s\n", f)
			}
		case Skipped:
			fmt.Fprintf(&b, "skip  %s: %s\n", result.Name, result.Reason)
		}
	}
	fmt.Fprintf(&b, "%d passed, %d failed, %d skipped, by the rules of %s, in %v\n", r.Count(Passed), r.Count(Failed),
		r.Count(Skipped), r.Profile, r.Ended.Sub(r.Started).Round(time.Millisecond))
	_, err := io.WriteString(w, b.String())
	return err
}

// JSON writes the report for programs.
func (r Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
