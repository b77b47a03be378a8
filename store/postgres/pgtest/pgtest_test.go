package pgtest

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const patience = 30 * time.Second

// childEnv makes this test program a process that runs a server and says where.
const childEnv = "SCRIP_TEST_PGTEST"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		server, err := Run(context.Background(), "", nil)
		if err != nil {
			panic(err)
		}
		_, _ = os.Stdout.WriteString(server.Dir() + " " + server.Port() + "\n")
		_, _ = io.Copy(io.Discard, os.Stdin)
		return // whoever started us kills us before
	}
	os.Exit(m.Run())
}

// long leaves a test that runs servers of its own out of a short run.
func long(t *testing.T) {
	if testing.Short() {
		t.Skip("it is other processes that are judged, so a short run may leave it out")
	}
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	must(t, err)
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ask[V any](t *testing.T, c *pgx.Conn, question string) (answer V) {
	t.Helper()
	must(t, c.QueryRow(t.Context(), question).Scan(&answer))
	return answer
}

func do(t *testing.T, c *pgx.Conn, statement string) {
	t.Helper()
	_, err := c.Exec(t.Context(), statement)
	must(t, err)
}

// A database belongs to an ordinary role, is empty, and is apart from others.
func TestDatabase(t *testing.T) {
	server := Shared(t)
	one, other := connect(t, server.Database(t)), connect(t, server.Database(t))
	do(t, one, "create table one (id bigint)")
	if ask[bool](t, other, "select to_regclass('one') is not null") {
		t.Error("a table of one database is in another")
	}
	if ask[bool](t, one, "select usesuper from pg_user where usename = current_user") {
		t.Error("the database's owner is a superuser")
	}
	for _, setting := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		if got := ask[string](t, one, "select current_setting('"+setting+"')"); got != "on" {
			t.Errorf("%s is %s", setting, got)
		}
	}
	if !ask[bool](t, one, "select 'a' < 'B'") {
		t.Error("text is sorted by its bytes, so no test would find what relies on that")
	}
}

// After a test its database is gone.
func TestDatabaseIsDropped(t *testing.T) {
	server := Shared(t)
	var name string
	t.Run("with a connection left open", func(t *testing.T) {
		c, err := pgx.Connect(t.Context(), server.Database(t))
		must(t, err)
		name = ask[string](t, c, "select current_database()")
	})
	c := connect(t, server.Superuser("postgres"))
	if ask[bool](t, c, "select exists (select from pg_database where datname = '"+name+"')") {
		t.Error("the database is there still")
	}
}

// What was committed is there after a kill, and what was not is not. The address stays the same.
func TestKill(t *testing.T) {
	long(t)
	server := Start(t, Settings{"max_connections": "20"})
	dsn := server.Database(t)
	c := connect(t, dsn)
	if got := ask[string](t, c, "select current_setting('max_connections')"); got != "20" {
		t.Errorf("the setting is %s", got)
	}
	do(t, c, "create table kept (id bigint)")
	do(t, c, "insert into kept values (1)")
	do(t, c, "begin")
	do(t, c, "insert into kept values (2)")
	server.Kill()
	if err := c.Ping(t.Context()); err == nil {
		t.Error("a killed server answers")
	}
	must(t, server.Start(t.Context()))
	if !strings.Contains(server.Log(), "was not properly shut down") {
		t.Errorf("the server does not know that it was killed: %s", server.Log())
	}
	if got := ask[int64](t, connect(t, dsn), "select sum(id) from kept"); got != 1 {
		t.Errorf("the sum is %d, want 1", got)
	}
}

// A server that was stopped in order has nothing to recover.
func TestStop(t *testing.T) {
	long(t)
	server := Start(t, nil)
	dsn := server.Database(t)
	connect(t, dsn) // which does not hold it up
	must(t, server.Stop())
	must(t, server.Stop()) // a second time it does nothing
	if _, err := pgx.Connect(t.Context(), dsn); err == nil {
		t.Error("a stopped server takes connections")
	}
	must(t, server.Start(t.Context()))
	if strings.Contains(server.Log(), "was not properly shut down") {
		t.Errorf("the server had to recover: %s", server.Log())
	}
	if err := server.Start(t.Context()); err == nil {
		t.Error("a server that runs was started")
	}
}

// The Unix socket leads to the same database, and the programs of the server's own release can be used on it.
func TestSocketAndTool(t *testing.T) {
	server := Shared(t)
	if server.external {
		t.Skipf("SKIPPED: of the server that %s names only the address is known", External)
	}
	name := ask[string](t, connect(t, server.Database(t)), "select current_database()")
	c := connect(t, server.Socket(name))
	if !ask[bool](t, c, "select inet_server_addr() is null") {
		t.Error("the connection is not over the socket")
	}
	must(t, server.Tool(t.Context(), "pg_isready", "--host="+server.Dir(), "--port="+server.Port()))
	if err := server.Tool(t.Context(), "pg_isready", "--host=/nowhere"); err == nil {
		t.Error("a failure was not told")
	}
}

// A server that was there before is used as it is, and left as it was.
func TestExternal(t *testing.T) {
	t.Setenv(External, Shared(t).Superuser("postgres"))
	server, err := runShared()
	must(t, err)
	t.Run("a database of its own", func(t *testing.T) {
		do(t, connect(t, server.Database(t)), "create table one (id bigint)")
	})
	if err := server.Start(t.Context()); err == nil {
		t.Error("a server that is not ours was started")
	}
	must(t, server.Stop())
	must(t, server.Close())
	connect(t, os.Getenv(External))
	t.Setenv(External, "host=127.0.0.1")
	if _, err := runShared(); err == nil {
		t.Error("an address that is none was taken")
	}
}

