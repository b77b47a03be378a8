package app

import (
	"context"
	"path/filepath"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/keyset"
	"github.com/scripworks/scrip/secret"
)

// loadKeys reads the keyset, or makes one beside an empty store. Without a data directory it lives in memory only; one that
// was named has to be there, because several processes that each made one for the same store would lock each other out.
func (a *App) loadKeys(ctx context.Context, reports admin.Reports) (err error) {
	path := KeysPath(a.settings.Data, a.settings.KeysFile)
	switch {
	case a.settings.KeysFile != "":
		a.Keys, err = keyset.ReadNamed(ctx, path, reports)
	case a.settings.Data == "":
		a.Keys, err = secret.Generate()
	default:
		a.Keys, a.MadeKeys, err = keyset.ReadOrMake(ctx, path, reports)
	}
	return err
}

// KeysPath gives the keyset's file: the one named, else keys.json in the data directory.
func KeysPath(data, named string) string {
	if named != "" {
		return named
	}
	return filepath.Join(data, keyset.Name)
}
