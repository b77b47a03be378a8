// Package memstore keeps a store's records in memory and forgets them when it is closed. It is the reference
// that the other drivers are compared with, and what a sandbox without a data directory runs on.
//
// It promises what every driver promises (storetest judges it): a batch is saved wholly or not at all, and a view
// shows one instant. Its memory grows with what it keeps, without bound.
package memstore

import (
	"context"
	"sync"

	"github.com/scripworks/scrip/store"
)

var _ store.Driver = (*Driver)(nil)

type alone = store.Alone

// Driver keeps all records. Make one with New.
type Driver struct {
	alone
	writing sync.Mutex   // held by the one writer's batch
	records sync.RWMutex // guards kept: views hold it for reading, Save for writing
	kept    *records
}

// New makes an empty store.
func New() *Driver { return &Driver{kept: newRecords()} }

// Begin implements store.Driver. A second writer waits for the first.
func (d *Driver) Begin(ctx context.Context) (store.Batch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.writing.Lock()
	return &batch{driver: d}, nil
}

// View implements store.Driver. Nothing is saved while a view is open.
func (d *Driver) View(ctx context.Context) (store.Batch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.records.RLock()
	return &view{driver: d}, nil
}

// Close implements store.Driver. There is nothing to let go of; whoever uses the driver after this is another process.
func (d *Driver) Close() error {
	d.records.RLock()
	defer d.records.RUnlock()
	d.Began(d.kept.seq)
	return nil
}

// batch is the writer's. Only a writer changes records, so it reads them without holding the lock.
type batch struct {
	driver *Driver
	over   bool
}

// Load implements store.Batch.
func (b *batch) Load(ctx context.Context, wanted *store.Wanted, set *store.Set) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.driver.alone.Load(wanted, set)
	b.driver.kept.load(wanted, set)
	return nil
}

// Save implements store.Batch.
func (b *batch) Save(_ context.Context, set *store.Set) error {
	defer b.Rollback()
	changes := set.Changes()
	if err := b.driver.kept.check(changes); err != nil {
		return err
	}
	b.driver.records.Lock()
	defer b.driver.records.Unlock()
	b.driver.kept.save(changes)
	b.driver.Saved(changes)
	return nil
}

// Rollback implements store.Batch.
func (b *batch) Rollback() {
	if !b.over {
		b.over = true
		b.driver.writing.Unlock()
	}
}

// Seqs implements store.Batch.
func (b *batch) Seqs(n int) (int64, error) {
	first := b.driver.kept.seq + 1
	b.driver.kept.seq += int64(n)
	return first, nil
}

// view holds the records still while it is open.
type view struct {
	driver *Driver
	over   bool
}

// Load implements store.Batch.
func (v *view) Load(ctx context.Context, wanted *store.Wanted, set *store.Set) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	v.driver.alone.Load(wanted, set)
	v.driver.kept.load(wanted, set)
	return nil
}

// Save implements store.Batch: a view has nothing to save.
func (v *view) Save(context.Context, *store.Set) error { return store.ErrNotSaved }

// Rollback implements store.Batch.
func (v *view) Rollback() {
	if !v.over {
		v.over = true
		v.driver.records.RUnlock()
	}
}

// Seqs implements store.Batch: a view has no place in the order.
func (v *view) Seqs(int) (int64, error) { return 0, store.ErrNotSaved }
