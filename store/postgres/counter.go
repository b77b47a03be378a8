package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// ForgetCounters implements store.Driver. Counters that a batch has at hand are left for the next time.
func (d *Driver) ForgetCounters(ctx context.Context, now time.Time) error {
	if d.options.ReadOnly {
		return ErrReadOnly
	}
	return wrap("forget counters", store.EachOver(ctx, d, now, d.forgetCounters))
}

func (d *Driver) forgetCounters(ctx context.Context, keys []txn.CounterKey) error {
	k := columnsOf(keys)
	return d.inCommit(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM counter WHERE ctid = ANY(ARRAY(SELECT c.ctid
			FROM unnest($1::smallint[], $2::bigint[], $3::smallint[], $4::bigint[], $5::bigint[]) u (p, o, f, w, s)
			JOIN counter c ON per_account = u.p AND owner = u.o AND family = u.f AND "window" = u.w AND start = u.s FOR UPDATE OF c SKIP LOCKED))`,
			k.perAccount, k.owner, k.family, k.window, k.start)
		return err
	})
}

// counterColumns are the keys of counters, column by column.
type counterColumns struct {
	perAccount, family   []int16
	owner, window, start []int64
}

func columnsOf(keys []txn.CounterKey) (c counterColumns) {
	for _, k := range keys {
		c.perAccount, c.family = append(c.perAccount, boolean(k.PerAccount)), append(c.family, int16(k.Family))
		c.owner, c.window, c.start = append(c.owner, k.Owner), append(c.window, int64(k.Window)), append(c.start, k.Start.UnixMilli())
	}
	return c
}

// inCommit does something in a commit of its own, beside the batches.
func (d *Driver) inCommit(ctx context.Context, do func(context.Context, pgx.Tx) error) error {
	if d.options.ReadOnly {
		return ErrReadOnly
	}
	c, err := d.take(ctx, writers)
	if err != nil {
		return err
	}
	defer c.giveBack()
	ctx, cancel := context.WithTimeout(ctx, d.options.Timeout)
	defer cancel()
	return pgx.BeginFunc(ctx, c.taken, func(tx pgx.Tx) error { return do(ctx, tx) })
}
