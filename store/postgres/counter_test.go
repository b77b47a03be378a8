package postgres

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/scripworks/scrip/store/postgres/pgtest"
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
		plan := plans(t, d, readers, &allCounters)[allCounters.text]
		if !strings.Contains(plan, "Index Scan using counter_pkey") || !strings.Contains(plan, "Index Cond") || strings.Contains(plan, "Sort") {
			t.Error(plan)
		}
	}
}
