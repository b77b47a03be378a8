package adminhttp

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/scripworks/scrip/giftcard"
)

// read gives all lines of a file.
func read(t *testing.T, text string) (lines []string) {
	t.Helper()
	f, err := newFile(cardSheet, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for {
		line, err := f.next()
		if err == io.EOF {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		what := line.Seed.PAN.String()
		if line.Fault != nil {
			what += " " + line.Fault.Error()
		}
		lines = append(lines, what)
	}
}

func TestReadAFile(t *testing.T) {
	f, err := newFile(cardSheet, strings.NewReader("\ufeffExpiry, PAN ,clear_pin,currency,profile_id,msisdn,email,encrypted_pin\r\n"+
		`4010,6001000000000001,1234,710,p,2782,"a""b,c@d.example",AB`+"\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	line, err := f.next()
	if err != nil || line.Fault != nil {
		t.Fatal(err, line.Fault)
	}
	s := line.Seed
	if line.Number != 2 || s.PAN.Reveal() != "6001000000000001" || s.Expiry != 4010 || s.Currency != 710 ||
		s.PIN.Clear != "1234" || s.PIN.Encrypted != "AB" || s.Holder != (giftcard.Holder{ProfileID: "p", MSISDN: "2782", EmailAddress: `a"b,c@d.example`}) {
		t.Errorf("read %+v", line)
	}
	if _, err := f.next(); err != io.EOF {
		t.Errorf("after the last line: %v", err)
	}
}

func TestFaultyLines(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"6001000000000001,4010\n", "600100******0001"},
		{"\n6001000000000001,4010\n", "600100******0001"},
		{"6001000000000001,4013\n", "600100******0001 expiry: expiry must end in a month from 01 to 12"},
		{"60010000000000O1,4010\n", " pan: must have 1 to 19 digits"},
		{",4010\n", " pan: is missing"},
		{"6001000000000001,\n", "600100******0001 expiry: is missing"},
		{"6001000000000001\n", " the line has not as many fields as the first line"},
		{"6001000000000001,4010,\n", " the line has not as many fields as the first line"},
		{"6001\"000000000001,4010\n", " a double quote stands where it cannot"},
		{"\"6001000000000001\n", " a double quote stands where it cannot"},
		{"\"6001000000000001\"x,4010\n", " a double quote stands where it cannot"},
		{"6001000000000001,4010", " the last line has no line end, so the file may have been cut; end it with one"},
		{strings.Repeat("6", maxLine) + "\n", " the line is too long"},
		{strings.Repeat("6", 100<<10) + "\n", " the line is too long"},
	} {
		if got := read(t, "pan,expiry\n"+c.line); len(got) != 1 || got[0] != c.want {
			t.Errorf("%.40q was read as %q, want %q", c.line, got, c.want)
		}
	}
	after := read(t, "pan,expiry\n"+strings.Repeat("6", 100<<10)+"\n6001000000000001,4010\n")
	if len(after) != 2 || after[1] != "600100******0001" {
		t.Errorf("after a line that is too long: %q", after)
	}
}

func TestFilesWithoutAFirstLine(t *testing.T) {
	for _, text := range []string{"", "pan,expiry", "6001000000000001,4010\n", "pan,expiry,pan\n", "pan\n", "expiry\n", "pan,expiry,\"\n", "pan,expiry,pin\n"} {
		_, err := newFile(cardSheet, strings.NewReader(text))
		if err == nil || strings.Contains(err.Error(), "6001") {
			t.Errorf("%q: %v", text, err)
		}
	}
	broken := errors.New("broken")
	if _, err := newFile(cardSheet, io.MultiReader(strings.NewReader("pan,ex"), failing{broken})); err != broken {
		t.Errorf("a body that breaks off: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Where both read a line they read the same.
func FuzzFields(f *testing.F) {
	for _, s := range []string{"", "a,b", `"a,b",c`, `"a""b"`, `a"b`, `"a"b`, `"a`, ",,", `"",`, "a\rb", " a, b "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "\n\r") || s == "" {
			return
		}
		got, fault := fields(s)
		want, err := csv.NewReader(strings.NewReader(s)).Read()
		if (fault == nil) != (err == nil) || (err == nil && !slices.Equal(got, want)) {
			t.Errorf("%q: %q %v, want %q %v", s, got, fault, want, err)
		}
	})
}

// Whatever the file, each line is a seed or a fault, none is skipped but empty ones, and no fault quotes the line.
func FuzzCardFile(f *testing.F) {
	f.Add("pan,expiry\n6001000000000001,4010\n")
	f.Add("pan,expiry,clear_pin\n6001000000000001,4010,\"1\"\n\nx")
	f.Add("expiry,pan\r\n4010,6001\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		file, err := newFile(cardSheet, strings.NewReader(s))
		if err != nil {
			return
		}
		for {
			line, err := file.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if line.Fault == nil && (line.Seed.PAN.IsZero() || line.Seed.Expiry == 0) {
				t.Errorf("line %d is neither a seed nor a fault", line.Number)
			}
		}
		if file.bytes != int64(len(s)) {
			t.Errorf("read %d bytes of %d", file.bytes, len(s))
		}
	})
}

// Whatever the file, each of its lines is a voucher or a fault, and no fault quotes the line: it may be a PIN.
func FuzzVoucherFile(f *testing.F) {
	f.Add("serial,pin\nS1,77770001\n")
	f.Add("pin,serial\r\n\"7777\",S1\r\n\nS2")
	f.Add("serial,pin\n77770001,S1\n")
	f.Fuzz(func(t *testing.T, s string) {
		file, err := newFile(voucherSheet, strings.NewReader(s))
		if err != nil {
			return
		}
		for {
			line, err := file.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if line.Fault == nil && line.Seed.PIN.Reveal() == "" {
				t.Errorf("line %d is neither a voucher nor a fault", line.Number)
			}
			if line.Fault != nil && !known[line.Fault.Text] {
				t.Errorf("line %d is told as %q", line.Number, line.Fault.Text)
			}
		}
		if file.bytes != int64(len(s)) || file.cut == strings.HasSuffix(s, "\n") {
			t.Errorf("read %d bytes of %d, cut=%v", file.bytes, len(s), file.cut)
		}
	})
}

// known are all texts that a line of vouchers is refused with before anybody asks what is there.
var known = map[string]bool{
	"the line is too long": true, "the last line has no line end, so the file may have been cut; end it with one": true,
	"a double quote stands where it cannot": true, "the line has not as many fields as the first line": true, "must have 1 to 20 digits": true,
	"is missing": true,
}
