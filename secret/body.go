package secret

import (
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"
)

// MaxBody bounds a message body, in bytes, when it is sealed and again when it is opened.
const MaxBody = 1 << 20

// bodyVersion is the first byte of every sealed body. Behind it is what the AEAD key made of an s2 block of the
// packed body. A version, its dictionary included, never changes, because what rests must open for ever;
// a better one gets the next number.
const bodyVersion = 1

// bodyContext is what a sealed body is bound to: its purpose and version.
var bodyContext = []byte{sealedBody, bodyVersion}

// maxPacked bounds a packed body: at worst each second byte is escaped, and one more.
const maxPacked = 2*MaxBody + 8

// scratch is room for the steps between a body and its sealed form.
type scratch struct{ packed, block []byte }

// maxScratch bounds what is kept of that room between uses.
const maxScratch = 64 << 10

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func (s *scratch) release() {
	if cap(s.packed)+cap(s.block) <= maxScratch {
		scratches.Put(s)
	}
}

// SealBody compresses a message body and encrypts it. The body must be without PAN and PIN already: sealing
// is the second wall, not the first. It fails above MaxBody. A typical redemption of 1,000 bytes rests
// in about 260, its confirmation of 340 in about 125; 34 of them are the version, the key's number, nonce and tag.
func (k *Keys) SealBody(body []byte) ([]byte, error) {
	if len(body) > MaxBody {
		return nil, fmt.Errorf("seal body: larger than %d bytes", MaxBody)
	}
	s := scratches.Get().(*scratch)
	defer s.release()
	s.packed = packing1().pack(s.packed[:0], body)
	if need := s2.MaxEncodedLen(len(s.packed)); cap(s.block) < need {
		s.block = make([]byte, need)
	}
	sealed, err := k.aead.Encrypt(s2.Encode(s.block[:cap(s.block)], s.packed), bodyContext)
	if err != nil {
		return nil, errors.New("seal body: too large")
	}
	return append([]byte{bodyVersion}, sealed...), nil
}

// OpenBody gives back what SealBody sealed, under any key of the set and in any version of the format.
// The body it gives is never above MaxBody.
func (k *Keys) OpenBody(sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != bodyVersion {
		return nil, errors.New("open body: not a known version of the format")
	}
	block, err := k.aead.Decrypt(sealed[1:], bodyContext)
	if err != nil {
		return nil, errNotOurs
	}
	if n, err := s2.DecodedLen(block); err != nil || n > maxPacked {
		return nil, errPacked
	}
	s := scratches.Get().(*scratch)
	defer s.release()
	if s.packed, err = s2.Decode(s.packed[:cap(s.packed)], block); err != nil {
		return nil, errPacked
	}
	const usual = 5 // times that a body is longer than its packed form
	return packing1().unpack(make([]byte, 0, min(usual*len(s.packed), MaxBody)), s.packed, MaxBody)
}
