package ident_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/scripworks/scrip/ident"
)

func TestMSISDNs(t *testing.T) {
	for s, want := range map[string]string{
		"27749670999": "27749670999", "+27749670999": "27749670999", "12": "12", "123456789012345": "123456789012345",
	} {
		if m, err := ident.ParseMSISDN(s); err != nil || m.Reveal() != want {
			t.Errorf("%q was read as %q: %v", s, m.Reveal(), err)
		}
	}
	for _, s := range []string{"", "+", "1", "+1", "0123", "+0123", "1234567890123456", "12a4", "++12", " 12", "12 "} {
		if _, err := ident.ParseMSISDN(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}

func TestMSISDNNeverPrintsWhole(t *testing.T) {
	for _, s := range []string{"27749670999", "12", "123456", "1234567"} {
		m, err := ident.ParseMSISDN(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, printed := range []string{fmt.Sprint(m), fmt.Sprintf("%+v", m), fmt.Sprintf("%#v", m), fmt.Sprintf("%q", m), fmt.Sprintf("%d", m), fmt.Sprintf("%x", m)} {
			if strings.Contains(printed, s) {
				t.Errorf("%s prints as %s", s, printed)
			}
		}
	}
}

func FuzzParseMSISDN(f *testing.F) {
	for _, s := range []string{"+27749670999", "12", "0", "+", "１２"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ident.ParseMSISDN(s)
		if err != nil {
			return
		}
		if again, err := ident.ParseMSISDN("+" + m.Reveal()); err != nil || again != m {
			t.Errorf("%q reads back as %q: %v", s, again.Reveal(), err)
		}
	})
}
