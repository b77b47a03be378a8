package postgres

import (
	"testing"

	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// A question that fails ends the transaction that saw the instant. When that is rolled back, what comes next must not be read as
// it is by then.
func TestAViewThatFailsEndsItsInstant(t *testing.T) {
	ctx, dsn := t.Context(), pgtest.Shared(t).Database(t)
	d, err := Open(ctx, dsn, Options{})
	must(t, err)
	defer func() { must(t, d.Close()) }()
	still, err := Open(ctx, dsn, Options{OneInstant: true})
	must(t, err)
	defer func() { must(t, still.Close()) }()
	_, err = still.Messages(ctx, 0, 1)
	must(t, err)
	view, err := still.View(ctx)
	must(t, err)
	if err := view.(*batch).conn.Exec(ctx, `SELECT 1 / 0`).Close(); err == nil {
		t.Fatal("a division by zero has a result")
	}
	view.Rollback()
	if found, err := still.Messages(ctx, 0, 1); err == nil {
		t.Errorf("got %v of an instant that is gone", found)
	}
}
