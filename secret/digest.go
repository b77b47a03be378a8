package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"strings"
	"sync"
	"time"

	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf/hmacprf"

	"github.com/scripworks/scrip/ident"
)

// Digest is a keyed hash with the number of the key that made it: HMAC-SHA256, cut to 16 bytes.
type Digest struct {
	Key uint32
	Sum [16]byte
}

// IsZero says that there is no digest.
func (d Digest) IsZero() bool { return d == Digest{} }

// Purposes of digests, the first byte of what is hashed. They are part of what rests and never change.
const (
	purposeKey    = 'k' // a further key derived from a key
	purposePAN    = 'p'
	purposePIN    = 'v'
	purposeHolder = 'h'
)

// PAN gives the digests under which a card number may rest: the primary key's first, then those of
// the older keys that are still asked, newest first.
func (k *Keys) PAN(w ident.World, p ident.PAN) []Digest {
	return k.pan.digests(message(purposePAN, w, p.Reveal()))
}

// Primary is the number of the primary PAN key: a card whose digest has another number waits to be rewritten.
func (k *Keys) Primary() uint32 { return k.pan[0].number }

// PINKind says in which form a PIN came; one form never matches the other (docs/rules.md 2.3). The
// numbers are part of what rests and never change.
type PINKind uint8

const (
	ClearPIN     PINKind = 1 // digits as typed
	EncryptedPIN PINKind = 2 // a hexadecimal block, compared without case
)

// PIN gives the verifiers of a card's PIN under every key, the primary key's first. They are bound to
// the card, so equal PINs of two cards rest differently. An empty PIN counts as absent and has none.
// A PIN is right when the resting verifier is among them.
func (k *Keys) PIN(w ident.World, p ident.PAN, kind PINKind, pin string) []Digest {
	if pin == "" {
		return nil
	}
	if kind == EncryptedPIN {
		pin = strings.ToUpper(pin)
	}
	return k.pin.digests(message(purposePIN, w, p.Reveal(), string([]byte{byte(kind)}), pin))
}

// Holder gives the digests under which one property of a card holder may rest, for look-up by holder:
// kind is the property's name in the contract (profileId, msisdn or emailAddress), and the value is
// compared exactly (docs/rules.md 6). They are made with the PAN keys and rotate with them.
func (k *Keys) Holder(w ident.World, kind string, value string) []Digest {
	return k.pan.digests(message(purposeHolder, w, kind, value))
}

// Forms of an id: only canonical UUIDs are hashed as 16 bytes, which fit one block together with the key.
const (
	formUUID = 'u'
	formText = 't'
)

// ID gives the number under which a message id stands in the id index. Different ids may share a
// number, so the row is asked too; nobody without the key can choose ids that do.
func (k *Keys) ID(w ident.World, id ident.ID) int64 {
	var buffer [128]byte
	text := append(buffer[:0], k.id[:]...)
	if u, ok := id.UUID(); ok {
		text = append(appendWorld(append(text, formUUID), w), u[:]...)
	} else {
		text = appendField(appendWorld(append(text, formText), w), string(id))
	}
	return number(text)
}

// Reference gives the number under which a third-party identifier is searched for. Different
// identifiers may share a number, as with ID.
func (k *Keys) Reference(w ident.World, r ident.Reference) int64 {
	var buffer [256]byte
	text := appendWorld(append(buffer[:0], k.reference[:]...), w)
	text = appendField(appendField(text, r.Institution), r.Identifier)
	return number(text)
}

// Kinds of what a record is found by beside ids and identifiers. They are part of what rests and never change.
const (
	BySerial = "serial"  // a voucher by its serial
	ByPIN    = "voucher" // a voucher by its PIN
	ByMSISDN = "msisdn"  // a message by a subscriber's number
	ByLabel  = "label"   // a message by a label of its transaction
	ByUndone = "undone"  // a relay's own reversal, which nobody sent, by the id of its request
	// ByMerchant is a request by the merchant it came from, and the hour. Its numbers are made by Merchant alone.
	ByMerchant = "merchant"
)

// Found gives the number under which a record is searched for by a value of a kind. Different values may share a
// number, as with ID, and none shares its text with a third-party identifier.
func (k *Keys) Found(w ident.World, kind, value string) int64 {
	var buffer [256]byte
	text := appendWorld(append(buffer[:0], k.reference[:]...), w)
	text = appendField(appendField(appendField(text, ""), kind), value)
	return number(text)
}

