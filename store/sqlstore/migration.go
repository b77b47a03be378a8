package sqlstore

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// LastMigration gives the number of the last migration that a release knows: of the scripts in a directory "migration", each
// of whose names begins with its number and an underscore.
func LastMigration(scripts fs.ReadDirFS) (last int64, err error) {
	found, err := scripts.ReadDir("migration")
	if err != nil {
		return 0, err
	}
	for _, script := range found {
		digits, _, _ := strings.Cut(script.Name(), "_")
		number, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("a migration without a number: %w", err)
		}
		last = max(last, number)
	}
	return last, nil
}
