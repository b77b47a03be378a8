package ratio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scripworks/scrip/bench"
	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// ClusterSettings are those of a server that is started to be measured, the same for pgbench and for everything else.
// They are those that docs/operations.md gives for a server of its own, but for room for pgbench's connections. What makes
// a commit durable stays as PostgreSQL has it.
var ClusterSettings = pgtest.Settings{
	"shared_buffers": "4GB", "max_wal_size": "16GB", "checkpoint_timeout": "15min", "wal_compression": "lz4", "effective_io_concurrency": "64", "max_connections": "200",
}

// DefaultScale is pgbench's scale: with as many branches as clients or fewer it would measure how they wait for each
// other's rows.
const DefaultScale = 50

// MaxScale bounds the scale: 15 GB of tables.
const MaxScale = 1000

// PostgresCluster is a PostgreSQL server: one that was there before, or one of our own.
type PostgresCluster struct {
	server *pgtest.Server // nil for one that was there
	base   *url.URL       // of one that was there
	dir    string         // of one of our own
	scale  int
}

var _ Cluster = (*PostgresCluster)(nil)

// OpenCluster takes the server at a URL, whose user must be allowed to make databases, or starts one of its own with
// ClusterSettings below a directory, which the system's user postgres must be able to reach. The scale is pgbench's, 1 to
// MaxScale. The error is pgtest.ErrMissing where there is none to start.
func OpenCluster(ctx context.Context, address, dir string, scale int) (*PostgresCluster, error) {
	c := &PostgresCluster{scale: scale}
	switch {
	case scale < 1 || scale > MaxScale:
		return nil, &bench.OptionError{Err: fmt.Errorf("pgbench's scale must be 1 to %d", MaxScale)}
	case address != "":
		return c, c.reach(ctx, address)
	}
	return c, c.run(ctx, dir)
}

// reach takes the server at a URL, and sees that it is there.
func (c *PostgresCluster) reach(ctx context.Context, address string) (err error) {
	switch c.base, err = url.Parse(address); { // the address may hold a password, so it is not told
	case err != nil:
		return &bench.OptionError{Err: errors.New("the address of the PostgreSQL server cannot be read")}
	case c.base.Scheme != "postgres" && c.base.Scheme != "postgresql":
		return &bench.OptionError{Err: errors.New("the address of the PostgreSQL server must be of the form postgres://USER@HOST/NAME")}
	}
	if err := c.with(ctx, func(*pgx.Conn) error { return nil }); err != nil {
		return fmt.Errorf("the PostgreSQL server to measure on: %w", err)
	}
	return nil
}

// run starts a server of our own.
func (c *PostgresCluster) run(ctx context.Context, dir string) (err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if c.dir, err = os.MkdirTemp(dir, ".scrip-bench-postgres-"); err != nil {
		return err
	}
	if c.server, err = pgtest.Run(ctx, c.dir, ClusterSettings); err != nil {
		err = fmt.Errorf("start a PostgreSQL server below %s, which the user that it runs as must be able to reach: %w", dir, err)
		return errors.Join(err, os.RemoveAll(c.dir))
	}
	return nil
}

// Close ends a server of our own and removes its files.
func (c *PostgresCluster) Close() error {
	if c.server == nil {
		return nil
	}
	return errors.Join(c.server.Close(), os.RemoveAll(c.dir))
}

// address gives that of a database.
func (c *PostgresCluster) address(name string) string {
	if c.server != nil {
		return c.server.DSN(name)
	}
	made := *c.base
	made.Path = "/" + name
	return made.String()
}

// administrator gives the address under which databases are made.
func (c *PostgresCluster) administrator() string {
	if c.server != nil {
		return c.server.Superuser("postgres")
	}
	return c.base.String()
}

// Create makes a database, anew if there is one of that name, and returns its URL.
func (c *PostgresCluster) Create(ctx context.Context, name string) (string, error) {
	if err := c.Drop(ctx, name); err != nil {
		return "", err
	}
	if c.server != nil {
		return c.address(name), c.server.Create(ctx, name)
	}
	return c.address(name), c.execute(ctx, "create database "+pgx.Identifier{name}.Sanitize())
}

// Drop removes a database. Whoever is connected is cut off.
func (c *PostgresCluster) Drop(ctx context.Context, name string) error {
	return c.execute(ctx, "drop database if exists "+pgx.Identifier{name}.Sanitize()+" with (force)")
}

func (c *PostgresCluster) execute(ctx context.Context, statement string) error {
	return c.with(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, statement)
		return err
	})
}

func (c *PostgresCluster) with(ctx context.Context, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, c.administrator())
	if err != nil {
		return err
	}
	return errors.Join(do(conn), conn.Close(context.WithoutCancel(ctx)))
}

