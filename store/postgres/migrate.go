package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/store/sqlstore"
)

//go:embed migration/*.sql
var migrations embed.FS

// migrating is the advisory lock of whoever brings the schema up to date.
const migrating = 0x53637270

// How a migration goes on beside nodes that serve. One that waits for a table has everybody else who comes for it wait
// behind, so it does not wait for long, and tries again.
const (
	migrationWait   = time.Second      // for a table
	migrationPause  = time.Second      // until it is tried again, or whether it is one's turn
	migrationWithin = 30 * time.Second // from the first try to the last
	migrationTold   = time.Minute      // between two times that a wait for somebody else's is told
)

// prepareSchema brings the schema up to date, or makes it, or says why this release cannot. Nodes that start at once go one
// after the other.
func prepareSchema(ctx context.Context, config *pgxpool.Config, known int64, options Options) (err error) {
	c, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return fmt.Errorf("postgres: connect: %w", inOneLine(err))
	}
	defer func() { err = errors.Join(err, c.Close(context.WithoutCancel(ctx))) }()
	if err := check(ctx, c, options.ReadOnly); err != nil {
		return err
	}
	if is, err := identify(ctx, c); err != nil || is.version == known {
		return err
	}
	if !options.ReadOnly {
		if err := awaitTurn(ctx, func() (bool, error) { return takeTurn(ctx, c) }, options.Waiting); err != nil {
			return fmt.Errorf("postgres: wait for whoever migrates: %w", err)
		}
	}
	is, err := identify(ctx, c) // somebody may have migrated meanwhile
	if err != nil {
		return err
	}
	if outdated, err := is.accept(known, options.ReadOnly); err != nil || !outdated {
		return err
	}
	return migrate(ctx, config, options.First)
}

// takeTurn takes the lock of whoever migrates, unless somebody has it. It does not wait: a statement that waited for it would be
// one that an index, which is built beside those who serve, waits for.
func takeTurn(ctx context.Context, c *pgx.Conn) (ours bool, err error) {
	err = c.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, pgx.QueryExecModeExec, int64(migrating)).Scan(&ours)
	return ours, err
}

