package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/move"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// A store goes into a database and is served there by the same keys; a move that broke off is begun again when that is
// asked for.
func TestAStoreMovesIntoADatabase(t *testing.T) {
	data, database := t.TempDir(), pgtest.Shared(t).Database(t)
	a, err := app.New(t.Context(), app.Settings{Data: data, Token: officeToken})
	if err != nil {
		t.Fatal(err)
	}
	stop(t, a)
	if code, out, told := ran(t, "migrate", database); code != exitDone || !strings.HasSuffix(out, "is up to date.\n") {
		t.Fatalf("migrate: exit code %d\n%s%s", code, out, told)
	}

	breakOff(t, data, database)
	keys := filepath.Join(data, "keys.json")
	served := []string{"serve", "--database", database, "--keyset", keys, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}
	if code, out, told := ran(t, served...); code != exitFailed || !strings.Contains(told, "a move into this store has not ended") {
		t.Errorf("serving what broke off: exit code %d\n%s%s", code, out, told)
	}
	if code, out, told := ran(t, "move", data, database); code != exitFailed || !strings.Contains(told, "a move into this store has not ended") {
		t.Errorf("again, without being asked: exit code %d\n%s%s", code, out, told)
	}
	code, out, told := ran(t, "move", data, database, "--again")
	if code != exitDone || !strings.Contains(out, "both stores are the same") {
		t.Fatalf("exit code %d\n%s%s", code, out, told)
	}
	if next := "\n  scrip serve --database " + quoted(place{url: database}.address()) + " --keyset " + keys + "\n"; !strings.HasSuffix(out, next) {
		t.Errorf("what comes next is not told, or not as%s%s", next, out)
	}
	if code, out, told := ran(t, "verify", database); code != exitDone || !strings.Contains(out, "0 faults") {
		t.Errorf("verify: exit code %d\n%s%s", code, out, told)
	}
	moved, err := app.New(t.Context(), app.Settings{Database: database, KeysFile: keys})
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, moved)
	if moved.FirstToken != "" {
		t.Error("the operators were not moved")
	}
	if _, err := app.New(t.Context(), app.Settings{Data: data}); !errors.Is(err, move.ErrMoved) {
		t.Errorf("serving the old one: %v", err)
	}
	for _, flags := range [][]string{nil, {"--although-served"}} {
		if code, _, told := ran(t, append([]string{"move", data, database, "--back"}, flags...)...); code != exitFailed || !strings.Contains(told, "was served, and is at this moment") {
			t.Errorf("back, with %v: exit code %d, %s", flags, code, told)
		}
	}
}

// A store that was moved is taken back as long as the other one was never served, and that one is not served then.
func TestAMoveIsTakenBackUnlessItWasServed(t *testing.T) {
	data, made := t.TempDir(), filepath.Join(t.TempDir(), "new")
	serve := func(dir string) (*app.App, error) {
		s := app.Settings{Data: dir, Token: officeToken}
		if dir != data {
			s.KeysFile = filepath.Join(data, "keys.json")
		}
		return app.New(t.Context(), s)
	}
	served := func(dir string) {
		t.Helper()
		a, err := serve(dir)
		if err != nil {
			t.Fatal(err)
		}
		stop(t, a)
	}
	back := func(want int, says string, args ...string) {
		t.Helper()
		code, out, told := ran(t, append([]string{"move", data, "--back"}, args...)...)
		if code != want || !strings.Contains(out+told, says) {
			t.Errorf("back %v: exit code %d, want %d and %q\n%s%s", args, code, want, says, out, told)
		}
	}
	again := func() {
		t.Helper()
		if code, _, told := ran(t, "move", data, made); code != exitDone {
			t.Fatalf("move: exit code %d, %s", code, told)
		}
	}
	served(data)
	again()
	back(exitDone, "can be served again")
	if _, err := serve(made); !errors.Is(err, move.ErrMoved) {
		t.Errorf("serving the new one after it was left: %v", err)
	}
	served(data)

	made += "er"
	again()
	a, err := serve(made)
	if err != nil {
		t.Fatal(err)
	}
	back(exitFailed, "at this moment")
	back(exitFailed, "at this moment", "--although-served")
	stop(t, a)
	back(exitFailed, "was served, from ")
	if _, err := serve(data); !errors.Is(err, move.ErrMoved) {
		t.Errorf("serving the old one: %v", err)
	}
	hidden := made + " elsewhere"
	if err := os.Rename(made, hidden); err != nil {
		t.Fatal(err)
	}
	back(exitFailed, "is not known: stat ")
	back(exitFailed, "was served, from ", hidden)
	back(exitDone, "It must never be served again.", "--although-served")
	served(data)
}

