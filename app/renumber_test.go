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
	by := admin.By{Operator: "test", Role: admin.Admin, World: ident.Production, At: time.Now(), Reason: "test"}
	for n := range renumberedCards {
		if _, err := a.Office.AddCard(t.Context(), by, admin.Seed{PAN: renumbered(t, n), Expiry: 4912, Currency: 710}); err != nil {
			t.Fatal(err)
		}
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
	err := a.Store.Read(t.Context(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		for n := range renumberedCards {
			if _, found := tx.CardByNumber(giftcard.CardKey(a.Keys.PAN(ident.Production, renumbered(t, n))[:1])); !found {
				old++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return old
}

// markedDone says whether the store remembers that all cards are found under the newest key.
func markedDone(t *testing.T, a *App) bool {
	t.Helper()
	_, found, err := a.Store.Driver().RowByName(t.Context(), admin.SettingRow, ident.Production, numberKeyName)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Whoever waits for an answer overtakes the writes behind; the mark that all are done must not.
func TestTheMarkOfARotationWaitsForTheLastCard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, gate := rotated(t)
		over := make(chan error, 1)
		go func() { over <- a.renumber(t.Context()) }()
		for !markedDone(t, a) {
			synctest.Wait()
			gate.begin <- nil
			synctest.Wait()
		}
		if old := oldNumbers(t, a); old > 0 {
			t.Errorf("marked as done while %d of %d cards have their old number", old, renumberedCards)
		}
		close(gate.begin)
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
}

// Where a batch cannot be saved, nothing is marked, and the next start does it all again.
func TestARotationThatFailedIsNotMarked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, gate := rotated(t)
		over := make(chan error, 1)
		go func() { over <- a.renumber(t.Context()) }()
		gate.begin <- errors.New("the disk is gone for a moment")
		close(gate.begin)
		if err := <-over; err == nil {
			t.Error("nobody was told that cards were not rewritten")
		}
		if old := oldNumbers(t, a); markedDone(t, a) || old == 0 {
			t.Errorf("%d cards have their old number; marked as done: %v", old, markedDone(t, a))
		}
		if err := a.renumber(t.Context()); err != nil {
			t.Fatal(err)
		}
		if old := oldNumbers(t, a); !markedDone(t, a) || old > 0 {
			t.Errorf("at the next start: %d cards have their old number; marked as done: %v", old, markedDone(t, a))
		}
	})
}
