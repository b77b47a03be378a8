package ident_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/scripworks/scrip/ident"
)

func TestIDIsOpaquePrintableASCII(t *testing.T) {
	for _, good := range []string{"x", "0F0c1b2a-0000-0000-0000-000000000000", strings.Repeat("a", 64), "!~"} {
		if id, err := ident.ParseID(good); err != nil || string(id) != good {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", strings.Repeat("a", 65), "a b", "ä", "a\n", "\x7f"} {
		if _, err := ident.ParseID(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestOnlyCanonicalUUIDsBecomeBytes(t *testing.T) {
	for _, other := range []string{
		"0F0C1B2A-1111-2222-3333-444455556666", // upper case must come back as it was
		"0f0c1b2a111122223333444455556666",
		"0f0c1b2a-1111-2222-3333-44445555666g",
		"0f0c1b2a-1111-2222-33334-44455556666",
	} {
		if _, ok := ident.ID(other).UUID(); ok {
			t.Errorf("%q was taken for a canonical UUID", other)
		}
	}
}

func FuzzIDRoundTrip(f *testing.F) {
	f.Add("0f0c1b2a-1111-2222-3333-444455556666")
	f.Add("0F0c1b2a-1111-2222-3333-444455556666")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ident.ParseID(s)
		if err != nil {
			return
		}
		if u, ok := id.UUID(); ok && ident.FromUUID(u) != id {
			t.Errorf("%q came back as %q", id, ident.FromUUID(u))
		}
	})
}

func TestPANNeverPrintsWhole(t *testing.T) {
	const number = "8561725642498548895"
	pan, err := ident.ParsePAN(number)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := pan.MarshalText()
	for _, printed := range []string{fmt.Sprint(pan), fmt.Sprintf("%v %+v %#v %s %d %x %q", pan, pan, pan, pan, pan, pan, pan), string(text)} {
		if strings.Contains(printed, "564249854") {
			t.Errorf("printed as %q", printed)
		}
	}
	if pan.String() != "856172*********8895" || pan.Reveal() != number {
		t.Errorf("got %s", pan)
	}
}

func FuzzParsePAN(f *testing.F) {
	f.Add("8561725642498548895")
	f.Add("85617256424985488951")
	f.Add("85x")
	f.Add("igi") // which stands in the error by itself
	_, refused := ident.ParsePAN("")
	f.Fuzz(func(t *testing.T, s string) {
		pan, err := ident.ParsePAN(s)
		if err != nil {
			if err.Error() != refused.Error() {
				t.Errorf("the error of %q tells something of it: %v", s, err)
			}
			return
		}
		if pan.Reveal() != s || len(pan.String()) != len(s) {
			t.Errorf("%q came back as %q", s, pan.Reveal())
		}
	})
}

func ExampleParsePAN() {
	pan, _ := ident.ParsePAN("8561725642498548895")
	fmt.Println(pan)
	// Output: 856172*********8895
}
