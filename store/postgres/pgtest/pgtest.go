// Package pgtest runs PostgreSQL servers for tests, and for what measures: a server in a directory of its own, on a
// loopback port of its own, ended and removed with whoever asked for it, however that one ends.
//
// It promises that a server keeps what PostgreSQL promises (fsync and its relatives are on unless a setting says
// otherwise), that Kill is as hard as a power cut is to processes, and that nothing is left of a server, neither
// processes nor files, when the process that started it is gone. PostgreSQL refuses to run as root; a process that is
// root runs it as the user postgres.
//
// The databases sort text by the rules of a language, as most do that are made without thought. What relies on the order
// of bytes has to say so.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrMissing says that this machine has no PostgreSQL to run, or nobody to run it as.
var ErrMissing = errors.New("PostgreSQL cannot be run here")

// Bounds of what a server may take.
const (
	startTime = time.Minute      // to start, recovery included
	stopTime  = 30 * time.Second // to stop in order; then it is killed
	portTries = 10               // ports that may turn out to be taken
	// Ports are drawn from below those that systems give to outgoing connections: a server that is down for a while must
	// find its port free.
	firstPort, lastPort = 20_000, 30_000
)

// Names of the roles: the superuser, and the ordinary role that owns the databases.
const (
	superuser = "postgres"
	ordinary  = "scrip"
)

// Settings are settings of a server by name, as postgresql.conf has them.
type Settings map[string]string

// Server is a PostgreSQL server that can be started, stopped and killed, any number of times. Its port stays the same.
// Its methods may not be called at once, but for those that only give a text.
type Server struct {
	bin      binaries
	owner    owner
	dir      string
	address  url.URL // of the superuser, without a database
	settings Settings
	reaper   *reaper
	external bool // it was there before us, and is not ours to stop

	mu      sync.Mutex
	process *process // nil when it does not run
	last    *process // what runs or ran last
}

// Run makes a server in a directory and starts it. A directory that is empty or not there yet must stand where the user
// that PostgreSQL runs as can get at it; "" makes one among the temporary files. The error is ErrMissing when there is
// nothing to run.
func Run(ctx context.Context, dir string, s Settings) (*Server, error) {
	server, err := prepare(dir, s)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(server.initialize(ctx), ctx.Err()); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	if err := server.first(ctx); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return server, nil
}

// prepare makes a server's directory, and what clears it away.
func prepare(dir string, s Settings) (server *Server, err error) {
	server = &Server{settings: s, address: url.URL{Scheme: "postgres", User: url.UserPassword(superuser, rand.Text())}}
	if server.bin, err = findBinaries(); err != nil {
		return nil, err
	}
	if server.owner, err = findOwner(); err != nil {
		return nil, err
	}
	if server.dir, err = makeDir(dir); err != nil {
		return nil, err
	}
	if err := errors.Join(os.Mkdir(filepath.Join(server.dir, archive), 0o700), server.own(filepath.Join(server.dir, archive)), server.own(server.dir)); err != nil {
		return nil, errors.Join(err, os.RemoveAll(server.dir))
	}
	if server.reaper, err = newReaper(server.dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(server.dir))
	}
	return server, nil
}

func makeDir(dir string) (string, error) {
	if dir == "" {
		return os.MkdirTemp("", "scrip-postgres")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		return "", fmt.Errorf("%s is not empty: %w", dir, err)
	}
	return filepath.Abs(dir)
}

// own gives a file or directory to the user that PostgreSQL runs as, and to nobody else.
func (s *Server) own(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := os.Chmod(path, info.Mode().Perm()&0o700); err != nil {
		return err
	}
	return s.owner.chown(path)
}

// initialize makes the files of an empty server.
func (s *Server) initialize(ctx context.Context) error {
	password, _ := s.address.User.Password()
	file := filepath.Join(s.dir, "password")
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		return err
	}
	if err := s.own(file); err != nil {
		return err
	}
	return s.Tool(ctx, "initdb", "--pgdata="+s.data(), "--username="+superuser, "--pwfile="+file,
		"--auth-local=trust", "--auth-host=scram-sha-256", // the socket stands in a directory that is ours alone
		"--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en-US",
		"--no-sync") // what a test has made need not survive the machine; what the server does later is synced
}

// first starts a server for the first time, on a port that is free, and makes the role that owns the databases.
func (s *Server) first(ctx context.Context) error {
	if err := s.settle(ctx); err != nil {
		return err
	}
	password, _ := s.address.User.Password()
	return s.Exec(ctx, "create role "+ordinary+" login password '"+password+"'")
}

// settle starts a server on the first port that turns out to be free.
func (s *Server) settle(ctx context.Context) (err error) {
	for range portTries {
		s.address.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+mathrand.IntN(lastPort-firstPort)))
		if err = s.Start(ctx); err == nil || !strings.Contains(err.Error(), "could not bind") {
			return err
		}
	}
	return err
}

