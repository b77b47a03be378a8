package secret_test

import (
	"regexp"
	"testing"

	"github.com/scripworks/scrip/secret"
)

func TestNewIDsAreFreshUUIDsOfVersion4(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 1000 {
		id := string(secret.NewID())
		if !form.MatchString(id) || seen[id] {
			t.Fatalf("%s is not a fresh UUID", id)
		}
		seen[id] = true
	}
}

func TestNewPasswordsAreFresh(t *testing.T) {
	a, errA := secret.NewPassword()
	b, errB := secret.NewPassword()
	if errA != nil || errB != nil || a == b || len(a) != 32 {
		t.Fatalf("got %d and %d characters, equal %t", len(a), len(b), a == b)
	}
}
