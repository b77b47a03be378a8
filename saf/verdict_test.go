package saf_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// askAgain is an unknown outcome that says when to come again.
type askAgain time.Duration

func (a askAgain) Error() string        { return "come again" }
func (a askAgain) After() time.Duration { return time.Duration(a) }

// notYet is an unknown outcome from an upstream that is there.
type notYet struct{ error }

func (notYet) Heard() bool { return true }

func TestAVerdictFollowsTheTableOfOutcomes(t *testing.T) {
	unlocated := decline.New(decline.UnableToLocateRecord, "never seen")
	for name, c := range map[string]struct {
		role txn.Role
		err  error
		want saf.Verdict
	}{
		"a yes":                            {txn.Confirmation, nil, saf.Verdict{Outcome: saf.Delivered}},
		"404 to a reversal":                {txn.Reversal, unlocated, saf.Verdict{Outcome: saf.Delivered}},
		"404 to a confirmation":            {txn.Confirmation, unlocated, saf.Verdict{Outcome: saf.Refused, Why: "refused: UNABLE_TO_LOCATE_RECORD"}},
		"404 to a question":                {txn.Request, unlocated, saf.Verdict{Outcome: saf.Refused, Why: "refused: UNABLE_TO_LOCATE_RECORD"}},
		"a no":                             {txn.Reversal, decline.New(decline.InvalidAmount, "6001000000000001"), saf.Verdict{Outcome: saf.Refused, Why: "refused: INVALID_AMOUNT"}},
		"a no that is wrapped":             {txn.Reversal, fmt.Errorf("send: %w", decline.New(decline.GeneralError, "")), saf.Verdict{Outcome: saf.Refused, Why: "refused: GENERAL_ERROR"}},
		"401":                              {txn.Reversal, turnedAway(decline.Unauthenticated), saf.Verdict{Outcome: saf.Halted, Why: "turned away"}},
		"403":                              {txn.Reversal, turnedAway(decline.Forbidden), saf.Verdict{Outcome: saf.Halted, Why: "turned away"}},
		"somebody else's 404":              {txn.Reversal, turnedAway(decline.Misdirected), saf.Verdict{Outcome: saf.Halted, Why: "turned away"}},
		"no credential":                    {txn.Reversal, turnedAway(decline.NoCredential), saf.Verdict{Outcome: saf.NoCredential, Why: saf.LacksCredential}},
		"never reached":                    {txn.Reversal, turnedAway(decline.Unreached), saf.Verdict{Outcome: saf.Again, Why: "turned away", After: time.Second}},
		"overloaded":                       {txn.Reversal, turnedAway(decline.Overloaded), saf.Verdict{Outcome: saf.Again, Why: "turned away", After: time.Second}},
		"no answer":                        {txn.Reversal, errors.New("reset"), saf.Verdict{Outcome: saf.Again, Why: "reset"}},
		"no answer in time":                {txn.Reversal, fmt.Errorf("send: %w", context.DeadlineExceeded), saf.Verdict{Outcome: saf.Again, Why: "no answer in time"}},
		"an upstream that cannot say yet":  {txn.Request, fmt.Errorf("ask: %w", notYet{errors.New("working")}), saf.Verdict{Outcome: saf.Again, Heard: true, Why: "ask: working"}},
		"Retry-After":                      {txn.Reversal, fmt.Errorf("send: %w", askAgain(time.Minute)), saf.Verdict{Outcome: saf.Again, After: time.Minute, Why: "send: come again"}},
		"Retry-After in a year":            {txn.Reversal, askAgain(9000 * time.Hour), saf.Verdict{Outcome: saf.Again, After: saf.LongestWait, Why: "come again"}},
		"Retry-After that has passed":      {txn.Reversal, askAgain(-time.Hour), saf.Verdict{Outcome: saf.Again, Why: "come again"}},
		"an unknown outcome behind theirs": {txn.Reversal, &decline.Unknown{Reason: decline.OutcomeUnknown}, saf.Verdict{Outcome: saf.Again, Why: "OUTCOME_UNKNOWN: "}},
	} {
		if got := saf.Read(c.role, c.err); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func turnedAway(c decline.Cause) error {
	n := &decline.NotTaken{Cause: c, Text: "turned away"}
	if c == decline.Unreached || c == decline.Overloaded {
		n.After = time.Second
	}
	return n
}

func TestAReasonIsCutBetweenCharacters(t *testing.T) {
	for pad := range 4 {
		why := saf.Read(txn.Reversal, errors.New(strings.Repeat("x", pad)+strings.Repeat("€", 500))).Why
		if len(why) < 150 || len(why) > 160 || !utf8.ValidString(why) {
			t.Errorf("%d bytes are kept: %q", len(why), why)
		}
	}
	if why := saf.Read(txn.Reversal, errors.New("a\xffb\x00c")).Why; why != "a?b?c" {
		t.Errorf("%q is kept, which not every store takes", why)
	}
}
