package edge

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/scripworks/scrip/secret"
)

// MaxUser bounds a user name, in bytes. A longer one is nobody's.
const MaxUser = 256

// maxBasic bounds what follows the scheme: user name, colon and password, encoded.
const maxBasic = (MaxUser + 1 + secret.MaxPassword + 2) / 3 * 4

// errBasic hides what was sent: it may hold a password in the wrong place.
var errBasic = errors.New("the Authorization header is not one of HTTP Basic")

// basic is a user name and a password as they were sent.
type basic struct {
	user, password string
	given          bool // there was an Authorization header at all
}

// String hides the password, and the user name, which may be one by mistake.
func (basic) String() string { return "****" }

// GoString hides the same.
func (basic) GoString() string { return "edge.basic(****)" }

// readBasic reads the Authorization header (RFC 7617). None at all is no error. Two are: nobody could say which
// of them counts.
func readBasic(h http.Header) (basic, error) {
	lines := h["Authorization"]
	if len(lines) == 0 {
		return basic{}, nil
	}
	if len(lines) > 1 {
		return basic{given: true}, errBasic
	}
	scheme, encoded, _ := strings.Cut(lines[0], " ")
	encoded = strings.Trim(encoded, " ")
	if !strings.EqualFold(scheme, "Basic") || len(encoded) > maxBasic {
		return basic{given: true}, errBasic
	}
	return decodeBasic(encoded)
}

func decodeBasic(encoded string) (basic, error) {
	var buffer [maxBasic / 4 * 3]byte
	n, err := base64.StdEncoding.Decode(buffer[:], []byte(encoded))
	if err != nil {
		return basic{given: true}, errBasic
	}
	user, password, found := strings.Cut(string(buffer[:n]), ":")
	if !found || len(user) > MaxUser || !presentable(user) || !presentable(password) {
		return basic{given: true}, errBasic
	}
	return basic{user: user, password: password, given: true}, nil
}

// presentable says whether a text is UTF-8 without control characters, as RFC 7617 asks of both parts.
func presentable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return utf8.ValidString(s)
}
