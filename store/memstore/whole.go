package memstore

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

var _ store.Whole = (*Driver)(nil)

// Kinds implements store.Whole.
func (d *Driver) Kinds(context.Context) ([]admin.Kind, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	var kinds []admin.Kind
	for kind, rows := range d.kept.rows {
		if len(rows.keys) > 0 {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	return kinds, nil
}

// Tombstones implements store.Whole.
func (d *Driver) Tombstones(_ context.Context, after int64, limit int) ([]store.Tombstone, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	var found []store.Tombstone
	for _, of := range d.kept.tombstones {
		for _, t := range of {
			if t.Reversal > after {
				t.Request.Hash = 0
				found = append(found, t)
			}
		}
	}
	slices.SortFunc(found, func(a, b store.Tombstone) int { return cmp.Compare(a.Reversal, b.Reversal) })
	return found[:min(len(found), max(limit, 0))], nil
}

// Counters implements store.Whole.
func (d *Driver) Counters(_ context.Context, after txn.CounterKey, limit int) ([]store.Counted, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	keys := slices.SortedFunc(maps.Keys(d.kept.counters), compareCounters)
	var found []store.Counted
	for _, k := range keys {
		if (after == txn.CounterKey{} || compareCounters(k, after) > 0) && len(found) < limit {
			found = append(found, store.Counted{Key: k, Counter: d.kept.counters[k]})
		}
	}
	return found, nil
}

// Over implements store.Whole.
func (d *Driver) Over(ctx context.Context, after txn.CounterKey, limit int, now time.Time) ([]txn.CounterKey, txn.CounterKey, error) {
	page, err := d.Counters(ctx, after, limit)
	over, last := store.Over(page, now)
	return over, last, err
}

// compareCounters is the order of the databases' primary key.
func compareCounters(a, b txn.CounterKey) int {
	if a.PerAccount != b.PerAccount {
		if b.PerAccount {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Family, b.Family), cmp.Compare(a.Window, b.Window), a.Start.Compare(b.Start))
}

// LastPlace implements store.Whole.
func (d *Driver) LastPlace(context.Context) (int64, error) {
	d.writing.Lock()
	defer d.writing.Unlock()
	return d.kept.seq, nil
}

// Advance implements store.Whole.
func (d *Driver) Advance(ctx context.Context, last int64) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	d.kept.seq = max(d.kept.seq, last)
	return ctx.Err()
}

// Erase implements store.Whole.
func (d *Driver) Erase(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	d.records.Lock()
	defer d.records.Unlock()
	d.kept = newRecords()
	return nil
}
