package app_test

import (
	"os/exec"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
	"github.com/scripworks/scrip/store/sqlite"
)

// place is where a server keeps its records: a data directory, or a database, when the directory has the keys alone.
type place struct{ Data, Database string }

// newPlace makes a place that has nothing in it.
type newPlace func(t testing.TB) place

func inFile(t testing.TB) place { return place{Data: t.TempDir()} }

func inDatabase(t testing.TB) place {
	return place{Data: t.TempDir(), Database: pgtest.Shared(t).Database(t)}
}

// besideOthers lets a test of servers that are processes of their own run at the same time as others of the kind: much of
// it is waiting, and none of them shares a store with another.
func besideOthers(t *testing.T) {
	t.Helper()
	workshopOf(t) // which skips in a short run
	t.Parallel()
}

// durable are the stores that a power cut leaves whole.
var durable = []struct {
	name string
	in   newPlace
}{{"sqlite", inFile}, {"postgresql", inDatabase}}

// inEachStore runs a test of killed servers on each store that a power cut leaves whole, on both at the same time.
func inEachStore(t *testing.T, run func(t *testing.T, in newPlace)) {
	t.Helper()
	besideOthers(t)
	inDurable(t, run)
}

// everywhere runs a test on every kind of store at once. A short run leaves all but memory to the tests of the drivers, for a
// commit for each message takes its time.
func everywhere(t *testing.T, run func(t *testing.T, in newPlace)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		run(t, func(testing.TB) place { return place{} })
	})
	if !testing.Short() {
		inDurable(t, run)
	}
}

func inDurable(t *testing.T, run func(t *testing.T, in newPlace)) {
	t.Helper()
	for _, kind := range durable {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			run(t, kind.in)
		})
	}
}

func (p place) settings() app.Settings { return app.Settings{Data: p.Data, Database: p.Database} }

// flags tell `scrip serve` of the place, besides the data directory.
func (p place) flags() []string {
	if p.Database == "" {
		return nil
	}
	return []string{"--database", p.Database}
}

// prepare makes a server of the place, ready to be started.
func (p place) prepare(t testing.TB) *process {
	t.Helper()
	return prepare(t, p.Data, p.flags()...)
}

// serve starts a server of the place and waits until it is ready.
func (p place) serve(t testing.TB) *process {
	t.Helper()
	return p.prepare(t).ready(t)
}

// verify runs `scrip verify` on the place, and leaves it as it was.
func (p place) verify(t testing.TB) {
	t.Helper()
	if p.Database == "" {
		verify(t, p.Data)
		return
	}
	if out, err := exec.Command(binary(t), "verify", p.Database).CombinedOutput(); err != nil {
		t.Fatalf("scrip verify: %v\n%s", err, out)
	}
}

// open opens the place beside its servers, or after them.
func (p place) open(t testing.TB) (d store.Driver) {
	t.Helper()
	var err error
	if p.Database == "" {
		d, err = sqlite.Open(app.StorePath(p.Data), sqlite.Options{})
	} else {
		d, err = postgres.Open(t.Context(), p.Database, postgres.Options{ReadOnly: true})
	}
	must(t, err)
	return d
}

// bury has the place know at once that its servers were killed. A file knows; a database would find out within seconds, which
// would be most of the time of a test that kills often.
func (p place) bury(t testing.TB) {
	t.Helper()
	if p.Database == "" {
		return
	}
	c, err := pgx.Connect(t.Context(), p.Database)
	must(t, err)
	defer func() { must(t, c.Close(t.Context())) }()
	_, err = c.Exec(t.Context(), `UPDATE node SET until = clock_timestamp()`)
	must(t, err)
}
