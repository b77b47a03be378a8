package airtime

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
)

func someKeys(t testing.TB) *secret.Keys {
	t.Helper()
	k, err := secret.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// unshuffled undoes shuffled, round by round: what can be undone puts no two numbers in one place.
func unshuffled(keys *secret.Keys, w ident.World, n uint64) uint64 {
	left, right := uint32(n>>32), uint32(n)
	for round := 3; round >= 0; round-- {
		before := left
		text := string([]byte{byte(round), byte(before >> 24), byte(before >> 16), byte(before >> 8), byte(before)})
		left, right = right^uint32(keys.Found(w, madePIN, text)), before
	}
	return uint64(left)<<32 | uint64(right)
}

func TestNoTwoNumbersShareAPlace(t *testing.T) {
	keys := someKeys(t)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64().Draw(t, "n")
		if got := unshuffled(keys, 1, shuffled(keys, 1, n)); got != n {
			t.Fatalf("%d came back as %d", n, got)
		}
	})
}

func TestMadeVouchers(t *testing.T) {
	keys, others := someKeys(t), someKeys(t)
	serials, pins := map[string]bool{}, map[string]bool{}
	for id := int64(1); id <= 2000; id++ {
		made, err := makeVoucher(keys, 1, id, id+1)
		if err != nil {
			t.Fatal(err)
		}
		pin, err := RevealPIN(keys, made.Voucher)
		if err != nil {
			t.Fatal(err)
		}
		serials[made.Serial], pins[pin.Reveal()] = true, true
		if err := CheckSerial(made.Serial); err != nil {
			t.Fatal(err)
		}
		good := made.Status == Sold && made.ID == id && made.LastMessage == id+1 && made.Batch == 0 &&
			made.SerialHash == keys.Found(1, secret.BySerial, made.Serial) && made.PINHash == keys.Found(1, secret.ByPIN, pin.Reveal())
		if !good {
			t.Fatalf("%+v", made)
		}
	}
	if len(serials) != 2000 || len(pins) != 2000 {
		t.Errorf("%d serials, %d PINs", len(serials), len(pins))
	}
	again, err := makeVoucher(keys, 1, 7, 8)
	if err != nil {
		t.Fatal(err)
	}
	strange, err := makeVoucher(others, 1, 7, 8)
	if err != nil {
		t.Fatal(err)
	}
	if again.Serial != strange.Serial || again.PINHash == strange.PINHash {
		t.Error("the PIN does not depend on the keys")
	}
	if _, err := RevealPIN(others, again.Voucher); err == nil {
		t.Error("other keys opened the PIN")
	}
}

func FuzzParseVoucherPIN(f *testing.F) {
	for _, seed := range []string{"0", "12345678901234567890", "123456789012345678901", "", "12a", "１２"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		pin, err := ParseVoucherPIN(s)
		if err != nil {
			return
		}
		if pin.Reveal() != s || len(s) < 1 || len(s) > 20 {
			t.Errorf("%q came back as %q", s, pin.Reveal())
		}
		for _, c := range []byte(s) {
			if c < '0' || c > '9' {
				t.Errorf("%q has other things than digits", s)
			}
		}
	})
}
