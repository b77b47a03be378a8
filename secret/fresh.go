package secret

import (
	"crypto/rand"
	"encoding/base32"

	"github.com/scripworks/scrip/ident"
)

// NewID makes a message id: a random UUID of version 4 (contract: ids; rule C9).
func NewID() ident.ID {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return ident.FromUUID(u)
}

// passwordBytes is how much randomness a password has: 20 bytes, 32 characters.
const passwordBytes = 20

// NewPassword makes a random password of 32 letters and digits, for an account whose operator names none.
func NewPassword() (string, error) {
	var b [passwordBytes]byte
	_, _ = rand.Read(b[:]) // never fails
	return base32.StdEncoding.EncodeToString(b[:]), nil
}
