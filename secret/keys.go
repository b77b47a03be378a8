// Package secret keeps what must not be read from the disk: card numbers, PINs, message bodies, passwords, tokens.
//
// Keys is one set of four keys, each a Tink keyset: an AEAD key that seals, a key for digests of card
// numbers, a key for verifiers of PINs, and a key for the numbers under which messages are found. The
// first three rotate: what was made with an old key is still opened and still asked for, what is new is
// made with the primary key. The last one never rotates, because an index cannot be asked under two keys.
//
// The package promises that no error quotes a key, a card number, a PIN or a body; that whatever was
// sealed by one version opens in every later one; and that each digest is separated by purpose, world
// and length, so that no two inputs are confused. It is the one room below the edge that draws random
// numbers, and only from the operating system: keys, nonces and salts may come from nowhere else. The
// keyset file is Tink's JSON, which is why the room knows JSON too.
package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"
)

const (
	// MaxKeyset bounds the keyset file, in bytes.
	MaxKeyset = 256 << 10
	// MaxRotations bounds the keys of one purpose, old ones included: each of them is asked for each card.
	MaxRotations = 64
	// keySize is the size of every key, in bytes.
	keySize = 32
)

// Keys is a set of keys in use. It never changes and may be used by any number of goroutines; rotation
// makes a new one. Printing it shows no key.
//
// One AEAD key should seal no more than 2^32 values, because its nonces are random; at a steady thousand
// bodies a second that is a rotation every seven weeks.
type Keys struct {
	sealing, pans, pins, ids *keyset.Handle

	aead      tink.AEAD
	pan, pin  ring
	numbers   []uint32 // of the PAN keys, in the order of the keyset
	id        [keySize]byte
	reference [keySize]byte
}

// Generate makes a fresh set of keys from the operating system's random source.
func Generate() (*Keys, error) {
	var k Keys
	for _, made := range []struct {
		handle   **keyset.Handle
		template *tinkpb.KeyTemplate
	}{
		{&k.sealing, sealingKey()}, {&k.pans, digestKey()}, {&k.pins, digestKey()}, {&k.ids, digestKey()},
	} {
		var err error
		if *made.handle, err = withPrimary(keyset.NewManager(), made.template); err != nil {
			return nil, err
		}
	}
	return k.prepared()
}

// Rotate gives a set in which new keys are the primary ones for sealing, card numbers and PINs: those that Prepare has added,
// else fresh ones. The old keys stay, so that what rests under them is still found and opened; the key of the id index stays
// as it is. It fails when one purpose already has MaxRotations keys.
//
// A process that does not hold the new keys can neither open what they sealed nor find cards under them. So where several
// processes share a store, all of them must have read a prepared set before one of them uses a rotated one.
func (k *Keys) Rotate() (*Keys, error) {
	if k.Prepared() {
		return k.turned(useNewest)
	}
	return k.turned(addPrimary)
}

// Prepare gives a set to which new keys were added that are not used yet: what is new is made with the primary ones as before.
// Rotate then makes them the primary ones. A set that is prepared stays as it is. It fails as Rotate does.
func (k *Keys) Prepare() (*Keys, error) {
	if k.Prepared() {
		return k, nil
	}
	return k.turned(add)
}

// Prepared says whether there are keys that are newer than the primary ones.
func (k *Keys) Prepared() bool {
	numbers := k.Numbers()
	return numbers[len(numbers)-1] != k.Primary()
}

// Numbers gives the numbers of the PAN keys, in the order in which they were added; a set of other keys has other numbers.
func (k *Keys) Numbers() []uint32 { return slices.Clone(k.numbers) }

// turned gives a set in which something was done to the keys of each purpose that rotates.
func (k *Keys) turned(turn func(*keyset.Handle, *tinkpb.KeyTemplate) (*keyset.Handle, error)) (*Keys, error) {
	made := Keys{ids: k.ids}
	for _, purpose := range []struct {
		from     *keyset.Handle
		to       **keyset.Handle
		template *tinkpb.KeyTemplate
	}{
		{k.sealing, &made.sealing, sealingKey()}, {k.pans, &made.pans, digestKey()}, {k.pins, &made.pins, digestKey()},
	} {
		var err error
		if *purpose.to, err = turn(purpose.from, purpose.template); err != nil {
			return nil, err
		}
	}
	return made.prepared()
}

