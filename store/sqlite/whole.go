package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

var _ store.Whole = (*Driver)(nil)

// rowsOf runs a question on a reader's connection and reads each row of the answer.
func rowsOf[T any](ctx context.Context, d *Driver, text string, bind func(*sqlite.Stmt), scan func(*sqlite.Stmt) T) (found []T, err error) {
	c, err := d.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer d.readDone(c)
	s, err := c.Prepare(text)
	if err != nil {
		return nil, explain(err)
	}
	bind(s)
	row, err := s.Step()
	for ; row && err == nil; row, err = s.Step() {
		found = append(found, scan(s))
	}
	return found, explain(errors.Join(err, s.Reset()))
}

// Kinds implements store.Whole.
func (d *Driver) Kinds(ctx context.Context) ([]admin.Kind, error) {
	return rowsOf(ctx, d, `SELECT DISTINCT kind FROM admin_row ORDER BY kind`, func(*sqlite.Stmt) {},
		func(s *sqlite.Stmt) admin.Kind { return admin.Kind(s.ColumnText(0)) })
}

// Tombstones implements store.Whole.
func (d *Driver) Tombstones(ctx context.Context, after int64, limit int) ([]store.Tombstone, error) {
	return rowsOf(ctx, d, `SELECT reversal, world, id, account FROM tombstone WHERE reversal > ? ORDER BY reversal LIMIT ?`,
		func(s *sqlite.Stmt) {
			s.BindInt64(1, after)
			s.BindInt64(2, int64(max(limit, 0)))
		}, func(s *sqlite.Stmt) store.Tombstone {
			return store.Tombstone{
				Reversal: s.ColumnInt64(0), Request: store.IDKey{World: ident.World(s.ColumnInt64(1)), ID: columnID(s, 2)},
				Account: ident.Account(s.ColumnInt64(3)),
			}
		})
}

// Counters implements store.Whole.
func (d *Driver) Counters(ctx context.Context, after txn.CounterKey, limit int) ([]store.Counted, error) {
	return rowsOf(ctx, d, allCounters, func(s *sqlite.Stmt) {
		if bindCounter(s, 1, after); (after == txn.CounterKey{}) {
			s.BindInt64(1, beforeAll)
		}
		s.BindInt64(6, int64(max(limit, 0)))
	}, scanCounted)
}

// Over implements store.Whole.
func (d *Driver) Over(ctx context.Context, after txn.CounterKey, limit int, now time.Time) ([]txn.CounterKey, txn.CounterKey, error) {
	page, err := d.Counters(ctx, after, limit)
	over, last := store.Over(page, now)
	return over, last, err
}

const (
	allCounters = `SELECT per_account, owner, family, "window", start, count, amount FROM counter
		WHERE (per_account, owner, family, "window", start) > (?1, ?2, ?3, ?4, ?5)
		ORDER BY per_account, owner, family, "window", start LIMIT ?6`
	beforeAll = -1 // a value of per_account that comes before all there are
)

// bindCounter binds a counter's key in the order of the primary key.
func bindCounter(s *sqlite.Stmt, first int, k txn.CounterKey) {
	s.BindBool(first, k.PerAccount)
	s.BindInt64(first+1, k.Owner)
	s.BindInt64(first+2, int64(k.Family))
	s.BindInt64(first+3, int64(k.Window))
	s.BindInt64(first+4, k.Start.UnixMilli())
}

func scanCounted(s *sqlite.Stmt) store.Counted {
	return store.Counted{
		Key: txn.CounterKey{
			PerAccount: s.ColumnInt64(0) != 0, Owner: s.ColumnInt64(1), Family: txn.Family(s.ColumnInt64(2)),
			Window: time.Duration(s.ColumnInt64(3)), Start: time.UnixMilli(s.ColumnInt64(4)).UTC(),
		},
		Counter: txn.Counter{Count: s.ColumnInt64(5), Amount: money.Minor(s.ColumnInt64(6))},
	}
}

// LastPlace implements store.Whole.
func (d *Driver) LastPlace(ctx context.Context) (int64, error) {
	last, err := rowsOf(ctx, d, `SELECT last FROM place WHERE only = 1`, func(*sqlite.Stmt) {},
		func(s *sqlite.Stmt) int64 { return s.ColumnInt64(0) })
	switch {
	case err != nil:
		return 0, fmt.Errorf("sqlite: read the last place given out: %w", err)
	case len(last) != 1:
		return 0, errors.New("sqlite: the last place given out is not noted: the file is damaged")
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	return max(last[0], d.places.given), nil
}

// Advance implements store.Whole.
func (d *Driver) Advance(ctx context.Context, last int64) error {
	err := d.inCommit(ctx, func(c *conn) error { return c.session.TakePlaces(max(last, d.places.given)) })
	if err != nil {
		return fmt.Errorf("sqlite: take places: %w", err)
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	d.places.given = max(d.places.given, last)
	d.places.saved = max(d.places.saved, d.places.given)
	return nil
}

// Erase implements store.Whole. It takes one commit.
func (d *Driver) Erase(ctx context.Context) error {
	b, err := d.Begin(ctx)
	if err != nil {
		return err
	}
	defer b.Rollback()
	if err := d.writer.deleteAll(); err != nil {
		return fmt.Errorf("sqlite: erase: %w", explain(err))
	}
	d.writer.settle()
	if err := step(d.writer.commit); err != nil {
		return fmt.Errorf("sqlite: erase: %w", explain(err))
	}
	d.places = places{}
	d.recent.erased()
	d.hashes.erased()
	d.references.erased()
	return nil
}

// deleteAll empties every table of records. What goose remembers of the migrations stays.
func (c *conn) deleteAll() error {
	s, _, err := c.PrepareTransient(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
		AND name NOT IN ('goose_db_version', 'place')`)
	if err != nil {
		return err
	}
	var tables []string
	row, err := s.Step()
	for ; row && err == nil; row, err = s.Step() {
		tables = append(tables, s.ColumnText(0))
	}
	if err := errors.Join(err, s.Finalize()); err != nil {
		return err
	}
	for _, table := range tables {
		if err := c.exec("DELETE FROM " + table); err != nil {
			return err
		}
	}
	return c.session.TakePlaces(0)
}
