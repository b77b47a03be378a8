package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
)

var ctx = context.Background()

func open(t *testing.T, dsn string, o postgres.Options) *postgres.Driver {
	t.Helper()
	d, err := postgres.Open(ctx, dsn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// visit opens a store and closes it again.
func visit(t *testing.T, dsn string, o postgres.Options) {
	t.Helper()
	d, err := postgres.Open(ctx, dsn, o)
	if err == nil {
		err = d.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func refuses(t *testing.T, dsn string, o postgres.Options, want error) {
	t.Helper()
	d, err := postgres.Open(ctx, dsn, o)
	if err == nil {
		_ = d.Close()
	}
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

var onlyRead = postgres.Options{ReadOnly: true}

func TestNodesThatStartAtOnce(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() { open(t, dsn, postgres.Options{Committers: 1, Readers: 1}) })
	}
	all.Wait()
}

func TestADatabaseOfAnotherProgram(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	execute(t, dsn, `CREATE TABLE theirs (a int)`)
	refuses(t, dsn, postgres.Options{}, postgres.ErrForeign)
	execute(t, dsn, `CREATE TABLE serving (a int)`)
	refuses(t, dsn, postgres.Options{}, postgres.ErrForeign)
	execute(t, dsn, `CREATE TABLE goose_db_version (version_id int, is_applied bool)`)
	refuses(t, dsn, postgres.Options{}, postgres.ErrForeign)
}

// Another program that makes its tables by goose may have dropped them, or keep them elsewhere.
func TestADatabaseOfAnotherProgramThatUsesGoose(t *testing.T) {
	for _, table := range []string{
		`goose_db_version (version_id int, is_applied bool); INSERT INTO goose_db_version VALUES (0, true), (1, true), (2, true)`,
		`goose_db_version (version text)`,
	} {
		dsn := pgtest.Shared(t).Database(t)
		execute(t, dsn, `CREATE TABLE `+table)
		refuses(t, dsn, postgres.Options{}, postgres.ErrForeign)
		refuses(t, dsn, onlyRead, postgres.ErrForeign)
	}
}

// A release whose start broke off has left goose's table, and nothing else.
func TestAStartThatBrokeOff(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	open(t, dsn, postgres.Options{})
	execute(t, dsn, `SET client_min_messages = error; CREATE SCHEMA other; CREATE TABLE other.goose_db_version (LIKE public.goose_db_version INCLUDING ALL);
		INSERT INTO other.goose_db_version (version_id, is_applied) SELECT version_id, is_applied FROM public.goose_db_version WHERE version_id = 0`)
	open(t, dsn+"?search_path=other", postgres.Options{})
}

func TestANewerStoreIsServedWhileItSaysSo(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	visit(t, dsn, postgres.Options{})
	execute(t, dsn, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (1000, true)`)
	visit(t, dsn, postgres.Options{})
	visit(t, dsn, onlyRead)
	execute(t, dsn, `UPDATE serving SET oldest = 1000`)
	refuses(t, dsn, postgres.Options{}, postgres.ErrNewer)
	refuses(t, dsn, onlyRead, postgres.ErrNewer)
}

func TestReadOnlyChangesNothing(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	refuses(t, dsn, onlyRead, postgres.ErrForeign)
	s := openTill(t, open(t, dsn, postgres.Options{}))
	if err := s.insert(1, func() {}); err != nil {
		t.Fatal(err)
	}
	d := open(t, dsn, onlyRead)
	if found, err := d.Messages(ctx, 0, 10); err != nil || len(found) != 1 {
		t.Errorf("got %d messages, %v", len(found), err)
	}
	_, err := d.Begin(ctx)
	_, leased := d.Lease(ctx, "x")
	for _, err := range []error{err, leased, d.Release(ctx, "x"), d.ForgetCounters(ctx, time.Now()), d.Forget(ctx, 7, 0, nil)} {
		if !errors.Is(err, store.ErrNotSaved) {
			t.Errorf("got %v, want that nothing is written", err)
		}
	}
}

func TestAnOlderStoreIsNotReadOnly(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	open(t, dsn, postgres.Options{})
	execute(t, dsn, `UPDATE goose_db_version SET version_id = 0`)
	refuses(t, dsn, onlyRead, postgres.ErrOlder)
}

// A server that acknowledges before it has written, or before its standby has, could take back what we have acknowledged.
func TestAnAddressThatDoesNotWait(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	for _, settings := range []string{
		"synchronous_commit=off", "synchronous_commit=local", "synchronous_commit=remote_write", "options=-c%20synchronous_commit%3Doff",
	} {
		refuses(t, dsn+"?"+settings, postgres.Options{}, postgres.ErrAddress)
	}
	visit(t, dsn+"?synchronous_commit=remote_apply", postgres.Options{})
	visit(t, dsn+"?synchronous_commit=on", postgres.Options{})
}

// Without fsync a power cut leaves anything at all. To read what is there yet is no harm.
func TestAServerThatDoesNotSync(t *testing.T) {
	server := pgtest.Start(t, nil)
	dsn := server.Database(t)
	visit(t, dsn, postgres.Options{})
	if err := errors.Join(server.Exec(ctx, "alter system set fsync = off"), server.Stop()); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(ctx); err != nil {
		t.Fatal(err)
	}
	refuses(t, dsn, postgres.Options{}, postgres.ErrServer)
	visit(t, dsn, onlyRead)
}

// What cannot hold every text would refuse some later, in the middle of what a message has brought, or give it back otherwise.
func TestADatabaseOfAnotherEncoding(t *testing.T) {
	server := pgtest.Shared(t)
	for _, encoding := range []string{"LATIN1", "SQL_ASCII"} {
		dsn := server.Database(t)
		name := dsn[strings.LastIndex(dsn, "/")+1:]
		for _, statement := range []string{"drop database %s", "create database %s template template0 encoding '" + encoding + "' locale_provider libc locale 'C'"} {
			if err := server.Exec(ctx, fmt.Sprintf(statement, name)); err != nil {
				t.Fatal(err)
			}
		}
		for _, options := range []postgres.Options{{}, onlyRead} {
			if _, err := postgres.Open(ctx, server.Superuser(name), options); !errors.Is(err, postgres.ErrServer) || !strings.Contains(err.Error(), encoding+", which does not hold every text") {
				t.Errorf("%s: got %v", encoding, err)
			}
		}
	}
}

func TestAnAddressWithoutAServer(t *testing.T) {
	_, err := postgres.Open(ctx, "postgres://scrip:hidden@127.0.0.1:1/none", postgres.Options{})
	if err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("got %v", err)
	}
	if _, err := postgres.Open(ctx, "postgres://scrip:hidden@127.0.0.1:port/none", postgres.Options{}); err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("got %v", err)
	}
}

// While a node's time is over nothing is saved: somebody may have taken over what it was at work on. It takes a new number
// by itself.
func TestANodeWhoseTimeIsOver(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	s := openTill(t, open(t, dsn, postgres.Options{}))
	err := s.insert(1, func() {})
	if err != nil {
		t.Fatal(err)
	}
	execute(t, dsn, `UPDATE node SET until = clock_timestamp() - interval '1 second'`)
	if err := s.insert(2, func() {}); s.outcome(err) != "not taken" {
		t.Errorf("got %v, want that it was not taken", err)
	}
	for n := 3; s.insert(n, func() {}) != nil; n++ {
		if n > 1_000_000 {
			t.Fatal("the node has no new number")
		}
	}
	if s.has(2) {
		t.Error("what was not taken is there")
	}
}
