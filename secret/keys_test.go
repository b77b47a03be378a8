package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"pgregory.net/rapid"
)

func generate(t testing.TB) *Keys {
	t.Helper()
	keys, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func rotate(t testing.TB, keys *Keys) *Keys {
	t.Helper()
	rotated, err := keys.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	return rotated
}

func seal(t testing.TB, keys *Keys, plain, context string) []byte {
	t.Helper()
	sealed, err := keys.Seal([]byte(plain), []byte(context))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// written is the keys' file.
func written(t testing.TB, keys *Keys) []byte {
	t.Helper()
	data, err := keys.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestKeysComeBackFromTheirFile(t *testing.T) {
	keys := rotate(t, generate(t))
	again, err := Parse(written(t, keys))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written(t, again), written(t, keys)) {
		t.Error("the file written again is another")
	}
	if opened, err := again.Open(seal(t, keys, "4242", "voucher 7"), []byte("voucher 7")); err != nil || string(opened) != "4242" {
		t.Errorf("opened as %q, %v", opened, err)
	}
	for what, digests := range everyDigest(t, keys) {
		if fmt.Sprint(everyDigest(t, again)[what]) != fmt.Sprint(digests) {
			t.Errorf("%s: the keys read from the file make another digest", what)
		}
	}
}

func TestTwoSetsOfKeysHaveNothingInCommon(t *testing.T) {
	one, two := generate(t), generate(t)
	for what, digests := range everyDigest(t, one) {
		if fmt.Sprint(everyDigest(t, two)[what]) == fmt.Sprint(digests) {
			t.Errorf("%s: the same under both", what)
		}
	}
	if _, err := two.Open(seal(t, one, "4242", "voucher 7"), []byte("voucher 7")); err == nil {
		t.Error("one opened what the other sealed")
	}
}

func TestRotationKeepsWhatRests(t *testing.T) {
	old := generate(t)
	sealed := seal(t, old, "4242", "voucher 7")
	body, err := old.SealBody([]byte(`{"id":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	keys := rotate(t, rotate(t, old))
	if keys.Primary() == old.Primary() {
		t.Error("the primary key is still the old one")
	}
	if opened, err := keys.Open(sealed, []byte("voucher 7")); err != nil || string(opened) != "4242" {
		t.Errorf("the value opened as %q, %v", opened, err)
	}
	if opened, err := keys.OpenBody(body); err != nil || string(opened) != `{"id":"x"}` {
		t.Errorf("the body opened as %q, %v", opened, err)
	}
	if _, err := old.Open(seal(t, keys, "4242", "voucher 7"), []byte("voucher 7")); err == nil {
		t.Error("what is new is still sealed with the old key")
	}
}

// Keys are prepared so that all who share a store hold them before one of them uses them.
func TestPreparedKeysAreHeldAndNotUsed(t *testing.T) {
	old := generate(t)
	prepared, err := old.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	if !prepared.Prepared() || old.Prepared() || prepared.Primary() != old.Primary() {
		t.Errorf("prepared %t and %t, primary %d instead of %d", prepared.Prepared(), old.Prepared(), prepared.Primary(), old.Primary())
	}
	if _, err := old.Open(seal(t, prepared, "4242", "voucher 7"), []byte("voucher 7")); err != nil {
		t.Error("what is new is sealed with a key that others need not hold yet")
	}
	if again, err := prepared.Prepare(); err != nil || again != prepared {
		t.Errorf("prepared twice: %v", err)
	}
	if prepared, err = Parse(written(t, prepared)); err != nil {
		t.Fatal(err)
	}
	rotated := rotate(t, prepared)
	if !slices.Equal(rotated.Numbers(), prepared.Numbers()) || rotated.Primary() != prepared.Numbers()[1] || rotated.Prepared() {
		t.Errorf("rotated from %v to %v, with primary %d", prepared.Numbers(), rotated.Numbers(), rotated.Primary())
	}
	sealed := seal(t, rotated, "4242", "voucher 7")
	if opened, err := prepared.Open(sealed, []byte("voucher 7")); err != nil || string(opened) != "4242" {
		t.Errorf("with the prepared set it opened as %q, %v", opened, err)
	}
	if _, err := old.Open(sealed, []byte("voucher 7")); err == nil {
		t.Error("what is new is still sealed with the old key")
	}
	body, err := rotated.SealBody([]byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prepared.OpenBody(body); err != nil {
		t.Error(err)
	}
	asked, made := prepared.PAN(1, card(t)), rotated.PAN(1, card(t))
	if !slices.Contains(asked, made[0]) || asked[0] != made[1] {
		t.Errorf("card numbers are asked for as %v, and made as %v", asked, made)
	}
}

func TestRotationIsBounded(t *testing.T) {
	keys := generate(t)
	for range MaxRotations - 1 {
		keys = rotate(t, keys)
	}
	if n := len(keys.PAN(1, card(t))); n != MaxRotations {
		t.Errorf("%d keys are asked for a card", n)
	}
	if _, err := keys.Rotate(); err == nil {
		t.Errorf("key %d was added", MaxRotations+1)
	}
	if _, err := keys.Prepare(); err == nil {
		t.Errorf("key %d was prepared", MaxRotations+1)
	}
}

func TestSealedValuesAreBound(t *testing.T) {
	keys := generate(t)
	sealed := seal(t, keys, "4242", "voucher 7")
	for _, context := range []string{"voucher 8", "voucher 70", "voucher ", "", "vvoucher 7"} {
		if _, err := keys.Open(sealed, []byte(context)); err == nil {
			t.Errorf("opened in the context %q", context)
		}
	}
	if _, err := keys.OpenBody(append([]byte{bodyVersion}, seal(t, keys, "", string(bodyContext))...)); err == nil {
		t.Error("a value was taken for a body")
	}
	body, err := keys.SealBody([]byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	for _, context := range [][]byte{nil, bodyContext, bodyContext[1:]} {
		if _, err := keys.Open(body[1:], context); err == nil {
			t.Errorf("a body was taken for a value of context %q", context)
		}
	}
}

func TestSealedValuesComeBackAndCannotBeChanged(t *testing.T) {
	keys := generate(t)
	rapid.Check(t, func(t *rapid.T) {
		plain, context := rapid.SliceOf(rapid.Byte()).Draw(t, "plain"), rapid.SliceOf(rapid.Byte()).Draw(t, "context")
		sealed, err := keys.Seal(plain, context)
		if err != nil || len(sealed) != len(plain)+33 {
			t.Fatalf("sealed to %d bytes, %v", len(sealed), err)
		}
		if opened, err := keys.Open(sealed, context); err != nil || !bytes.Equal(opened, plain) {
			t.Fatalf("opened as %x, %v", opened, err)
		}
		sealed[rapid.IntRange(0, len(sealed)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, err := keys.Open(sealed, context); err == nil {
			t.Fatal("opened although it was changed")
		}
	})
}

// tinkKeyset makes a Tink keyset with keys of the templates, the last of them primary.
func tinkKeyset(t testing.TB, templates ...*tinkpb.KeyTemplate) json.RawMessage {
	t.Helper()
	manager := keyset.NewManager()
	for _, template := range templates {
		if _, err := withPrimary(manager, template); err != nil {
			t.Fatal(err)
		}
	}
	handle, err := manager.Handle()
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&text)); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

func TestParseRefuses(t *testing.T) {
	good := written(t, generate(t))
	var sound file
	if err := json.Unmarshal(good, &sound); err != nil {
		t.Fatal(err)
	}
	changed := func(change func(*file)) []byte {
		f := sound
		change(&f)
		data, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	cases := map[string]struct {
		data []byte
		says string
	}{
		"nothing":          {nil, "not the JSON"},
		"half of it":       {good[:len(good)/2], "not the JSON"},
		"too much":         {bytes.Repeat([]byte(" "), MaxKeyset+1), "larger than"},
		"another format":   {changed(func(f *file) { f.Format = "x" }), "format"},
		"a later version":  {changed(func(f *file) { f.Version = 2 }), "version 2"},
		"no PIN keys":      {changed(func(f *file) { f.PIN = nil }), "pin keyset"},
		"a broken key":     {changed(func(f *file) { f.PAN = bytes.Replace(f.PAN, []byte("HmacPrfKey"), []byte("HmacPrfKez"), 1) }), "pan keyset"},
		"PRF keys to seal": {changed(func(f *file) { f.AEAD = f.PAN }), "aead keyset: must hold AES-GCM keys"},
		"AEAD keys for id": {changed(func(f *file) { f.ID = f.AEAD }), "id keyset: must hold HMAC keys"},
		"short AEAD keys":  {changed(func(f *file) { f.AEAD = tinkKeyset(t, aead.AES128GCMKeyTemplate()) }), "aead keyset: must hold 256-bit"},
		"no prefix":        {changed(func(f *file) { f.AEAD = tinkKeyset(t, aead.AES256GCMNoPrefixKeyTemplate()) }), "aead keyset: must hold 256-bit"},
		"other hashes":     {changed(func(f *file) { f.PIN = tinkKeyset(t, prf.HMACSHA512PRFKeyTemplate()) }), "pin keyset: must hold 256-bit"},
		"two id keys":      {changed(func(f *file) { f.ID = tinkKeyset(t, digestKey(), digestKey()) }), "id keyset: must have exactly one"},
		"a number twice":   {changed(func(f *file) { f.PAN = twice(t, f.PAN) }), "pan keyset: not a Tink keyset"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(c.data)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v does not say %q", err, c.says)
			}
			quotesNoKey(t, c.data, err)
		})
	}
}

// twice gives a keyset in which the first key stands twice.
func twice(t testing.TB, text json.RawMessage) json.RawMessage {
	t.Helper()
	var set map[string]any
	if err := json.Unmarshal(text, &set); err != nil {
		t.Fatal(err)
	}
	set["key"] = append(set["key"].([]any), set["key"].([]any)[0])
	doubled, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return doubled
}

var keyMaterial = regexp.MustCompile(`[0-9A-Za-z+/=]{16,}`)

// quotesNoKey fails when an error repeats anything of a file that could be a key.
func quotesNoKey(t testing.TB, data []byte, err error) {
	t.Helper()
	for _, found := range keyMaterial.FindAll(data, -1) {
		if strings.Contains(err.Error(), string(found)) {
			t.Errorf("the error quotes the file: %v", err)
		}
	}
}

func FuzzParse(f *testing.F) {
	good := written(f, rotate(f, generate(f)))
	f.Add(good)
	f.Add(bytes.Replace(good, []byte("ENABLED"), []byte("DISABLED"), 1))
	f.Add([]byte(`{"format":"scrip-keyset","version":1,"aead":{},"pan":{"key":[{}]},"pin":[],"id":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := Parse(data)
		if err != nil {
			quotesNoKey(t, data, err)
			return
		}
		again, err := Parse(written(t, keys))
		if err != nil || again.Primary() != keys.Primary() {
			t.Fatalf("what was read cannot be written and read again: %v", err)
		}
		if opened, err := again.Open(seal(t, keys, "4242", ""), nil); err != nil || string(opened) != "4242" {
			t.Fatalf("opened as %q, %v", opened, err)
		}
	})
}

func TestKeysNeverPrint(t *testing.T) {
	keys := generate(t)
	printed := fmt.Sprintf("%v %+v %#v %s %v %+v %#v", keys, keys, keys, keys, *keys, *keys, *keys)
	want := regexp.MustCompile(`^(secret\.Keys\(primary \d+\) ?){7}$`)
	if !want.MatchString(printed) {
		t.Errorf("printed as %s", printed)
	}
}
