package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
)

// The row that remembers under which key all card numbers are found.
const (
	numberKeyRow  = 1
	numberKeyName = "number-key"
	renumberPage  = 200 // cards rewritten in one commit
)

// numberKey is that row's content.
type numberKey struct{ Primary uint32 }

// renumber rewrites the digests of card numbers after a rotation of keys, behind the messages: until a card has
// been rewritten it is found under its old key. That all are done is written once the last of them is durable. A process
// that stops before, or could not save some, begins again with the first card at its next start.
func (a *App) renumber(ctx context.Context) error {
	row, found, err := a.Store.Driver().RowByName(ctx, admin.SettingRow, ident.Production, numberKeyName)
	if err != nil {
		return fmt.Errorf("read the key of card numbers: %w", err)
	}
	var done numberKey
	if found {
		if err := json.Unmarshal(row.Content, &done); err != nil {
			return fmt.Errorf("read the key of card numbers: %w", err)
		}
	}
	numbers := a.Keys.Numbers()
	if slices.Index(numbers, done.Primary) >= slices.Index(numbers, a.Keys.Primary()) {
		return nil // it may be done under a key that we hold and do not use yet
	}
	if err := a.renumberCards(ctx); err != nil {
		return fmt.Errorf("rewrite card numbers: %w", err)
	}
	content, err := json.Marshal(numberKey{a.Keys.Primary()})
	if err != nil {
		return err
	}
	return a.Store.Do(ctx, store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		tx.PutRow(admin.Row{Kind: admin.SettingRow, Number: numberKeyRow, World: ident.Production, Name: numberKeyName, Content: content})
		return nil
	})
}

// renumberCards returns once every card has been rewritten, or some could not be.
func (a *App) renumberCards(ctx context.Context) error {
	var w rewriting
	err := a.eachCard(ctx, func(c giftcard.Card, d giftcard.Detail) error { return a.renumberCard(&w, c, d) })
	return errors.Join(err, w.wait())
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

// renumberCard writes behind: messages go first.
func (a *App) renumberCard(w *rewriting, c giftcard.Card, d giftcard.Detail) error {
	pan, err := giftcard.RevealPAN(a.Keys, d)
	if err != nil {
		return err
	}
	number := giftcard.CardKey(a.Keys.PAN(c.World, pan))
	w.pending.Add(1)
	a.Store.Behind(store.Keys{World: c.World, Cards: []giftcard.CardKey{number}}, func(tx *store.Tx) error {
		tx.Renumber(c.ID, number)
		return nil
	}, w.done)
	return nil
}

// rewriting counts the writes on their way, and keeps the first that failed.
type rewriting struct {
	pending sync.WaitGroup
	failed  atomic.Pointer[error]
}

// done is told of each write.
func (w *rewriting) done(err error) {
	if err != nil {
		w.failed.CompareAndSwap(nil, &err)
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
