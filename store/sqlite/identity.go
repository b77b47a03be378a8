package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	"zombiezen.com/go/sqlite"

	"github.com/scripworks/scrip/store/sqlstore"
)

// applicationID stands in the header of every store, "Scrp" in ASCII, so that another program's file is not taken
// for one.
const applicationID = 0x53637270

// file is how SQLite is asked for a database file.
type file struct {
	name   string
	flags  sqlite.OpenFlags
	litter string // what SQLite leaves behind and was not there before; empty when nothing is
}

func forWriting(path string) file { return file{name: path, flags: sqlite.OpenReadWrite} }

// forReading opens a file that nobody writes, and changes nothing in it or its log. Without a log it is read as it
// lies there. A log that was left behind is read through SQLite's index of it, which holds nothing of its own: one
// that is there is renewed, and one that is not is made, to be removed afterwards.
func forReading(path string) file {
	how, index := url.Values{"mode": {"ro"}}, path+"-shm"
	f := file{flags: sqlite.OpenReadOnly | sqlite.OpenURI}
	if log, err := os.Stat(path + "-wal"); err != nil || log.Size() == 0 {
		how.Set("immutable", "1")
	} else if _, err := os.Stat(index); errors.Is(err, fs.ErrNotExist) {
		f.litter = index
	}
	f.name = uri(path, how)
	return f
}

// sweep removes what a file that was read has left behind. All its connections must be closed.
func (f file) sweep() error {
	if f.litter == "" {
		return nil
	}
	if err := os.Remove(f.litter); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// uri names a file with settings, as SQLite understands it.
func uri(path string, settings url.Values) string {
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: settings.Encode()}).String()
}

// identity is what a file is.
type identity struct {
	empty   bool  // nothing is in it, or it is not there
	version int64 // last migration that was run on a store
}

// identify says what a file is without changing anything. Nobody may be writing it. ErrForeign: it is no store.
func identify(path string) (identity, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return identity{empty: true}, nil
	case err != nil:
		return identity{}, fmt.Errorf("sqlite: %w", err)
	case !info.Mode().IsRegular():
		return identity{}, fmt.Errorf("sqlite: %s is no file", path)
	case info.Size() == 0:
		return identity{empty: true}, nil
	}
	f := forReading(path)
	c, err := sqlite.OpenConn(f.name, f.flags)
	if err != nil {
		return identity{}, errors.Join(fmt.Errorf("sqlite: open: %w", explain(err)), f.sweep())
	}
	id, err := identityOf(c)
	if code(err) == sqlite.ResultNotADB {
		err = ErrForeign
	}
	return id, errors.Join(err, c.Close(), f.sweep())
}

func identityOf(c *sqlite.Conn) (id identity, err error) {
	application, err := number(c, "PRAGMA application_id")
	if err != nil {
		return id, err
	}
	tables, err := number(c, "SELECT count(*) FROM sqlite_schema")
	switch {
	case err != nil:
		return id, err
	case application == 0 && tables == 0:
		return identity{empty: true}, nil
	case application != applicationID:
		return id, ErrForeign
	case tables == 0:
		return id, nil // it was begun, and then the process ended
	}
	id.version, err = number(c, "SELECT max(version_id) FROM goose_db_version WHERE is_applied")
	return id, err
}

// number gives the one number that a statement asks for.
func number(c *sqlite.Conn, text string) (int64, error) {
	s, _, err := c.PrepareTransient(text)
	if err != nil {
		return 0, explain(err)
	}
	_, err = s.Step()
	n := s.ColumnInt64(0)
	return n, errors.Join(err, s.Finalize())
}

// accept refuses a file that this release cannot bring up to date; one to be read only must be up to date already.
func (id identity) accept(readOnly bool) error {
	known, err := sqlstore.LastMigration(migrations)
	switch {
	case err != nil:
		return err
	case id.empty && readOnly:
		return fmt.Errorf("%w: nothing is in it", ErrForeign)
	case id.version > known:
		return fmt.Errorf("%w: it is at migration %d, this release knows %d", ErrNewer, id.version, known)
	case id.version < known && readOnly:
		return fmt.Errorf("%w: it is at migration %d, this release wants %d", ErrOlder, id.version, known)
	}
	return nil
}
