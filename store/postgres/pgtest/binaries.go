package pgtest

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
)

// debian is where Debian keeps the programs of each release, out of the PATH.
const debian = "/usr/lib/postgresql/*/bin"

// oldest is the oldest release that Scrip runs on.
const oldest = 15

// binaries is the directory of PostgreSQL's programs.
type binaries string

func (b binaries) path(name string) string { return filepath.Join(string(b), name) }

// findBinaries finds the newest of Debian's releases, and otherwise what the PATH has.
func findBinaries() (binaries, error) {
	found, _ := filepath.Glob(debian) // the pattern is a good one
	var newest binaries
	release := oldest - 1
	for _, dir := range found {
		n, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		if err == nil && n > release && isWhole(dir) {
			newest, release = binaries(dir), n
		}
	}
	if newest != "" {
		return newest, nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil || !isWhole(filepath.Dir(path)) {
		return "", fmt.Errorf("%w: no PostgreSQL of release %d or later in %s or in the PATH (Debian: apt install postgresql)", ErrMissing, oldest, debian)
	}
	return binaries(filepath.Dir(path)), nil
}

// isWhole says whether a directory has a server, and not only clients.
func isWhole(dir string) bool {
	for _, name := range []string{"initdb", "postgres", "pg_basebackup"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}
