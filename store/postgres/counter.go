package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// countersAtOnce is how many counters are deleted in one commit, so that messages need not wait long.
const countersAtOnce = 512

// ForgetCounters implements store.Driver. Counters that a batch has at hand are left for the next time.
func (d *Driver) ForgetCounters(ctx context.Context, now time.Time) error {
	for more := true; more; {
		err := d.inCommit(ctx, func(ctx context.Context, tx pgx.Tx) error {
			done, err := tx.Exec(ctx, `DELETE FROM counter WHERE ctid = ANY(ARRAY(SELECT ctid FROM counter
				WHERE start + "window" / 1000000 <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`, now.UnixMilli(), countersAtOnce)
			more = err == nil && done.RowsAffected() == countersAtOnce
			return err
		})
		if err != nil {
			return wrap("forget counters", err)
		}
	}
	return nil
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
