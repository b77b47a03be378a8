package storetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/store"
)

func testViews(t *testing.T, h *harness) {
	t.Run("a view shows what is committed, and nothing else", h.with(onlyCommitted))
	t.Run("a view shows one instant", h.with(oneInstant))
	t.Run("a view shows what was answered before it was asked for", h.with(answeredBefore))
	t.Run("a view cannot write", h.with(viewsCannotWrite))
	t.Run("a view whose reader has left fails", h.with(viewLeft))
}

func onlyCommitted(r *room) {
	r.add(newCard(1))
	r.do(func(tx *store.Tx) {
		r.balance(tx, 1, 5, 5)
		tx.Insert(request(7, uuid(7)))
		r.read(func(seen *store.Tx) {
			if seen.Card(1).Balance.Book != 0 || len(seen.Messages(uuid(7))) != 0 {
				r.Error("a view shows what is not committed")
			}
		})
	})
	r.read(func(seen *store.Tx) {
		if seen.Card(1).Balance.Book != 5 || len(seen.Messages(uuid(7))) != 1 {
			r.Error("a view does not show what is committed")
		}
	})
}

// oneInstant moves money between two cards while views add it up.
func oneInstant(r *room) {
	const sum, moves = 1000, 200
	r.add(newCard(1), newCard(2))
	r.do(func(tx *store.Tx) { r.balance(tx, 1, sum, sum) })
	var all sync.WaitGroup
	var mu sync.Mutex
	seen := map[money.Minor]bool{}
	var over atomic.Bool
	for range 3 {
		all.Go(func() {
			for !over.Load() {
				r.read(func(tx *store.Tx) {
					one, two := tx.Card(1).Balance.Book, tx.Card(2).Balance.Book
					if one+two != sum {
						r.Errorf("the sum is %d", one+two)
					}
					mu.Lock()
					seen[one] = true
					mu.Unlock()
				})
			}
		})
	}
	different := func() int { mu.Lock(); defer mu.Unlock(); return len(seen) }
	for n := money.Minor(0); n < moves || different() < 10; n++ { // until the views have run beside us
		r.do(func(tx *store.Tx) {
			r.balance(tx, 1, sum-n%sum, 0)
			r.balance(tx, 2, n%sum, 0)
		})
	}
	over.Store(true)
	all.Wait()
}

// answeredBefore has several senders write and read by turns, each about a card of its own.
func answeredBefore(r *room) {
	const senders, turns = 8, 25
	var all sync.WaitGroup
	for card := int64(1); card <= senders; card++ {
		r.add(newCard(card))
		all.Go(func() {
			for n := money.Minor(1); n <= turns; n++ {
				r.do(func(tx *store.Tx) { r.balance(tx, card, n, n) })
				r.read(func(tx *store.Tx) {
					if seen := tx.Card(card).Balance.Book; seen != n {
						r.Errorf("after %d was answered, %d is seen", n, seen)
					}
				})
			}
		})
	}
	all.Wait()
}

func viewsCannotWrite(r *room) {
	r.add(newCard(1))
	err := r.store.Read(r.Context(), declared(), func(tx *store.Tx) error { r.balance(tx, 1, 5, 5); return nil })
	if err == nil {
		r.Error("a view has written")
	}
	err = r.store.Read(r.Context(), declared(), func(*store.Tx) error { return errOwn })
	if !errors.Is(err, errOwn) {
		r.Errorf("got %v, want the reader's own error", err)
	}
	r.hasCard(newCard(1))
}

func viewLeft(r *room) {
	ctx, leave := context.WithCancel(r.Context())
	leave()
	err := r.store.Read(ctx, store.Keys{World: ident.Production}, func(*store.Tx) error { return nil })
	if !errors.Is(err, context.Canceled) {
		r.Errorf("got %v", err)
	}
}
