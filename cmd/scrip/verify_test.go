package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcard/giftcardtest"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"

	_ "modernc.org/sqlite" // to make another program's file with
)

// verify certifies nothing that is no store, and makes none of it either.
func TestVerifyRefusesWhatIsNoStore(t *testing.T) {
	dir := t.TempDir()
	empty, diary := filepath.Join(dir, "empty.db"), filepath.Join(dir, "diary.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", diary)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE diary (day)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{empty, diary} {
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		code, out, told := ran(t, "verify", path)
		if code != exitFailed || out != "" || !strings.Contains(told, "the file is no store of Scrip's") {
			t.Errorf("%s: exit code %d, %s%s", filepath.Base(path), code, out, told)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
			t.Errorf("%s was changed: %v", filepath.Base(path), err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// A database is verified while cards are sold from it: what is saved after the first question is of no account.
func TestVerifyBesideAServer(t *testing.T) {
	database := pgtest.Shared(t).Database(t)
	shop := openShop(t, database)
	if err := shop.sell(0); err != nil {
		t.Fatal(err)
	}
	closing, sold := make(chan struct{}), make(chan error, 1)
	go func() { sold <- shop.sellUntil(closing) }()
	for range 5 {
		if code, out, told := ran(t, "verify", database); code != exitDone || !strings.Contains(out, ", 0 faults") {
			t.Errorf("exit code %d\n%s%s", code, out, told)
		}
	}
	close(closing)
	if err := <-sold; err != nil {
		t.Error(err)
	}
}

// shop sells cards.
type shop struct{ *giftcardtest.Issuer }

func openShop(t *testing.T, database string) shop {
	t.Helper()
	issuer := giftcardtest.New(t, giftcardtest.Settings{Open: func(t testing.TB) store.Driver {
		d, err := postgres.Open(context.Background(), database, postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}})
	if err := issuer.Sell(giftcard.Product{ID: "plain", Currency: 710, Opening: giftcard.OpeningSum, StartBalance: 1000}); err != nil {
		t.Fatal(err)
	}
	return shop{issuer}
}

func (s shop) sellUntil(closing <-chan struct{}) error {
	for n := 1; ; n++ {
		select {
		case <-closing:
			return nil
		default:
		}
		if err := s.sell(n); err != nil {
			return err
		}
	}
}

// sell activates a new card, and confirms that.
func (s shop) sell(n int) error {
	ctx := context.Background()
	made, err := s.Card(ctx, conform.CardSpec{Currency: "710", Expiry: "4010"})
	if err != nil {
		return err
	}
	card, id := &conform.Card{PAN: made.PAN, Expiry: "4010"}, fmt.Sprint("activation ", n)
	activated, err := s.Do(ctx, conform.Message{Account: "a", Kind: conform.Activate, Act: conform.Request, ID: id, Card: card, Product: "plain"})
	ended, err2 := s.Do(ctx, conform.Message{Account: "a", Kind: conform.Activate, Act: conform.Confirmation, ID: "end of " + id, RequestID: id})
	if err := errors.Join(err, err2); err != nil || activated.Status != 201 || ended.Status != 202 {
		return fmt.Errorf("sale %d: %s, %s, %w", n, activated, ended, err)
	}
	return nil
}
