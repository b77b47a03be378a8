package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Bounds of the connections.
const (
	connectTimeout  = 5 * time.Second // for each host
	sideConnections = 2
	oldestServer    = 150000
	keepAliveIdle   = 15 * time.Second // before a silent connection is asked whether it lives
	keepAliveEvery  = 5 * time.Second
	keepAliveCount  = 3
	applicationName = "scrip"
)

// configure reads an address and adds what every connection of ours is set to. What the address says wins, but for what
// the statements count on.
func configure(dsn string, options Options) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(dsn)
	switch {
	case isMisread(dsn, config):
		return nil, errMisread
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrAddress, err) // it holds no password
	}
	c := config.ConnConfig
	if c.Database == "" { // the server would take the one of the user's name
		return nil, fmt.Errorf("%w: it names no database, as postgres://USER@HOST/NAME does", ErrAddress)
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTimeout
	}
	dialer := net.Dialer{Timeout: c.ConnectTimeout, KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: keepAliveIdle, Interval: keepAliveEvery, Count: keepAliveCount,
	}}
	c.DialFunc = dialer.DialContext
	if c.ValidateConnect == nil && !options.ReadOnly {
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if err := waitsForDisk(c.RuntimeParams); err != nil {
		return nil, err
	}
	for name, value := range settings(options) {
		if _, given := c.RuntimeParams[name]; !given {
			c.RuntimeParams[name] = value
		}
	}
	c.OnNotice = func(pg *pgconn.PgConn, n *pgconn.Notice) {
		if known, ok := pg.CustomData()[ours].(*conn); ok && n.SeverityUnlocalized == "WARNING" {
			known.warning = errors.New(n.Message)
		}
	}
	config.AfterConnect = func(ctx context.Context, c *pgx.Conn) error { return check(ctx, c, options.ReadOnly) }
	return config, nil
}

// waits says whether a commit is acknowledged no sooner than what is answered may count on.
func waits(synchronousCommit string) bool {
	return synchronousCommit == "on" || synchronousCommit == "remote_apply"
}

// waitsForDisk refuses an address that would have commits acknowledged sooner than that. libpq's options are part of it.
func waitsForDisk(params map[string]string) error {
	const commits = "synchronous_commit"
	switch level, given := params[commits]; {
	case given && !waits(level):
		return fmt.Errorf("%w: it sets %s to %q, so that what was acknowledged could be lost; it may be on or remote_apply", ErrAddress, commits, level)
	case strings.Contains(params["options"], commits):
		return fmt.Errorf("%w: %s stands in its options, where it is not looked at; give it by itself", ErrAddress, commits)
	}
	return nil
}

// errMisread says nothing of the address: nobody knows where in it the password is.
var errMisread = fmt.Errorf("%w: it cannot be read, or has an @ where its host or its database stands: in a user's name "+
	"or password write %% as %%25, @ as %%40, / as %%2F, : as %%3A, ? as %%3F and # as %%23", ErrAddress)

// isMisread says whether a part of a password that is not escaped would be taken for something that is told to everybody:
// what follows an @ in it for a host, what follows a slash for a database, what follows a question mark for a setting.
func isMisread(dsn string, read *pgxpool.Config) bool {
	_, address, isURL := strings.Cut(dsn, "://")
	if !isURL {
		return false
	}
	rest, query, _ := strings.Cut(address, "?")
	_, path, _ := strings.Cut(rest, "/")
	if strings.Count(rest, "@") > 1 || strings.Contains(path, "@") {
		return true
	}
	if read == nil {
		return strings.Contains(query, "@")
	}
	for name := range read.ConnConfig.RuntimeParams {
		if strings.Contains(name, "@") {
			return true
		}
	}
	return hasAt(read.ConnConfig.Host) || slices.ContainsFunc(read.ConnConfig.Fallbacks, func(f *pgconn.FallbackConfig) bool { return hasAt(f.Host) })
}

// hasAt says whether there is an @ in the name of a host; that of a socket may have one.
func hasAt(host string) bool {
	network, _ := pgconn.NetworkAddress(host, 0)
	return network != "unix" && strings.Contains(host, "@")
}

// settings are what the server is told with each connection. The planner's: plans are made once, perhaps when a table is
// still empty, and must then go by index; there is no statement of ours for which a scan is better. None is shared out to further
// processes of the server either, as adding up open requests would be: these would take the cores from the batches, for what a
// scrape can wait for. That commits wait is told to each, too: so it holds whatever the role, the database or a changed file of
// settings say.
func settings(options Options) map[string]string {
	statement := strconv.FormatInt((options.Timeout * 3 / 4).Milliseconds(), 10)
	idle := strconv.FormatInt((options.Timeout / 2).Milliseconds(), 10) // so that others do not wait in vain for one that hangs
	if options.OneInstant {
		idle = "0" // it locks nothing, and what is read may take any time to judge
	}
	return map[string]string{
		"application_name": applicationName, "statement_timeout": statement, "lock_timeout": statement,
		"idle_in_transaction_session_timeout": idle, "synchronous_commit": "on", "plan_cache_mode": "force_generic_plan", "jit": "off",
		"max_parallel_workers_per_gather": "0", "enable_seqscan": "off", "enable_bitmapscan": "off", "enable_hashjoin": "off",
		"enable_mergejoin": "off", "enable_sort": "off", "enable_incremental_sort": "off", "enable_material": "off",
		"tcp_keepalives_idle": "15", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
	}
}

