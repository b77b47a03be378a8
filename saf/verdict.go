package saf

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/txn"
)

// Outcome is what an answer, or its absence, means for what was sent.
type Outcome uint8

// The outcomes.
const (
	Delivered    Outcome = iota + 1 // answered for good with a yes
	Refused                         // answered for good with a no
	Again                           // no answer, or none that is for good: to be sent again
	Halted                          // nothing is let in under this credential, or at this address
	NoCredential                    // there is nothing to send it under, so it was not sent
	Unreadable                      // its body cannot be opened, so it was not sent
)

// LacksCredential is why an item needs attention that was not sent for want of a credential. It goes back in line when
// there may be one.
const LacksCredential = "no credential for the account"

// maxWhy bounds what is kept of a reason, in bytes.
const maxWhy = 160

// Verdict is what came of sending something.
type Verdict struct {
	Outcome Outcome
	After   time.Duration // of Again: how long the upstream wants to be left alone; 0 when it did not say
	Why     string        // for people, when it was not delivered
	Heard   bool          // of Again: the upstream is there, and only cannot say yet
}

// Read gives the verdict on what a service answered to a message of a role (docs/rules.md 1.1, "Client reading"): nil, a
// *decline.Error, a *decline.NotTaken, or an unknown outcome, which may tell by a method After how long to wait, and by a
// method Heard that the upstream has answered all the same. A reversal of what the upstream does not know has reached its
// aim.
func Read(role txn.Role, err error) Verdict {
	var refusal *decline.Error
	var turnedAway *decline.NotTaken
	switch {
	case err == nil:
		return Verdict{Outcome: Delivered}
	case errors.As(err, &refusal):
		if role == txn.Reversal && refusal.Reason == decline.UnableToLocateRecord {
			return Verdict{Outcome: Delivered}
		}
		return Verdict{Outcome: Refused, Why: "refused: " + string(refusal.Reason)}
	case errors.As(err, &turnedAway):
		return readNotTaken(turnedAway)
	case errors.Is(err, context.DeadlineExceeded):
		return Verdict{Outcome: Again, Why: "no answer in time"}
	}
	return Verdict{Outcome: Again, After: after(err), Why: brief(err.Error()), Heard: heard(err)}
}

// heard says whether an error tells that the upstream is there.
func heard(err error) bool {
	var says interface{ Heard() bool }
	return errors.As(err, &says) && says.Heard()
}

func readNotTaken(n *decline.NotTaken) Verdict {
	switch n.Cause {
	case decline.Unauthenticated, decline.Forbidden, decline.Misdirected:
		return Verdict{Outcome: Halted, Why: brief(n.Text)}
	case decline.NoCredential:
		return Verdict{Outcome: NoCredential, Why: LacksCredential}
	}
	return Verdict{Outcome: Again, After: within(n.After), Why: brief(n.Text)}
}

// after gives the time that an error asks for.
func after(err error) time.Duration {
	var asks interface{ After() time.Duration }
	if errors.As(err, &asks) {
		return within(asks.After())
	}
	return 0
}

// within heeds a wish up to LongestWait: an upstream that asks for years has lost its clock.
func within(d time.Duration) time.Duration { return max(0, min(d, LongestWait)) }

// brief cuts a reason to what is kept, and makes it fit for every store: it may have come from outside.
func brief(why string) string {
	why = strings.ReplaceAll(strings.ToValidUTF8(why, "?"), "\x00", "?")
	if len(why) <= maxWhy {
		return why
	}
	cut := maxWhy
	for cut > 0 && why[cut]&0xC0 == 0x80 { // not inside a character
		cut--
	}
	return why[:cut]
}

// isDefinite says whether somebody answered, so that the upstream is there.
func (v Verdict) isDefinite() bool {
	return v.Outcome == Delivered || v.Outcome == Refused || v.Outcome == Halted
}
