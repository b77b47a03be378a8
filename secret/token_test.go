package secret

import (
	"encoding/hex"
	"regexp"
	"testing"
)

func TestTokensAreRandomAndRecognised(t *testing.T) {
	form := regexp.MustCompile(`^scrip_[0-9A-Za-z_-]{43}$`)
	seen := make(map[string]bool)
	for range 100 {
		token, err := NewToken()
		if err != nil {
			t.Fatal(err)
		}
		if !form.MatchString(token) || seen[token] {
			t.Fatalf("token %q has another form, or came twice", token)
		}
		seen[token] = true
	}
}

// The digest rests in databases: it never changes.
func TestTokenDigestStays(t *testing.T) {
	digest := TokenDigest("scrip_abc")
	if got := hex.EncodeToString(digest[:]); got != "d0d76c3f039b8ae8add75b3a7ee47d8ba4f51a12d0d5d3f84154d9b52ca66b44" {
		t.Errorf("digest %s", got)
	}
}
