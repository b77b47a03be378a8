package postgres_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// Of two nodes that start together one waits until the other has migrated. An index that is built beside those who serve waits for
// every statement that runs, and so the one that waits must have none.
func TestWhoWaitsForAMigrationIsNotInItsWay(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	migrating := pgtest.Migrating(t, dsn)
	opened, told := make(chan error, 1), make(chan time.Duration, 1)
	go func() {
		d, err := postgres.Open(ctx, dsn, postgres.Options{Waiting: func(so time.Duration) { told <- so }})
		if err == nil {
			err = d.Close()
		}
		opened <- err
	}()
	select {
	case <-told:
	case err := <-opened:
		t.Fatalf("the other node did not tell that it waits: %v", err)
	}
	awaitSession(t, migrating, `query LIKE '%advisory_lock%'`)
	run(t, migrating, `CREATE SCHEMA apart`)
	run(t, migrating, `CREATE TABLE apart.message (further text)`)
	run(t, migrating, `SET statement_timeout = '10s'`)
	run(t, migrating, `CREATE INDEX CONCURRENTLY ON apart.message (further)`)
	select {
	case err := <-opened:
		t.Fatalf("the other node did not wait: %v", err)
	default:
	}
	if err := migrating.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

// A wait for another node's migration is told when it begins, and each minute from then on.
func TestAWaitForAMigrationIsTold(t *testing.T) {
	for _, c := range []struct {
		takes time.Duration
		want  []time.Duration
	}{
		{0, nil},
		{30 * time.Second, []time.Duration{0}},
		{150 * time.Second, []time.Duration{0, time.Minute, 2 * time.Minute}},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			var told []time.Duration
			over := func() (bool, error) { return time.Since(began) >= c.takes, nil }
			err := postgres.AwaitTurn(t.Context(), over, func(so time.Duration) { told = append(told, so) })
			if err != nil || !slices.Equal(told, c.want) {
				t.Errorf("of a wait for %v was told %v, %v; want %v", c.takes, told, err, c.want)
			}
		})
	}
}

// Who may wait no longer, or cannot ask whether it is his turn, is done waiting.
func TestAWaitForAMigrationEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		never := func() (bool, error) { return false, nil }
		if err := postgres.AwaitTurn(limited, never, func(time.Duration) {}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		broken := errors.New("broken")
		if err := postgres.AwaitTurn(t.Context(), func() (bool, error) { return false, broken }, nil); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	})
}

func run(t *testing.T, c *pgx.Conn, text string) {
	t.Helper()
	if _, err := c.Exec(ctx, text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// awaitSession waits until the database has another session of which something is true.
func awaitSession(t *testing.T, c *pgx.Conn, is string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		var found bool
		err := c.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND `+is+`)`).Scan(&found)
		if err != nil {
			t.Fatal(err)
		}
		if found {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("there is no session with %s", is)
		}
	}
}
