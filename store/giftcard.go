package store

import (
	"context"

	"github.com/scripworks/scrip/giftcard"
)

var _ giftcard.Store = Giftcard{}

// Giftcard is the store in the words of the gift card rules.
type Giftcard struct{ *Store }

// Update implements giftcard.Store.
func (g Giftcard) Update(ctx context.Context, keys giftcard.Keys, decide func(giftcard.Tx) error) error {
	return g.Do(ctx, keys, func(t *Tx) error { return decide(t) })
}

// View implements giftcard.Store.
func (g Giftcard) View(ctx context.Context, keys giftcard.Keys, read func(giftcard.Tx) error) error {
	return g.Read(ctx, keys, func(t *Tx) error { return read(t) })
}

// Later implements giftcard.Store.
func (g Giftcard) Later(keys giftcard.Keys, decide func(giftcard.Tx) error, done func()) {
	var told func(error)
	if done != nil {
		told = func(error) { done() }
	}
	g.Behind(keys, func(t *Tx) error { return decide(t) }, told)
}
