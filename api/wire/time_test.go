package wire_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/api/wire"
)

func TestTimeIsKeptAsReceived(t *testing.T) {
	for _, text := range []string{
		"2019-09-25T09:50:33.120Z",
		"2019-09-25T09:50:33Z",
		"2019-09-25t09:50:33z",
		"2019-09-25T09:50:33.1+02:00",
		"2019-09-25T09:50:33.123456789123-23:59",
		"2019-09-25T09:50:33-00:00",
		"2024-02-29T00:00:00Z",
		"2000-02-29T00:00:00Z",
		"2016-12-31T23:59:60Z",
		"0000-01-01T00:00:00Z",
	} {
		var got wire.Time
		message, _ := json.Marshal(text)
		if err := json.Unmarshal(message, &got); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if written, err := json.Marshal(got); err != nil || string(written) != string(message) {
			t.Errorf("%s written as %s, %v", message, written, err)
		}
	}
}

func TestTimeThatIsNoneIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "now", "2019-09-25", "2019-09-25T09:50Z", "2019-09-25T09:50:33", "2019-09-25 09:50:33Z",
		"2019-09-25T09:50:33,1Z", "2019-09-25T09:50:33.Z", "2019-09-25T09:50:33.1", "2019-09-25T09:50:33ZZ",
		"2019-09-25T09:50:33+0200", "2019-09-25T09:50:33+24:00", "2019-09-25T09:50:33+02:60", "2019-09-25T09:50:33*02:00",
		"2019-09-25T09:50:33+02-00", "2019-09-25T09:50:33+0a:00", "2019-09-25T09:50:33+00:0a",
		"2019-00-25T09:50:33Z", "2019-13-25T09:50:33Z", "2019-09-00T09:50:33Z", "2019-09-31T09:50:33Z",
		"2019-02-29T09:50:33Z", "1900-02-29T09:50:33Z", "2019-01-32T09:50:33Z",
		"2019-09-25T24:00:00Z", "2019-09-25T09:60:33Z", "2019-09-25T09:50:61Z", "+019-09-25T09:50:33Z",
		"2019-09-25T09:50:33." + strings.Repeat("1", wire.MaxTimeLength) + "Z",
	} {
		if _, err := wire.ParseTime(text); !errors.Is(err, wire.ErrTime) {
			t.Errorf("ParseTime(%q): %v, want ErrTime", text, err)
		}
	}
}

func TestTimeOfAnotherJSONTypeIsRefused(t *testing.T) {
	for _, value := range []string{`1569405033000`, `true`, `{}`, `["2019-09-25T09:50:33Z"]`} {
		var got wire.Time
		if err := json.Unmarshal([]byte(value), &got); !errors.Is(err, wire.ErrTime) {
			t.Errorf("%s: %v, want ErrTime", value, err)
		}
	}
	kept := wire.Time("2019-09-25T09:50:33Z")
	if err := json.Unmarshal([]byte(`null`), &kept); err != nil || kept == "" {
		t.Errorf("null gave %q, %v; want the time as it was", kept, err)
	}
}

func TestTimeNamesAnInstant(t *testing.T) {
	want := time.Date(2019, 9, 25, 9, 50, 33, 120_000_000, time.UTC)
	for _, text := range []wire.Time{"2019-09-25T09:50:33.120Z", "2019-09-25T11:50:33.12+02:00", "2019-09-25T04:20:33.12-05:30"} {
		if got := text.Instant(); !got.Equal(want) {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	if got := wire.NewTime(want); got != "2019-09-25T09:50:33.120Z" {
		t.Errorf("our own time is %s", got)
	}
	if got := wire.Time("").Instant(); !got.IsZero() {
		t.Errorf("no time is %s, want the zero time", got)
	}
}

// FuzzTime holds ParseTime against the grammar of RFC 3339 written as a pattern, and the calendar
// against the standard library's, which knows neither the lower case nor the leap second.
func FuzzTime(f *testing.F) {
	grammar := regexp.MustCompile(`\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)\z`)
	leapSecond := regexp.MustCompile(`\A(.{17})60`)
	for _, seed := range []string{"2019-09-25T09:50:33.120Z", "2019-09-25t09:50:33+02:00", "2016-12-31T23:59:60z", "2019-02-29T09:50:33Z", "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ordinary := leapSecond.ReplaceAllString(strings.NewReplacer("t", "T", "z", "Z").Replace(text), "${1}59")
		instant, notOnCalendar := time.Parse(time.RFC3339, ordinary)
		want := len(text) <= wire.MaxTimeLength && grammar.MatchString(ordinary) && notOnCalendar == nil

		got, err := wire.ParseTime(text)
		if (err == nil) != want {
			t.Fatalf("ParseTime(%q): %v, in RFC 3339: %v", text, err, want)
		}
		if err == nil && string(got) != text {
			t.Fatalf("%q was kept as %q", text, got)
		}
		if want && !leapSecond.MatchString(text) && !got.Instant().Equal(instant) {
			t.Fatalf("%q is %s, want %s", text, got.Instant(), instant)
		}
	})
}
