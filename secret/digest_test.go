package secret

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tink-crypto/tink-go/v2/prf"

	"github.com/scripworks/scrip/ident"
)

func pan(t testing.TB, digits string) ident.PAN {
	t.Helper()
	p, err := ident.ParsePAN(digits)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func card(t testing.TB) ident.PAN { return pan(t, "8561725642498548895") }

const messageID ident.ID = "0f0c1b2a-1111-4222-8333-444455556666"

// everyDigest makes one digest of each purpose.
func everyDigest(t testing.TB, keys *Keys) map[string]any {
	return map[string]any{
		"pan":       keys.PAN(1, card(t)),
		"pin":       keys.PIN(1, card(t), ClearPIN, "7052"),
		"holder":    keys.Holder(1, "msisdn", "27749670999"),
		"id":        keys.ID(1, messageID),
		"reference": keys.Reference(1, ident.Reference{Institution: "30000001", Identifier: "T1"}),
	}
}

func TestDigestsSeparateTheirInputs(t *testing.T) {
	k := generate(t)
	p, q := pan(t, "6001"), pan(t, "60010")
	cases := map[string][]Digest{
		"a card":                           k.PAN(1, p),
		"its number and a digit more":      k.PAN(1, q),
		"in another world":                 k.PAN(2, p),
		"a holder of that value":           k.Holder(1, "6001", ""),
		"another kind of value":            k.Holder(1, "profileId", "6001"),
		"a third":                          k.Holder(1, "msisdn", "6001"),
		"in another world too":             k.Holder(2, "msisdn", "6001"),
		"a letter moved to the kind":       k.Holder(1, "msisdn6", "001"),
		"a PIN":                            k.PIN(1, p, ClearPIN, "012"),
		"a digit moved from card to PIN":   k.PIN(1, q, ClearPIN, "12"),
		"the same PIN of another card":     k.PIN(1, q, ClearPIN, "012"),
		"in another world as well":         k.PIN(2, p, ClearPIN, "012"),
		"as an encrypted block":            k.PIN(1, p, EncryptedPIN, "012"),
		"another PIN":                      k.PIN(1, p, ClearPIN, "013"),
		"a clear PIN in lower case":        k.PIN(1, p, ClearPIN, "ab"),
		"a clear PIN in upper case":        k.PIN(1, p, ClearPIN, "AB"),
		"a PIN with the kind's byte moved": k.PIN(1, p, ClearPIN, "\x01012"),
	}
	seen := make(map[[16]byte]string)
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		digests := cases[name]
		if len(digests) != 1 || digests[0].IsZero() {
			t.Fatalf("%s: %d digests", name, len(digests))
		}
		if same, found := seen[digests[0].Sum]; found {
			t.Errorf("%s: the same as %s", name, same)
		}
		seen[digests[0].Sum] = name
	}
}

func TestNumbersSeparateTheirInputs(t *testing.T) {
	k := generate(t)
	raw, _ := messageID.UUID()
	numbers := map[string]int64{
		"an id":                        k.ID(1, messageID),
		"in another world":             k.ID(2, messageID),
		"in upper case":                k.ID(1, ident.ID(strings.ToUpper(string(messageID)))),
		"its bytes as text":            k.ID(1, ident.ID(raw[:])),
		"a short id":                   k.ID(1, "1"),
		"a long id":                    k.ID(1, ident.ID(strings.Repeat("1", ident.MaxIDLength))),
		"a reference":                  k.Reference(1, ident.Reference{Institution: "1", Identifier: "23"}),
		"a digit moved":                k.Reference(1, ident.Reference{Institution: "12", Identifier: "3"}),
		"in another world too":         k.Reference(2, ident.Reference{Institution: "1", Identifier: "23"}),
		"a reference without its text": k.Reference(1, ident.Reference{Institution: "123"}),
		"a very long one":              k.Reference(1, ident.Reference{Institution: "1", Identifier: strings.Repeat("2", 1000)}),
		"what a message tells":         k.Found(1, ByLabel, "123"),
		"a merchant's hour":            k.Merchant(1, "123", noon),
		"another merchant's":           k.Merchant(1, "124", noon),
		"the hour before":              k.Merchant(1, "123", noon.Add(-time.Nanosecond)),
		"the hour after":               k.Merchant(1, "123", noon.Add(time.Hour)),
		"the merchant's elsewhere":     k.Merchant(2, "123", noon),
	}
	seen := make(map[int64]string)
	for _, name := range slices.Sorted(maps.Keys(numbers)) {
		if same, found := seen[numbers[name]]; found {
			t.Errorf("%s: the same as %s", name, same)
		}
		seen[numbers[name]] = name
	}
}

