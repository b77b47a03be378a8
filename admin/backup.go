package admin

import (
	"context"
	"io"
)

// Copier copies a store that is being written.
type Copier interface {
	// Backup makes a copy of the store as it stands at some instant after the call, and gives its bytes and how many they
	// are. It returns a *Refusal when there is no copy.
	Backup(ctx context.Context) (copied io.ReadCloser, size int64, err error)
}

// Backup makes a copy of the whole store. That it was asked for is recorded before, so that the copy tells as well whose
// it is. The caller closes what it gets.
func (o *Office) Backup(ctx context.Context, by By) (copied io.ReadCloser, size int64, err error) {
	if err := by.mayWithReason(BackUp); err != nil {
		return nil, 0, err
	}
	if o.copier == nil {
		return nil, 0, refuse(Conflict, "this store is no file: it is backed up by the means of its database")
	}
	if err := o.recordAlone(ctx, by.World, by.entry(BackUp, "store")); err != nil {
		return nil, 0, err
	}
	return o.copier.Backup(ctx)
}
