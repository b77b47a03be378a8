package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
)

// lying tells what lies in a directory: names, contents and times of change. Of the index of a log only the name
// counts, because it can be made of the log at any time.
func lying(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || d.IsDir() {
			return err
		}
		if strings.HasSuffix(path, "-shm") {
			fmt.Fprintln(&all, d.Name())
			return nil
		}
		content, err := os.ReadFile(path)
		fmt.Fprintln(&all, d.Name(), info.Size(), info.Mode(), info.ModTime().UnixNano(), sha256.Sum256(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// copied copies what lies beside a store's file into a directory of its own, as after a power cut.
func copied(t *testing.T, path string, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(filepath.Dir(path), name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, filepath.Base(path))
}

// A store is read as it is, and nothing of it or beside it is changed: not the file, not a log that was left behind.
func TestReadingChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scrip.db")
	s, _ := openStore(t, path)
	for n := range int64(3) {
		put(t, s, admin.Row{Kind: admin.AuditRow, Number: n + 1, World: ident.Production, Content: []byte{1}})
	}
	left := map[string]string{
		"with a log":               copied(t, path, "scrip.db", "scrip.db-wal"),
		"with a log and its index": copied(t, path, "scrip.db", "scrip.db-wal", "scrip.db-shm", "scrip.db.lock"),
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	left["stopped"] = path
	left["without a lock file"] = copied(t, path, "scrip.db")
	for name, path := range left {
		t.Run(name, func(t *testing.T) {
			before := lying(t, filepath.Dir(path))
			d, err := Open(path, Options{ReadOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			if rows, err := d.Rows(t.Context(), admin.AuditRow, 0, 9); err != nil || len(rows) != 3 {
				t.Errorf("%d rows, %v", len(rows), err)
			}
			if view, err := d.View(t.Context()); err != nil {
				t.Error(err)
			} else {
				view.Rollback()
			}
			writesNothing(t, d)
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			if after := lying(t, filepath.Dir(path)); after != before {
				t.Errorf("before:\n%safter:\n%s", before, after)
			}
		})
	}
}

// writesNothing tries all that would write.
func writesNothing(t *testing.T, d *Driver) {
	t.Helper()
	_, begin := d.Begin(t.Context())
	forget := d.ForgetCounters(t.Context(), time.Now())
	world := d.Forget(t.Context(), ident.Production, 0, func(ident.ID) int64 { return 0 })
	for _, err := range []error{begin, forget, world} {
		if !errors.Is(err, ErrReadOnly) || !errors.Is(err, store.ErrNotSaved) {
			t.Errorf("got %v", err)
		}
	}
}

// A store that is being served is not read, and while one is read it is not served.
func TestWhoReadsAndWhoServesKeepEachOtherOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scrip.db")
	for _, first := range []bool{false, true} {
		d, err := Open(path, Options{ReadOnly: first})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, Options{ReadOnly: !first}); !errors.Is(err, ErrInUse) {
			t.Errorf("got %v", err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// changed makes a file with SQL, as other programs do.
func changed(t *testing.T, path string, texts ...string) string {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if _, err := db.ExecContext(context.Background(), text); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// made gives a store that was stopped.
func made(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	d, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is no store of this release is neither read nor, when another program made it, served; and it is left as it was.
func TestOtherFilesAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	empty, text := filepath.Join(dir, "empty"), filepath.Join(dir, "text")
	for path, content := range map[string]string{empty: "", text: strings.Repeat("no database ", 999)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		path            string
		reading, serves error
	}{
		"nothing":                   {filepath.Join(dir, "nothing"), ErrForeign, nil},
		"an empty file":             {empty, ErrForeign, nil},
		"a text":                    {text, ErrForeign, ErrForeign},
		"an empty database":         {changed(t, filepath.Join(dir, "void"), "CREATE TABLE x (y)", "DROP TABLE x"), ErrForeign, nil},
		"another program's":         {changed(t, filepath.Join(dir, "diary"), "CREATE TABLE diary (day)"), ErrForeign, ErrForeign},
		"another's with our tables": {changed(t, made(t, "a.db"), "PRAGMA application_id = 7"), ErrForeign, ErrForeign},
		"another's with a mark":     {changed(t, filepath.Join(dir, "mark"), "PRAGMA application_id = 7"), ErrForeign, ErrForeign},
		"a newer one":               {changed(t, made(t, "b.db"), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)"), ErrNewer, ErrNewer},
		"an older one":              {changed(t, made(t, "c.db"), "DELETE FROM goose_db_version WHERE version_id > 0"), ErrOlder, nil},
		"one that was begun":        {changed(t, filepath.Join(dir, "begun"), fmt.Sprintf("PRAGMA application_id = %d", applicationID)), ErrOlder, nil},
	} {
		t.Run(name, func(t *testing.T) {
			at := t.TempDir()
			path := filepath.Join(at, "scrip.db")
			if content, err := os.ReadFile(c.path); err == nil {
				if err := os.WriteFile(path, content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			before := lying(t, at)
			if _, err := Open(path, Options{ReadOnly: true}); !errors.Is(err, c.reading) {
				t.Errorf("to be read: got %v, want %v", err, c.reading)
			}
			if after := lying(t, at); after != before {
				t.Errorf("before:\n%safter:\n%s", before, after)
			}
			if c.serves == nil {
				return
			}
			if _, err := Open(path, Options{}); !errors.Is(err, c.serves) {
				t.Errorf("to be served: got %v, want %v", err, c.serves)
			}
			if err := os.Remove(path + ".lock"); err != nil {
				t.Fatal(err)
			}
			if after := lying(t, at); after != before {
				t.Errorf("before:\n%safter:\n%s", before, after)
			}
		})
	}
}

// What is empty becomes a store, and what was begun is finished.
func TestAFileWithNothingInItBecomesAStore(t *testing.T) {
	for name, texts := range map[string][]string{
		"an empty database":  {"CREATE TABLE x (y)", "DROP TABLE x"},
		"one that was begun": {fmt.Sprintf("PRAGMA application_id = %d", applicationID)},
	} {
		path := changed(t, filepath.Join(t.TempDir(), "scrip.db"), texts...)
		for _, readOnly := range []bool{false, true} {
			d, err := Open(path, Options{ReadOnly: readOnly})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
