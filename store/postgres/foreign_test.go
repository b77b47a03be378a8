package postgres

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// A server that cannot answer what a database is says nothing about the database: the next start may learn it.
func TestWhatIsTakenForAnotherPrograms(t *testing.T) {
	c, err := pgx.Connect(t.Context(), pgtest.Shared(t).Database(t))
	if err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	noTable, late := &pgconn.PgError{Code: "42P01"}, &pgconn.PgError{Code: "57014"}
	for what, is := range map[string]struct{ err, want error }{
		"a table is not there": {foreign(t.Context(), c, noTable), ErrForeign},
		"a row is not there":   {foreign(t.Context(), c, pgx.ErrNoRows), ErrForeign},
		"it took too long":     {foreign(t.Context(), c, late), late},
		"nobody waits":         {foreign(ended, c, context.Canceled), context.Canceled},
	} {
		if !errors.Is(is.err, is.want) || errors.Is(is.err, ErrForeign) != (is.want == ErrForeign) {
			t.Errorf("%s: got %v", what, is.err)
		}
	}
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := foreign(t.Context(), c, errors.New("the connection broke")); errors.Is(err, ErrForeign) {
		t.Errorf("without a connection: got %v", err)
	}
}
