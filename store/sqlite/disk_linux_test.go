package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
)

func init() {
	children["full disk"] = fullDiskChild
	children["full copy"] = fullCopyChild
	children["read-only"] = readOnlyChild
	children["failing writes"] = failingWritesChild
}

// small runs a child in a name space of its own, where it may mount a small disk without being anybody.
func small(t *testing.T, role string) {
	t.Helper()
	c := child(t, role, filepath.Join(t.TempDir(), "scrip.db"))
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := c.Output()
	switch {
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.ENOSPC), strings.Contains(string(out), errMount.Error()):
		if os.Getenv("SCRIP_TEST_NO_SKIP") != "" {
			t.Fatalf("cannot mount a small disk here: %v, %s", err, out)
		}
		t.Skipf("SKIPPED: cannot mount a small disk here: %v, %s", err, out)
	case err != nil:
		t.Errorf("%v: %s", err, out)
	}
}

var errMount = errors.New("mount a small disk")

// mount puts a disk of 8 MB where the store is going to be.
func mount(path string) error {
	if err := syscall.Mount("tmpfs", filepath.Dir(path), "tmpfs", 0, "size=8m"); err != nil {
		return fmt.Errorf("%w: %w", errMount, err)
	}
	return nil
}

func TestFullDisk(t *testing.T)          { small(t, "full disk") }
func TestReadOnlyDirectory(t *testing.T) { small(t, "read-only") }

func TestFailingWrites(t *testing.T) {
	if out, err := child(t, "failing writes", filepath.Join(t.TempDir(), "scrip.db")).Output(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// fullDiskChild fills the disk. What does not fit is surely not saved, and all is well again once there is room.
func fullDiskChild(path string) error {
	if err := mount(path); err != nil {
		return err
	}
	ballast := filepath.Join(filepath.Dir(path), "ballast")
	if err := os.WriteFile(ballast, make([]byte, 2<<20), 0o600); err != nil {
		return err
	}
	d, err := Open(path, Options{})
	if err != nil {
		return err
	}
	s := store.New(d, store.Settings{Keys: testKeys()})
	saved, err := fill(s, 1)
	var notTaken *decline.NotTaken
	if !errors.As(err, &notTaken) || notTaken.Cause != decline.StoreDown {
		return fmt.Errorf("after %d rows: %v, want that it was surely not saved", saved, err)
	}
	if health := s.Health(); health == nil || !strings.Contains(health.Error(), "disk is full") {
		return fmt.Errorf("health: %v", health)
	}
	if err := rowsAre(d, saved); err != nil {
		return err
	}
	if err := os.Remove(ballast); err != nil {
		return err
	}
	if err := putRow(s, saved+1); err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	if health := s.Health(); health != nil {
		return fmt.Errorf("health with room again: %w", health)
	}
	return errors.Join(rowsAre(d, saved+1), s.Close(), reopened(path, saved+1))
}

// failingWritesChild lets writes to files fail beyond a size: nobody is told that what failed was saved.
func failingWritesChild(path string) error {
	signal.Ignore(syscall.SIGXFSZ)
	d, err := Open(path, Options{})
	if err != nil {
		return err
	}
	s := store.New(d, store.Settings{Keys: testKeys()})
	var usual syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &usual); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 3 << 20, Max: usual.Max}); err != nil {
		return err
	}
	saved, err := fill(s, 1)
	if err == nil || s.Health() == nil {
		return fmt.Errorf("after %d rows: %v, health %v", saved, err, s.Health())
	}
	if err := rowsAre(d, saved); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &usual); err != nil {
		return err
	}
	if err := putRow(s, saved+1); err != nil {
		return fmt.Errorf("with writes possible again: %w", err)
	}
	return errors.Join(rowsAre(d, saved+1), s.Close(), reopened(path, saved+1))
}

// readOnlyChild opens a store where nothing can be written.
func readOnlyChild(path string) error {
	if err := mount(path); err != nil {
		return err
	}
	d, err := Open(path, Options{})
	if err != nil {
		return err
	}
	if err := d.Close(); err != nil {
		return err
	}
	if err := syscall.Mount("", filepath.Dir(path), "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		return err
	}
	for _, name := range []string{path, filepath.Join(filepath.Dir(path), "new.db")} {
		if _, err := Open(name, Options{}); err == nil || !strings.Contains(err.Error(), "write") && !strings.Contains(err.Error(), "read-only") {
			return fmt.Errorf("%s: got %v, want that it cannot be written", filepath.Base(name), err)
		}
	}
	return nil
}

// fill puts rows from a number on until one fails, and gives the last that did not.
func fill(s *store.Store, from int64) (last int64, err error) {
	for n := from; n < from+1000; n++ {
		if err := putRow(s, n); err != nil {
			return n - 1, err
		}
	}
	return from + 999, nil
}

func putRow(s *store.Store, number int64) error {
	return s.Do(context.Background(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		tx.PutRow(admin.Row{Kind: admin.AuditRow, Number: number, World: 1, Content: make([]byte, 50_000)})
		return nil
	})
}

// rowsAre checks that the rows from 1 to last are there, whole, and no others.
func rowsAre(d *Driver, last int64) error {
	rows, err := d.Rows(context.Background(), admin.AuditRow, 0, 10_000)
	if err != nil || int64(len(rows)) != last {
		return fmt.Errorf("%d rows, want %d: %v", len(rows), last, err)
	}
	for i, row := range rows {
		if row.Number != int64(i+1) || len(row.Content) != 50_000 {
			return fmt.Errorf("row %d has number %d and %d bytes", i, row.Number, len(row.Content))
		}
	}
	return nil
}

func reopened(path string, last int64) error {
	d, err := Open(path, Options{})
	if err != nil {
		return err
	}
	return errors.Join(rowsAre(d, last), d.Close())
}

func TestCopyToAFullDisk(t *testing.T) { small(t, "full copy") }

// fullCopyChild makes a copy on a disk that has no room for it: that fails, and messages go on.
func fullCopyChild(path string) error {
	if err := mount(path); err != nil {
		return err
	}
	keepFree = 0
	d, err := Open(path, Options{})
	if err != nil {
		return err
	}
	s := store.New(d, store.Settings{Keys: testKeys()})
	const rows = 90 // of 50 kB: more than half of the disk
	for n := range int64(rows) {
		if err := putRow(s, n+1); err != nil {
			return err
		}
	}
	copied := filepath.Join(filepath.Dir(path), "copy.db")
	if err := d.Copy(context.Background(), copied); !errors.Is(err, ErrNoRoom) {
		return fmt.Errorf("a copy without room: %w", err)
	}
	freeKnown = func(string) (int64, bool) { return 0, false }
	if err := d.Copy(context.Background(), copied); err == nil || errors.Is(err, ErrNoRoom) {
		return fmt.Errorf("a copy that fills the disk: %w", err)
	}
	if _, err := os.Stat(copied); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("it was left behind: %w", err)
	}
	return errors.Join(putRow(s, rows+1), rowsAre(d, rows+1), s.Health(), s.Close())
}
