package app_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/keyset"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
)

// After keys have been rotated, cards are found at once under their old key, and after a while under the new one
// alone.
func TestCardNumbersAreRewrittenAfterARotation(t *testing.T) {
	data := t.TempDir()
	pans := []string{"6001000000000001", "6001000000000002", "6001000000000003"}
	a := started(t, data)
	for _, pan := range pans {
		addCard(t, a, pan)
	}
	stopped(t, a)
	rotate(t, app.KeysPath(data, ""))

	a = started(t, data)
	for _, pan := range pans {
		if !found(t, a, pan, len(a.Keys.PAN(ident.Production, parsed(t, pan)))) {
			t.Errorf("%s is not found right after the rotation", parsed(t, pan))
		}
	}
	// Stop waits for what goes on behind the messages, unless it was cut short: then it is done at the next start.
	for deadline := time.Now().Add(30 * time.Second); !allRewritten(t, a, pans); {
		if time.Now().After(deadline) {
			t.Fatal("card numbers are not rewritten")
		}
		stopped(t, a)
		a = started(t, data)
	}
	stopped(t, a)
}

func allRewritten(t *testing.T, a *app.App, pans []string) bool {
	for _, pan := range pans {
		if !found(t, a, pan, 1) {
			return false
		}
	}
	return true
}

// found says whether a card is found under the newest keys, so many of them.
func found(t *testing.T, a *app.App, pan string, newest int) (yes bool) {
	t.Helper()
	key := giftcard.CardKey(a.Keys.PAN(ident.Production, parsed(t, pan))[:newest])
	err := a.Store.Read(t.Context(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		_, yes = tx.CardByNumber(key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return yes
}

func started(t *testing.T, data string) *app.App {
	t.Helper()
	a, err := app.New(t.Context(), app.Settings{Data: data, Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	return a
}

func stopped(t *testing.T, a *app.App) {
	t.Helper()
	if err := a.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
}

func addCard(t *testing.T, a *app.App, pan string) {
	t.Helper()
	by := admin.By{Operator: "test", Role: admin.Admin, World: ident.Production, At: time.Now(), Reason: "test"}
	if _, err := a.Office.AddCard(t.Context(), by, admin.Seed{PAN: parsed(t, pan), Expiry: 4912, Currency: money.Currency(710)}); err != nil {
		t.Fatal(err)
	}
}

func parsed(t *testing.T, pan string) ident.PAN {
	t.Helper()
	p, err := ident.ParsePAN(pan)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func rotate(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := secret.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if keys, err = keys.Rotate(); err != nil {
		t.Fatal(err)
	}
	if err := keyset.Write(path, keys); err != nil {
		t.Fatal(err)
	}
}

// A new keyset beside a store that was written with another would only hide that the old one is lost.
func TestAStoreWithoutItsKeysetIsNotOpened(t *testing.T) {
	data := t.TempDir()
	stopped(t, started(t, data))
	if err := os.Remove(app.KeysPath(data, "")); err != nil {
		t.Fatal(err)
	}
	if _, err := app.New(t.Context(), app.Settings{Data: data}); !errors.Is(err, keyset.ErrMissing) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(app.KeysPath(data, "")); err == nil {
		t.Error("a new keyset was made")
	}
}
