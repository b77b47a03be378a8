package txn_test

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/txn"
)

func TestJudgeIsTheTableOfTheRuleBook(t *testing.T) {
	for _, row := range []struct {
		state                  txn.State
		confirmation, reversal txn.Verdict
		rules                  string
	}{
		{txn.Absent, txn.Locate, txn.Remember, "L9, L7"},
		{txn.Open, txn.Apply, txn.Apply, "L1, L2"},
		{txn.Confirmed, txn.Acknowledge, txn.OtherEnding, "L3, L6"},
		{txn.Reversed, txn.OtherEnding, txn.Acknowledge, "L5, L4"},
		{txn.Declined, txn.NotApproved, txn.Acknowledge, "L11"},
	} {
		if got := txn.Judge(row.state, txn.Confirmation); got != row.confirmation {
			t.Errorf("%s: confirmation of a request %s: verdict %d, want %d", row.rules, row.state, got, row.confirmation)
		}
		if got := txn.Judge(row.state, txn.Reversal); got != row.reversal {
			t.Errorf("%s: reversal of a request %s: verdict %d, want %d", row.rules, row.state, got, row.reversal)
		}
	}
}

func TestNoOrderOfAdvicesEndsARequestTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state, applied := txn.Open, 0
		for _, confirm := range rapid.SliceOfN(rapid.Bool(), 1, 20).Draw(t, "confirm") {
			advice := txn.Reversal
			if confirm {
				advice = txn.Confirmation
			}
			if txn.Judge(state, advice) == txn.Apply {
				state = advice.Ending()
				applied++
			}
		}
		if applied != 1 {
			t.Fatalf("applied %d times", applied)
		}
	})
}

func TestNamesReadBack(t *testing.T) {
	for _, f := range []txn.Family{txn.Activation, txn.Load, txn.Redemption, txn.Void, txn.Replace, txn.Transfer, txn.LookUp, txn.Adjustment} {
		if got, ok := txn.ParseFamily(f.String()); !ok || got != f {
			t.Errorf("%d reads back as %d", f, got)
		}
	}
	for s := txn.Absent; s <= txn.Answered; s++ {
		if got, ok := txn.ParseState(s.String()); !ok || got != s {
			t.Errorf("%s reads back as %s", s, got)
		}
	}
}

func TestAmendChangesWhatWasApprovedOnlyOfWhatWasPassedOn(t *testing.T) {
	from := txn.Message{
		Seq: 9, ID: "x", Account: 9, Role: txn.Reversal, State: txn.Confirmed, Reason: "LATE", Ended: 5, Final: 3, ProviderRef: "ref",
		Amount: 4, Requested: 4, Currency: 978, Upstream: "other",
	}
	ours := txn.Message{Seq: 1, ID: "a", Account: 3, Role: txn.Request, State: txn.Open, Amount: 500, Requested: 500, Currency: 710}
	amended := ours
	amended.State, amended.Reason, amended.Ended, amended.Final, amended.ProviderRef = txn.Confirmed, "LATE", 5, 3, "ref"
	passed, answered := ours, amended
	passed.Upstream = "issuer"
	answered.Upstream, answered.Amount, answered.Requested, answered.Currency = "other", 4, 4, 978
	nobody, kept := from, amended
	nobody.Upstream, kept.Upstream = "", "issuer"
	for _, c := range []struct {
		name             string
		of, from, wanted txn.Message
	}{
		{"our own", ours, from, amended},
		{"passed on", passed, from, answered},
		{"passed on to nobody", passed, nobody, kept},
	} {
		got := c.of
		if got.Amend(c.from); !reflect.DeepEqual(got, c.wanted) {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.wanted)
		}
	}
}
