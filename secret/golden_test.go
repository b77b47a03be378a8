package secret

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/scripworks/scrip/ident"
)

// golden is what rested under a set of keys when version 1 of the formats was made. The files were
// written once and are never written again: whatever changes in the code, what rests in somebody's
// database must still be opened and found.
type golden struct {
	Bodies []struct{ Body, Sealed string } // Sealed in hexadecimal
	Values []struct{ Plain, Context, Sealed string }
	PAN    []struct {
		World  ident.World
		PAN    string
		Digest string // of the primary key
	}
	PIN []struct {
		World    ident.World
		PAN, PIN string
		Kind     PINKind
		Digest   string
	}
	Holder []struct {
		World               ident.World
		Kind, Value, Digest string
	}
	ID []struct {
		World  ident.World
		ID     ident.ID
		Number int64
	}
	Reference []struct {
		World                   ident.World
		Institution, Identifier string
		Number                  int64
	}
}

func readGolden(t *testing.T) (keys *Keys, g golden) {
	t.Helper()
	set, err := os.ReadFile("testdata/keyset1.json")
	if err != nil {
		t.Fatal(err)
	}
	if keys, err = Parse(set); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("testdata/rest1.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return keys, g
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestWhatRestsOpensForEver(t *testing.T) {
	keys, g := readGolden(t)
	if len(g.Bodies) == 0 || len(g.Values) == 0 {
		t.Fatal("nothing rests")
	}
	for _, of := range []*Keys{keys, rotate(t, keys)} {
		for _, c := range g.Bodies {
			if opened, err := of.OpenBody(unhex(t, c.Sealed)); err != nil || string(opened) != c.Body {
				t.Errorf("the body %s opened as %s, %v", c.Body, opened, err)
			}
		}
		for _, c := range g.Values {
			if opened, err := of.Open(unhex(t, c.Sealed), []byte(c.Context)); err != nil || string(opened) != c.Plain {
				t.Errorf("the value %s opened as %s, %v", c.Plain, opened, err)
			}
		}
	}
}

func TestWhatRestsIsFoundForEver(t *testing.T) {
	keys, g := readGolden(t)
	if len(g.PAN) == 0 || len(g.PIN) == 0 || len(g.Holder) == 0 || len(g.ID) == 0 || len(g.Reference) == 0 {
		t.Fatal("nothing rests")
	}
	for _, of := range []*Keys{keys, rotate(t, keys)} {
		for _, c := range g.PAN {
			asked(t, keys, of.PAN(c.World, pan(t, c.PAN)), c.Digest)
		}
		for _, c := range g.PIN {
			verifiers := of.PIN(c.World, pan(t, c.PAN), c.Kind, c.PIN)
			if !slices.ContainsFunc(verifiers, func(d Digest) bool { return hex.EncodeToString(d.Sum[:]) == c.Digest }) {
				t.Errorf("PIN %s of card %s: %v", c.PIN, c.PAN, verifiers)
			}
		}
		for _, c := range g.Holder {
			asked(t, keys, of.Holder(c.World, c.Kind, c.Value), c.Digest)
		}
		for _, c := range g.ID {
			if got := of.ID(c.World, c.ID); got != c.Number {
				t.Errorf("id %s has number %d, not %d", c.ID, got, c.Number)
			}
		}
		for _, c := range g.Reference {
			if got := of.Reference(c.World, ident.Reference{Institution: c.Institution, Identifier: c.Identifier}); got != c.Number {
				t.Errorf("reference %s has number %d, not %d", c.Identifier, got, c.Number)
			}
		}
	}
}

// asked fails when a digest that rests under the primary key of the golden set is not among those asked for.
func asked(t *testing.T, keys *Keys, digests []Digest, rests string) {
	t.Helper()
	want := Digest{Key: keys.Primary(), Sum: [16]byte(unhex(t, rests))}
	if !slices.Contains(digests, want) {
		t.Errorf("%x rests, asked for %v", want.Sum, digests)
	}
}
