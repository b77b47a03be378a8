package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// External names the environment variable that holds the address of a server, postgres://user:password@host/database,
// which is used as the shared one instead of a server of our own. The user must be allowed to make databases.
const External = "SCRIP_TEST_POSTGRES"

// strict names the environment variable that makes a skip a failure.
const strict = "SCRIP_TEST_NO_SKIP"

var shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Shared gives the server that all tests of a process share. It is started when it is first asked for, and ended with
// the process. Without PostgreSQL the test is skipped.
func Shared(tb testing.TB) *Server {
	tb.Helper()
	shared.once.Do(func() { shared.server, shared.err = runShared() })
	check(tb, shared.err)
	return shared.server
}

func runShared() (*Server, error) {
	address, found := os.LookupEnv(External)
	if !found || address == "" {
		return Run(context.Background(), "", nil)
	}
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		return nil, errors.New(External + " is no address of the form postgres://user:password@host/database")
	}
	return &Server{address: *u, external: true}, nil
}

// Start runs a server for one test alone, to be killed and stopped as it likes.
func Start(tb testing.TB, s Settings) *Server {
	tb.Helper()
	server, err := Run(tb.Context(), "", s)
	check(tb, err)
	tb.Cleanup(func() { closeAfter(tb, server, server.Close) })
	return server
}

// StartPair runs a primary and its synchronous standby for one test alone.
func StartPair(tb testing.TB, s Settings) *Pair {
	tb.Helper()
	p, err := RunPair(tb.Context(), s)
	check(tb, err)
	tb.Cleanup(func() {
		closeAfter(tb, p.Standby, p.Standby.Close)
		closeAfter(tb, p.Primary, p.Primary.Close)
	})
	return p
}

// StartRestored runs a server for one test alone, as another one was at an instant.
func StartRestored(tb testing.TB, s *Server, backup string, at time.Time) *Server {
	tb.Helper()
	server, err := s.RunRestored(tb.Context(), backup, at)
	check(tb, err)
	tb.Cleanup(func() { closeAfter(tb, server, server.Close) })
	return server
}

func closeAfter(tb testing.TB, s *Server, end func() error) {
	if log := s.Log(); tb.Failed() && log != "" {
		tb.Logf("the log of PostgreSQL on port %s ends with:\n%s", s.Port(), log)
	}
	if err := end(); err != nil {
		tb.Error(err)
	}
}

// check skips a test aloud where there is no PostgreSQL, unless skips are failures.
func check(tb testing.TB, err error) {
	tb.Helper()
	switch {
	case err == nil:
	case errors.Is(err, ErrMissing) && os.Getenv(strict) == "":
		tb.Skipf("SKIPPED: %v; or set %s", err, External)
	default:
		tb.Fatal(err)
	}
}

// Database makes an empty database for a test and gives its address. It is dropped after the test, if the server can
// still be reached then.
func (s *Server) Database(tb testing.TB) (dsn string) {
	tb.Helper()
	name := NewName()
	if err := s.Create(tb.Context(), name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Drop(context.Background(), name); err != nil && s.runs() {
			tb.Errorf("drop the test's database: %v", err)
		}
	})
	return s.DSN(name)
}

// Database makes an empty database for a test and gives an address that leads to whichever of the two servers can be
// written to.
func (p *Pair) Database(tb testing.TB) (dsn string) {
	tb.Helper()
	name := NewName()
	if err := p.Primary.Create(tb.Context(), name); err != nil {
		tb.Fatal(err)
	}
	return p.DSN(name)
}

// NewName gives a name for a database that no other has, whoever else uses the same server.
func NewName() string { return "scrip_" + strings.ToLower(rand.Text()) }

// Migrating holds the lock of whoever brings a store up to date, as a process does that is about to, until the test is over.
// Its connection may be used meanwhile.
func Migrating(tb testing.TB, dsn string) *pgx.Conn {
	tb.Helper()
	ctx := context.Background()
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close(ctx) })
	if _, err := c.Exec(ctx, `SELECT pg_advisory_lock(x'53637270'::bigint)`); err != nil {
		tb.Fatal(err)
	}
	return c
}
