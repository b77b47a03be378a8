package plain

import (
	"context"
	"database/sql"
	"errors"
	"net/url"

	_ "modernc.org/sqlite" // registers "sqlite" with database/sql
)

// file is a store in a SQLite file, over database/sql. It has one connection, because SQLite has one writer, and
// waiting for it in the pool costs less than waiting for the file's lock.
type file struct {
	db           *sql.DB
	lower, write *sql.Stmt
}

var _ Store = (*file)(nil)

// openSQLite opens a file as durably as Scrip does: WAL, synced with every commit.
func openSQLite(ctx context.Context, path string) (_ *file, err error) {
	name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: url.Values{
		"_pragma": {"journal_mode(wal)", "synchronous(full)", "busy_timeout(10000)"}, "_txlock": {"immediate"},
	}.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	f := &file{db: db}
	if err = f.prepare(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return f, nil
}

func (f *file) prepare(ctx context.Context) (err error) {
	const tables = `
		CREATE TABLE IF NOT EXISTS card (pan TEXT PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0)) WITHOUT ROWID;
		CREATE TABLE IF NOT EXISTS journal (id TEXT NOT NULL UNIQUE, pan TEXT NOT NULL, merchant TEXT NOT NULL,
			amount INTEGER NOT NULL, balance INTEGER NOT NULL, received INTEGER NOT NULL)`
	if _, err = f.db.ExecContext(ctx, tables); err != nil {
		return err
	}
	if f.lower, err = f.db.PrepareContext(ctx,
		`UPDATE card SET balance = balance - ?2 WHERE pan = ?1 AND balance >= ?2 RETURNING balance`); err != nil {
		return err
	}
	f.write, err = f.db.PrepareContext(ctx, `INSERT INTO journal (id, pan, merchant, amount, balance, received)
		VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`)
	return err
}

func (f *file) Seed(ctx context.Context, pans []string, balanceMinor int64) error {
	return f.within(ctx, func(tx *sql.Tx) error {
		card, err := tx.PrepareContext(ctx, `INSERT INTO card VALUES (?1, ?2) ON CONFLICT (pan) DO UPDATE SET balance = ?2`)
		if err != nil {
			return err
		}
		for _, pan := range pans {
			if _, err := card.ExecContext(ctx, pan, balanceMinor); err != nil {
				return err
			}
		}
		return nil
	})
}

// within runs a function in a transaction of its own.
func (f *file) within(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (f *file) Redeem(ctx context.Context, r Redemption) (leftMinor int64, err error) {
	err = f.within(ctx, func(tx *sql.Tx) error {
		err := tx.StmtContext(ctx, f.lower).QueryRowContext(ctx, r.PAN, r.AmountMinor).Scan(&leftMinor)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrRefused
		}
		if err != nil {
			return err
		}
		done, err := tx.StmtContext(ctx, f.write).ExecContext(ctx, r.ID, r.PAN, r.Merchant, r.AmountMinor, leftMinor, r.Received.UnixMilli())
		if err != nil {
			return err
		}
		if written, err := done.RowsAffected(); err != nil || written == 0 {
			return errors.Join(err, ErrDuplicate)
		}
		return nil
	})
	return leftMinor, err
}

func (f *file) Close() error { return f.db.Close() }
