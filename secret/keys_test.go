package secret

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/scripworks/scrip/ident"
)

func generate(t testing.TB) *Keys {
	t.Helper()
	keys, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func pan(t testing.TB, digits string) ident.PAN {
	t.Helper()
	p, err := ident.ParsePAN(digits)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestKeysComeBackFromTheirFile(t *testing.T) {
	keys := generate(t)
	file, err := keys.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	card := pan(t, "8561725642498548895")
	if keys.PAN(1, card)[0] != again.PAN(1, card)[0] || keys.ID(1, "x") != again.ID(1, "x") {
		t.Error("the keys read from the file are others")
	}
	random := rand.New(rand.NewPCG(1, 1))
	for _, body := range append(samples(random, unseen, 24), samples(random, learnt, 24)...) {
		sealed, err := keys.SealBody(body)
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := again.OpenBody(sealed); err != nil || !bytes.Equal(opened, body) {
			t.Fatalf("came back as %q, %v", opened, err)
		}
	}
}
