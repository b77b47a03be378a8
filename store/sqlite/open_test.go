package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/store/sqlstore"
)

func TestAnotherProcessIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scrip.db")
	d, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := child(t, "opener", path).Output()
	if err == nil || !strings.Contains(string(out), "in use by another process") {
		t.Errorf("another process: %v, %q", err, out)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrInUse) {
		t.Errorf("this process once more: got %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := child(t, "opener", path).Output(); err != nil {
		t.Errorf("after closing: %v, %q", err, out)
	}
}

func TestMigrationsRunOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scrip.db")
	for n := range 3 {
		s, d := openStore(t, path)
		put(t, s, admin.Row{Kind: admin.AuditRow, Number: int64(n + 1), World: 1, Content: []byte{1}})
		rows, err := d.Rows(t.Context(), admin.AuditRow, 0, 9)
		if err != nil || len(rows) != n+1 {
			t.Errorf("opened for the %d. time: %d rows, %v", n+1, len(rows), err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNewerStoreIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scrip.db")
	d, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.writer.exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)"); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrNewer) {
		t.Errorf("got %v", err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "no", "such", "directory"): "is the directory there",
		dir:  "is no file",
		text: "is no store",
	} {
		_, err := Open(path, Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", filepath.Base(path), err, want)
		}
	}
}

// Every statement can be prepared on what the migrations make.
func TestEveryStatementIsUnderstood(t *testing.T) {
	d, err := Open(filepath.Join(t.TempDir(), "scrip.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for q := range sqlstore.Queries {
		if _, err := d.writer.Statement(sqlstore.Query(q)); err != nil {
			t.Error(err)
		}
	}
}

func TestCloseTwice(t *testing.T) {
	d, err := Open(filepath.Join(t.TempDir(), "scrip.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := d.Begin(t.Context()); err == nil {
		t.Error("a batch began after Close")
	}
	if _, err := d.View(t.Context()); err == nil {
		t.Error("a view began after Close")
	}
}
