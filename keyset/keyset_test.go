package keyset_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/keyset"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
)

// opened is a store with a keyset in a file.
type opened struct {
	path   string
	driver *memstore.Driver
	keys   *secret.Keys
	store  *store.Store
}

func open(t *testing.T) *opened {
	t.Helper()
	o := &opened{path: filepath.Join(t.TempDir(), keyset.Name), driver: memstore.New()}
	keys, made, err := keyset.ReadOrMake(t.Context(), o.path, o.driver)
	must(t, err)
	if !made {
		t.Fatal("no keyset was made for an empty store")
	}
	o.keys = keys
	o.store = store.New(o.driver, store.Settings{Keys: keys})
	t.Cleanup(func() { must(t, o.store.Close()) })
	return o
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// id is the hash by which the same keys can be told.
func id(k *secret.Keys) int64 { return k.ID(ident.Production, "the same") }

func TestAKeysetIsMadeOnce(t *testing.T) {
	o := open(t)
	must(t, keyset.Check(t.Context(), o.store, o.keys))
	again, made, err := keyset.ReadOrMake(t.Context(), o.path, o.driver)
	must(t, err)
	if made || id(again) != id(o.keys) {
		t.Errorf("the keyset that was there was not read; made %v", made)
	}
	info, err := os.Stat(o.path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v", info.Mode())
	}
	beside, err := os.ReadDir(filepath.Dir(o.path))
	must(t, err)
	if len(beside) != 1 {
		t.Errorf("there is more than the keyset: %v", beside)
	}
}

func TestAStoreThatWasUsedGetsNoNewKeyset(t *testing.T) {
	o := open(t)
	must(t, os.Remove(o.path))
	if _, made, err := keyset.ReadOrMake(t.Context(), o.path, o.driver); err != nil || !made {
		t.Fatalf("nothing was written yet, and yet %v, made %v", err, made)
	}
	must(t, keyset.Check(t.Context(), o.store, o.keys))
	must(t, os.Remove(o.path))
	if _, _, err := keyset.ReadOrMake(t.Context(), o.path, o.driver); !errors.Is(err, keyset.ErrMissing) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(o.path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a new keyset was made")
	}
}

func TestOnlyTheStoresOwnKeysAreTaken(t *testing.T) {
	o := open(t)
	ctx := context.Background()
	must(t, keyset.Check(ctx, o.store, o.keys))
	rotated, err := o.keys.Rotate()
	must(t, err)
	must(t, keyset.Check(ctx, o.store, rotated))
	if err := keyset.Check(ctx, o.store, o.keys); !errors.Is(err, keyset.ErrOther) {
		t.Errorf("with keys from before the rotation: %v", err)
	}
	other, err := secret.Generate()
	must(t, err)
	if err := keyset.Check(ctx, o.store, other); !errors.Is(err, keyset.ErrOther) {
		t.Errorf("with another's keys: %v", err)
	}
}

// Nothing is made with prepared keys, so those from before are good until they are used; and whoever holds them may serve on
// beside those who use them, without making the store believe that they are not used.
func TestPreparedKeysAreTakenBesideOthers(t *testing.T) {
	o := open(t)
	prepared, err := o.keys.Prepare()
	must(t, err)
	for _, keys := range []*secret.Keys{o.keys, prepared, o.keys} {
		must(t, keyset.Check(t.Context(), o.store, keys))
	}
	rotated, err := prepared.Rotate()
	must(t, err)
	for _, keys := range []*secret.Keys{rotated, prepared, rotated} {
		must(t, keyset.Check(t.Context(), o.store, keys))
		if err := keyset.Check(t.Context(), o.store, o.keys); !errors.Is(err, keyset.ErrOther) {
			t.Errorf("with keys from before: %v", err)
		}
	}
}

func TestADamagedKeysetIsNotReplaced(t *testing.T) {
	o := open(t)
	must(t, os.WriteFile(o.path, []byte("{"), 0o600))
	if _, made, err := keyset.ReadOrMake(t.Context(), o.path, o.driver); err == nil || made {
		t.Errorf("got %v, made %v", err, made)
	}
}
