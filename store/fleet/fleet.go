// Package fleet opens a store of each kind, for tests of whatever stands on one: what is promised of a program is promised
// on all of them.
//
// It promises that each kind begins empty and keeps its records as long as the test lasts, restarts included.
package fleet

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
	"github.com/scripworks/scrip/store/sqlite"
)

// Opener opens the records of one test. Whoever opens them closes them before they are opened again, but for those in
// PostgreSQL, which several processes, each with a driver of its own, may have open at once.
type Opener func(testing.TB) store.Driver

const memory = "memory"

// Each runs a test on every kind of store at once, as a test of its own by the name of the kind. Where there is no PostgreSQL its
// part is skipped aloud. A short run leaves all but memory to the tests of the drivers.
func Each(t *testing.T, run func(t *testing.T, open Opener)) {
	t.Helper()
	for _, kind := range []struct {
		name string
		open func(testing.TB) Opener
	}{{memory, Memory}, {"sqlite", SQLite}, {"postgresql", PostgreSQL}} {
		t.Run(kind.name, func(t *testing.T) {
			if testing.Short() && kind.name != memory {
				t.Skip("a short run leaves the disk to the tests of the drivers")
			}
			t.Parallel() // one waits for the disk while another computes
			run(t, kind.open(t))
		})
	}
}

// Memory keeps records in memory.
func Memory(testing.TB) Opener {
	kept := sync.OnceValue(memstore.New)
	return func(testing.TB) store.Driver { return kept() }
}

// SQLite keeps records in a file of the test's own.
func SQLite(tb testing.TB) Opener {
	path := filepath.Join(tb.TempDir(), "scrip.db")
	return func(tb testing.TB) store.Driver {
		tb.Helper()
		d, err := sqlite.Open(path, sqlite.Options{})
		if err != nil {
			tb.Fatal(err)
		}
		return d
	}
}

// PostgreSQL keeps records in a database of the test's own, on the server that all tests of the process share.
func PostgreSQL(tb testing.TB) Opener {
	tb.Helper()
	database := pgtest.Shared(tb).Database(tb)
	return func(tb testing.TB) store.Driver {
		tb.Helper()
		d, err := postgres.Open(context.Background(), database, postgres.Options{})
		if err != nil {
			tb.Fatal(err)
		}
		return d
	}
}
