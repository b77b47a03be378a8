package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// TokenPrefix begins every operator token, so that one that leaked into a text is recognised.
const TokenPrefix = "scrip_"

// tokenSize is the random part of a token, in bytes.
const tokenSize = 32

// NewToken makes an operator token: the prefix and 256 random bits in the URL-safe alphabet, 49 characters in all.
// It is shown once; only its digest is kept.
func NewToken() (string, error) {
	var random [tokenSize]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", err
	}
	return TokenPrefix + base64.RawURLEncoding.EncodeToString(random[:]), nil
}

// TokenDigest gives what rests of a token and finds it again. It needs neither salt nor slowness: nobody
// guesses 256 random bits.
func TokenDigest(token string) [32]byte {
	return sha256.Sum256([]byte(token))
}
