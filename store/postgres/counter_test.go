package postgres

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scripworks/scrip/store/postgres/pgtest"
	"github.com/scripworks/scrip/store/sqlstore"
	"github.com/scripworks/scrip/txn"
)

// However many counters there are, a page of them costs what it brings, also where plans were made on an empty table.
func TestCountersAreReadInTheOrderOfTheirIndex(t *testing.T) {
	d, err := Open(context.Background(), pgtest.Shared(t).Database(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, fill := range []string{"", `INSERT INTO counter SELECT n, 1, n, 1, 1, n % 2, 1 FROM generate_series(1, 20000) n; ANALYZE counter`} {
		if _, err := d.side.Exec(context.Background(), fill, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
		for text, plan := range plans(t, d, readers, &allCounters, &overCounters) {
			index := strings.Contains(plan, "Index Scan using counter_pkey") || strings.Contains(plan, "Index Only Scan using counter_pkey")
			if !index || !strings.Contains(plan, "Index Cond") || strings.Contains(plan, "Sort") {
				t.Errorf("%s\n%s", text, plan)
			}
		}
	}
}

// Counters that are not over stay where they are: of a page of them only the last comes, to go on from there.
func TestCountersThatAreNotOverDoNotTravel(t *testing.T) {
	const page, overAt = 512, 5 * time.Minute
	d, err := Open(context.Background(), pgtest.Shared(t).Database(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	const some = `INSERT INTO counter SELECT n, CASE WHEN n % 100 = 0 THEN 1 ELSE 2 END * 200000000000, 0, 1, 1, 0, 1 FROM generate_series(1, 1000) n`
	if _, err := d.side.Exec(context.Background(), some); err != nil {
		t.Fatal(err)
	}
	came, err := list(context.Background(), d, &overCounters, append(pageAfter(txn.CounterKey{}, page), int64(overAt)), func(_ *sqlstore.Session, r sqlstore.Row) (int64, error) {
		return r.ColumnInt64(1), nil
	})
	if want := []int64{100, 200, 300, 400, 500, page}; err != nil || !slices.Equal(came, want) {
		t.Errorf("there came %v, %v, want %v", came, err, want)
	}
}