// Whoever asks does not know the second in which a request was received, nor has to live where the server stands.
func TestAMerchantIsFoundByTheHour(t *testing.T) {
	k := generate(t)
	want := k.Merchant(1, "123", noon)
	for _, at := range []time.Time{noon.Add(time.Hour - time.Nanosecond), noon.In(time.FixedZone("Kathmandu", 20700))} {
		if k.Merchant(1, "123", at) != want {
			t.Errorf("%s has another number than %s", at, noon)
		}
	}
}

func TestPINIsCompared(t *testing.T) {
	k := generate(t)
	if got := k.PIN(1, card(t), ClearPIN, ""); got != nil {
		t.Errorf("no PIN has %d verifiers", len(got))
	}
	if k.PIN(1, card(t), EncryptedPIN, "30ded59c")[0] != k.PIN(1, card(t), EncryptedPIN, "30DED59C")[0] {
		t.Error("encrypted PINs are compared with case")
	}
	again, err := Parse(written(t, k))
	if err != nil {
		t.Fatal(err)
	}
	if k.PIN(1, card(t), ClearPIN, "7052")[0] != again.PIN(1, card(t), ClearPIN, "7052")[0] {
		t.Error("the right PIN is wrong")
	}
}

func TestRotatedDigestsAreStillAsked(t *testing.T) {
	first := generate(t)
	second := rotate(t, first)
	third := rotate(t, second)
	for what, of := range map[string]func(*Keys) []Digest{
		"pan":    func(k *Keys) []Digest { return k.PAN(1, card(t)) },
		"pin":    func(k *Keys) []Digest { return k.PIN(1, card(t), ClearPIN, "7052") },
		"holder": func(k *Keys) []Digest { return k.Holder(1, "profileId", "x") },
	} {
		want := []Digest{of(third)[0], of(second)[0], of(first)[0]}
		if got := of(third); !slices.Equal(got, want) {
			t.Errorf("%s: asked for %v, want newest first %v", what, got, want)
		}
	}
	if got := third.PAN(1, card(t))[0].Key; got != third.Primary() {
		t.Errorf("the primary digest has key %d, not %d", got, third.Primary())
	}
	if first.ID(1, messageID) != third.ID(1, messageID) {
		t.Error("the number of an id has changed")
	}
}

func TestDisabledKeysAreNotAsked(t *testing.T) {
	keys := rotate(t, generate(t))
	data := written(t, keys)
	at := bytes.Index(data, []byte(`"pan"`))
	disabled := append(data[:at:at], bytes.Replace(data[at:], []byte("ENABLED"), []byte("DISABLED"), 1)...)
	again, err := Parse(disabled)
	if err != nil {
		t.Fatal(err)
	}
	if got, all := again.PAN(1, card(t)), keys.PAN(1, card(t)); len(got) != 1 || got[0] != all[0] {
		t.Errorf("asked for %v of %v", got, all)
	}
}

func TestDigestIsTinksPRF(t *testing.T) {
	keys := generate(t)
	set, err := prf.NewPRFSet(keys.pans)
	if err != nil {
		t.Fatal(err)
	}
	want, err := set.ComputePrimaryPRF(append([]byte("p\x00\x00\x00\x01\x04"), "6001"...), 16)
	if err != nil {
		t.Fatal(err)
	}
	got := keys.PAN(1, pan(t, "6001"))[0]
	if got.Key != set.PrimaryID || !bytes.Equal(got.Sum[:], want) {
		t.Errorf("got %v, Tink says %d %x", got, set.PrimaryID, want)
	}
}

func TestNumbersAllocateNothing(t *testing.T) {
	keys := generate(t)
	for _, id := range []ident.ID{messageID, "short", ident.ID(strings.Repeat("x", ident.MaxIDLength))} {
		if n := testing.AllocsPerRun(100, func() { keys.ID(1, id) }); n != 0 {
			t.Errorf("%s: %v allocations", id, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() { keys.Merchant(1, "000000000012345", noon) }); n != 0 {
		t.Errorf("a merchant: %v allocations", n)
	}
}

func BenchmarkPAN(b *testing.B) {
	keys, p := generate(b), card(b)
	b.ReportAllocs()
	for b.Loop() {
		keys.PAN(1, p)
	}
}

func BenchmarkPIN(b *testing.B) {
	keys, p := generate(b), card(b)
	b.ReportAllocs()
	for b.Loop() {
		keys.PIN(1, p, ClearPIN, "7052")
	}
}

func BenchmarkID(b *testing.B) {
	keys := generate(b)
	b.ReportAllocs()
	for b.Loop() {
		keys.ID(1, messageID)
	}
}

func BenchmarkReference(b *testing.B) {
	keys := generate(b)
	r := ident.Reference{Institution: "30000001", Identifier: "T000000000217"}
	b.ReportAllocs()
	for b.Loop() {
		keys.Reference(1, r)
	}
}