// check refuses a server that will not do. One that is only read need not be durable.
func check(ctx context.Context, c *pgx.Conn, readOnly bool) error {
	var version int
	var commit, fsync, encoding string
	err := c.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_setting('synchronous_commit'), current_setting('fsync'),
		current_setting('server_encoding')`, pgx.QueryExecModeExec).Scan(&version, &commit, &fsync, &encoding)
	switch {
	case err != nil:
		return fmt.Errorf("postgres: ask the server what it is: %w", err)
	case version < oldestServer:
		return fmt.Errorf("%w: it is of version %d, and 15 is the oldest that is served", ErrServer, version/10000)
	case encoding != "UTF8":
		return fmt.Errorf("%w: the database's encoding is %s, which does not hold every text; it has to be UTF8", ErrServer, encoding)
	case readOnly:
		return nil
	case fsync != "on":
		return fmt.Errorf("%w: fsync is off, so that a power cut could leave a store that cannot be trusted, or none", ErrServer)
	case !waits(commit): // a pooler has passed over what we set
		return fmt.Errorf("%w: synchronous_commit is %s, so that what was acknowledged could be lost", ErrServer, commit)
	}
	return nil
}

// pool makes a pool of connections, which are made when they are asked for.
func pool(ctx context.Context, config *pgxpool.Config, size int) (*pgxpool.Pool, error) {
	config = config.Copy()
	config.MaxConns, config.MinConns, config.MinIdleConns = int32(size), 0, 0
	p, err := pgxpool.NewWithConfig(ctx, config)
	return p, wrap("make a pool of connections", err)
}

// ours is the key of what we keep with a connection.
const ours = "scrip"

// conn is one connection with its prepared statements and the memory of its user.
type conn struct {
	*pgconn.PgConn
	taken    *pgxpool.Conn // while somebody has it
	driver   *Driver
	prepared map[string]*pgconn.StatementDescription
	warning  error // the last one that the server gave
	gathered gatherer
	loading  loading
	asking   asking
}

// take gives a connection of a pool. The caller gives it back.
func (d *Driver) take(ctx context.Context, from func(*Driver) *pgxpool.Pool) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.open.RLock()
	if d.closed {
		d.open.RUnlock()
		return nil, errClosed
	}
	ctx, cancel := context.WithTimeout(ctx, d.options.Timeout)
	defer cancel()
	c, err := d.instant.take(ctx)
	if err == nil && c == nil {
		c, err = d.acquire(ctx, from(d))
	}
	if err != nil {
		d.open.RUnlock()
		return nil, fmt.Errorf("postgres: connect: %w", inOneLine(err))
	}
	return c, nil
}

// acquire takes a connection of a pool.
func (d *Driver) acquire(ctx context.Context, from *pgxpool.Pool) (*conn, error) {
	taken, err := from.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	pg := taken.Conn().PgConn()
	c, known := pg.CustomData()[ours].(*conn)
	if !known {
		c = &conn{PgConn: pg, driver: d, prepared: map[string]*pgconn.StatementDescription{}}
		c.gathered.init(d.shapes)
		c.loading.init()
		c.asking.init(c)
		pg.CustomData()[ours] = c
	}
	c.taken = taken
	return c, nil
}

func writers(d *Driver) *pgxpool.Pool { return d.writers }
func readers(d *Driver) *pgxpool.Pool { return d.readers }

// giveBack gives a connection back. One that is still in a transaction is closed by its pool.
func (c *conn) giveBack() {
	d := c.driver
	if d.instant != nil {
		d.instant <- c
	} else {
		c.release()
	}
	d.open.RUnlock()
}

func (c *conn) release() {
	taken := c.taken
	c.taken = nil // before somebody else takes the connection
	taken.Release()
}

// hangUp closes a connection of which nothing good is to be expected any more.
func (c *conn) hangUp() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // no farewell
	_ = c.Close(ctx)
}

// prepare prepares those of statements that this connection has not prepared yet, in one round trip.
func (c *conn) prepare(ctx context.Context, statements ...*statement) error {
	missing := 0
	for _, s := range statements {
		if c.prepared[s.name] == nil {
			missing++
		}
	}
	if missing == 0 {
		return nil
	}
	p := c.StartPipeline(ctx)
	var sent []*statement
	for _, s := range statements {
		if _, known := c.prepared[s.name]; !known {
			c.prepared[s.name] = nil // it may be listed twice
			p.SendPrepare(s.name, s.text, s.params)
			sent = append(sent, s)
		}
	}
	err := p.Sync()
	for i := 0; err == nil && i < len(sent); i++ {
		var got any
		if got, err = p.GetResults(); err == nil {
			described := got.(*pgconn.StatementDescription)
			described.Name = sent[i].name // which a pipeline does not know
			c.prepared[described.Name] = described
		} else {
			err = fmt.Errorf("prepare %q: %w", sent[i].text, err)
		}
	}
	err = errors.Join(err, p.Close())
	for _, s := range sent {
		if c.prepared[s.name] == nil {
			delete(c.prepared, s.name)
		}
	}
	return err
}

// statement is one that is prepared under a name.
type statement struct {
	name, text string
	params     []uint32 // types of the parameters; nil leaves them to the server
	byBitmap   bool     // sent between scanByBitmap and scanByIndex
}

// formats are those of parameters and results: all of them binary.
var formats = []int16{1}