// addPrimary adds a new key to a keyset and makes it the primary one.
func addPrimary(from *keyset.Handle, template *tinkpb.KeyTemplate) (*keyset.Handle, error) {
	return withPrimary(keyset.NewManagerFromHandle(from), template)
}

// add adds a new key to a keyset.
func add(from *keyset.Handle, template *tinkpb.KeyTemplate) (*keyset.Handle, error) {
	manager := keyset.NewManagerFromHandle(from)
	if _, err := manager.Add(template); err != nil {
		return nil, fmt.Errorf("add key: %w", err)
	}
	return manager.Handle()
}

// useNewest makes the key that was added last the primary one.
func useNewest(from *keyset.Handle, _ *tinkpb.KeyTemplate) (*keyset.Handle, error) {
	newest, err := from.Entry(from.Len() - 1)
	if err != nil {
		return nil, errors.New("has a key that is not usable")
	}
	manager := keyset.NewManagerFromHandle(from)
	if err := manager.SetPrimary(newest.KeyID()); err != nil {
		return nil, fmt.Errorf("make key primary: %w", err)
	}
	return manager.Handle()
}

// sealingKey and digestKey are what Tink makes new keys from.
func sealingKey() *tinkpb.KeyTemplate { return aead.AES256GCMKeyTemplate() }
func digestKey() *tinkpb.KeyTemplate  { return prf.HMACSHA256PRFKeyTemplate() }

// withPrimary adds a new key to a keyset and makes it the primary one.
func withPrimary(manager *keyset.Manager, template *tinkpb.KeyTemplate) (*keyset.Handle, error) {
	number, err := manager.Add(template)
	if err != nil {
		return nil, fmt.Errorf("add key: %w", err)
	}
	if err := manager.SetPrimary(number); err != nil {
		return nil, fmt.Errorf("make key primary: %w", err)
	}
	return manager.Handle()
}

// prepared computes once what every use of the keys needs.
func (k *Keys) prepared() (*Keys, error) {
	if err := checkSealing(k.sealing); err != nil {
		return nil, fmt.Errorf("aead keyset: %w", err)
	}
	var err error
	if k.aead, err = aead.New(k.sealing); err != nil {
		return nil, errors.New("aead keyset: not usable")
	}
	if k.pan, err = newRing(k.pans); err != nil {
		return nil, fmt.Errorf("pan keyset: %w", err)
	}
	if k.numbers, err = numbersOf(k.pans); err != nil {
		return nil, fmt.Errorf("pan keyset: %w", err)
	}
	if k.pin, err = newRing(k.pins); err != nil {
		return nil, fmt.Errorf("pin keyset: %w", err)
	}
	index, err := newRing(k.ids)
	if err != nil {
		return nil, fmt.Errorf("id keyset: %w", err)
	}
	if len(index) != 1 {
		return nil, errors.New("id keyset: must have exactly one key, because it never rotates")
	}
	k.id = index[0].derive("message id")
	k.reference = index[0].derive("third-party identifier")
	return k, nil
}

// checkSealing refuses every key but those that Generate makes, so that the size and form of what rests are known.
func checkSealing(handle *keyset.Handle) error {
	for entry, err := range entries(handle) {
		if err != nil {
			return err
		}
		key, ok := entry.Key().(*aesgcm.Key)
		if !ok {
			return errors.New("must hold AES-GCM keys only")
		}
		parameters, ok := key.Parameters().(*aesgcm.Parameters)
		if !ok || parameters.KeySizeInBytes() != keySize || parameters.Variant() != aesgcm.VariantTink {
			return errors.New("must hold 256-bit keys with Tink's prefix only")
		}
	}
	return nil
}

// entries walks through the keys of a keyset that has a primary key and a bounded size, and yields an
// error where it has not.
func entries(handle *keyset.Handle) iter.Seq2[*keyset.Entry, error] {
	return func(yield func(*keyset.Entry, error) bool) {
		if handle.Len() > MaxRotations {
			yield(nil, fmt.Errorf("must not hold more than %d keys", MaxRotations))
			return
		}
		if _, err := handle.Primary(); err != nil {
			yield(nil, errors.New("has no primary key"))
			return
		}
		for i := range handle.Len() {
			entry, err := handle.Entry(i)
			if err != nil {
				err = errors.New("has a key that is not usable")
			}
			if !yield(entry, err) {
				return
			}
		}
	}
}

