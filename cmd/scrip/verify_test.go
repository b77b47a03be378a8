package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // to make another program's file with
)

// verify certifies nothing that is no store, and makes none of it either.
func TestVerifyRefusesWhatIsNoStore(t *testing.T) {
	dir := t.TempDir()
	empty, diary := filepath.Join(dir, "empty.db"), filepath.Join(dir, "diary.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", diary)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE diary (day)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{empty, diary} {
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		code, out, told := ran(t, "verify", path)
		if code != exitFailed || out != "" || !strings.Contains(told, "the file is no store of Scrip's") {
			t.Errorf("%s: exit code %d, %s%s", filepath.Base(path), code, out, told)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
			t.Errorf("%s was changed: %v", filepath.Base(path), err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