// The standby has what the primary said was committed, and takes over under the same address; and so does the other one
// the next time.
func TestPair(t *testing.T) {
	long(t)
	p := StartPair(t, nil)
	dsn := p.Database(t)
	do(t, connect(t, dsn), "create table kept (id bigint)")
	for round := range int64(2) {
		do(t, connect(t, dsn), "insert into kept values (1)")
		p.Primary.Kill()
		if _, err := pgx.Connect(t.Context(), dsn); err == nil {
			t.Error("there is a server to write to before the standby was promoted")
		}
		must(t, p.FailOver(t.Context()))
		c := connect(t, dsn)
		do(t, c, "insert into kept values (1)")
		if got := ask[int64](t, c, "select count(*) from kept"); got != 2*(round+1) {
			t.Errorf("round %d: %d rows", round, got)
		}
		must(t, p.Rejoin(t.Context()))
	}
}

// A frozen server keeps its connections and does not answer, until it is killed.
func TestFreeze(t *testing.T) {
	long(t)
	server := Start(t, nil)
	c := connect(t, server.Database(t))
	server.Freeze()
	answered := make(chan error, 1)
	go func() { answered <- c.Ping(context.Background()) }()
	select {
	case err := <-answered:
		t.Fatalf("a frozen server answers: %v", err)
	case <-time.After(100 * time.Millisecond): // an answer takes less than one
	}
	server.Kill()
	if err := <-answered; err == nil {
		t.Error("a killed server answers")
	}
}

// A server can be restored to any instant after its base backup.
func TestRestored(t *testing.T) {
	long(t)
	server := Start(t, Archiving())
	dsn := server.Database(t)
	c := connect(t, dsn)
	name := ask[string](t, c, "select current_database()")
	do(t, c, "create table kept (id bigint)")
	backup, err := server.BaseBackup(t.Context())
	must(t, err)
	do(t, c, "insert into kept values (1)")
	at, err := server.Instant(t.Context())
	must(t, err)
	do(t, c, "insert into kept values (2)")
	_, err = server.Instant(t.Context())
	must(t, err)
	restored := connect(t, StartRestored(t, server, backup, at).DSN(name))
	do(t, restored, "insert into kept values (4)")
	if got := ask[int64](t, restored, "select sum(id) from kept"); got != 5 {
		t.Errorf("the sum is %d, want 5", got)
	}
}

// The primary acknowledges nothing while the standby is away.
func TestPairIsSynchronous(t *testing.T) {
	long(t)
	p := StartPair(t, nil)
	dsn := p.Database(t)
	p.Standby.Kill()
	c := connect(t, dsn)
	ctx, cancel := context.WithCancel(t.Context())
	committed := make(chan error, 1)
	go func() {
		_, err := c.Exec(ctx, "create table kept (id bigint)")
		committed <- err
	}()
	must(t, p.Primary.until(t.Context(), "select exists (select from pg_stat_activity where wait_event = 'SyncRep')"))
	select {
	case err := <-committed:
		t.Errorf("acknowledged without the standby: %v", err)
	default:
	}
	cancel()
	if err := <-committed; err == nil {
		t.Error("acknowledged without the standby")
	}
}

// When the process that runs a server is killed, neither processes nor files of it are left.
func TestNothingIsLeftOfAKilledProcess(t *testing.T) {
	long(t)
	Shared(t) // skips where nothing can be run
	self, err := os.Executable()
	must(t, err)
	c := exec.Command(self)
	c.Env = append(os.Environ(), childEnv+"=1")
	_, err = c.StdinPipe()
	must(t, err)
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	line := make([]byte, 256)
	n, err := out.Read(line)
	must(t, err)
	must(t, c.Process.Kill())
	_ = c.Wait() // it was killed
	dir, port, _ := strings.Cut(strings.TrimSpace(string(line[:n])), " ")
	if dir == "" || port == "" {
		t.Fatalf("the child said %q", line[:n])
	}
	isGone(t, dir, port)
}

// isGone waits until a server's directory is gone, and nobody listens on its port.
func isGone(t *testing.T, dir, port string) {
	t.Helper()
	tick, end := time.NewTicker(pollEvery), time.After(patience)
	defer tick.Stop()
	for {
		_, err := os.Stat(dir)
		c, refused := net.Dial("tcp", "127.0.0.1:"+port)
		if errors.Is(err, os.ErrNotExist) && refused != nil {
			return
		}
		if refused == nil {
			_ = c.Close()
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("left behind: %s (%v), port %s (%v)", dir, err, port, refused)
		}
	}
}

// A directory of the caller's must be empty, so that nothing of his is removed with the server.
func TestRunWantsAnEmptyDirectory(t *testing.T) {
	Shared(t)
	dir := t.TempDir()
	must(t, os.WriteFile(dir+"/precious", nil, 0o600))
	if _, err := Run(t.Context(), dir, nil); err == nil {
		t.Fatal("a directory that was not empty was taken")
	}
	_, err := os.Stat(dir + "/precious")
	must(t, err)
}

// A server that cannot start says why, and leaves nothing.
func TestRunTellsWhy(t *testing.T) {
	Shared(t)
	_, err := Run(t.Context(), "", Settings{"shared_buffers": "nonsense"})
	if err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("got %v", err)
	}
}
