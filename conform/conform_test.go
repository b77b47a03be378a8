package conform

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// rulesOfTheFake is a script that a right server passes, and each of the faults below fails.
const rulesOfTheFake = `
product p1 opening=sum start=1000
card c1 product=p1

case money
active c1
# [2.2/redemption-approved]
redeem id=r1 card=c1 amount=400
-> approved requested=400 approved=400 book=600 available=600
# [2.3/redemption/4]
redeem id=r2 card=c1 amount=601
-> declined INSUFFICIENT_FUNDS book=600 available=600
# [V6]
redeem id=r1 card=c1 amount=1
-> declined DUPLICATE_RECORD book=600 available=600
# [L2]
reverse of=r1
-> accepted book=1000 available=1000
# [L4]
reverse of=r1
-> accepted book=1000 available=1000
# [L5]
confirm of=r1
-> declined GENERAL_ERROR originalId=r1 book=1000 available=1000
# [L9]
confirm of=r9 kind=redeem
-> declined UNABLE_TO_LOCATE_RECORD

case a race
active c1
# [5/overdraw]
together
  redeem card=c1 amount=300 times=5
end
-> 3 approved, 2 declined INSUFFICIENT_FUNDS
# [5/overdraw]
balance c1 book=100 available=100
`

func runFake(t *testing.T, fault, script string) Report {
	t.Helper()
	s, err := Parse("fake", script)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), newFake(fault), Options{Scripts: []Script{s}})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestARightServerPasses(t *testing.T) {
	report := runFake(t, "", rulesOfTheFake)
	if !report.OK() || report.Count(Passed) != 2 {
		var text bytes.Buffer
		_ = report.Text(&text) // a buffer takes everything
		t.Error(text.String())
	}
}

func TestEachFaultIsFound(t *testing.T) {
	for fault, want := range map[string]struct{ line, came string }{
		"overdraws":             {"fake.txt:12", "approved 201"},
		"keeps the money":       {"fake.txt:9", "1000"},
		"forgets ids":           {"fake.txt:15", "approved 201"},
		"applies advices twice": {"fake.txt:21", "1400"},
		"forgets originalId":    {"fake.txt:24", "absent"},
		"silent":                {"fake.txt:9", "no answer"},
	} {
		t.Run(fault, func(t *testing.T) {
			report := runFake(t, fault, rulesOfTheFake)
			if report.OK() || len(report.Results[0].Failures) == 0 {
				t.Fatal("was not found")
			}
			text := report.Results[0].Failures[0].String()
			if !strings.HasPrefix(text, want.line+":") || !strings.Contains(text, want.came) {
				t.Errorf("found as %s", text)
			}
		})
	}
}

func TestARaceLostIsFound(t *testing.T) {
	report := runFake(t, "overdraws", rulesOfTheFake)
	race := report.Results[1]
	if race.Status != Failed || !strings.Contains(race.Failures[0].Got, "5 approved") {
		t.Errorf("five approvals of 300 from 1000 are %s: %v", race.Status, race.Failures)
	}
}

func TestTheReportMasksCards(t *testing.T) {
	report := runFake(t, "keeps the money", rulesOfTheFake)
	var text, forPrograms bytes.Buffer
	if report.Text(&text) != nil || report.JSON(&forPrograms) != nil {
		t.Fatal("a buffer takes everything")
	}
	for _, s := range []string{text.String(), forPrograms.String()} {
		if strings.Contains(s, "6001001000000000") || !strings.Contains(s, "600100******0000") {
			t.Errorf("the PAN stands unmasked, or not at all, in %s", s)
		}
	}
	if !json.Valid(forPrograms.Bytes()) {
		t.Error("the JSON form is not JSON")
	}
}

func TestWhatATargetLacksIsSaidAloud(t *testing.T) {
	report := runFake(t, "", `
card c1 pin=1234
case never played
# [2.3/redemption/5]
redeem card=c1 amount=1 pin=9999
-> declined INCORRECT_PIN book=0 available=0
case of the wire
wire
# [C4]
lookup card=nobody
  with unknown 1
-> declined INVALID_CARD_NUMBER
case of another profile
only compatibility
# [8/worlds]
lookup card=nobody
-> declined INVALID_CARD_NUMBER
`)
	want := []string{"the fake knows no PINs", "looks at the wire", "is a rule of compatibility"}
	for i, r := range report.Results {
		if r.Status != Skipped || !strings.Contains(r.Reason, want[i]) {
			t.Errorf("%s: %s, because %q; want skipped, because %q", r.Name, r.Status, r.Reason, want[i])
		}
	}
	if report.OK() {
		t.Error("a report of skipped cases only calls itself OK")
	}
}

func TestOutcomesMayBeOneOfSeveral(t *testing.T) {
	script := `
product p1 opening=sum start=1000
card c1 product=p1
case either
active c1
# [L12]
together
  redeem id=r1 card=c1 amount=300
  reverse of=r1
end
-> 1 approved, 1 accepted
-> 1 approved, 1 declined UNABLE_TO_LOCATE_RECORD
`
	if report := runFake(t, "", script); !report.OK() {
		t.Error(report.Results[0].Failures)
	}
	if report := runFake(t, "silent", script); report.OK() {
		t.Error("no answer at all is taken for one of several")
	}
}

func TestPlaysAsSubtests(t *testing.T) {
	s, err := Parse("fake", rulesOfTheFake)
	if err != nil {
		t.Fatal(err)
	}
	Test(t, newFake(""), Options{Scripts: []Script{s}})
}