// hears calls a function once it is told something with some words in it.
type hears struct {
	bytes.Buffer
	words string
	then  func()
}

func (h *hears) Write(p []byte) (int, error) {
	if h.then != nil && bytes.Contains(p, []byte(h.words)) {
		h.then()
		h.then = nil
	}
	return h.Buffer.Write(p)
}

// A move that was killed leaves its lease for a moment. Whoever begins anew at once is told of it, and need not try again.
func TestAMoveIsBegunAnewRightAfterOneThatWasKilled(t *testing.T) {
	data, database := t.TempDir(), pgtest.Shared(t).Database(t)
	a, err := app.New(t.Context(), app.Settings{Data: data, Token: officeToken})
	if err != nil {
		t.Fatal(err)
	}
	stop(t, a)
	breakOff(t, data, database)
	killed, err := postgres.Open(t.Context(), database, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if held, err := killed.Lease(t.Context(), "move"); err != nil || !held {
		t.Fatalf("no lease: %v", err)
	}
	told := &hears{words: "was killed a moment ago: waiting up to 6s", then: func() {
		if err := killed.Close(); err != nil { // its lease ends, sooner than it would by itself
			t.Error(err)
		}
	}}
	var out bytes.Buffer
	if code := run(t.Context(), []string{"move", data, database, "--again"}, &out, told); code != exitDone || told.then != nil {
		t.Errorf("exit code %d, waited %t\n%s%s", code, told.then == nil, &out, told)
	}
}

var errNoRoom = errors.New("no room")

// noRoom is a database that takes the first row, and nothing after it.
type noRoom struct{ *postgres.Driver }

func (n noRoom) Begin(ctx context.Context) (store.Batch, error) {
	if kinds, err := n.Kinds(ctx); err != nil || len(kinds) > 0 {
		return nil, errors.Join(errNoRoom, err)
	}
	return n.Driver.Begin(ctx)
}

// breakOff begins a move that does not get far.
func breakOff(t *testing.T, data, database string) {
	t.Helper()
	from, err := placeOf(data).open(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	to, err := postgres.Open(t.Context(), database, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = move.Run(t.Context(), move.Settings{From: from, To: noRoom{to}, FromName: "old", ToName: "new"})
	if !errors.Is(err, errNoRoom) {
		t.Errorf("got %v", err)
	}
	if err := errors.Join(from.Close(), to.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestATimeIsToldToThreeDigits(t *testing.T) {
	for took, want := range map[time.Duration]string{
		0: "0s", 12_345 * time.Microsecond: "12.3ms", 999_600 * time.Microsecond: "1s", 1_234_567 * time.Microsecond: "1.23s",
		83*time.Second + 456*time.Millisecond: "1m23.5s", time.Hour + 2*time.Minute + 3*time.Second + 456*time.Millisecond: "1h2m0s",
	} {
		if got := roughly(took).String(); got != want {
			t.Errorf("%d ns is told as %s, want %s", took, got, want)
		}
	}
}

// A move that was killed once it had made the store to move to, and did nothing more, leaves one that no server opens.
func TestAMoveThatWasKilledAsItBegan(t *testing.T) {
	for name, to := range map[string]place{
		"file": {file: filepath.Join(t.TempDir(), "scrip.db")}, "database": {url: pgtest.Shared(t).Database(t)},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			a, err := app.New(t.Context(), app.Settings{Data: data, Token: officeToken})
			if err != nil {
				t.Fatal(err)
			}
			stop(t, a)
			at := console{out: io.Discard, err: io.Discard}
			made, err := openMarked(t.Context(), at, placeOf(data), to, time.Now())
			if err == nil {
				err = made.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			served := app.Settings{Database: to.url, KeysFile: filepath.Join(data, "keys.json"), Token: officeToken}
			if to.file != "" {
				served.Data = filepath.Dir(to.file)
			}
			if _, err := app.New(t.Context(), served); !errors.Is(err, move.ErrIncomplete) {
				t.Errorf("serving what was made: %v", err)
			}
			where := to.url + to.file
			if code, _, told := ran(t, "move", data, where); code != exitFailed || !strings.Contains(told, "a move into this store has not ended") {
				t.Errorf("without being asked: exit code %d, %s", code, told)
			}
			if code, _, told := ran(t, "move", data, where, "--again"); code != exitDone {
				t.Errorf("again: exit code %d, %s", code, told)
			}
		})
	}
}
