package bench

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestReadsCards(t *testing.T) {
	got, err := ReadCards(strings.NewReader("pan,expiry,pin\n# ours\n\n6001000000000001,4012\n6001000000000002, 4012 ,1234\n7\n"))
	want := []Card{{"6001000000000001", "4012", ""}, {"6001000000000002", "4012", "1234"}, {"7", "", ""}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestErrorsAboutCardsNameTheLineOnly(t *testing.T) {
	for _, line := range []string{"60010000000000x1", "60010000000000000001", ",4012", "6001000000000001,41", "6001000000000001,4012,a"} {
		_, err := ReadCards(strings.NewReader("6001000000000009\n" + line))
		if err == nil || !strings.Contains(err.Error(), "line 2") || strings.Contains(err.Error(), "6001") {
			t.Errorf("%s: got %v", line, err)
		}
	}
}

func TestConsecutiveCardsKeepTheirLength(t *testing.T) {
	got, err := ConsecutiveCards("0098", 2, "4012")
	if err != nil || got[0].PAN != "0098" || got[1].PAN != "0099" || got[1].Expiry != "4012" {
		t.Errorf("got %v, %v", got, err)
	}
	for first, count := range map[string]int{"98": 3, "x": 1, "": 1, "12345678901234567890": 1, "1": 0, "2": -1, "3": maxConsecutive + 1} {
		var wrong *OptionError
		if got, err := ConsecutiveCards(first, count, ""); !errors.As(err, &wrong) {
			t.Errorf("%d from %s: got %v, %v", count, first, got, err)
		}
	}
}

func FuzzReadCards(f *testing.F) {
	f.Add("pan,expiry,pin\n6001000000000001,4012,1234\n")
	f.Fuzz(func(t *testing.T, text string) {
		cards, err := ReadCards(strings.NewReader(text))
		for _, card := range cards {
			if _, bad := checkCard(card); bad != nil || err != nil {
				t.Errorf("%q gave a card that is none: %v, %v", text, bad, err)
			}
		}
	})
}
