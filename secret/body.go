package secret

import (
	_ "embed"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"
)

// MaxBody bounds a message body, in bytes, when it is sealed and again when it is opened.
const MaxBody = 1 << 20

// bodyVersion is the first byte of every sealed body. A version, its dictionary included, never changes:
// what rests must open for ever. A better one gets the next number.
const bodyVersion = 1

// dictionary1 is text that messages of the giftcard contract have in common, part of version 1.
//
//go:embed dictionary/v1.txt
var dictionary1 []byte

// compression1 is made when the first body is sealed or opened.
var compression1 = sync.OnceValue(func() *s2.Dict { return s2.MakeDict(dictionary1, nil) })

// bodyContext is what a sealed body is bound to: its purpose and version.
var bodyContext = []byte{sealedBody, bodyVersion}

// buffers holds room for compressed bodies.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// SealBody compresses a message body and encrypts it. The body must be without PAN and PIN already; sealing
// is a second wall, not the first. It fails above MaxBody.
func (k *Keys) SealBody(body []byte) ([]byte, error) {
	if len(body) > MaxBody {
		return nil, fmt.Errorf("seal body: larger than %d bytes", MaxBody)
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	if need := s2.MaxEncodedLen(len(body)); cap(*buffer) < need {
		*buffer = make([]byte, need)
	}
	sealed, err := k.aead.Encrypt(compression1().Encode((*buffer)[:cap(*buffer)], body), bodyContext)
	if err != nil {
		return nil, errors.New("seal body: too large")
	}
	return append([]byte{bodyVersion}, sealed...), nil
}

// OpenBody gives back what SealBody sealed, under any key of the set and in any version of the format.
func (k *Keys) OpenBody(sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != bodyVersion {
		return nil, errors.New("open body: not a known version of the format")
	}
	packed, err := k.aead.Decrypt(sealed[1:], bodyContext)
	if err != nil {
		return nil, errNotOurs
	}
	if n, err := s2.DecodedLen(packed); err != nil || n > MaxBody {
		return nil, errBody
	}
	body, err := compression1().Decode(nil, packed)
	if err != nil {
		return nil, errBody
	}
	return body, nil
}

var errBody = errors.New("open body: not a compressed body within bounds")
