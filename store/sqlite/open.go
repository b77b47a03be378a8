package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver of database/sql that migrations run on
	"zombiezen.com/go/sqlite"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/store/sqlstore"
)

const (
	privateMode = 0o600
	pageSize    = 4096             // SQLite's own for a new file, which is not changed; what is counted in pages goes by it
	busyTimeout = 10 * time.Second // for a checkpoint in the way; there is no other writer
)

//go:embed migration/*.sql
var migrations embed.FS

// private makes sure that a file is there and that its owner alone may read and write it, also one that was made
// otherwise before. What SQLite makes beside a file gets the file's own mode; what lies there already is seen to.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, privateMode)
	if err != nil {
		return fmt.Errorf("sqlite: is the directory there, and may we write to it? %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	for _, beside := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + beside)
		if err == nil && info.Mode().Perm() != privateMode {
			err = os.Chmod(path+beside, privateMode)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("sqlite: keep the file from others: %w", err)
		}
	}
	return nil
}

// lockFile takes the lock that keeps other processes out. It is SQLite's own lock on an empty file of its own, so
// that it works wherever SQLite works, and the system lets go of it when the process dies. Nothing is ever written to
// it, so there is nothing to keep a journal of.
func lockFile(path string) (*sqlite.Conn, error) {
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open the lock file: %w", explain(err))
	}
	c.SetBusyTimeout(0)
	for _, text := range []string{"PRAGMA journal_mode = MEMORY", "BEGIN EXCLUSIVE"} {
		if err = execute(c, text); err != nil {
			break
		}
	}
	if err == nil {
		return c, nil
	}
	if code(err) == sqlite.ResultBusy {
		return nil, errors.Join(ErrInUse, c.Close())
	}
	return nil, errors.Join(fmt.Errorf("sqlite: lock: %w", explain(err)), c.Close())
}

// migrate brings the file up to date, or makes it when there is nothing to begin with. It runs under our lock.
func migrate(path string, begin bool, first *admin.Row) (err error) {
	db, err := sql.Open("sqlite", fileURL(path))
	if err != nil {
		return fmt.Errorf("sqlite: open: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	scripts, err := fs.Sub(migrations, "migration")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, sqlstore.WithFirst(scripts, first, `x'%x'`), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("sqlite: read migrations: %w", err)
	}
	ctx := context.Background()
	if begin {
		if _, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID)); err != nil {
			return fmt.Errorf("sqlite: mark the file: %w", explain(err))
		}
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("sqlite: migrate: %w", explain(err))
	}
	return nil
}

// fileURL names the file for database/sql, with the settings that have to come before the first table.
func fileURL(path string) string {
	q := url.Values{"_pragma": {
		"journal_mode(wal)", "synchronous(full)", fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
	}}
	return uri(path, q)
}

// numbered turns the parameters of our queries into SQLite's: $1 would be a name there, ?1 is a number.
func numbered(text string) string { return strings.ReplaceAll(text, "$", "?") }

// code gives SQLite's code for an error, through whichever interface it came.
func code(err error) sqlite.ResultCode {
	var viaSQL interface{ Code() int }
	if errors.As(err, &viaSQL) {
		return sqlite.ResultCode(viaSQL.Code()).ToPrimary()
	}
	return sqlite.ErrCode(err).ToPrimary()
}

// explain puts the usual reason beside a code that says little.
func explain(err error) error {
	switch code(err) {
	case sqlite.ResultCantOpen:
		return fmt.Errorf("is the directory there, and may we write to it? %w", err)
	case sqlite.ResultReadOnly:
		return fmt.Errorf("the file or its directory is read-only: %w", err)
	case sqlite.ResultFull:
		return fmt.Errorf("the disk is full: %w", err)
	case sqlite.ResultNotADB, sqlite.ResultCorrupt:
		return fmt.Errorf("the file is no store, or is damaged: %w", err)
	}
	return err
}
