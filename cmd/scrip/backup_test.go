package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A copy and its keyset get their names together. Where either name was taken meanwhile, nothing of ours stays in the way of
// the next try, and what is somebody else's stays as it is.
func TestACopyAndItsKeysetGetTheirNamesTogether(t *testing.T) {
	for _, taken := range []string{"", "copy.db", "copy.db" + keysSuffix} {
		dir := t.TempDir()
		c := backupCmd{File: filepath.Join(dir, "copy.db"), Keyset: "keys.json"}
		partial := filepath.Join(dir, "x.partial")
		files := []string{partial, partial + keysSuffix}
		if taken != "" {
			files = append(files, filepath.Join(dir, taken))
		}
		for _, file := range files {
			if err := os.WriteFile(file, []byte(filepath.Base(file)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := c.publish(partial)
		if taken == "" {
			if err != nil || isFree(c.File) == nil || isFree(c.File+keysSuffix) == nil {
				t.Errorf("not made: %v", err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s was taken, and nobody minds", taken)
		}
		for _, name := range []string{"copy.db", "copy.db" + keysSuffix} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if name == taken && string(text) != taken {
				t.Errorf("%s is not as it was: %q, %v", name, text, err)
			} else if name != taken && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s was taken, and %s stays", taken, name)
			}
		}
	}
}
