package conform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// frame is a case around the lines under test.
const frame = "product p1 start=5\ncard c1 product=p1\ncase one\n# [L1]\n"

// shopping is a case of airtime around the lines under test.
const shopping = "voucher v1\ncase one\n# [L1]\n"

func TestParseReadsWhatAScriptSays(t *testing.T) {
	s, err := Parse("x", frame+`wire
active c1 amount=5
# not a rule
redeem id=r1 card=c1 amount=400 pin="12 34"
  with amounts.requestAmount.amount 4e2
  header X-Test: a: b
-> declined INVALID_AMOUNT status=400 book=1 available=2
  body detailMessage size 1
# [L2, L3] more
together
  redeem card=c1 amount=1 times=3
  reverse of=r1
end
-> 3 approved, 1 accepted
-> 4 declined GENERAL_ERROR
`)
	if err != nil {
		t.Fatal(err)
	}
	c := s.Cases[0]
	if c.Name != "one" || !c.Wire || len(c.Steps) != 5 {
		t.Fatalf("read as %q, wire %v, %d steps", c.Name, c.Wire, len(c.Steps))
	}
	redeem, race := c.Steps[3], c.Steps[4]
	if redeem.Keys["pin"] != "12 34" || redeem.Rules[0] != "L1" || redeem.Line != 8 {
		t.Errorf("the redemption is %+v", redeem)
	}
	if len(redeem.Edits) != 2 || redeem.Edits[0].Text != "4e2" || redeem.Edits[1].Text != "a: b" {
		t.Errorf("its edits are %v", redeem.Edits)
	}
	if e := redeem.Expects[0]; e.Counts[0] != (Count{N: 1, Outcome: Declined, Type: "INVALID_AMOUNT", Status: 400}) || len(e.Checks) != 1 {
		t.Errorf("it expects %+v", e)
	}
	if len(race.Together) != 2 || len(race.Expects) != 2 || race.Expects[0].Counts[0].N != 3 || strings.Join(race.Rules, "") != "L2L3" {
		t.Errorf("the race is %+v", race)
	}
	if got := c.rules(); strings.Join(got, " ") != "L1 L2 L3" {
		t.Errorf("its rules are %v", got)
	}
}