// numbersOf gives the numbers of the keys of a keyset that are used or will be, in its order.
func numbersOf(handle *keyset.Handle) (numbers []uint32, err error) {
	for entry, err := range entries(handle) {
		if err != nil {
			return nil, err
		}
		if entry.KeyStatus() == keyset.Enabled {
			numbers = append(numbers, entry.KeyID())
		}
	}
	return numbers, nil
}

// fileFormat and fileVersion open every keyset file.
const (
	fileFormat  = "scrip-keyset"
	fileVersion = 1
)

// file is the keyset file: four Tink keysets in clear. Whoever writes it gives it mode 0600.
type file struct {
	Format  string          `json:"format"`
	Version int             `json:"version"`
	AEAD    json.RawMessage `json:"aead"`
	PAN     json.RawMessage `json:"pan"`
	PIN     json.RawMessage `json:"pin"`
	ID      json.RawMessage `json:"id"`
}

// Parse reads a keyset file as Marshal writes it. Its errors say which part is wrong and never quote it.
func Parse(data []byte) (*Keys, error) {
	parsed, err := parseFile(data)
	if err != nil {
		return nil, err
	}
	var k Keys
	for _, part := range []struct {
		name   string
		text   json.RawMessage
		handle **keyset.Handle
	}{
		{"aead", parsed.AEAD, &k.sealing}, {"pan", parsed.PAN, &k.pans}, {"pin", parsed.PIN, &k.pins}, {"id", parsed.ID, &k.ids},
	} {
		// Tink's own error may quote the text, and the text is a key.
		if *part.handle, err = insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(part.text))); err != nil {
			return nil, fmt.Errorf("%s keyset: not a Tink keyset", part.name)
		}
	}
	return k.prepared()
}

func parseFile(data []byte) (parsed file, err error) {
	if len(data) > MaxKeyset {
		return parsed, fmt.Errorf("keyset: larger than %d bytes", MaxKeyset)
	}
	// The decoder's own error may quote the text.
	if json.Unmarshal(data, &parsed) != nil {
		return parsed, errors.New("keyset: not the JSON of a keyset file")
	}
	if parsed.Format != fileFormat {
		return parsed, fmt.Errorf("keyset: format is not %q", fileFormat)
	}
	if parsed.Version != fileVersion {
		return parsed, fmt.Errorf("keyset: version %d is not known, only %d is", parsed.Version, fileVersion)
	}
	return parsed, nil
}

// Marshal writes the keyset file. It holds the keys in clear: give it mode 0600 and show it to nobody.
func (k *Keys) Marshal() ([]byte, error) {
	written := file{Format: fileFormat, Version: fileVersion}
	for _, part := range []struct {
		handle *keyset.Handle
		text   *json.RawMessage
	}{
		{k.sealing, &written.AEAD}, {k.pans, &written.PAN}, {k.pins, &written.PIN}, {k.ids, &written.ID},
	} {
		var text bytes.Buffer
		if err := insecurecleartextkeyset.Write(part.handle, keyset.NewJSONWriter(&text)); err != nil {
			return nil, fmt.Errorf("write keyset: %w", err)
		}
		*part.text = text.Bytes()
	}
	return json.MarshalIndent(written, "", "  ")
}

// String says that these are keys, and no more.
func (k Keys) String() string { return fmt.Sprintf("secret.Keys(primary %d)", k.Primary()) }

// GoString says no more than String, so that %#v does not reveal.
func (k Keys) GoString() string { return k.String() }

// Purposes of sealing, the first byte of what a sealed value is bound to.
const (
	sealedValue = 'v'
	sealedBody  = 'b'
)

// Seal encrypts a value and binds it to its context, such as the purpose and key of its row: Open asks
// for the same context, so that a value moved to another row does not open there. The result is 33 bytes longer.
func (k *Keys) Seal(plain, context []byte) ([]byte, error) {
	sealed, err := k.aead.Encrypt(plain, bound(context))
	if err != nil {
		return nil, errors.New("seal: value too large")
	}
	return sealed, nil
}

// Open decrypts what Seal made under the same context with any key of the set. The error tells neither
// whether the value, the context or the key was wrong, because that cannot be told.
func (k *Keys) Open(sealed, context []byte) ([]byte, error) {
	plain, err := k.aead.Decrypt(sealed, bound(context))
	if err != nil {
		return nil, errNotOurs
	}
	return plain, nil
}

var errNotOurs = errors.New("open: not sealed with these keys in this context, or changed since")

func bound(context []byte) []byte {
	return append([]byte{sealedValue}, context...)
}
