package app

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
)

// renumberedCards are more than a few batches take.
const renumberedCards = 1000

// gated is a driver whose batches begin when the test lets them.
type gated struct {
	store.Driver
	begin chan error // the error that the next batch begins with
}

func (g gated) Begin(ctx context.Context) (store.Batch, error) {
	if err := <-g.begin; err != nil {
		return nil, err
	}
	return g.Driver.Begin(ctx)
}

// rotated gives a program with cards under an old key, and the gate of its batches.
func rotated(t *testing.T) (*App, gated) {
	t.Helper()
	a, err := New(t.Context(), Settings{})
	if err != nil {
		t.Fatal(err)
	}
	for n := range renumberedCards {
		addRenumbered(t, a, n)
	}
	if a.Keys, err = a.Keys.Rotate(); err != nil {
		t.Fatal(err)
	}
	gate := gated{a.Store.Driver(), make(chan error)}
	first := a.Store
	a.Store = store.New(gate, store.Settings{Keys: a.Keys})
	t.Cleanup(func() {
		if err := errors.Join(a.Store.Close(), first.Close()); err != nil {
			t.Error(err)
		}
	})
	return a, gate
}

// addRenumbered adds a card under the key with which the program was started.
func addRenumbered(t *testing.T, a *App, n int) {
	t.Helper()
	by := admin.By{Operator: "test", Role: admin.Admin, World: ident.Production, At: time.Now(), Reason: "test"}
	if _, err := a.Office.AddCard(t.Context(), by, admin.Seed{PAN: renumbered(t, n), Expiry: 4912, Currency: 710}); err != nil {
		t.Fatal(err)
	}
}

func renumbered(t *testing.T, n int) ident.PAN {
	t.Helper()
	pan, err := ident.ParsePAN(fmt.Sprintf("6001%012d", n))
	if err != nil {
		t.Fatal(err)
	}
	return pan
}

// oldNumbers counts the cards that are not found under the newest key.
func oldNumbers(t *testing.T, a *App) (old int) {
	t.Helper()
	for n := range renumberedCards {
		if !found(t, a, n) {
			old++
		}
	}
	return old
}

// found says whether a card is found under the newest key.
func found(t *testing.T, a *App, n int) (yes bool) {
	t.Helper()
	number := giftcard.CardKey(a.Keys.PAN(ident.Production, renumbered(t, n))[:1])
	err := a.Store.Read(t.Context(), store.Keys{World: ident.Production, Cards: []giftcard.CardKey{number}}, func(tx *store.Tx) error {
		_, yes = tx.CardByNumber(number)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return yes
}

// Whoever waits for an answer overtakes the writes behind; that all are done is not said before the last of them is.
func TestARotationIsDoneWithTheLastCard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, gate := rotated(t)
		over := make(chan error, 1)
		go func() { over <- a.renumber(t.Context()) }()
		for done := false; !done; {
			synctest.Wait()
			select {
			case err := <-over:
				if err != nil {
					t.Error(err)
				}
				done = true
			case gate.begin <- nil:
			}
		}
		if old := oldNumbers(t, a); old > 0 {
			t.Errorf("said to be done while %d of %d cards have their old number", old, renumberedCards)
		}
		close(gate.begin)
	})
}

// Where a batch cannot be saved, that is told, and the next time does it all again.
func TestARotationThatFailedIsNotDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, gate := rotated(t)
		over := make(chan error, 1)
		go func() { over <- a.renumber(t.Context()) }()
		gate.begin <- errors.New("the disk is gone for a moment")
		close(gate.begin)
		if err := <-over; err == nil {
			t.Error("nobody was told that cards were not rewritten")
		}
		if oldNumbers(t, a) == 0 {
			t.Error("no card has its old number")
		}
		if err := a.renumber(t.Context()); err != nil {
			t.Fatal(err)
		}
		if old := oldNumbers(t, a); old > 0 {
			t.Errorf("the next time: %d cards have their old number", old)
		}
	})
}

// A node that has not been started again adds cards under the key before, after others have taken up the new one.
func TestACardThatComesUnderAnOldKeyIsRewritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, gate := rotated(t)
		close(gate.begin)
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		go a.rewriteNumbers(ctx)
		time.Sleep(renumberEvery / 2)
		if old := oldNumbers(t, a); old > 0 {
			t.Fatalf("%d cards have their old number", old)
		}
		addRenumbered(t, a, renumberedCards)
		if found(t, a, renumberedCards) {
			t.Fatal("the card did not come under the old key")
		}
		time.Sleep(renumberEvery)
		if !found(t, a, renumberedCards) {
			t.Error("the card has its old number")
		}
	})
}

// A node that holds newer keys than it uses takes no card back from them.
func TestNoNumberIsRewrittenUnderAnOlderKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, gate := rotated(t)
		close(gate.begin)
		prepared, err := a.Keys.Prepare()
		if err != nil {
			t.Fatal(err)
		}
		newest, err := prepared.Rotate()
		if err != nil {
			t.Fatal(err)
		}
		a.Keys = newest
		if err := a.renumber(t.Context()); err != nil {
			t.Fatal(err)
		}
		addRenumbered(t, a, renumberedCards)
		a.Keys = prepared
		if err := a.renumber(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !found(t, a, renumberedCards) {
			t.Error("a card under a key that is older than ours was not rewritten")
		}
		for n := range renumberedCards {
			if found(t, a, n) {
				t.Fatalf("card %d was given a number under an older key beside the newest one", n)
			}
		}
		a.Keys = newest
		if old := oldNumbers(t, a); old > 0 {
			t.Errorf("%d cards were taken back from the newest key", old)
		}
	})
}
