package sqlite

import (
	"context"
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/scripworks/scrip/store"
)

var errView = fmt.Errorf("%w: a view cannot save", store.ErrNotSaved)

// batch is the writer's transaction.
type batch struct {
	driver *Driver
	over   bool
}

// Begin implements store.Driver. A second writer waits for the first.
func (d *Driver) Begin(ctx context.Context) (store.Batch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if d.readOnly {
		return nil, ErrReadOnly
	}
	d.writing.Lock()
	if d.writer == nil {
		d.writing.Unlock()
		return nil, errClosed
	}
	err := d.checkpoints.between(d.writer)
	if err == nil {
		err = step(d.writer.begin)
	}
	if err != nil {
		d.writing.Unlock()
		return nil, explain(err)
	}
	return &batch{driver: d}, nil
}

var errClosed = errors.New("sqlite: the store is closed")

// Load implements store.Batch.
func (b *batch) Load(ctx context.Context, wanted *store.Wanted, set *store.Set) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.driver.alone.Load(wanted, set)
	return b.driver.writer.session.Load(wanted, set)
}

// Save implements store.Batch.
func (b *batch) Save(_ context.Context, set *store.Set) error {
	d := b.driver
	if err := d.write(set.Changes()); err != nil {
		b.Rollback()
		return refused(err)
	}
	d.writer.settle()
	if err := step(d.writer.commit); err != nil {
		return b.uncommitted(err)
	}
	d.places.saved = max(d.places.saved, d.places.given)
	d.recent.committed()
	d.hashes.committed()
	d.references.committed()
	d.references.noted(set.Changes().Inserted)
	d.Saved(set.Changes())
	b.finish()
	return nil
}

func (d *Driver) write(changes *store.Changes) error {
	if err := d.writer.session.Save(changes); err != nil {
		return err
	}
	if err := d.recent.write(d.writer); err != nil {
		return err
	}
	if err := d.hashes.write(d.writer); err != nil {
		return err
	}
	if err := d.references.write(d.writer, 1+len(changes.Inserted)/messagesPerPart); err != nil {
		return err
	}
	if d.places.given == d.places.saved {
		return nil
	}
	return d.writer.session.TakePlaces(d.places.given)
}

// uncommitted says what a failed commit means. A full disk cannot have taken the log's last frame, which is
// what makes a commit; of any other failure, such as a failed sync, nothing is known.
func (b *batch) uncommitted(err error) error {
	b.driver.recent.undone()
	b.driver.hashes.undone()
	undone := b.driver.writer.giveUp()
	b.finish()
	if undone == nil && code(err) == sqlite.ResultFull {
		return fmt.Errorf("%w: commit: %w", store.ErrNotSaved, explain(err))
	}
	return fmt.Errorf("sqlite: commit: %w", explain(err))
}

// refused sorts an error that came before the commit: the value's fault, or the disk's.
func refused(err error) error {
	switch code(err) {
	case sqlite.ResultConstraint, sqlite.ResultTooBig, sqlite.ResultMismatch, sqlite.ResultRange:
		return fmt.Errorf("%w: %w", store.ErrData, err)
	}
	return fmt.Errorf("%w: %w", store.ErrNotSaved, explain(err))
}

// Rollback implements store.Batch.
func (b *batch) Rollback() {
	if b.over {
		return
	}
	b.driver.recent.undone()
	b.driver.hashes.undone()
	_ = b.driver.writer.giveUp() // the next BEGIN fails if this has
	b.finish()
}

func (b *batch) finish() {
	b.over = true
	b.driver.writing.Unlock()
}

// Seqs implements store.Batch.
func (b *batch) Seqs(n int) (int64, error) {
	first := b.driver.places.given + 1
	b.driver.places.given += int64(n)
	return first, nil
}

// view is a transaction that only reads.
type view struct {
	driver *Driver
	conn   *conn
}

// View implements store.Driver.
func (d *Driver) View(ctx context.Context) (store.Batch, error) {
	c, err := d.reader(ctx)
	if err != nil {
		return nil, err
	}
	for _, seen := range c.seen {
		seen.began()
	}
	if err := step(c.begin); err != nil {
		d.readers <- c
		return nil, err
	}
	return &view{driver: d, conn: c}, nil
}

// Load implements store.Batch.
func (v *view) Load(ctx context.Context, wanted *store.Wanted, set *store.Set) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	v.driver.alone.Load(wanted, set)
	return v.conn.session.Load(wanted, set)
}

// Save implements store.Batch: a view has nothing to save.
func (v *view) Save(context.Context, *store.Set) error { return errView }

// Rollback implements store.Batch.
func (v *view) Rollback() {
	if v.conn == nil {
		return
	}
	_ = v.conn.giveUp() // the next BEGIN fails if this has
	v.driver.readers <- v.conn
	v.conn = nil
}

// Seqs implements store.Batch: a view has no place in the order.
func (v *view) Seqs(int) (int64, error) { return 0, errView }
