package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/postgres/pgtest"
	"github.com/scripworks/scrip/txn"
)

// What is asked by bitmap, answered or not, leaves its connection as it was: everything else goes by index.
func TestOnlyWhatAsksForItIsScannedByBitmap(t *testing.T) {
	ctx := context.Background()
	d, err := Open(ctx, pgtest.Shared(t).Database(t), Options{Readers: 1, Committers: 1})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := secret.Generate()
	if err != nil {
		t.Fatal(err)
	}
	s := store.New(d, store.Settings{Keys: keys, Committers: 1})
	defer s.Close()
	var place int64
	err = s.Do(ctx, store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		place = tx.NextSeq()
		tx.Insert(txn.Message{Seq: place, World: ident.Production, ID: "one", Account: 3, Card: 5, Family: txn.Load, Role: txn.Request, State: txn.Declined})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	entries := func() error { _, err := d.EntriesOf(ctx, []int64{place}); return err }
	for _, does := range []struct {
		what string
		on   func(*Driver) *pgxpool.Pool
		do   func() error
	}{
		{"entries", readers, entries},
		{"a chain", readers, func() error {
			return s.Read(ctx, store.Keys{World: ident.Production}, func(tx *store.Tx) error {
				tx.Ahead(admin.Ahead{Chains: []admin.Chain{{Of: 5, From: place, Most: 7}}})
				tx.MessageAt(place)
				return nil
			})
		}},
		{"a husk", writers, func() error {
			pruned, err := s.Prune(ctx, time.Now().Add(time.Hour), 0)
			if pruned.Messages != 1 {
				t.Errorf("pruned %+v", pruned)
			}
			return err
		}},
		{"entries that are not there", readers, func() error {
			if _, err := d.side.Exec(ctx, `DROP TABLE entry`); err != nil {
				return err
			}
			if entries() == nil {
				t.Error("entries came of no table")
			}
			return nil
		}},
	} {
		if err := does.do(); err != nil {
			t.Errorf("%s: %v", does.what, err)
		}
		var now string
		if err := does.on(d).QueryRow(ctx, `SHOW enable_bitmapscan`).Scan(&now); err != nil || now != "off" {
			t.Errorf("%s leaves enable_bitmapscan %q (%v)", does.what, now, err)
		}
	}
}
