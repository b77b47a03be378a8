package conform

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// together sends messages at the same time and compares the answers as a whole.
func (r *run) together(ctx context.Context, s Step) error {
	messages, err := r.messages(s)
	if err != nil {
		return fmt.Errorf("line %d: %w", s.Line, err)
	}
	answers, errs := r.sendAll(ctx, messages)
	var problems []problem
	got := map[string]int{}
	for i, answer := range answers {
		if errs[i] != nil {
			got["no answer"]++
			continue
		}
		got[outcomeOf(answer).label()]++
		problems = append(problems, r.onWire(messages[i], answer, Expect{Counts: []Count{outcomeOf(answer)}})...)
		if m := messages[i]; m.Kind.airtime() && m.Act == Request && answer.outcome() == Approved {
			problems = append(problems, r.judgeSale(m, answer, nil)...)
		}
	}
	if !slices.ContainsFunc(s.Expects, func(e Expect) bool { return e.matches(got) }) {
		var want []string
		for _, e := range s.Expects {
			want = append(want, strings.TrimSpace(strings.TrimPrefix(e.Text, "->")))
		}
		problems = append(problems, problem{strings.Join(want, " or "), showCounts(got)})
	}
	return r.found(s, nil, problems)
}

// messages builds what a together block sends.
func (r *run) messages(s Step) ([]Message, error) {
	account := r.account
	defer func() { r.account = account }()
	var all []Message
	for _, t := range s.Together {
		if t.Verb == "as" {
			r.account = t.Names[0]
			continue
		}
		for range t.times() {
			m, _, err := r.message(t)
			if err != nil {
				return nil, err
			}
			all = append(all, m)
		}
	}
	return all, nil
}

// sendAll sends all messages from a common start.
func (r *run) sendAll(ctx context.Context, messages []Message) ([]Answer, []error) {
	answers, errs := make([]Answer, len(messages)), make([]error, len(messages))
	start := make(chan struct{})
	var all sync.WaitGroup
	for i, m := range messages {
		all.Go(func() {
			<-start
			answers[i], errs[i] = r.do(ctx, m)
		})
	}
	close(start)
	all.Wait()
	return answers, errs
}

// outcomeOf is an answer as a together block counts it.
func outcomeOf(a Answer) Count {
	c := Count{N: 1, Outcome: a.outcome(), Type: a.ErrorType}
	if c.Outcome == Unknown {
		c.Status = a.Status
	}
	return c
}

// label is what a count counts.
func (c Count) label() string {
	c.N = 1
	return strings.TrimPrefix(c.String(), "1 ")
}

// matches says whether the answers are just those expected.
func (e Expect) matches(got map[string]int) bool {
	want := map[string]int{}
	for _, c := range e.Counts {
		if c.N > 0 {
			want[c.label()] += c.N
		}
	}
	if len(want) != len(got) {
		return false
	}
	for label, n := range want {
		if got[label] != n {
			return false
		}
	}
	return true
}

func showCounts(got map[string]int) string {
	var all []string
	for label, n := range got {
		all = append(all, fmt.Sprintf("%d %s", n, label))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
