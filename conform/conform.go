// Package conform judges a server of gift cards or airtime by the rules of the Giftcard v3 and Airtime v5 contracts. The
// rules stand in script files: messages in, outcome and both balances, or stock and float, out, each step under the number
// of its rule. The same scripts are played over HTTP against anybody's server, and in process against a service.
//
// It promises that a case fails when the answer, either balance afterwards, or anything that every answer
// on the wire owes (section 1.3 and rules C5, C8, C10, C11, S1 to S6) is other than the contract says; that
// a case which the target cannot play is reported as skipped with its reason, never silently; that no report holds
// a whole PAN or a PIN, a voucher's neither; and that a voucher which was sold twice is found. It knows nothing of how a server is made.
package conform

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

//go:embed scripts
var scriptFiles embed.FS

// defaultTimeout bounds the wait for one answer. An advice may wait 5 s for its request (rule L12).
const defaultTimeout = 20 * time.Second

// Options say how a target is judged. The zero value plays everything by the rules of production.
type Options struct {
	// Profile is the set of rules the target follows, Production when empty.
	Profile Profile
	// Match limits the cases to those whose name, such as giftcard/load/two loads, it matches.
	Match *regexp.Regexp
	// Without names kinds of requests that the target does not have at all; cases with them are skipped.
	Without []Kind
	// Timeout bounds the wait for one answer; 20 s when 0.
	Timeout time.Duration
	// Now is the issuer's clock, time.Now when nil. Expiry dates are made from it.
	Now func() time.Time
	// Scripts are played instead of the embedded ones, when not nil.
	Scripts []Script
}

// Scripts returns the embedded scripts by name.
func Scripts() ([]Script, error) {
	var all []Script
	err := fs.WalkDir(scriptFiles, "scripts", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := scriptFiles.ReadFile(path)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(path, "scripts/"), ".txt")
		script, err := Parse(name, string(text))
		all = append(all, script)
		return err
	})
	return all, err
}

// complete fills in what the options leave open.
func (o Options) complete() (Options, error) {
	if o.Profile == "" {
		o.Profile = Production
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Scripts == nil {
		var err error
		if o.Scripts, err = Scripts(); err != nil {
			return o, err
		}
	}
	return o, nil
}

// Run plays the scripts against the target, one case after the other, and returns what was found. The
// error is not about the target: it says that the scripts cannot be read.
func Run(ctx context.Context, target Target, options Options) (Report, error) {
	o, err := options.complete()
	if err != nil {
		return Report{}, err
	}
	report := Report{Profile: o.Profile, Started: o.Now()}
	for _, script := range o.Scripts {
		for _, c := range script.Cases {
			if o.Match != nil && !o.Match.MatchString(script.Name+"/"+c.Name) {
				continue
			}
			report.Results = append(report.Results, play(ctx, target, o, script, c))
		}
	}
	report.Ended = o.Now()
	return report, nil
}

// Test plays each case as a subtest. A case that the target lacks something for is skipped; one that does
// not apply to such a target at all (the wire, the other profile, airtime for one that is no Vendor) is only counted
// in the log.
func Test(t *testing.T, target Target, options Options) {
	t.Helper()
	o, err := options.complete()
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range o.Scripts {
		t.Run(script.Name, func(t *testing.T) {
			left := map[string]int{}
			for _, c := range script.Cases {
				if o.Match != nil && !o.Match.MatchString(script.Name+"/"+c.Name) {
					continue
				}
				if reason := inapplicable(target, o, script, c); reason != "" {
					left[reason]++
					continue
				}
				t.Run(c.Name, func(t *testing.T) { playTest(t, target, o, script, c) })
			}
			for reason, n := range left {
				t.Logf("%d cases do not apply: %s", n, reason)
			}
		})
	}
}

func playTest(t *testing.T, target Target, o Options, script Script, c Case) {
	t.Helper()
	r := play(t.Context(), target, o, script, c)
	switch r.Status {
	case Failed:
		for _, f := range r.Failures {
			t.Errorf("%s", f)
		}
	case Skipped:
		t.Skip(r.Reason)
	}
}

// inapplicable says why a case has no meaning for a target, empty when it has.
func inapplicable(target Target, o Options, script Script, c Case) string {
	if _, sells := target.(Vendor); !sells && strings.HasPrefix(script.Name, airtimeContract+"/") {
		return "is about airtime"
	}
	if wired, ok := target.(interface{ Wire() bool }); c.Wire && !(ok && wired.Wire()) {
		return "looks at the wire"
	}
	if c.Only != "" && c.Only != o.Profile {
		return "is a rule of " + string(c.Only)
	}
	return ""
}

// lacking says which kind of request the case sends that the target does not have.
func lacking(o Options, c Case) string {
	for _, s := range c.Steps {
		for _, m := range append(slices.Clone(s.Together), s) {
			if kind := Kind(or(m.Keys["kind"], m.Verb)); slices.Contains(o.Without, kind) {
				return "the target has no " + string(kind)
			}
		}
	}
	return ""
}

// play plays one case, as many rounds as it wants, until one fails.
func play(ctx context.Context, target Target, o Options, script Script, c Case) Result {
	r := Result{Name: script.Name + "/" + c.Name, File: script.Name + ".txt", Line: c.Line, Status: Passed, Rules: c.rules()}
	if r.Reason = or(inapplicable(target, o, script, c), lacking(o, c)); r.Reason != "" {
		r.Status = Skipped
		return r
	}
	started := time.Now()
	for range c.Rounds {
		err := newRun(target, o, r.File).play(ctx, c)
		var found *findings
		switch {
		case errors.As(err, &found):
			r.Status, r.Failures = Failed, found.failures
		case errors.Is(err, errLacking):
			_, reason, _ := strings.Cut(err.Error(), errLacking.Error()+": ")
			r.Status, r.Reason = Skipped, reason
		case err != nil:
			r.Status = Failed
			r.Failures = []Failure{{File: r.File, Line: c.Line, Expected: "a case that can be played", Got: err.Error()}}
		}
		if r.Status != Passed {
			break
		}
	}
	r.Took = time.Since(started)
	return r
}

// looks are the verbs that assert something without a message of their own.
var looks = []string{"balance", "stock", "prepaid"}

// rules lists the rules that the case names, once each.
func (c Case) rules() []string {
	var all []string
	for _, s := range c.Steps {
		if len(s.Expects) > 0 || slices.Contains(looks, s.Verb) {
			all = append(all, s.Rules...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// findings is the error of a case that was played and found wanting.
type findings struct{ failures []Failure }

func (f *findings) Error() string { return fmt.Sprintf("%d findings", len(f.failures)) }
