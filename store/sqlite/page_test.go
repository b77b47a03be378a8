package sqlite

import (
	"path/filepath"
	"testing"
)

// Backups and checkpoints count in pages: a new file has those that they count in.
func TestANewFileHasThePagesThatAreCountedIn(t *testing.T) {
	d, err := Open(filepath.Join(t.TempDir(), "scrip.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, err := d.writer.Prepare("PRAGMA page_size")
	if err != nil {
		t.Fatal(err)
	}
	if found, err := s.Step(); err != nil || !found || s.ColumnInt64(0) != pageSize {
		t.Errorf("pages are of %d bytes, want %d, error %v", s.ColumnInt64(0), pageSize, err)
	}
	if err := s.Reset(); err != nil {
		t.Fatal(err)
	}
}