// awaitTurn tries again and again until it is our turn, and tells that it waits, for how long so far. Nobody knows how long the
// other one takes: it may have a large index to build, or hang, and then somebody has to see to it.
func awaitTurn(ctx context.Context, try func() (ours bool, err error), waiting func(so time.Duration)) error {
	began := time.Now()
	for tell := began; ; {
		if ours, err := try(); err != nil || ours {
			return err
		}
		if now := time.Now(); !now.Before(tell) {
			waiting(now.Sub(began))
			tell = now.Add(migrationTold)
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// pause waits until something is to be tried again.
func pause(ctx context.Context) error {
	select {
	case <-time.After(migrationPause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// migrate runs the migrations that are missing. While others hold a table, such as a backup, or nodes serve that could not go
// on, it tries again for a while: a node that was killed counts for store.LeaseTime.
func migrate(ctx context.Context, config *pgxpool.Config, first *admin.Row) error {
	last := time.Now().Add(migrationWithin)
	for {
		err := tryMigrations(ctx, config, first)
		switch {
		case !inTheWay(err):
			return err
		case time.Now().After(last):
			return fmt.Errorf("%w: %w", ErrInUse, err)
		}
		if ended := pause(ctx); ended != nil {
			return errors.Join(err, ended)
		}
	}
}

// inTheWay says whether something failed because of others who hold what it needs, so that it may succeed later.
func inTheWay(err error) bool {
	var refusal *pgconn.PgError
	return errors.As(err, &refusal) && slices.Contains([]string{lockNotAvailable, objectInUse, deadlock}, refusal.Code)
}

// What the server says of others in the way.
const (
	lockNotAvailable = "55P03"
	objectInUse      = "55006" // of wait_for_nodes in the first migration, too
	deadlock         = "40P01"
)

// tryMigrations runs the migrations that are missing, once.
func tryMigrations(ctx context.Context, config *pgxpool.Config, first *admin.Row) (err error) {
	settings := config.ConnConfig.Copy()
	for _, limit := range []string{"statement_timeout", "idle_in_transaction_session_timeout"} {
		settings.RuntimeParams[limit] = "0" // a table may be large
	}
	settings.RuntimeParams["lock_timeout"] = strconv.FormatInt(migrationWait.Milliseconds(), 10)
	db := stdlib.OpenDB(*settings)
	defer func() { err = errors.Join(err, db.Close()) }()
	p, err := provider(db, first)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("postgres: migrate: %w", inOneLine(err))
	}
	return nil
}

func provider(db *sql.DB, first *admin.Row) (*goose.Provider, error) {
	scripts, err := fs.Sub(migrations, "migration")
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, sqlstore.WithFirst(scripts, first, `'\x%x'`), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("postgres: read migrations: %w", err)
	}
	return p, nil
}

// identity is what a database is.
type identity struct {
	empty   bool
	version int64 // last migration that was run on a store
	oldest  int64 // a release must know this migration to serve it
}

// identify says what a database is. ErrForeign: it is no store. Only the schema in which we would make tables counts.
func identify(ctx context.Context, c *pgx.Conn) (is identity, err error) {
	var tables, ours, goose int
	err = c.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE relname = 'serving'), count(*) FILTER (WHERE relname = 'goose_db_version')
		FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')`, pgx.QueryExecModeExec).Scan(&tables, &ours, &goose)
	switch {
	case err != nil:
		return is, fmt.Errorf("postgres: look what the database is: %w", err)
	case tables == 0:
		return identity{empty: true}, nil
	case ours == 0 && tables == goose:
		if is.empty, err = isBegun(ctx, c); err != nil || is.empty {
			return is, err
		}
	case ours == 0 || goose == 0:
		return is, ErrForeign
	}
	err = c.QueryRow(ctx, `SELECT (SELECT max(version_id) FROM goose_db_version WHERE is_applied), oldest FROM serving`, pgx.QueryExecModeExec).
		Scan(&is.version, &is.oldest)
	return is, foreign(ctx, c, err)
}

// foreign takes what a question to our tables failed for as a sign that they are another program's, unless the server could not
// answer it: then another try may do.
func foreign(ctx context.Context, c *pgx.Conn, err error) error {
	var refusal *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil, c.IsClosed(), errors.As(err, &refusal) && !strings.HasPrefix(refusal.Code, syntaxOrAccess):
		return fmt.Errorf("postgres: look what the database is: %w", err)
	}
	return fmt.Errorf("%w: %w", ErrForeign, err)
}

// syntaxOrAccess begins the codes of what is wrong with a statement, such as a table or a column that is not there.
const syntaxOrAccess = "42"

// isBegun says whether a database in which there was nothing but goose's table is one of ours in which no migration has ended:
// a process was making a store of it, and ended. It is none of these when the store has been made meanwhile. ErrForeign: it is
// another program's that makes its tables by goose, too, and has none left in this schema.
func isBegun(ctx context.Context, c *pgx.Conn) (begun bool, err error) {
	var made bool // seen at the same instant: a migration's table comes with its number
	err = c.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM goose_db_version WHERE version_id <> 0),
		EXISTS (SELECT FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = 'serving')`, pgx.QueryExecModeExec).Scan(&begun, &made)
	switch {
	case err != nil:
		return false, foreign(ctx, c, err)
	case !begun && !made:
		return false, fmt.Errorf("%w: migrations of another program were run on it", ErrForeign)
	}
	return begun, nil
}

// accept says whether migrations are missing, and refuses a store that this release cannot serve, or that it is only to
// read and would have to bring up to date.
func (is identity) accept(known int64, readOnly bool) (outdated bool, err error) {
	switch {
	case is.empty && readOnly:
		return false, fmt.Errorf("%w: nothing is in it", ErrForeign)
	case is.version > known && is.oldest > known:
		return false, fmt.Errorf("%w: it is at migration %d, for releases that know %d; this one knows %d", ErrNewer, is.version, is.oldest, known)
	case is.version < known && readOnly:
		return false, fmt.Errorf("%w: it is at migration %d, this release wants %d", ErrOlder, is.version, known)
	}
	return is.version < known, nil
}
