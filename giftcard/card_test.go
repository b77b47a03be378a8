package giftcard_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
)

func date(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// A card is valid through the last day of its month, where the issuer is.
func TestExpiryEndsWithItsMonth(t *testing.T) {
	for _, c := range []struct {
		expiry, at string
		past       bool
	}{
		{"2612", "2026-12-01T00:00:00Z", false},
		{"2612", "2026-12-31T23:59:59Z", false},
		{"2612", "2027-01-01T00:00:00Z", true},
		{"2612", "2027-01-01T00:00:00+02:00", true},
		{"2612", "2026-12-31T23:00:00-02:00", false}, // though it is next year in UTC
		{"2402", "2024-02-29T23:59:59Z", false},
		{"9912", "2099-12-31T23:59:59Z", false},
		{"0001", "2026-01-01T00:00:00Z", true},
	} {
		e, err := giftcard.ParseExpiry(c.expiry)
		if err != nil {
			t.Fatal(err)
		}
		if e.Past(date(t, c.at)) != c.past || e.String() != c.expiry {
			t.Errorf("%s at %s: past is %t", e, c.at, !c.past)
		}
	}
}

func TestNoExpiryNeverEnds(t *testing.T) {
	if giftcard.Expiry(0).Past(date(t, "2099-12-31T00:00:00Z")) {
		t.Error("it has ended")
	}
}

func TestWhatIsNoExpiry(t *testing.T) {
	for _, text := range []string{"", "261", "26122", "2600", "2613", "261x", "２６１２", " 261", "-612"} {
		if e, err := giftcard.ParseExpiry(text); err == nil {
			t.Errorf("%q is read as %s", text, e)
		}
	}
}

func TestExpiryInMonths(t *testing.T) {
	for _, c := range []struct {
		from   string
		months int
		want   string
	}{
		{"2026-01-31T12:00:00Z", 0, "2601"},
		{"2026-01-31T12:00:00Z", 1, "2602"}, // and not March
		{"2026-11-30T12:00:00Z", 2, "2701"},
		{"2026-01-15T12:00:00Z", -1, "2512"},
		{"2026-01-15T12:00:00Z", 12 * 73, "9901"},
		{"2026-01-15T12:00:00Z", 12 * 100, "9912"}, // and not 2026 again
	} {
		if got := giftcard.ExpiryIn(date(t, c.from), c.months).String(); got != c.want {
			t.Errorf("%d months after %s is %s, want %s", c.months, c.from, got, c.want)
		}
	}
}

func TestReferencesReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seq := rapid.Int64Range(0, 1<<45-1).Draw(t, "seq")
		reference := giftcard.Reference(seq)
		if back, ok := giftcard.ParseReference(reference); !ok || back != seq {
			t.Errorf("%d is %s, and reads back as %d", seq, reference, back)
		}
		if strings.ContainsAny(reference, "ILOU") || len(reference) > 40 {
			t.Errorf("%s cannot be told on the telephone", reference)
		}
	})
	for _, text := range []string{"", "G", "G00000000", "G0000000000", "X000000000", "G00000000i", "G0000000 0"} {
		if seq, ok := giftcard.ParseReference(text); ok {
			t.Errorf("%q reads as %d", text, seq)
		}
	}
}

// However a message is printed, by mistake or not, it shows no PIN, no number and no holder.
func TestMessagesDoNotPrintSecrets(t *testing.T) {
	pan, err := ident.ParsePAN("6001000000000000001")
	if err != nil {
		t.Fatal(err)
	}
	card := giftcard.Presented{PAN: pan, PIN: giftcard.PIN{Clear: "7052", Encrypted: "30DED59C"}}
	request := giftcard.Request{Card: card, Target: card, Holder: giftcard.Holder{
		ProfileID: "profile-9", MSISDN: "+27821234567", EmailAddress: "jo@example.org",
	}}
	for _, form := range []string{"%v", "%+v", "%#v", "%s"} {
		text := fmt.Sprintf(form, request)
		for _, secret := range []string{"7052", "30DED59C", "6001000000000000001", "profile-9", "27821234567", "jo@"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows %s: %s", form, secret, text)
			}
		}
	}
}

func TestStatusesHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for s := giftcard.New; s <= giftcard.ReplacedConfirmed; s++ {
		if name := s.String(); name == "" || seen[name] {
			t.Errorf("status %d is called %q", s, name)
		} else {
			seen[name] = true
		}
	}
}
