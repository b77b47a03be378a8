package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// oldStore makes a store as the release with the first migration alone would, with one open request and its card.
func oldStore(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "scrip.db")
	if err := private(path); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", fileURL(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const first = "00001_initial.sql"
	script, err := migrations.ReadFile("migration/" + first)
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, fstest.MapFS{first: {Data: script}}, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		fmt.Sprintf("PRAGMA application_id = %d", applicationID),
		`UPDATE place SET last = 500`,
		`INSERT INTO card (id, world, status, frozen, has_pin, expiry, valid_through, currency, product, book, available,
			last_message, activation, void, successor, loads, wrong_pins, import) VALUES (8, 1, 3, 0, 0, 4012, 0, 710, 0, 70, 60, 9, 0, 0, 0, 0, 0, 0)`,
		`INSERT INTO message (seq, world, id, account, family, role, state, at, request, ended, card, target, product, names,
			amount, unnamed, unconfirmed, currency, trail, body) VALUES (9, 1, 'old', 3, 3, 1, 1, 1000, 0, -9, 8, 0, 0, 0, 500, 0, 500, 710, x'010000', x'07')`,
		fmt.Sprintf(`INSERT INTO message_id (hash, seq) VALUES (%d, 9)`, testKeys().ID(ident.Production, "old")),
	} {
		if _, err := db.Exec(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	return path
}

// A store of the release before opens, has what it had, and keeps what it could not.
func TestAnOlderStoreIsBroughtUpToDate(t *testing.T) {
	path := oldStore(t)
	if _, err := Open(path, Options{ReadOnly: true}); !errors.Is(err, ErrOlder) {
		t.Errorf("to be read only: got %v", err)
	}
	s, d := openStore(t, path)
	open, err := d.Open(t.Context(), 0, 10)
	if err != nil || len(open) != 1 {
		t.Fatalf("%d open requests, %v", len(open), err)
	}
	old := open[0]
	if old.ID != "old" || old.Final != 0 || old.Ended != 0 || len(old.Links) != 1 || old.Voucher != 0 || old.Prepaid || old.ProviderRef != "" || old.Upstream != "" {
		t.Errorf("the old request is %+v", old)
	}
	err = s.Do(t.Context(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		tx.MessageAt(old.Seq)
		old.State, old.ProviderRef = txn.Working, "MNO-1"
		tx.Amend(old)
		tx.PutBatch(airtime.Batch{Number: 2, World: 1, Product: 6})
		tx.AddVoucher(airtime.NewVoucher{Voucher: airtime.Voucher{ID: tx.NextSeq(), World: 1, Batch: 2, Status: airtime.InStock}, SerialHash: 5})
		tx.PutFloat(airtime.Float{Account: 3, World: 1, Currency: 710, Balance: ledger.Balance{Book: 5}})
		passed := txn.Message{Seq: 501, World: 1, ID: "passed", Role: txn.Request, State: txn.Working, At: time.Now(), Upstream: "issuer"}
		tx.Insert(passed)
		passed.Amount, passed.State = 70, txn.Open
		tx.Amend(passed)
		tx.AddItem(saf.Item{Seq: 502, Upstream: "issuer", World: 1, ID: "a", Request: 501, RequestID: "passed", At: time.Now(), State: saf.Parked, Why: "x"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	hasWhatCameLater(t, path)
}

// hasWhatCameLater checks what a store of the release before was given since.
func hasWhatCameLater(t *testing.T, path string) {
	t.Helper()
	s, d := openStore(t, path)
	defer s.Close()
	working, err := d.Working(t.Context(), 0, 10)
	if err != nil || len(working) != 1 || working[0].ProviderRef != "MNO-1" {
		t.Errorf("at work: %v, %v", working, err)
	}
	err = s.Read(t.Context(), store.Keys{World: ident.Production, IDs: []ident.ID{"old"}}, func(tx *store.Tx) error {
		if _, found := tx.Float(3); !found || len(tx.VouchersByHash(5)) != 1 || len(tx.Batches(6, time.Now())) != 1 {
			t.Errorf("a float: %t; a voucher by hash: %v; batches: %v", found, tx.VouchersByHash(5), tx.Batches(6, time.Now()))
		}
		if c := tx.Card(8); c.Balance.Book != 70 || len(tx.Messages("old")) != 1 {
			t.Errorf("card %+v", c)
		}
		passed, _ := tx.MessageAt(501)
		if i, _ := tx.Item(502); i.Why != "x" || passed.Upstream != "issuer" || passed.Amount != 70 {
			t.Errorf("queued %+v, passed on %+v", i, passed)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
