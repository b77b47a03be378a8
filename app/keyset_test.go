package app_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/keyset"
	"github.com/scripworks/scrip/secret"
)

// Another's keyset, or an old copy from before a rotation, opens no store either.
func TestOtherKeysAreRefused(t *testing.T) {
	h := open(t, app.Settings{Data: t.TempDir()})
	l := h.account(t, "till", members{})
	c := h.card(t, "6001000000000001")
	must(t, h.Stop(context.Background()))
	path := filepath.Join(h.settings.Data, "keys.json")
	first, err := os.ReadFile(path)
	must(t, err)
	rotate(t, path)
	h.start(t)
	l.ask("lookupGiftcard", newID(), c, -1).must(t, http.StatusCreated, "")
	must(t, h.Stop(context.Background()))

	s := h.settings
	s.KeysFile = filepath.Join(t.TempDir(), "keys.json")
	must(t, os.WriteFile(s.KeysFile, first, 0o600))
	if _, err := app.New(t.Context(), s); !errors.Is(err, keyset.ErrOther) {
		t.Errorf("with its keyset from before the rotation the store opens with %v", err)
	}
	other, err := secret.Generate()
	must(t, err)
	must(t, keyset.Write(s.KeysFile, other))
	if _, err := app.New(t.Context(), s); !errors.Is(err, keyset.ErrOther) {
		t.Errorf("with another's keyset the store opens with %v", err)
	}
	h.start(t)
	l.ask("lookupGiftcard", newID(), c, -1).must(t, http.StatusCreated, "")
}
