package memstore

import (
	"context"
	"maps"
	"time"

	"github.com/scripworks/scrip/txn"
)

// ForgetCounters implements store.Driver.
func (d *Driver) ForgetCounters(ctx context.Context, now time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	d.records.Lock()
	defer d.records.Unlock()
	maps.DeleteFunc(d.kept.counters, func(k txn.CounterKey, _ txn.Counter) bool {
		return !now.Before(k.Start.Add(k.Window))
	})
	return nil
}
