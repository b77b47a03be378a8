package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// atOneInstant reads a store as it is when the first question comes.
var atOneInstant = postgres.Options{OneInstant: true}

func messages(t *testing.T, d store.Driver) int {
	t.Helper()
	found, err := d.Messages(ctx, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

// Reports and views that are of one instant see nothing of what is saved meanwhile; those that are not, do.
func TestWhatIsReadAtOneInstant(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	s := openTill(t, open(t, dsn, postgres.Options{}))
	still, fresh := open(t, dsn, atOneInstant), open(t, dsn, onlyRead)
	for n := range 3 {
		if err := s.insert(n, func() {}); err != nil {
			t.Fatal(err)
		}
		if got := messages(t, still); got != 1 {
			t.Errorf("after %d messages there were %d at the instant", n+1, got)
		}
		if got := messages(t, fresh); got != n+1 {
			t.Errorf("after %d messages there are %d", n+1, got)
		}
		if !views(t, still, s.wanted(0)) || views(t, still, s.wanted(1)) {
			t.Error("a view is of another instant")
		}
	}
	if _, err := still.Begin(ctx); !errors.Is(err, postgres.ErrReadOnly) {
		t.Errorf("to write: got %v", err)
	}
}

// wanted asks for a request.
func (s till) wanted(n int) *store.Wanted {
	s.Helper()
	found, err := s.Driver().Messages(ctx, 0, 100)
	if err != nil {
		s.Fatal(err)
	}
	w := &store.Wanted{}
	for _, m := range found {
		if m.World == ident.Production && m.ID == number(n) {
			w.Seqs = append(w.Seqs, m.Seq)
		}
	}
	return w
}

// views says whether a view finds the message that is wanted.
func views(t *testing.T, d store.Driver, w *store.Wanted) bool {
	t.Helper()
	b, err := d.View(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Rollback()
	set := store.NewSet()
	if err := b.Load(ctx, w, set); err != nil {
		t.Fatal(err)
	}
	return len(w.Seqs) > 0 && set.HasMessage(w.Seqs[0])
}

// Another connection would see another instant: when the first one is lost nothing more is told.
func TestAnInstantThatIsLost(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	open(t, dsn, postgres.Options{})
	still := open(t, dsn+"?application_name=still", atOneInstant)
	messages(t, still)
	execute(t, dsn, `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'still'`)
	for range 2 {
		if found, err := still.Messages(context.Background(), 0, 1); err == nil {
			t.Errorf("got %v of an instant that is gone", found)
		}
	}
}
