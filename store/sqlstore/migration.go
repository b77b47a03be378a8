package sqlstore

import (
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/scripworks/scrip/admin"
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

// firstMigration makes the tables, in one transaction.
const firstMigration = "00001_initial.sql"

// WithFirst has the first migration write a row as well, in its own transaction: so it stands in a store that is made from the
// instant on at which there is one. blob is how a database writes bytes, with their hexadecimal digits for %x. Without a row the
// scripts stay as they are.
func WithFirst(scripts fs.FS, row *admin.Row, blob string) fs.FS {
	if row == nil {
		return scripts
	}
	return longer{scripts, fmt.Sprintf("\nINSERT INTO admin_row (kind, number, world, name, content) VALUES (%s, %d, %d, %s, "+blob+");\n",
		literal(string(row.Kind)), row.Number, row.World, literal(row.Name), row.Content)}
}

// literal writes a text as SQL does.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// longer are scripts of which the first has something after its end.
type longer struct {
	fs.FS
	more string
}

// Open implements fs.FS.
func (l longer) Open(name string) (fs.File, error) {
	f, err := l.FS.Open(name)
	if err != nil || name != firstMigration {
		return f, err
	}
	return longerFile{f, io.MultiReader(f, strings.NewReader(l.more))}, nil
}

type longerFile struct {
	fs.File
	all io.Reader
}

// Read implements fs.File.
func (f longerFile) Read(p []byte) (int, error) { return f.all.Read(p) }
