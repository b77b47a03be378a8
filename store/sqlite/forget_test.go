package sqlite_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/sqlite"
	"github.com/scripworks/scrip/store/storetest"
)

func TestForget(t *testing.T) {
	var path string
	open := func(t testing.TB) store.Driver {
		d, err := sqlite.Open(path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	fresh := func(t testing.TB) store.Driver {
		path = filepath.Join(t.TempDir(), "scrip.db")
		return open(t)
	}
	reopen := func(t testing.TB, _ store.Driver) store.Driver { return open(t) }
	storetest.Forget(t, fresh, reopen)
}

// Reports show records; the tables behind them must be as empty, or a sandbox's file would grow for ever.
func TestForgottenRowsAreDeleted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scrip.db")
	open := func(t testing.TB) store.Driver {
		d, err := sqlite.Open(path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	keyed := storetest.Settle(t, open(t), 7)
	before := rowsOf(t, path)
	for table, count := range before {
		if count == 0 && table != "message_id" && table != "voucher_hash" { // they stand in recent_id and recent_hash first
			t.Errorf("there is nothing in %s, so this test proves little", table)
		}
	}
	d := open(t)
	if err := d.(*sqlite.Driver).Forget(context.Background(), 7, 0, keyed); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for table, count := range rowsOf(t, path) {
		if count != 0 {
			t.Errorf("%d rows are left in %s", count, table)
		}
	}
}

// rowsOf counts the rows of each table that belongs to a world.
func rowsOf(t *testing.T, path string) map[string]int {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	counts := map[string]int{}
	for _, table := range []string{"message", "message_id", "recent_id", "pruned", "tombstone", "entry", "card", "card_number", "card_detail", "card_holder", "counter", "admin_row", "voucher", "voucher_hash", "recent_hash", "voucher_batch", "float", "item", "item_trouble"} {
		var count int
		if err := db.QueryRow("SELECT count(*) FROM " + table).Scan(&count); err != nil {
			t.Fatal(err)
		}
		counts[table] = count
	}
	return counts
}
