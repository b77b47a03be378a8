package wire_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/scripworks/scrip/api/wire"
)

func TestAmountIsReadFromAnIntegerOrDigits(t *testing.T) {
	for value, want := range map[string]wire.Amount{
		`0`:                    0,
		`-0`:                   0,
		`5000`:                 5000,
		`-5000`:                -5000,
		`9223372036854775807`:  9223372036854775807,
		`-9223372036854775808`: -9223372036854775808,
		`"20"`:                 20,
		`"01"`:                 1,
		`"0"`:                  0,
		`"000000000000000007"`: 7,
		`"999999999999999999"`: 999999999999999999,
		`"\u0032\u0030"`:       20,
	} {
		got, err := wire.ParseAmount([]byte(value))
		if err != nil || got != want {
			t.Errorf("ParseAmount(%s) = %d, %v; want %d", value, got, err, want)
		}
	}
}

func TestAmountIsNeverCutOrRounded(t *testing.T) {
	for _, value := range []string{
		``, `-`, `+1`, `01`, `-01`, `1.0`, `50.9`, `1e3`, `1E0`, `0x10`, ` 1`, `1 `,
		`9223372036854775808`, `-9223372036854775809`,
		`""`, `"-1"`, `"+1"`, `" 1"`, `"1 "`, `"1.0"`, `"1e3"`, `"0000000000000000001"`, `"1`, `"`, `"\u00"`, `"١"`,
		`null`, `true`, `[1]`, `{}`,
	} {
		if got, err := wire.ParseAmount([]byte(value)); !errors.Is(err, wire.ErrAmount) {
			t.Errorf("ParseAmount(%s) = %d, %v; want ErrAmount", value, got, err)
		}
	}
}

func TestAmountInAMessage(t *testing.T) {
	var message struct {
		Amount  wire.Amount `json:"amount"`
		Missing wire.Amount `json:"missing"`
	}
	message.Missing = 4
	if err := json.Unmarshal([]byte(`{"amount": "0100", "missing": null}`), &message); err != nil {
		t.Fatal(err)
	}
	written, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(written), `{"amount":100,"missing":4}`; got != want {
		t.Errorf("written %s, want %s", got, want)
	}
	if err := json.Unmarshal([]byte(`{"amount": 1.5}`), &message); !errors.Is(err, wire.ErrAmount) {
		t.Errorf("a fraction gave %v, want ErrAmount", err)
	}
}

// FuzzAmount holds ParseAmount against rule C7 written as two patterns.
func FuzzAmount(f *testing.F) {
	integer := regexp.MustCompile(`\A-?(0|[1-9][0-9]*)\z`)
	digits := regexp.MustCompile(`\A[0-9]{1,18}\z`)
	for _, seed := range []string{`0`, `-1`, `"20"`, `"01"`, `1.0`, `1e3`, `"\u0031"`, `9223372036854775808`, `null`, `"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		want, allowed := new(big.Int), false
		var text string
		if integer.MatchString(value) {
			want.SetString(value, 10)
			allowed = want.IsInt64()
		} else if strings.HasPrefix(value, `"`) && strings.HasSuffix(value, `"`) && json.Unmarshal([]byte(value), &text) == nil && digits.MatchString(text) {
			want.SetString(text, 10)
			allowed = true
		}
		got, err := wire.ParseAmount([]byte(value))
		if (err == nil) != allowed {
			t.Fatalf("ParseAmount(%q): %v, allowed by C7: %v", value, err, allowed)
		}
		if allowed && int64(got) != want.Int64() {
			t.Fatalf("ParseAmount(%q) = %d, want %d", value, got, want)
		}
	})
}
