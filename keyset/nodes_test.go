package keyset_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/keyset"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/store/storetest"
)

// processes is how many start at once.
const processes = 4

// together has processes do the same at once.
func together(do func(process int)) {
	start := make(chan struct{})
	var all sync.WaitGroup
	for p := range processes {
		all.Go(func() { <-start; do(p) })
	}
	close(start)
	all.Wait()
}

func TestProcessesOnOneDirectoryMakeOneKeyset(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), keyset.Name)
		driver := memstore.New()
		var ids [processes]int64
		var made [processes]bool
		together(func(p int) {
			keys, fresh, err := keyset.ReadOrMake(t.Context(), path, driver)
			if err != nil {
				t.Error(err)
				return
			}
			ids[p], made[p] = id(keys), fresh
		})
		kept, err := keyset.Read(path)
		must(t, err)
		makers := 0
		for p := range processes {
			if made[p] {
				makers++
			}
			if ids[p] != id(kept) {
				t.Errorf("process %d has other keys than the file", p)
			}
		}
		if makers != 1 {
			t.Errorf("%d made the keyset", makers)
		}
		if beside, err := os.ReadDir(filepath.Dir(path)); err != nil || len(beside) != 1 {
			t.Errorf("there is more than the keyset: %v, %v", beside, err)
		}
	}
}

// Each process has made keys of its own for an empty store. All but one are refused, and that one's are remembered.
func TestAnEmptyStoreTakesOneOfSeveralKeysets(t *testing.T) {
	for range 10 {
		cluster := storetest.NewCluster(memstore.New(), nil)
		var keys [processes]*secret.Keys
		var stores [processes]*store.Store
		for p := range processes {
			var err error
			keys[p], err = secret.Generate()
			must(t, err)
			stores[p] = store.New(cluster.Node(), store.Settings{Keys: keys[p]})
		}
		var outcomes [processes]error
		together(func(p int) { outcomes[p] = keyset.Check(t.Context(), stores[p], keys[p]) })
		taken := 0
		for p, err := range outcomes {
			if err == nil {
				taken++
				must(t, keyset.Check(t.Context(), stores[p], keys[p]))
			} else if !errors.Is(err, keyset.ErrOther) {
				t.Error(err)
			}
		}
		if taken != 1 {
			t.Errorf("%d keysets were taken", taken)
		}
		for _, s := range stores {
			must(t, s.Close())
		}
	}
}

// busy is a driver whose operators set something whenever the mark was read.
type busy struct {
	*memstore.Driver
	set   func()
	times int
}

func (b *busy) RowByName(ctx context.Context, kind admin.Kind, w ident.World, name string) (admin.Row, bool, error) {
	row, found, err := b.Driver.RowByName(ctx, kind, w, name)
	if b.times--; b.times >= 0 {
		b.set()
	}
	return row, found, err
}

func TestAKeysetIsCheckedWhileOperatorsAct(t *testing.T) {
	for times, done := range map[int]bool{3: true, 1000: false} {
		driver := &busy{Driver: memstore.New(), times: times}
		keys, err := secret.Generate()
		must(t, err)
		s := store.New(driver, store.Settings{Keys: keys})
		driver.set = func() {
			must(t, s.Do(t.Context(), store.Keys{World: 1}, func(tx *store.Tx) error {
				tx.PutRow(admin.Row{Kind: admin.ProductRow, Number: 1, World: 1, Content: []byte("x")})
				return nil
			}))
		}
		if err := keyset.Check(t.Context(), s, keys); (err == nil) != done {
			t.Errorf("while others act %d times: %v", times, err)
		}
		_, marked, err := driver.Driver.RowByName(t.Context(), admin.SettingRow, 1, "keyset")
		must(t, err)
		if marked != done {
			t.Errorf("while others act %d times the store is marked: %t", times, marked)
		}
		must(t, s.Close())
	}
}

// haunted is a driver on which a process without the newest key counts as living until an instant.
type haunted struct {
	*memstore.Driver
	until time.Time
}

func (h haunted) HoldKeys(ctx context.Context, _ []uint32, _ uint32) error {
	if time.Now().Before(h.until) {
		return store.ErrKeyAhead
	}
	return ctx.Err()
}

// A process that was killed counts as living for a while. When it starts again with rotated keys, it is not refused for itself.
func TestRotatedKeysWaitForOneThatWasKilled(t *testing.T) {
	for ghost, want := range map[time.Duration]error{store.LeaseTime: nil, time.Hour: store.ErrKeyAhead} {
		synctest.Test(t, func(t *testing.T) {
			driver := memstore.New()
			keys, err := secret.Generate()
			must(t, err)
			must(t, check(t, driver, keys))
			rotated, err := keys.Rotate()
			must(t, err)
			began := time.Now()
			err = check(t, haunted{driver, began.Add(ghost)}, rotated)
			if !errors.Is(err, want) {
				t.Errorf("one that lives for %v: %v", ghost, err)
			}
			if took := time.Since(began); took > 2*store.LeaseTime {
				t.Errorf("one that lives for %v was waited for for %v", ghost, took)
			}
		})
	}
}

// check checks keys on a store that is opened for that.
func check(t *testing.T, d store.Driver, keys *secret.Keys) error {
	t.Helper()
	s := store.New(d, store.Settings{Keys: keys})
	return errors.Join(keyset.Check(t.Context(), s, keys), s.Close())
}
