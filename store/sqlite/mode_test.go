//go:build unix

package sqlite

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
)

// A store's files are their owner's alone, whatever directory they lie in and however they were made; and no others
// lie beside them.
func TestNobodyElseMayReadTheFiles(t *testing.T) {
	for name, there := range map[string][]string{
		"new":                    nil,
		"made for all before":    {"scrip.db", "scrip.db.lock"},
		"with the log of a kill": {"scrip.db", "scrip.db-wal", "scrip.db-shm", "scrip.db.lock"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if there != nil {
				leave(t, dir, there)
			}
			s, _ := openStore(t, filepath.Join(dir, "scrip.db"))
			put(t, s, admin.Row{Kind: admin.AuditRow, Number: 9, World: ident.Production, Content: []byte{1}})
			want := []string{"scrip.db", "scrip.db-shm", "scrip.db-wal", "scrip.db.lock"}
			if got := onlyOwners(t, dir); !slices.Equal(got, want) {
				t.Errorf("while it is open: %v", got)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if got := onlyOwners(t, dir); !slices.Equal(got, []string{"scrip.db", "scrip.db.lock"}) {
				t.Errorf("after closing: %v", got)
			}
		})
	}
}

// leave puts files of a store that was not closed into a directory, for all to read.
func leave(t *testing.T, dir string, names []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scrip.db")
	s, _ := openStore(t, path)
	put(t, s, admin.Row{Kind: admin.AuditRow, Number: 1, World: ident.Production, Content: []byte{1}})
	if !slices.Contains(names, "scrip.db-wal") {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	from := filepath.Dir(copied(t, path, names...))
	for _, name := range names {
		if err := os.Rename(filepath.Join(from, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// onlyOwners lists the files of a directory, which must be their owner's alone.
func onlyOwners(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range all {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", entry.Name(), info.Mode())
		}
		names = append(names, entry.Name())
	}
	return names
}
