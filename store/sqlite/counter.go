package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// ForgetCounters implements store.Driver. The writer is held up for what is deleted alone: there may be many counters.
func (d *Driver) ForgetCounters(ctx context.Context, now time.Time) error {
	if d.readOnly {
		return ErrReadOnly
	}
	if err := store.EachOver(ctx, d, now, d.forgetCounters); err != nil {
		return fmt.Errorf("sqlite: forget counters: %w", err)
	}
	return nil
}

func (d *Driver) forgetCounters(ctx context.Context, keys []txn.CounterKey) error {
	return d.inCommit(ctx, func(c *conn) error {
		s, err := c.Prepare(`DELETE FROM counter WHERE per_account = ? AND owner = ? AND family = ? AND "window" = ? AND start = ?`)
		if err != nil {
			return err
		}
		for _, k := range keys {
			bindCounter(s, 1, k)
			if err := step(s); err != nil {
				return err
			}
		}
		return nil
	})
}
