package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
)

func mustHold(t *testing.T, d *postgres.Driver, primary uint32, keys ...uint32) {
	t.Helper()
	if err := d.HoldKeys(ctx, keys, primary); err != nil {
		t.Error(err)
	}
}

// refusesKeys expects that a node may not go by its keys, and that it is told who is in the way.
func refusesKeys(t *testing.T, d *postgres.Driver, want error, names string, primary uint32, keys ...uint32) {
	t.Helper()
	if err := d.HoldKeys(ctx, keys, primary); !errors.Is(err, want) || !strings.Contains(err.Error(), names) {
		t.Errorf("got %v, want %v with %q", err, want, names)
	}
}

// A key is used once all who live hold it, and from then on nobody comes in without it.
func TestAKeyIsUsedOnceAllHoldIt(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	a, b := open(t, dsn, postgres.Options{Name: "first"}), open(t, dsn, postgres.Options{Name: "second"})
	open(t, dsn, postgres.Options{Name: "starting"}) // which has not read its keys, and will ask once it has
	mustHold(t, a, 7, 7)
	mustHold(t, b, 7, 7)
	refusesKeys(t, a, store.ErrKeyAhead, "second (2)", 5, 7, 5)
	mustHold(t, b, 7, 7, 5)
	refusesKeys(t, b, store.ErrKeyAhead, "first (1)", 5, 7, 5) // a's attempt has left nothing behind
	mustHold(t, a, 7, 7, 5)
	mustHold(t, b, 5, 7, 5)
	mustHold(t, a, 7, 7, 5) // b goes on using the other one
	late := open(t, dsn, postgres.Options{})
	refusesKeys(t, late, store.ErrKey, "", 7, 7)
	refusesKeys(t, late, store.ErrKey, "", 3, 3)
	mustHold(t, late, 7, 7, 5)
}

// Who is gone holds nobody up, however it went.
func TestWhoIsGoneHoldsNoKeyUp(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	gone, err := postgres.Open(ctx, dsn, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	mustHold(t, gone, 7, 7)
	d := open(t, dsn, postgres.Options{})
	refusesKeys(t, d, store.ErrKeyAhead, "", 5, 7, 5)
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	mustHold(t, d, 5, 7, 5)
	execute(t, dsn, `INSERT INTO node (name, until, knows, keys) VALUES ('killed', clock_timestamp() - interval '1 second', 1, '{7}')`)
	mustHold(t, d, 3, 7, 5, 3)
}

// What is brought into an erased store comes with keys of its own.
func TestAnErasedStoreKnowsNoKey(t *testing.T) {
	d := open(t, pgtest.Shared(t).Database(t), postgres.Options{})
	mustHold(t, d, 7, 7)
	refusesKeys(t, d, store.ErrKey, "", 3, 3)
	if err := d.Erase(ctx); err != nil {
		t.Fatal(err)
	}
	mustHold(t, d, 3, 3)
}

// A node that hung while others went on without it gets no number any more, and saves nothing.
func TestANodeThatWasLeftBehind(t *testing.T) {
	for name, change := range map[string]string{
		"without the key":   `UPDATE serving SET key = 5`,
		"of an old release": `UPDATE serving SET oldest = 1000`,
	} {
		t.Run(name, func(t *testing.T) {
			dsn := pgtest.Shared(t).Database(t)
			d := open(t, dsn, postgres.Options{})
			s := openTill(t, d)
			mustHold(t, d, 7, 7)
			if err := s.insert(1, func() {}); err != nil {
				t.Fatal(err)
			}
			execute(t, dsn, `BEGIN; UPDATE node SET until = clock_timestamp() - interval '1 second'; `+change+`; COMMIT`)
			if err := postgres.Renew(d); !errors.Is(err, postgres.ErrNewer) && !errors.Is(err, store.ErrKey) {
				t.Errorf("got %v, want that it gets no number", err)
			}
			if err := s.insert(2, func() {}); s.outcome(err) != "not taken" {
				t.Errorf("got %v, want that it was not taken", err)
			}
			mustSayWhy(t, d, name)
			execute(t, dsn, `UPDATE serving SET oldest = 1, key = 7`)
			if err := postgres.Renew(d); err != nil {
				t.Error(err)
			}
			if s.has(2) {
				t.Error("what was not taken is there")
			}
		})
	}
}

// mustSayWhy expects that a batch is refused for what keeps the node from taking a number.
func mustSayWhy(t *testing.T, d *postgres.Driver, reason string) {
	t.Helper()
	b, err := d.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Rollback()
	want := map[string]error{"without the key": store.ErrKey, "of an old release": postgres.ErrNewer}[reason]
	if err := b.Load(ctx, &store.Wanted{}, store.NewSet()); !errors.Is(err, store.ErrNotSaved) || !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

// A node that takes a new number while it says which keys it holds, or before it knows that this was taken down, holds them under
// that number, too: others must not go by keys that it has not.
func TestANewNumberHoldsTheKeys(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	other, d := open(t, dsn, postgres.Options{}), open(t, dsn, postgres.Options{Name: "hung"})
	mustHold(t, other, 7, 7)
	refusesKeys(t, d, store.ErrKeyAhead, "", 5, 7, 5)
	execute(t, dsn, `UPDATE node SET until = clock_timestamp() - interval '1 second' WHERE name = 'hung'`)
	if err := postgres.Renew(d); err != nil {
		t.Fatal(err)
	}
	mustHold(t, other, 7, 7, 5, 3)
	refusesKeys(t, other, store.ErrKeyAhead, "hung", 3, 7, 5, 3)
}

// What older releases cannot serve is made once none of them serves.
func TestWhatOldReleasesCannotServeWaitsForThem(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	d, err := postgres.Open(ctx, dsn, postgres.Options{Name: "old"})
	if err != nil {
		t.Fatal(err)
	}
	const further = `UPDATE serving SET oldest = 1000`
	if err := try(t, dsn, further); err == nil || !strings.Contains(err.Error(), "old (1)") {
		t.Errorf("got %v, want that the node is named", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	execute(t, dsn, further)
	refuses(t, dsn, postgres.Options{}, postgres.ErrNewer)
}