func TestParseRefusesSlipsOfThePen(t *testing.T) {
	for text, want := range map[string]string{
		frame + "redem card=c1\n-> approved":                                        `no line begins with "redem"`,
		frame + "redeem card=c1 amout=1\n-> approved":                               "redeem has no amout",
		frame + "redeem card=c1 amount=x\n-> approved":                              "not a number",
		frame + "redeem card=c2 amount=1\n-> approved":                              "there is no card c2",
		frame + "redeem card=c1 amount=1\n-> approved book=1":                       "does not state both balances",
		frame + "redeem card=c1 amount=1\n-> approved book=1 available=1 c2.book=1": "c2.book is stated alone",
		frame + "redeem card=c1 amount=1\n-> approoved book=1 available=1":          `no outcome is called "approoved"`,
		frame + "redeem card=c1 amount=1\n-> declined book=1 available=1":           "declined wants an errorType",
		frame + "redeem card=c1 amount=1\n-> approved book=1 available=one":         "invalid syntax",
		frame + "redeem card=c1 amount=1\n-> approved bok=1":                        "an answer has no bok",
		frame + "redeem card=c1 amount=1 times=2\n-> approved":                      "sent together",
		frame + "redeem card=c1 amount=1":                                           "expects nothing",
		frame + "confirm id=k\n-> accepted":                                         "says what it is of",
		frame + "confirm of=r9\n-> accepted":                                        "was never sent",
		frame + "lookup card=nobody\n  with x 1\n-> declined INVALID_CARD_NUMBER":   "not marked wire",
		frame + "together\n  lookup card=c1\nend\n-> 2 approved":                    "1 messages cannot have 2 answers",
		frame + "together\n  lookup card=c1":                                        "together has no end",
		frame + "together\n  freeze c1\nend":                                        "cannot be done together",
		frame + "-> approved":                                                       "nothing above was sent",
		frame + "balance c1 book=1":                                                 "states book and available",
		frame + "settle r1 perhaps":                                                 "confirm or reverse",
		frame + "with x 1":                                                          "has no message above it",
		frame + "lookup card=nobody\n-> refused":                                    "wants a status",
		"product p1 opening=half":                                                   `no opening is called "half"`,
		"product p1 velocity=\"3 a day\"":                                           "is not like redeem 3/24h",
		"product p1 singleUse=maybe":                                                "yes or no",
		"lookup card=nobody":                                                        "before the first case",
		"card c1\ncase a\nlookup card=c1\n-> approved book=1 available=1":           "names no rule",
		frame + "lookup card=nobody\n-> declined X\ncase one\n":                     "there is a case",
		shopping + "purchase product=v2\n-> approved":                               "nothing is called v2",
		shopping + "purchase product=v1 to=m9\n-> approved":                         "nothing is called m9",
		shopping + "purchase product=v1 stock=1\n-> approved":                       "purchase has no stock",
		shopping + "purchase product=v1\n-> approved stock=many":                    "invalid syntax",
		shopping + "purchase product=v1\n-> approved float=5":                       "invalid syntax",
		shopping + "stock v2 1":                                                     "there is no product v2",
		shopping + "stock v1 many":                                                  "invalid syntax",
		shopping + "prepaid till book=1":                                            "states book and available",
		shopping + "confirm of=r9\n-> accepted":                                     "was never sent",
		"voucher v1 value=much":                                                     "is not like 1000 or 55/840",
		"voucher v1 wholesale=1,2/840":                                              "wholesale is one amount",
		"voucher v1 returned=never":                                                 "stock or quarantine",
		"voucher v1\ncase a\nbatch b1 of=v1\nstock v1 0":                            "has a count of vouchers",
		"voucher v1\ncase a\nbatch b1 of=v2 count=1\nstock v1 0":                    "nothing is called v2",
		"case a\nnumber m1 network=n1\nmsisdn number=m1":                            "nothing is called n1",
		"number m1 topups=sometimes":                                                "no top-ups are sometimes",
		"only testing":                                                              `no profile is called "testing"`,
		"lookup card=\"nobody":                                                      "a quotation mark is open",
	} {
		_, err := Parse("x", text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "x.txt:") {
			t.Errorf("%s\nis refused with %v, want %s", strings.TrimPrefix(text, frame), err, want)
		}
	}
}

// FuzzParse finds scripts that make the reader fall over. What it reads, it reads the same again.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("scripts/*/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("no scripts to begin with: %v", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add(frame + "lookup card=c1\n  twice a.b 1\n-> approved book=1 available=1\n  body a[0].b is 1")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse("x", text)
		if err != nil {
			return
		}
		for _, c := range s.Cases {
			if len(c.Steps) == 0 || c.Name == "" {
				t.Errorf("a case %q with %d steps", c.Name, len(c.Steps))
			}
		}
		again, err := Parse("x", text)
		if err != nil || len(again.Cases) != len(s.Cases) {
			t.Errorf("read again, it is %v", err)
		}
	})
}

// FuzzReadAnswer gives the reader of answers what a hostile server might.
func FuzzReadAnswer(f *testing.F) {
	f.Add([]byte(`{"amounts":{"balanceAmount":{"amount":1}},"detailMessage":{"formatErrors":[{"field":"a"},7,null]}}`))
	f.Add([]byte(`[{"a":[`))
	f.Fuzz(func(t *testing.T, text []byte) {
		a := readAnswer(400, nil, text)
		w := wired{m: Message{Kind: Redeem, Act: Request, Card: &Card{PAN: "6001001000000000"}}, a: a}
		body, err := parseJSON(text)
		if err != nil {
			return
		}
		w.body = body
		w.always()
		w.errorDetail(Expect{})
		w.approved()
		w.check(Check{Where: "body", Path: "a[1].b", Verb: "is", Text: "1"})
		for _, kind := range []Kind{Purchase, LookupMSISDN, ListProducts} {
			w.m.Kind = kind
			w.sale()
		}
	})
}
