package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
)

// pairsApart is how far the numbers of two rows lie apart that are always put together.
const pairsApart = 1 << 20

// writers put pairs of rows into a store until they are told to stop.
type writers struct {
	store *store.Store
	last  atomic.Int64 // number that was given out
	acked sync.Map     // numbers that were acknowledged
	over  chan struct{}
	all   sync.WaitGroup
}

// pair puts the next two rows.
func (w *writers) pair(ctx context.Context) error {
	n := w.last.Add(1)
	err := w.store.Do(ctx, store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		for _, number := range []int64{n, n + pairsApart} {
			tx.PutRow(admin.Row{Kind: admin.AuditRow, Number: number, World: 1, Content: make([]byte, 3000)})
		}
		return nil
	})
	if err == nil {
		w.acked.Store(n, true)
	}
	return err
}

func write(t *testing.T, s *store.Store) *writers {
	w := &writers{store: s, over: make(chan struct{})}
	for range 4 {
		w.all.Go(func() {
			for {
				select {
				case <-w.over:
					return
				default:
					if err := w.pair(context.WithoutCancel(t.Context())); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	return w
}

// stop ends the writing, and gives how many pairs were given out.
func (w *writers) stop() int64 {
	close(w.over)
	w.all.Wait()
	return w.last.Load()
}

// acknowledged gives the numbers of all pairs that are acknowledged by now.
func (w *writers) acknowledged() (numbers []int64) {
	w.acked.Range(func(n, _ any) bool { numbers = append(numbers, n.(int64)); return true })
	return numbers
}

// rowsIn gives the numbers of a copy's rows, after SQLite itself has found it whole.
func rowsIn(t *testing.T, path string) map[int64]bool {
	t.Helper()
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := c.PrepareTransient("PRAGMA integrity_check")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Step(); err != nil || s.ColumnText(0) != "ok" {
		t.Errorf("integrity: %v %s", err, s.ColumnText(0))
	}
	if err := errors.Join(s.Finalize(), c.Close()); err != nil {
		t.Fatal(err)
	}
	d, err := Open(path, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	found := map[int64]bool{}
	for after, more := int64(0), true; more; {
		rows, err := d.Rows(t.Context(), admin.AuditRow, after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			found[row.Number], after = true, row.Number
		}
		more = len(rows) > 0
	}
	return found
}

// wholePairs fails the test when a copy lacks a pair, or has half of one.
func wholePairs(t *testing.T, found map[int64]bool, wanted []int64) {
	t.Helper()
	for _, n := range wanted {
		if !found[n] {
			t.Errorf("pair %d was acknowledged before, and is not in the copy", n)
		}
	}
	for n := range found {
		if other := (n + pairsApart) % (2 * pairsApart); !found[other] {
			t.Errorf("row %d is in the copy, row %d is not: they were put together", n, other)
		}
	}
}

// A copy that is made while messages come and the log is emptied again and again is of one instant, which is not before
// the copy was asked for.
func TestCopyUnderLoad(t *testing.T) {
	before := usual
	usual = limits{check: 300, few: 20, pressing: 900}
	defer func() { usual = before }()
	path := filepath.Join(t.TempDir(), "scrip.db")
	s, d := openStore(t, path)
	defer s.Close()
	w := write(t, s)
	for len(w.acknowledged()) < 1000 { // some megabytes
		if err := w.pair(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	wanted := w.acknowledged()
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := d.Copy(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	after := len(w.acknowledged())
	w.stop()
	wholePairs(t, rowsIn(t, copied), wanted)
	if after == len(wanted) {
		t.Error("nothing was saved while the copy was made")
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != privateMode {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// A copy to be read at once is what it was, though the store goes on, and leaves nothing behind.
func TestBackupIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scrip.db")
	s, d := openStore(t, path)
	w := &writers{store: s}
	for range 50 {
		if err := w.pair(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	copied, size, err := d.Backup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.pair(t.Context()); err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(copied)
	if err := errors.Join(err, copied.Close(), s.Close()); err != nil || int64(len(data)) != size {
		t.Fatalf("%d of %d bytes: %v", len(data), size, err)
	}
	elsewhere := filepath.Join(t.TempDir(), "scrip.db")
	if err := os.WriteFile(elsewhere, data, privateMode); err != nil {
		t.Fatal(err)
	}
	if found := rowsIn(t, elsewhere); len(found) != 100 {
		t.Errorf("%d rows, want 100", len(found))
	}
	gone(t, path+copyName)
}

// However slowly copies are fetched, there is one of them at a time: each takes as much room as the store. Closing the store
// waits for nobody who fetches one.
func TestOneCopyIsFetchedAtATime(t *testing.T) {
	s, d := openStore(t, filepath.Join(t.TempDir(), "scrip.db"))
	first, _, err := d.Backup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Backup(t.Context()); !errors.Is(err, ErrFetching) {
		t.Errorf("a second one: %v", err)
	}
	if err := d.Copy(t.Context(), filepath.Join(t.TempDir(), "copy.db")); err != nil {
		t.Errorf("a copy under a name: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	if _, _, err := d.Backup(left); !errors.Is(err, context.Canceled) {
		t.Errorf("one that nobody wants any more: %v", err)
	}
	second, size, err := d.Backup(t.Context())
	if err != nil {
		t.Fatalf("once the first is fetched: %v", err)
	}
	_ = first.Close() // again: it has nothing to do with the second
	if _, _, err := d.Backup(t.Context()); !errors.Is(err, ErrFetching) {
		t.Errorf("while the second is fetched: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, second); err != nil || n != size {
		t.Errorf("%d of %d bytes, %v", n, size, err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
}

func gone(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is there: %v", filepath.Base(path), err)
	}
}

// A store that nobody has open is copied as it lies there, with a log that a killed process has left.
func TestCopyOfAStoreThatLies(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scrip.db")
	s, _ := openStore(t, path)
	w := &writers{store: s}
	for range 50 {
		if err := w.pair(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	killed := filepath.Join(t.TempDir(), "scrip.db")
	for _, beside := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + beside)
		if err != nil || len(data) == 0 {
			t.Fatalf("%d bytes: %v", len(data), err)
		}
		if err := os.WriteFile(killed+beside, data, privateMode); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, killed} {
		d, err := Open(path, Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(t.TempDir(), "copy.db")
		if err := errors.Join(d.Copy(t.Context(), copied), d.Close()); err != nil {
			t.Fatal(err)
		}
		wholePairs(t, rowsIn(t, copied), w.acknowledged())
	}
}

// What cannot be done leaves no copy, and the store as it was.
func TestCopyThatFails(t *testing.T) {
	dir := t.TempDir()
	s, d := openStore(t, filepath.Join(dir, "scrip.db"))
	w := &writers{store: s}
	if err := w.pair(t.Context()); err != nil {
		t.Fatal(err)
	}
	there := filepath.Join(dir, "there.db")
	if err := os.WriteFile(there, []byte("somebody's"), privateMode); err != nil {
		t.Fatal(err)
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	usual := keepFree
	defer func() { keepFree = usual }()
	for _, c := range []struct {
		what string
		ctx  context.Context
		path string
		keep int64
		want error
	}{
		{"a file that is there", t.Context(), there, usual, fs.ErrExist},
		{"a directory that is not there", t.Context(), filepath.Join(dir, "none", "copy.db"), usual, fs.ErrNotExist},
		{"nobody wants it any more", left, filepath.Join(dir, "left.db"), usual, context.Canceled},
		{"no room", t.Context(), filepath.Join(dir, "room.db"), 1 << 60, ErrNoRoom},
	} {
		keepFree = c.keep
		if err := d.Copy(c.ctx, c.path); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.what, err, c.want)
		}
		if c.path != there {
			gone(t, c.path)
		}
	}
	if data, err := os.ReadFile(there); err != nil || string(data) != "somebody's" {
		t.Errorf("the file that was there is %q, %v", data, err)
	}
	keepFree = usual
	d.copying.Lock()
	if err := d.Copy(t.Context(), filepath.Join(dir, "second.db")); !errors.Is(err, ErrCopying) {
		t.Errorf("while another is made: %v", err)
	}
	d.copying.Unlock()
	if err := errors.Join(w.pair(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := d.Copy(t.Context(), filepath.Join(dir, "late.db")); !errors.Is(err, errClosed) {
		t.Errorf("of a closed store: %v", err)
	}
	gone(t, filepath.Join(dir, "late.db"))
}

// What a killed process has left of a copy is gone when the store is opened again.
func TestLeftOverCopyGoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scrip.db")
	if err := os.WriteFile(path+copyName, make([]byte, pageSize), privateMode); err != nil {
		t.Fatal(err)
	}
	s, _ := openStore(t, path)
	defer s.Close()
	gone(t, path+copyName)
}

// copierChild puts pairs of rows and copies the store, both again and again, until it is killed.
func copierChild(path string) error {
	d, err := Open(path, Options{})
	if err != nil {
		return err
	}
	w := &writers{store: store.New(d, store.Settings{Keys: testKeys()})}
	w.last.Store(time.Now().UnixMicro() % (pairsApart / 2)) // not those of the child before, or the same again
	failed := make(chan error, 2)
	go func() {
		for {
			if err := w.pair(context.Background()); err != nil {
				failed <- err
				return
			}
		}
	}()
	go func() {
		for n := 0; ; n++ {
			copied, _, err := d.Backup(context.Background())
			if err == nil {
				err = copied.Close()
			}
			if err != nil {
				failed <- err
				return
			}
			if n == 0 {
				fmt.Println("ready")
			}
		}
	}()
	return <-failed
}

// A process that is killed while it copies leaves a sound store, and nothing of the copy once the store was opened again.
func TestKilledWhileCopying(t *testing.T) {
	if testing.Short() {
		t.Skip("it is another process that is judged, so a short run may leave it out")
	}
	path := filepath.Join(t.TempDir(), "scrip.db")
	interrupted := 0
	for range 8 {
		c := child(t, "copier", path)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
			t.Errorf("the child says %q, %v", line, err)
		}
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait() // it was killed
		if _, err := os.Stat(path + copyName); err == nil {
			interrupted++
		}
		s, _ := openStore(t, path)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		gone(t, path+copyName)
		wholePairs(t, rowsIn(t, path), nil)
	}
	t.Logf("%d copies were interrupted", interrupted)
}

// Copies that are asked for at once do not get in each other's way: who comes while one is made is told so.
func TestBackupsAtOnce(t *testing.T) {
	d, err := Open(filepath.Join(t.TempDir(), "scrip.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var all sync.WaitGroup
	var made atomic.Int64
	for range 8 {
		all.Go(func() {
			for made.Add(1) <= 10 {
				copied, size, err := d.Backup(t.Context())
				switch {
				case errors.Is(err, ErrCopying), errors.Is(err, ErrFetching):
					made.Add(-1)
					runtime.Gosched() // to the one that copies
					continue
				case err != nil:
					t.Error(err)
					return
				}
				if n, err := io.Copy(io.Discard, copied); err != nil || n != size {
					t.Errorf("%d of %d bytes, %v", n, size, err)
				}
				if err := copied.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
