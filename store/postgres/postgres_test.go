package postgres_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
	"github.com/scripworks/scrip/store/storetest"
)

var cards = flag.Int("cards", 10_000, "how many cards the benchmark spends from")

// databases gives empty databases of the shared server to one test after the other. Those of tests that are over are
// emptied and used again, which is faster than to make one.
type databases struct {
	mu    sync.Mutex
	spare []string
	of    map[store.Driver]string
	drop  []func() error
}

var rooms = databases{of: map[store.Driver]string{}}

// closing gives the database back when the driver is closed.
type closing struct{ *postgres.Driver }

func (c closing) Close() error {
	rooms.mu.Lock()
	rooms.spare = append(rooms.spare, rooms.of[c])
	rooms.mu.Unlock()
	return c.Driver.Close()
}

// openNew opens an empty store.
func openNew(t testing.TB) store.Driver { return openAt(t, emptyDatabase(t)) }

func openAt(t testing.TB, dsn string) store.Driver {
	t.Helper()
	d, err := postgres.Open(context.Background(), dsn, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rooms.mu.Lock()
	rooms.of[closing{d}] = dsn
	rooms.mu.Unlock()
	return closing{d}
}

// reopen opens the records of a driver that was closed again.
func reopen(t testing.TB, d store.Driver) store.Driver {
	t.Helper()
	rooms.mu.Lock()
	dsn := rooms.of[d]
	for i, spare := range rooms.spare {
		if spare == dsn {
			rooms.spare = append(rooms.spare[:i], rooms.spare[i+1:]...)
			break
		}
	}
	rooms.mu.Unlock()
	return openAt(t, dsn)
}

func emptyDatabase(t testing.TB) string {
	t.Helper()
	rooms.mu.Lock()
	defer rooms.mu.Unlock()
	if n := len(rooms.spare); n > 0 {
		dsn := rooms.spare[n-1]
		rooms.spare = rooms.spare[:n-1]
		execute(t, dsn, emptied)
		return dsn
	}
	return freshDatabase(t)
}

const emptied = `DELETE FROM message; DELETE FROM message_id; DELETE FROM message_reference; DELETE FROM tombstone; DELETE FROM entry;
	DELETE FROM card; DELETE FROM card_number; DELETE FROM card_detail; DELETE FROM card_holder; DELETE FROM counter; DELETE FROM admin_row;
	DELETE FROM voucher; DELETE FROM voucher_hash; DELETE FROM voucher_batch; DELETE FROM float; DELETE FROM item; DELETE FROM item_trouble;
	DELETE FROM pruned; DELETE FROM brought; DELETE FROM forgotten; DELETE FROM node; DELETE FROM lease; UPDATE serving SET key = NULL; UPDATE register SET revision = 0; SELECT setval('place', 0, false)`

// freshDatabase makes a database that stays until the tests are over, and gives its address.
func freshDatabase(t testing.TB) string {
	t.Helper()
	server, name := pgtest.Shared(t), pgtest.NewName()
	if err := server.Create(context.Background(), name); err != nil {
		t.Fatal(err)
	}
	rooms.drop = append(rooms.drop, func() error { return server.Drop(context.Background(), name) })
	return server.DSN(name)
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, drop := range rooms.drop {
		if err := drop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func execute(t testing.TB, dsn, text string) {
	t.Helper()
	if err := try(t, dsn, text); err != nil {
		t.Fatal(err)
	}
}

// try gives the server's error.
func try(t testing.TB, dsn, text string) error {
	t.Helper()
	ctx := context.Background()
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, text)
	return err
}

func TestDriver(t *testing.T) {
	pgtest.Shared(t) // before any bubble
	// A sequence is a few hundred commits, and the model is the one by which the faster drivers are tried more often.
	storetest.Run(t, openNew, reopen, storetest.Histories(30))
}

func BenchmarkDriver(b *testing.B) {
	pgtest.Shared(b)
	storetest.Bench(b, openNew, *cards)
}

var items = flag.Int("items", 50_000, "how many items the benchmark's queue has")

func BenchmarkQueue(b *testing.B) {
	pgtest.Shared(b)
	storetest.BenchQueue(b, openNew, *items)
}
