package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/sqlstore"
	"github.com/scripworks/scrip/txn"
)

var _ store.Whole = (*Driver)(nil)

// Questions that a move asks.
var (
	allKinds      = statement{name: "kinds", text: `SELECT DISTINCT kind COLLATE "C" AS kind FROM admin_row ORDER BY 1`}
	allTombstones = statement{name: "alltombstones", text: `SELECT reversal, world, id, account FROM tombstone WHERE reversal > $1 ORDER BY reversal LIMIT $2`}
	allCounters   = statement{name: "allcounters", text: `SELECT per_account, owner, family, "window", start, count, amount FROM counter ` +
		`WHERE (per_account, owner, family, "window", start) > ($1::bigint, $2::bigint, $3::bigint, $4::bigint, $5::bigint) ` +
		`ORDER BY per_account, owner, family, "window", start LIMIT $6`}
	place = statement{name: "place", text: `SELECT CASE WHEN is_called THEN last_value + 1024 ELSE 0 END FROM place`}
)

// Kinds implements store.Whole.
func (d *Driver) Kinds(ctx context.Context) ([]admin.Kind, error) {
	return list(ctx, d, &allKinds, nil, func(_ *sqlstore.Session, r sqlstore.Row) (admin.Kind, error) { return admin.Kind(r.ColumnText(0)), nil })
}

// Tombstones implements store.Whole.
func (d *Driver) Tombstones(ctx context.Context, after int64, most int) ([]store.Tombstone, error) {
	return list(ctx, d, &allTombstones, []int64{after, limit(most)}, func(s *sqlstore.Session, r sqlstore.Row) (store.Tombstone, error) {
		id, err := s.ScanID(r, 2)
		return store.Tombstone{
			Reversal: r.ColumnInt64(0), Request: store.IDKey{World: ident.World(r.ColumnInt64(1)), ID: id}, Account: ident.Account(r.ColumnInt64(3)),
		}, err
	})
}

// Counters implements store.Whole.
func (d *Driver) Counters(ctx context.Context, after txn.CounterKey, most int) ([]store.Counted, error) {
	const beforeAll = -1 // a value of per_account that comes before all there are
	first := int64(boolean(after.PerAccount))
	if (after == txn.CounterKey{}) {
		first = beforeAll
	}
	values := []int64{first, after.Owner, int64(after.Family), int64(after.Window), after.Start.UnixMilli(), limit(most)}
	return list(ctx, d, &allCounters, values, func(_ *sqlstore.Session, r sqlstore.Row) (store.Counted, error) {
		return store.Counted{
			Key: txn.CounterKey{
				PerAccount: r.ColumnInt64(0) != 0, Owner: r.ColumnInt64(1), Family: txn.Family(r.ColumnInt64(2)),
				Window: time.Duration(r.ColumnInt64(3)), Start: time.UnixMilli(r.ColumnInt64(4)).UTC(),
			},
			Counter: txn.Counter{Count: r.ColumnInt64(5), Amount: money.Minor(r.ColumnInt64(6))},
		}, nil
	})
}

// LastPlace implements store.Whole. It is the end of the block that was taken last.
func (d *Driver) LastPlace(ctx context.Context) (int64, error) {
	last, err := list(ctx, d, &place, nil, func(_ *sqlstore.Session, r sqlstore.Row) (int64, error) { return r.ColumnInt64(0), nil })
	if err != nil {
		return 0, err
	}
	return last[0], nil
}

// Advance implements store.Whole.
func (d *Driver) Advance(ctx context.Context, last int64) error {
	return wrap("take places", d.inCommit(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT setval('place', $1::bigint / 1024 * 1024) FROM place WHERE NOT is_called OR last_value + 1024 < $1`, last)
		return err
	}))
}

// Erase implements store.Whole. Other nodes must not be there.
func (d *Driver) Erase(ctx context.Context) error {
	return wrap("erase", d.inCommit(ctx, func(ctx context.Context, tx pgx.Tx) error {
		tables, err := column[string](ctx, tx, `SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
			AND relname NOT IN ('goose_db_version', 'serving', 'node', 'lease', 'register')`)
		if err != nil {
			return err
		}
		for _, table := range tables {
			if _, err := tx.Exec(ctx, `TRUNCATE `+table); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE serving SET key = NULL`); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `ALTER SEQUENCE place RESTART`)
		return err
	}))
}
