package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/scripworks/scrip/store/storetest"
)

func TestForget(t *testing.T) { storetest.Forget(t, openNew, reopen) }

// Reports show records; the tables behind them must be as empty, or a sandbox's database would grow for ever.
func TestForgottenRowsAreDeleted(t *testing.T) {
	dsn := emptyDatabase(t)
	keyed := storetest.Settle(t, openAt(t, dsn).(closing).Driver, 7)
	for table, count := range rowsOf(t, dsn) {
		if count == 0 && table != "brought" && table != "forgotten" {
			t.Errorf("there is nothing in %s, so this test proves little", table)
		}
	}
	d := openAt(t, dsn).(closing)
	if err := d.Forget(context.Background(), 7, 0, keyed); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for table, count := range rowsOf(t, dsn) {
		if count != 0 {
			t.Errorf("%d rows are left in %s", count, table)
		}
	}
}

// rowsOf counts the rows of each table that belongs to a world.
func rowsOf(t *testing.T, dsn string) map[string]int {
	t.Helper()
	ctx := context.Background()
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	const others = " serving node lease register goose_db_version "
	rows, _ := c.Query(ctx, `SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'`)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, table := range tables {
		if strings.Contains(others, " "+table+" ") {
			continue
		}
		var count int
		if err := c.QueryRow(ctx, fmt.Sprintf("SELECT count(*) FROM %s", pgx.Identifier{table}.Sanitize())).Scan(&count); err != nil {
			t.Fatal(err)
		}
		counts[table] = count
	}
	return counts
}
