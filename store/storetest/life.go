package storetest

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
)

func testLife(t *testing.T, h *harness) {
	t.Run("places never repeat", h.with(placesNeverRepeat))
	t.Run("writes that nobody waits for are saved", h.bubble(behind))
	t.Run("writes that nobody waits for are saved by Close", h.bubble(behindClose))
	t.Run("Close finishes what is in hand and takes nothing new", h.bubble(closing))
	t.Run("a full queue takes nothing more", h.bubble(overload))
	t.Run("health is good after a commit", h.with(health))
}

func placesNeverRepeat(r *room) {
	last := int64(0)
	take := func(n int, end error) {
		err := r.try(declared(), func(tx *store.Tx) error {
			for range n {
				seq := tx.NextSeq()
				if seq <= last {
					r.Errorf("place %d after %d", seq, last)
				}
				last = seq
			}
			tx.Insert(request(last, uuid(int(last))))
			return end
		})
		if !errors.Is(err, end) {
			r.Fatal(err)
		}
	}
	for range 3 {
		take(1, nil)
		take(3000, errOwn)
		take(1, nil)
		take(3000, nil)
		take(2, errOwn)
		take(1, nil)
		r.again()
	}
}

func behind(b *batchRoom) {
	told := make(chan error)
	b.store.Behind(declared(), func(tx *store.Tx) error { tx.AddCard(newCard(1)); return nil }, func(err error) { told <- err })
	if err := <-told; err != nil {
		b.Error(err)
	}
	b.hasCard(newCard(1))
	b.store.Behind(declared(), func(tx *store.Tx) error { tx.AddCard(newCard(2)); return errOwn }, func(err error) { told <- err })
	if err := <-told; !errors.Is(err, errOwn) {
		b.Errorf("a write that failed tells %v", err)
	}
	b.same("cards", b.dump().Cards, []giftcard.Card{newCard(1).Card})
}

func behindClose(b *batchRoom) {
	const writes = 300
	done := 0
	for n := range int64(writes) {
		b.store.Behind(declared(), func(tx *store.Tx) error { tx.AddCard(newCard(n + 1)); return nil }, func(err error) {
			if err == nil {
				done++
			}
		})
	}
	b.again()
	if done != writes {
		b.Errorf("%d of %d were told that they are done", done, writes)
	}
	if cards := b.dump().Cards; len(cards) != writes {
		b.Errorf("%d of %d were saved", len(cards), writes)
	}
}

func closing(b *batchRoom) {
	release := b.hold()
	wait := b.queue(
		good(func(tx *store.Tx) { tx.AddCard(newCard(1)) }),
		good(func(tx *store.Tx) { tx.AddCard(newCard(2)) }),
	)
	over := make(chan error)
	go func() { over <- b.store.Close() }()
	synctest.Wait()
	var notTaken *decline.NotTaken
	err := b.try(declared(), func(tx *store.Tx) error { tx.AddCard(newCard(3)); return nil })
	if !errors.As(err, &notTaken) || notTaken.Cause != decline.Stopping {
		b.Errorf("got %v, want that it is stopping", err)
	}
	var told error
	b.store.Behind(declared(), func(*store.Tx) error { b.Error("was decided"); return nil }, func(err error) { told = err })
	if !errors.As(told, &notTaken) || notTaken.Cause != decline.Stopping {
		b.Errorf("a write after Close was told %v", told)
	}
	release()
	b.saved(append(wait(), <-over))
	b.again() // closes once more, which does nothing
	b.same("cards", b.dump().Cards, []giftcard.Card{newCard(1).Card, newCard(2).Card})
}

func overload(b *batchRoom) {
	release := b.hold()
	var notTaken *decline.NotTaken
	var waits []func() []error
	for range 10_000 {
		refused := make(chan error, 1)
		go func() {
			refused <- b.store.Do(b.Context(), store.Keys{World: ident.Production}, func(*store.Tx) error { return nil })
		}()
		synctest.Wait()
		select {
		case err := <-refused:
			if !errors.As(err, &notTaken) || notTaken.Cause != decline.Overloaded {
				b.Errorf("got %v, want that it is overloaded", err)
			}
			release()
			for _, wait := range waits {
				b.saved(wait())
			}
			return
		default:
			waits = append(waits, func() []error { return []error{<-refused} })
		}
	}
	release()
	b.Errorf("%d messages wait and none was refused", len(waits))
}

func health(r *room) {
	r.add(newCard(1))
	if err := r.store.Health(); err != nil {
		r.Error(err)
	}
}
