package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
)

// Bounds of the rewriting of card numbers.
const (
	renumberEvery = time.Hour
	renumberPage  = 200 // cards read at once
)

// rewriteNumbers takes up rotated keys, and looks again once in a while: other nodes may go on adding cards under the key before
// until they have been started again.
func (a *App) rewriteNumbers(ctx context.Context) {
	again(ctx, renumberEvery, func() { a.complain(ctx, "take up rotated keys", a.renumber(ctx)) })
}

// renumber rewrites the digests of card numbers that an older key than ours made, behind the messages: until a card has been
// rewritten it is found under its old key. It returns once the last of them is durable, or some could not be saved.
func (a *App) renumber(ctx context.Context) error {
	outdated, err := a.hasOldNumbers(ctx)
	if err != nil {
		return fmt.Errorf("look for card numbers under old keys: %w", err)
	}
	if !outdated {
		return nil
	}
	if err := a.renumberCards(ctx); err != nil {
		return fmt.Errorf("rewrite card numbers: %w", err)
	}
	return nil
}

// oldKeys gives the keys that were made before the primary one. What is found under a newer one, which we hold and do not use yet,
// stays there.
func (a *App) oldKeys() []uint32 {
	numbers := a.Keys.Numbers()
	return numbers[:slices.Index(numbers, a.Keys.Primary())]
}

func (a *App) hasOldNumbers(ctx context.Context) (bool, error) {
	for _, key := range a.oldKeys() {
		if has, err := a.Store.Driver().HasNumbers(ctx, key); has || err != nil {
			return has, err
		}
	}
	return false, nil
}

// renumberCards returns once every card has been rewritten, or some could not be.
func (a *App) renumberCards(ctx context.Context) error {
	var w rewriting
	old, began := a.oldKeys(), time.Now()
	a.log.Info("rewriting card numbers under the primary key", "key", a.Keys.Primary())
	err := a.eachCard(ctx, func(c giftcard.Card, d giftcard.Detail) error { return a.renumberCard(&w, old, c, d) })
	if err = errors.Join(err, w.wait()); err != nil {
		return err
	}
	a.log.Info("card numbers are rewritten", "cards", w.rewritten.Load(), "took", time.Since(began).Round(time.Millisecond).String())
	return nil
}

// eachCard gives all cards, page by page, until there is an error.
func (a *App) eachCard(ctx context.Context, do func(giftcard.Card, giftcard.Detail) error) error {
	reports := a.Store.Driver()
	for after := int64(0); ; {
		cards, err := reports.Cards(ctx, after, renumberPage)
		if err != nil {
			return err
		}
		details, err := reports.Details(ctx, after, renumberPage)
		if err != nil {
			return err
		}
		if len(cards) != len(details) {
			return fmt.Errorf("%d cards above %d have %d details", len(cards), after, len(details))
		}
		for i := range cards {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := do(cards[i], details[i]); err != nil {
				return fmt.Errorf("card %d: %w", cards[i].ID, err)
			}
			after = cards[i].ID
		}
		if len(cards) < renumberPage {
			return nil
		}
	}
}

// renumberCard rewrites a card's number, unless no old key made it. It writes behind: messages go first.
func (a *App) renumberCard(w *rewriting, old []uint32, c giftcard.Card, d giftcard.Detail) error {
	pan, err := giftcard.RevealPAN(a.Keys, d)
	if err != nil {
		return err
	}
	digests := a.Keys.PAN(c.World, pan)
	unused := func(digest secret.Digest) bool {
		return digest.Key != digests[0].Key && !slices.Contains(old, digest.Key)
	}
	number := giftcard.CardKey(slices.DeleteFunc(slices.Clone(digests), unused))
	w.pending.Add(1)
	outdated := false
	a.Store.Behind(store.Keys{World: c.World, Cards: []giftcard.CardKey{number}}, func(tx *store.Tx) error {
		if _, outdated = tx.AnyCardByNumber(number[1:]); outdated {
			tx.Renumber(c.ID, number)
		}
		return nil
	}, func(err error) { w.done(outdated, err) })
	return nil
}

// rewriting counts the writes on their way and the cards that were rewritten, and keeps the first failure.
type rewriting struct {
	pending   sync.WaitGroup
	rewritten atomic.Int64
	failed    atomic.Pointer[error]
}

// done is told of each write, and whether it changed the card.
func (w *rewriting) done(changed bool, err error) {
	switch {
	case err != nil:
		w.failed.CompareAndSwap(nil, &err)
	case changed:
		w.rewritten.Add(1)
	}
	w.pending.Done()
}

// wait waits for all writes and gives the first failure. The store tells of every write, also when it is closed.
func (w *rewriting) wait() error {
	w.pending.Wait()
	if err := w.failed.Load(); err != nil {
		return *err
	}
	return nil
}
