package store

import (
	"context"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
)

var (
	_ admin.Store = Admin{}
	_ admin.Tx    = (*Tx)(nil)
)

// Admin is the store in the words of operators' acts.
type Admin struct{ *Store }

// Update implements admin.Store.
func (a Admin) Update(ctx context.Context, keys giftcard.Keys, decide func(admin.Tx) error) error {
	return a.Do(ctx, keys, func(t *Tx) error { return decide(t) })
}

// View implements admin.Store.
func (a Admin) View(ctx context.Context, keys giftcard.Keys, read func(admin.Tx) error) error {
	return a.Read(ctx, keys, func(t *Tx) error { return read(t) })
}
