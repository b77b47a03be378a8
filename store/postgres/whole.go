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

const (
	counterKey    = `per_account, owner, family, "window", start`
	countersAfter = `WHERE (` + counterKey + `) > ($1::bigint, $2::bigint, $3::bigint, $4::bigint, $5::bigint) ORDER BY ` + counterKey + ` LIMIT $6`
)

// Questions about all that there is.
var (
	allKinds      = statement{name: "kinds", text: `SELECT DISTINCT kind COLLATE "C" AS kind FROM admin_row ORDER BY 1`}
	allTombstones = statement{name: "alltombstones", text: `SELECT reversal, world, id, account FROM tombstone WHERE reversal > $1 ORDER BY reversal LIMIT $2`}
	allCounters   = statement{name: "allcounters", text: `SELECT ` + counterKey + `, count, amount FROM counter ` + countersAfter}
	// Of the page the counters that are over come, whose windows end at $7 in nanoseconds or before, and the last in any case.
	overCounters = statement{name: "overcounters", text: `SELECT ` + counterKey + `, is_over::int FROM (` +
		`SELECT ` + counterKey + `, start <= ($7::bigint - "window") / 1000000 AS is_over, lead(0) OVER (ORDER BY ` + counterKey + `) IS NULL AS is_last ` +
		`FROM (SELECT ` + counterKey + ` FROM counter ` + countersAfter + `) page) looked WHERE is_over OR is_last ORDER BY ` + counterKey}
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
	return list(ctx, d, &allCounters, pageAfter(after, most), func(_ *sqlstore.Session, r sqlstore.Row) (store.Counted, error) {
		return store.Counted{Key: scanCounterKey(r), Counter: txn.Counter{Count: r.ColumnInt64(5), Amount: money.Minor(r.ColumnInt64(6))}}, nil
	})
}

// Over implements store.Whole. The database picks what is over, as most counters are not.
func (d *Driver) Over(ctx context.Context, after txn.CounterKey, most int, now time.Time) (over []txn.CounterKey, last txn.CounterKey, err error) {
	_, err = list(ctx, d, &overCounters, append(pageAfter(after, most), now.UnixNano()), func(_ *sqlstore.Session, r sqlstore.Row) (struct{}, error) {
		if last = scanCounterKey(r); r.ColumnInt64(5) != 0 {
			over = append(over, last)
		}
		return struct{}{}, nil
	})
	return over, last, err
}

// pageAfter are the parameters of countersAfter.
func pageAfter(after txn.CounterKey, most int) []int64 {
	const beforeAll = -1 // a value of per_account that comes before all there are
	first := int64(boolean(after.PerAccount))
	if (after == txn.CounterKey{}) {
		first = beforeAll
	}
	return []int64{first, after.Owner, int64(after.Family), int64(after.Window), after.Start.UnixMilli(), limit(most)}
}

func scanCounterKey(r sqlstore.Row) txn.CounterKey {
	return txn.CounterKey{
		PerAccount: r.ColumnInt64(0) != 0, Owner: r.ColumnInt64(1), Family: txn.Family(r.ColumnInt64(2)),
		Window: time.Duration(r.ColumnInt64(3)), Start: time.UnixMilli(r.ColumnInt64(4)).UTC(),
	}
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