// Start starts a server that was stopped or killed, and waits until it takes connections.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.external || s.process != nil {
		return errors.New("the server runs already, or is not ours")
	}
	args := []string{"-D", s.data(), "-k", s.dir, "-h", "127.0.0.1", "-p", s.address.Port()}
	for _, name := range slices.Sorted(maps.Keys(s.settings)) {
		args = append(args, "-c", name+"="+s.settings[name])
	}
	p, err := startProcess(s.command(context.Background(), "postgres", args...)) // it is Stop that ends it
	if err != nil {
		return err
	}
	s.last = p
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	select {
	case <-p.ready:
		s.process = p
		return nil
	case <-p.gone:
		return fmt.Errorf("PostgreSQL ended at its start:\n%s", p)
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("PostgreSQL did not start: %w\n%s", ctx.Err(), p)
	}
}

// Stop stops the server in order: what is open is rolled back, and everything is written. A server that does not run is
// left as it is. One that does not stop within half a minute is killed, and the error says so.
func (s *Server) Stop() error {
	p := s.leave()
	if p == nil {
		return nil
	}
	p.interrupt()
	select {
	case <-p.gone:
		return nil
	case <-time.After(stopTime):
		p.kill()
		return fmt.Errorf("PostgreSQL did not stop and was killed:\n%s", p)
	}
}

// Kill ends all processes of the server at once, as a power cut does, and waits until they are gone.
func (s *Server) Kill() {
	if p := s.leave(); p != nil {
		p.kill()
	}
}

// Freeze stops all processes of the server from going on, as a machine does that hangs: its connections stay, and nobody
// answers. Kill is the way out.
func (s *Server) Freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		s.process.freeze()
	}
}

// leave takes the process out of the server's hands.
func (s *Server) leave() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.process
	s.process = nil
	return p
}

// Close ends the server and removes its files.
func (s *Server) Close() error {
	if s.external {
		return nil
	}
	s.Kill()
	return errors.Join(os.RemoveAll(s.dir), s.reaper.dismiss())
}

// DSN gives the address of a database for the ordinary role that owns it, over loopback.
func (s *Server) DSN(database string) string {
	if s.external {
		return s.Superuser(database)
	}
	a := s.address
	password, _ := a.User.Password()
	a.User = url.UserPassword(ordinary, password)
	return at(a, database)
}

// Superuser gives the address of a database for the superuser, over loopback.
func (s *Server) Superuser(database string) string { return at(s.address, database) }

// Socket gives the address of a database for the ordinary role over the Unix socket.
func (s *Server) Socket(database string) string {
	return "postgres://" + ordinary + "@/" + database + "?" + url.Values{"host": {s.dir}, "port": {s.address.Port()}}.Encode()
}

// Port gives the server's port on 127.0.0.1.
func (s *Server) Port() string { return s.address.Port() }

// Dir gives the server's directory; its socket stands there, and its data in "data".
func (s *Server) Dir() string { return s.dir }

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func at(a url.URL, database string) string {
	a.Path = "/" + database
	return a.String()
}

// Log gives the end of what the server has logged since it was last started.
func (s *Server) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		return ""
	}
	return s.last.String()
}

// runs says whether the server runs, as far as it is ours to know.
func (s *Server) runs() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.external || s.process != nil
}

// Create makes an empty database that the ordinary role owns.
func (s *Server) Create(ctx context.Context, database string) error {
	statement := "create database " + pgx.Identifier{database}.Sanitize()
	if !s.external {
		statement += " owner " + ordinary
	}
	return s.Exec(ctx, statement)
}

// Drop removes a database, and ends the connections to it.
func (s *Server) Drop(ctx context.Context, database string) error {
	return s.Exec(ctx, "drop database if exists "+pgx.Identifier{database}.Sanitize()+" with (force)")
}

// Exec has the superuser execute a statement in the database postgres; that of a server which was there before us in the
// database that its address names.
func (s *Server) Exec(ctx context.Context, statement string) (err error) {
	return s.with(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, statement)
		return err
	})
}

// with connects as the superuser.
func (s *Server) with(ctx context.Context, do func(*pgx.Conn) error) error {
	address := s.address.String()
	if !s.external {
		address = s.Superuser("postgres")
	}
	c, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	err = do(c)
	return errors.Join(err, c.Close(ctx))
}

// Tool runs a program of the server's own release, such as pg_basebackup or pgbench, as the user that the server runs
// as, with the server's directory as the current one. The error has what it printed.
func (s *Server) Tool(ctx context.Context, name string, args ...string) error {
	_, err := s.Output(ctx, name, args...)
	return err
}

// Output is Tool, and gives what the program printed.
func (s *Server) Output(ctx context.Context, name string, args ...string) (string, error) {
	out, err := s.command(ctx, name, args...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w\n%s", name, errors.Join(err, ctx.Err()), out)
	}
	return string(out), nil
}

// command makes a command of one of PostgreSQL's programs. Nothing of the environment may lead it to another server.
func (s *Server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, s.bin.path(name), args...)
	c.Dir = s.dir
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "LC_ALL=C", "TZ=UTC"}
	s.owner.confine(c)
	return c
}
