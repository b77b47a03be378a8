package postgres_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
	"github.com/scripworks/scrip/txn"
)

// toldTill is a till that keeps why its batches ran again.
type toldTill struct {
	till
	why  []store.Conflict
	told func() // after each of them; nil is nothing
}

func openTold(t *testing.T, dsn string) *toldTill {
	t.Helper()
	keys, err := secret.Generate()
	if err != nil {
		t.Fatal(err)
	}
	s := &toldTill{}
	met := func(why store.Conflict) {
		if s.why = append(s.why, why); s.told != nil {
			s.told()
		}
	}
	s.till = till{t, store.New(must(t, dsn), store.Settings{Keys: keys, Conflict: met})}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// saves asks that a message is saved although its batch met another writer, once and for this reason.
func (s *toldTill) saves(n int, why store.Conflict) {
	s.Helper()
	if err := s.insert(n, func() {}); err != nil || !s.has(n) {
		s.Errorf("request %d: %v", n, err)
	}
	if want := []store.Conflict{why}; !slices.Equal(s.why, want) {
		s.Errorf("request %d: told %v, want %v", n, s.why, want)
	}
}

// rival is another session on the server, which holds what a batch needs.
type rival struct {
	*testing.T
	*pgx.Conn
	dsn   string
	ended chan error // the end of what it wants
}

func startRival(t *testing.T, dsn string) *rival {
	t.Helper()
	c, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) }) // its server may be gone
	return &rival{T: t, Conn: c, dsn: dsn, ended: make(chan error, 1)}
}

func (r *rival) do(text string) {
	r.Helper()
	if _, err := r.Exec(context.Background(), text); err != nil {
		r.Fatal(err)
	}
}

// wants has the rival's transaction ask for a row, and commit once it has it. It returns when the rival waits for the row.
func (r *rival) wants(seq int64) {
	pid := r.PgConn().PID()
	go func() {
		_, err := r.Exec(context.Background(), `SELECT FROM message WHERE seq = $1 FOR UPDATE`, pgx.QueryExecModeExec, seq)
		_, committed := r.Exec(context.Background(), `COMMIT`)
		r.ended <- errors.Join(err, committed)
		close(r.ended)
	}()
	look, err := pgx.Connect(context.Background(), r.dsn)
	if err != nil {
		r.Error(err)
		return
	}
	defer look.Close(context.Background())
	waits := false
	for deadline := time.Now().Add(time.Minute); !waits && err == nil; {
		err = look.QueryRow(context.Background(), `SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1 AND NOT granted)`, pid).Scan(&waits)
		if time.Now().After(deadline) {
			err = errors.New("the rival does not wait")
		}
	}
	if err != nil {
		r.Error(err)
	}
}

// withSetting gives an address whose sessions have a setting.
func withSetting(t *testing.T, dsn, name, value string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

// A batch that the server ends because two wait for each other runs again and is saved, whether it was loading or its COMMIT
// was under way. The rival looks for a deadlock late, so that it is the batch that is ended.
func TestADeadlockRunsAgain(t *testing.T) {
	for name, holds := range map[string]string{
		"while it loads": `SELECT FROM message WHERE seq = (SELECT max(seq) FROM message) FOR UPDATE`,
		"while it saves": `LOCK TABLE message IN SHARE MODE`, // rows can be locked then, and not be changed
	} {
		t.Run(name, func(t *testing.T) {
			server := pgtest.Shared(t)
			dsn := server.Database(t)
			dsn = server.Superuser(dsn[strings.LastIndex(dsn, "/")+1:]) // who may say when to look for deadlocks
			s := openTold(t, withSetting(t, dsn, "deadlock_timeout", "10ms"))
			for _, n := range []int{2, 0, 1} {
				if err := s.insert(n, func() {}); err != nil {
					t.Fatal(err)
				}
			}
			s.reverse(2) // so that all statements are prepared
			r := startRival(t, withSetting(t, dsn, "deadlock_timeout", "1min"))
			r.do(`BEGIN`)
			r.do(holds)
			s.told = func() { // or the batch might be back before the rival has woken up
				if err := <-r.ended; err != nil {
					t.Error(err)
				}
			}
			runs, keys := 0, store.Keys{World: ident.Production, IDs: []ident.ID{number(0)}}
			err := s.Do(context.Background(), keys, func(tx *store.Tx) error {
				m := tx.Messages(number(0))[0]
				if runs++; runs == 1 {
					r.wants(m.Seq)
				}
				tx.Messages(number(1)) // in the course of the batch, and so out of order
				m.State, m.Ended = txn.Reversed, tx.NextSeq()
				tx.Amend(m)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			if want := []store.Conflict{store.Deadlock}; runs != 2 || !slices.Equal(s.why, want) {
				t.Errorf("it ran %d times, and was told of %v", runs, s.why)
			}
			if state, _ := s.ended(0); state != txn.Reversed {
				t.Errorf("the request is %s", state)
			}
		})
	}
}

// A batch for whose locks the server has no room runs again when there is some.
func TestABatchWithoutRoomForItsLocksRunsAgain(t *testing.T) {
	server := pgtest.Start(t, pgtest.Settings{"max_locks_per_transaction": "10", "max_connections": "20"})
	dsn := server.Database(t)
	s := openTold(t, dsn)
	if err := s.insert(1, func() {}); err != nil { // so that all statements are prepared
		t.Fatal(err)
	}
	r := startRival(t, dsn)
	var full *pgconn.PgError
	_, err := r.Exec(context.Background(), `SELECT pg_advisory_lock(n) FROM generate_series(1, 1000000) n`)
	if !errors.As(err, &full) || full.Code != "53200" {
		t.Fatalf("the server has room for everything: %v", err)
	}
	s.told = func() { // what it has got it keeps until then
		if _, err := r.Exec(context.Background(), `SELECT pg_advisory_unlock_all()`); err != nil {
			t.Error(err)
		}
	}
	s.saves(2, store.LockRoom)
}

// A serialisation failure runs again. READ COMMITTED makes none by itself, but what somebody has put beneath it may: here a
// trigger.
func TestASerializationFailureRunsAgain(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	visit(t, dsn, postgres.Options{})
	execute(t, dsn, `CREATE SEQUENCE once; CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF nextval('once') = 1 THEN RAISE EXCEPTION 'not now' USING ERRCODE = 'serialization_failure'; END IF; RETURN NEW; END $$;
		CREATE TRIGGER fail_once BEFORE INSERT ON message FOR EACH ROW EXECUTE FUNCTION fail_once()`)
	openTold(t, dsn).saves(1, store.Serialization)
}
