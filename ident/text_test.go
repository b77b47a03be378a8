package ident_test

import (
	"testing"

	"github.com/scripworks/scrip/ident"
)

func TestAlphanumeric(t *testing.T) {
	for text, want := range map[string]bool{
		"a": true, "Z9": true, "0aZ": true, "": false, "abcd": false, "a b": false, "a-b": false, "é": false, "٣": false, "a\n": false,
	} {
		if got := ident.Alphanumeric(text, 1, 3); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
	if !ident.Alphanumeric("", 0, 3) {
		t.Error("an empty text is refused where it may be empty")
	}
}
