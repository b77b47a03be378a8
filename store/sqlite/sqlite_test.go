package sqlite_test

import (
	"flag"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/sqlite"
	"github.com/scripworks/scrip/store/storetest"
)

var cards = flag.Int("cards", 10_000, "how many cards the benchmark spends from")

func BenchmarkDriver(b *testing.B) { storetest.Bench(b, openNew, *cards) }

// openNew opens an empty store.
func openNew(t testing.TB) store.Driver {
	d, err := sqlite.Open(filepath.Join(t.TempDir(), "scrip.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var items = flag.Int("items", 50_000, "how many items the benchmark's queue has")

func BenchmarkQueue(b *testing.B) { storetest.BenchQueue(b, openNew, *items) }

var transactions = flag.Int("transactions", 20_000, "how many redemptions with their confirmations the grown store has")

// BenchmarkGrown measures a store that has grown: the bytes a transaction takes, how long it is until the store is
// ready, and how long a search takes.
func BenchmarkGrown(b *testing.B) {
	path := filepath.Join(b.TempDir(), "scrip.db")
	open := func() store.Driver {
		d, err := sqlite.Open(path, sqlite.Options{})
		if err != nil {
			b.Fatal(err)
		}
		return d
	}
	const cards = 1000
	storetest.Grow(b, open(), cards, 0)
	before := size(b, path)
	storetest.Grow(b, open(), cards, *transactions)
	grown := float64(size(b, path) - before)
	for b.Loop() {
		began := time.Now()
		d := open()
		b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "ms-until-ready")
		began = time.Now()
		if _, err := d.MessagesByReference(b.Context(), 1, 12345, 0, 10); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "ms/search")
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(grown/float64(*transactions), "bytes/transaction")
}

func size(b *testing.B, path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}

// Random histories are too short to leave the buckets: with small ones, which they do leave, more of them are tried.
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
	storetest.Run(t, open, reopen, storetest.Histories(20))
}
