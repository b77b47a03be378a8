package sqlite_test

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/sqlite"
	"github.com/scripworks/scrip/store/storetest"
)

func BenchmarkDriver(b *testing.B) {
	open := func(t testing.TB) store.Driver {
		d, err := sqlite.Open(filepath.Join(t.TempDir(), "scrip.db"), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	storetest.Bench(b, open, 10_000)
}

func TestDriver(t *testing.T) {
	var paths sync.Map // where each driver keeps its records
	openAt := func(t testing.TB, path string) store.Driver {
		d, err := sqlite.Open(path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		paths.Store(d, path)
		return d
	}
	open := func(t testing.TB) store.Driver { return openAt(t, filepath.Join(t.TempDir(), "scrip.db")) }
	reopen := func(t testing.TB, d store.Driver) store.Driver {
		path, _ := paths.Load(d)
		return openAt(t, path.(string))
	}
	storetest.Run(t, open, reopen)
}
