package sqlite

import (
	"context"
	"fmt"
	"time"
)

// countersAtOnce is how many counters are deleted in one commit, so that messages need not wait long.
const countersAtOnce = 512

// ForgetCounters implements store.Driver.
func (d *Driver) ForgetCounters(ctx context.Context, now time.Time) error {
	for more := true; more; {
		err := d.inCommit(ctx, func(c *conn) error {
			s, err := c.Prepare(`DELETE FROM counter WHERE (per_account, owner, family, "window", start) IN (
				SELECT per_account, owner, family, "window", start FROM counter WHERE start + "window" / 1000000 <= ? LIMIT ?)`)
			if err != nil {
				return err
			}
			s.BindInt64(1, now.UnixMilli())
			s.BindInt64(2, countersAtOnce)
			err = step(s)
			more = c.Changes() == countersAtOnce
			return err
		})
		if err != nil {
			return fmt.Errorf("sqlite: forget counters: %w", err)
		}
	}
	return nil
}
