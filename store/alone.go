package store

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/txn"
)

var (
	_ Leases  = (*Alone)(nil)
	_ Keyring = (*Alone)(nil)
)

// Alone is what a driver has by itself that its process shares with no other. The zero value is ready.
type Alone struct {
	revision atomic.Int64
	upto     atomic.Int64 // the last place that was given out before this process
}

// Lease implements Leases: nobody else can hold it.
func (*Alone) Lease(ctx context.Context, _ string) (bool, error) { return true, ctx.Err() }

// Release implements Leases.
func (*Alone) Release(ctx context.Context, _ string) error { return ctx.Err() }

// Shared implements Leases.
func (*Alone) Shared() bool { return false }

// HoldKeys implements Keyring: nobody else holds any.
func (*Alone) HoldKeys(ctx context.Context, _ []uint32, _ uint32) error { return ctx.Err() }

// Revision answers admin.Reports.
func (a *Alone) Revision(context.Context) (int64, error) { return a.revision.Load(), nil }

// Load brings the revision when it is wanted. The writer, or the view, lets nobody else save meanwhile.
func (a *Alone) Load(wanted *Wanted, set *Set) {
	if wanted.Register {
		set.LoadedRevision(a.revision.Load())
	}
}

// Saved raises the revision when changes that have been saved hold what operators set.
func (a *Alone) Saved(c *Changes) {
	if slices.ContainsFunc(c.Rows, func(r admin.Row) bool { return r.Kind.IsRegister() }) {
		a.revision.Add(1)
	}
}

// Began says which place was the last before this process.
func (a *Alone) Began(upto int64) { a.upto.Store(upto) }

// Lost gives those of working requests, in order, that another process had in hand.
func (a *Alone) Lost(working []txn.Message) []txn.Message {
	upto := a.upto.Load()
	end := slices.IndexFunc(working, func(m txn.Message) bool { return m.Seq > upto })
	if end < 0 {
		return working
	}
	return working[:end]
}