// Bytes is what the database at a URL takes of the disk.
func (c *PostgresCluster) Bytes(ctx context.Context, address string) (bytes int64, err error) {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return 0, err
	}
	err = conn.QueryRow(ctx, "select pg_database_size(current_database())").Scan(&bytes)
	return bytes, errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
}

// durable are the settings without which a commit is not.
var durable = []string{"fsync", "synchronous_commit", "full_page_writes"}

// shown are the settings that are told beside.
var shown = []string{"shared_buffers", "max_wal_size", "checkpoint_timeout", "wal_compression", "effective_io_concurrency", "wal_sync_method", "server_version"}

// Settings lists with what settings the server runs.
func (c *PostgresCluster) Settings(ctx context.Context) (said []string, err error) {
	err = c.with(ctx, func(conn *pgx.Conn) error {
		for _, name := range append(slices.Clone(durable), shown...) {
			var value string
			if err := conn.QueryRow(ctx, "select current_setting($1)", name).Scan(&value); err != nil {
				return err
			}
			if slices.Contains(durable, name) && value == "off" {
				return fmt.Errorf("the server runs with %s off: nothing that is measured with it is durable", name)
			}
			said = append(said, name+" = "+value)
		}
		return nil
	})
	return said, err
}

// FillTPCB makes the tables of pgbench.
func (c *PostgresCluster) FillTPCB(ctx context.Context, address string) error {
	if _, err := c.pgbench(ctx, address, "--initialize", "--quiet", "--scale", strconv.Itoa(c.scale)); err != nil {
		return err
	}
	err := c.execute(ctx, "checkpoint") // or it falls into the first measurements
	var refused *pgconn.PgError
	if c.server == nil && errors.As(err, &refused) {
		return nil // not everybody may ask for one
	}
	return err
}

// TPCB drives pgbench as it comes. It knows whole seconds only, of which its connections take the first on a busy machine;
// for so short a time each client has a few transactions instead.
func (c *PostgresCluster) TPCB(ctx context.Context, address string, clients int, length time.Duration) (float64, time.Duration, error) {
	seconds := int((length + time.Second - 1) / time.Second)
	until := []string{"--time", strconv.Itoa(seconds + 1)}
	if length < 2*time.Second {
		until = []string{"--transactions", "20"}
	}
	said, err := c.pgbench(ctx, address, append(until, "--client", strconv.Itoa(clients))...)
	if err != nil {
		return 0, 0, err
	}
	return readTPCB(said)
}

// pgbench runs it at a database, from beside our own server, or as the PATH or Debian has it. The password of a server that
// was there before is not among the arguments, which everybody sees.
func (c *PostgresCluster) pgbench(ctx context.Context, address string, args ...string) (string, error) {
	if c.server != nil {
		return c.server.Output(ctx, "pgbench", append(args, address)...)
	}
	bare, password, err := withoutPassword(address)
	if err != nil {
		return "", err
	}
	path, err := exec.LookPath("pgbench")
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench") // the pattern is a good one
		if len(found) == 0 {
			return "", err
		}
		path = found[len(found)-1]
	}
	command := exec.CommandContext(ctx, path, append(args, bare)...)
	if password != "" {
		command.Env = append(os.Environ(), "PGPASSWORD="+password)
	}
	out, err := command.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("pgbench: %w\n%s", err, out[max(len(out)-logTail, 0):])
	}
	return string(out), nil
}

// withoutPassword takes the password out of a URL, which has it in either of two places.
func withoutPassword(address string) (bare, password string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", "", errors.New("the address of the PostgreSQL server cannot be read")
	}
	query := u.Query()
	password = query.Get("password")
	query.Del("password")
	u.RawQuery = query.Encode()
	if inUser, given := u.User.Password(); given {
		u.User, password = url.User(u.User.Username()), cmp.Or(password, inUser)
	}
	return u.String(), password, nil
}

var (
	tpcbRate    = regexp.MustCompile(`(?m)^tps = ([0-9.]+)`)
	tpcbLatency = regexp.MustCompile(`(?m)^latency average = ([0-9.]+) ms`)
)

// readTPCB finds the figures in what pgbench prints.
func readTPCB(said string) (perSecond float64, mean time.Duration, err error) {
	rate, latency := tpcbRate.FindStringSubmatch(said), tpcbLatency.FindStringSubmatch(said)
	if rate == nil || latency == nil {
		return 0, 0, fmt.Errorf("pgbench printed no figures:\n%s", said[max(len(said)-logTail, 0):])
	}
	perSecond, err = strconv.ParseFloat(rate[1], 64)
	if err != nil {
		return 0, 0, err
	}
	ms, err := strconv.ParseFloat(latency[1], 64)
	return perSecond, time.Duration(ms * float64(time.Millisecond)), err
}