// Merchant gives the number under which requests are searched for by the id of the merchant that they came from and the
// hour, by the clock of UTC, in which they were received: all of that hour, and with it whoever shares the number, as with ID.
func (k *Keys) Merchant(w ident.World, merchant string, at time.Time) int64 {
	const hour = 60 * 60 // seconds
	var buffer [256]byte
	text := appendWorld(append(buffer[:0], k.reference[:]...), w)
	text = appendField(appendField(appendField(text, ""), ByMerchant), merchant)
	return number(binary.AppendVarint(text, at.Unix()/hour))
}

// number hashes a text that begins with a key. A plain hash is enough: only 64 bits of it are shown,
// so nothing can be appended to the text behind the key's back.
func number(text []byte) int64 {
	sum := sha256.Sum256(text)
	return int64(binary.BigEndian.Uint64(sum[:]))
}

// message writes down what is hashed so that no two different inputs give the same text.
func message(purpose byte, w ident.World, fields ...string) []byte {
	text := appendWorld(append(make([]byte, 0, 128), purpose), w)
	for _, field := range fields {
		text = appendField(text, field)
	}
	return text
}

func appendWorld(text []byte, w ident.World) []byte {
	return binary.BigEndian.AppendUint32(text, uint32(w))
}

func appendField(text []byte, field string) []byte {
	return append(binary.AppendUvarint(text, uint64(len(field))), field...)
}

// ring is the keys of one purpose that are asked: the primary one first, then the others, newest first.
type ring []*hasher

// newRing takes the enabled keys out of a keyset of HMAC-SHA256 keys.
func newRing(handle *keyset.Handle) (ring, error) {
	made := ring{nil} // the primary key's place
	for entry, err := range entries(handle) {
		if err != nil {
			return nil, err
		}
		key, ok := entry.Key().(*hmacprf.Key)
		if !ok {
			return nil, errors.New("must hold HMAC keys only")
		}
		parameters, ok := key.Parameters().(*hmacprf.Parameters)
		if !ok || parameters.KeySizeInBytes() != keySize || parameters.HashType() != hmacprf.SHA256 {
			return nil, errors.New("must hold 256-bit HMAC-SHA256 keys only")
		}
		h := newHasher(entry.KeyID(), key.KeyBytes().Data(insecuresecretdataaccess.Token{}))
		switch {
		case entry.IsPrimary():
			made[0] = h
		case entry.KeyStatus() == keyset.Enabled:
			made = append(made, h)
		}
	}
	newestFirst(made[1:])
	return made, nil
}

// newestFirst turns the order round: a keyset lists its keys in the order in which they were added.
func newestFirst(keys ring) {
	for i, j := 0, len(keys)-1; i < j; i, j = i+1, j-1 {
		keys[i], keys[j] = keys[j], keys[i]
	}
}

func (r ring) digests(text []byte) []Digest {
	made := make([]Digest, len(r))
	for i, h := range r {
		made[i] = h.digest(text)
	}
	return made
}

// hasher is one HMAC-SHA256 key, ready for use. It computes what Tink's PRF computes for the same
// key, but keeps hashes that have taken in the key already, which halves the work.
type hasher struct {
	number uint32
	macs   sync.Pool
}

// keyed is a hash that has taken in the key, and a place for its result.
type keyed struct {
	hash.Hash
	sum [sha256.Size]byte
}

func newHasher(number uint32, key []byte) *hasher {
	return &hasher{number: number, macs: sync.Pool{New: func() any { return &keyed{Hash: hmac.New(sha256.New, key)} }}}
}

func (h *hasher) digest(text []byte) (d Digest) {
	d.Key = h.number
	sum := h.sum(text)
	copy(d.Sum[:], sum[:])
	return d
}

func (h *hasher) sum(text []byte) [sha256.Size]byte {
	mac := h.macs.Get().(*keyed)
	defer h.macs.Put(mac)
	mac.Reset()
	mac.Write(text)
	mac.Sum(mac.sum[:0])
	return mac.sum
}

// derive makes a further key for a purpose of its own.
func (h *hasher) derive(purpose string) [keySize]byte {
	return h.sum(append([]byte{purposeKey}, purpose...))
}
