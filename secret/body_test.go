package secret

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"pgregory.net/rapid"
)

func sealBody(t testing.TB, keys *Keys, body []byte) []byte {
	t.Helper()
	sealed, err := keys.SealBody(body)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestBodiesComeBack(t *testing.T) {
	keys := generate(t)
	bodies := append(day(120),
		nil,
		[]byte("{}"),
		[]byte(`{ "time" : "2026-02-30T25:61:61.999Z", "when": "2026-11-02T16:45:07+02:00" }`),
		[]byte(`{"ID":"0F0C1B2A-1111-4222-8333-444455556666","n":000123456789012345678901234567890}`),
		[]byte("\x00\x01\x02\xff\xfe not JSON at all \x80"),
		bytes.Repeat([]byte(`{"productId":"x"},`), 3000),
		bytes.Repeat([]byte("\x80a"), MaxBody/2),
	)
	for _, body := range bodies {
		if opened, err := keys.OpenBody(sealBody(t, keys, body)); err != nil || !bytes.Equal(opened, body) {
			t.Errorf("%.100q came back as %.100q, %v", body, opened, err)
		}
	}
}

// The sizes are promises to the store: half as much again would be a page more on each commit.
func TestBodiesRestSmall(t *testing.T) {
	keys := generate(t)
	for _, c := range []struct {
		name string
		kind func(till, *rand.Rand) string
		most int
	}{
		{"redemption", till.redemption, 275},
		{"load", till.load, 265},
		{"response", till.response, 340},
		{"confirmation", till.confirmation, 135},
		{"reversal", till.reversal, 135},
	} {
		bodies, plain, sealed := many(c.kind, 300), 0, 0
		for _, body := range bodies {
			plain += len(body)
			sealed += len(sealBody(t, keys, body))
		}
		t.Logf("%s: %d bytes rest in %d", c.name, plain/len(bodies), sealed/len(bodies))
		if sealed > c.most*len(bodies) {
			t.Errorf("%s: rests in %d bytes, want at most %d", c.name, sealed/len(bodies), c.most)
		}
	}
}

func TestBodiesAreBounded(t *testing.T) {
	keys := generate(t)
	if _, err := keys.SealBody(make([]byte, MaxBody+1)); err == nil {
		t.Error("a body above the bound was sealed")
	}
	phrases := bytes.Repeat([]byte{codePhrase}, MaxBody/len(packing1().phrases[0])+1)
	hostile := map[string][]byte{
		"unpacks to too much":    s2.Encode(nil, phrases),
		"claims too much":        {0xff, 0xff, 0xff, 0xff, 0x0f},
		"is no block":            {0x05, 0xff},
		"is empty":               {},
		"ends within a code":     s2.Encode(nil, []byte{codeUUID, 1, 2}),
		"has an unknown code":    s2.Encode(nil, []byte{0x1f}),
		"has an unknown phrase":  s2.Encode(nil, []byte{codeRare, 0xff}),
		"ends within its escape": s2.Encode(nil, []byte{codeEscape}),
	}
	for name, block := range hostile {
		sealed, err := keys.aead.Encrypt(block, bodyContext)
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := keys.OpenBody(append([]byte{bodyVersion}, sealed...)); err == nil {
			t.Errorf("a body that %s opened to %d bytes", name, len(opened))
		}
	}
}

func TestBodiesCannotBeChanged(t *testing.T) {
	keys := generate(t)
	sealed := sealBody(t, keys, day(1)[0])
	for at := range sealed {
		changed := bytes.Clone(sealed)
		changed[at] ^= 1
		if _, err := keys.OpenBody(changed); err == nil {
			t.Errorf("opened with byte %d changed", at)
		}
		if _, err := keys.OpenBody(sealed[:at]); err == nil {
			t.Errorf("opened when cut at %d", at)
		}
	}
}

func TestEachSealIsFresh(t *testing.T) {
	keys, body := generate(t), day(1)[0]
	if bytes.Equal(sealBody(t, keys, body), sealBody(t, keys, body)) {
		t.Error("the same body rests the same twice")
	}
}

func TestOpenedBodyIsTheCallersOwn(t *testing.T) {
	keys, bodies := generate(t), day(2)
	first, second := sealBody(t, keys, bodies[0]), sealBody(t, keys, bodies[1])
	opened, err := keys.OpenBody(first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.OpenBody(second); err != nil {
		t.Fatal(err)
	}
	if again, err := keys.OpenBody(first); err != nil || !bytes.Equal(opened, bodies[0]) || !bytes.Equal(again, bodies[0]) {
		t.Errorf("later work changed an opened body: %v", err)
	}
}

func TestAnyBodyComesBack(t *testing.T) {
	keys := generate(t)
	pieces := rapid.OneOf(
		rapid.SampledFrom(packing1().phrases),
		rapid.StringMatching(`[0-9]{1,25}`),
		rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`),
		rapid.StringMatching(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z`),
		rapid.String(),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		body := []byte(strings.Join(rapid.SliceOf(pieces).Draw(t, "pieces"), ""))
		sealed, err := keys.SealBody(body)
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := keys.OpenBody(sealed); err != nil || !bytes.Equal(opened, body) {
			t.Fatalf("%q came back as %q, %v", body, opened, err)
		}
	})
}

func FuzzOpenBody(f *testing.F) {
	keys := generate(f)
	f.Add(sealBody(f, keys, day(1)[0]))
	f.Add([]byte{bodyVersion})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if opened, err := keys.OpenBody(sealed); err == nil && len(opened) > MaxBody {
			t.Errorf("opened to %d bytes", len(opened))
		}
	})
}

func BenchmarkSealBody(b *testing.B) {
	keys := generate(b)
	for name, bodies := range map[string][][]byte{
		"redemption": many(till.redemption, 256), "confirmation": many(till.confirmation, 256),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				sealBody(b, keys, bodies[i%len(bodies)])
			}
		})
	}
}

func BenchmarkOpenBody(b *testing.B) {
	keys := generate(b)
	sealed := sealBody(b, keys, day(1)[0])
	b.ReportAllocs()
	for b.Loop() {
		if _, err := keys.OpenBody(sealed); err != nil {
			b.Fatal(err)
		}
	}
}
