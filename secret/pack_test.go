package secret

import (
	"bytes"
	"testing"
)

func TestEachPhraseIsOneCode(t *testing.T) {
	p := packing1()
	if n := len(p.phrases); n <= shortPhrases || n > maxPhrases {
		t.Fatalf("the dictionary has %d phrases", n)
	}
	seen := make(map[string]bool)
	for number, phrase := range p.phrases {
		if len(phrase) < shortStart || seen[phrase] {
			t.Errorf("%q is too short or stands twice", phrase)
		}
		seen[phrase] = true
		if got, want := p.pack(nil, []byte(phrase)), appendPhrase(nil, uint16(number)); !bytes.Equal(got, want) {
			t.Errorf("%q is packed as %x, not as %x", phrase, got, want)
		}
	}
}

func TestPackedForm(t *testing.T) {
	uuid := []byte("0f0c1b2a-1111-4222-8333-444455556666")
	for _, c := range []struct{ text, packed string }{
		{"", ""},
		{"Zebra", "Zebra"},
		{"123", "123"},
		{"1234", "\x0e\x04\xd2"},
		{"0000", "\x0e\x00\x00"},
		{"000000000217", "\x16\x00\x00\x00\x00\xd9"},
		{"9999999999999999999", "\x1d\x8a\xc7\x23\x04\x89\xe7\xff\xff"},
		{"99999999999999999991", "\x1d\x8a\xc7\x23\x04\x89\xe7\xff\xff1"},
		{string(uuid), "\x02\x0f\x0c\x1b\x2a\x11\x11\x42\x22\x83\x33\x44\x44\x55\x55\x66\x66"},
		{"2026-09-19T10:55:33.575Z", "\x03\x7e\xa9\x9a\xb7\x86\x3f"},
		{"4096-09-19T10:55:33.575Z", "\x0e\x10\x00-09-19T10:55:33.575Z"},
		{"é", "\x01\x02\xc3\xa9"},
		{"\x02", "\x01\x01\x02"},
		{`{"id":"`, "\x80"},
		{"\t\r\n", "\t\r\n"},
	} {
		packed := packing1().pack(nil, []byte(c.text))
		if string(packed) != c.packed {
			t.Errorf("%q is packed as %q, not as %q", c.text, packed, c.packed)
		}
		if text, err := packing1().unpack(nil, packed, MaxBody); err != nil || string(text) != c.text {
			t.Errorf("%q came back as %q, %v", c.text, text, err)
		}
	}
}

func TestPackedFormIsBounded(t *testing.T) {
	for _, worst := range []string{"\x80a", "a\x80", "\x80", "\x801", "\x80\""} {
		body := bytes.Repeat([]byte(worst), 1000)
		if got := len(packing1().pack(nil, body)); got > 2*len(body)+8 {
			t.Errorf("%q: %d bytes are packed in %d", worst, len(body), got)
		}
	}
}

func FuzzPack(f *testing.F) {
	for _, body := range day(12) {
		f.Add(body)
	}
	f.Add([]byte("\x80a\x00 0000-00-00T00:00:00.000Z 4096-99-99T99:99:99.999Z 0f0c1b2a-"))
	f.Fuzz(func(t *testing.T, body []byte) {
		packed := packing1().pack(nil, body)
		if len(packed) > 2*len(body)+8 {
			t.Errorf("%d bytes are packed in %d", len(body), len(packed))
		}
		if text, err := packing1().unpack(nil, packed, len(body)); err != nil || !bytes.Equal(text, body) {
			t.Errorf("%q came back as %q, %v", body, text, err)
		}
	})
}

func FuzzUnpack(f *testing.F) {
	for _, body := range day(12) {
		f.Add(packing1().pack(nil, body))
	}
	f.Add([]byte{codeTime, 255, 255, 255, 255, 255, 255, 0x0e, 255, 255, codeRare, 255, codeEscape, 255})
	const most = 1000
	f.Fuzz(func(t *testing.T, packed []byte) {
		if text, err := packing1().unpack(nil, packed, most); err == nil && len(text) > most {
			t.Errorf("%d bytes came out", len(text))
		}
	})
}
