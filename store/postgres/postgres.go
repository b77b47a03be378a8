// Package postgres keeps a store in a PostgreSQL database, which any number of processes may serve at once.
//
// It promises that what Save has acknowledged is on the server's disk, and on that of its synchronous standby if there is
// one, whatever synchronous_commit is set to for others (a server whose fsync is off is refused), that what two processes
// decide about the same record is put in order by its locks, that a batch takes two round trips when its messages declare
// what they need, and that nothing hangs for ever once the store is open: every wait for the server has its bound. Opening may
// wait longer, for another process that migrates, and says so. What Save tells as not saved is surely not there; when a connection
// breaks while a commit is under way the outcome is unknown and told as such (docs/decisions/0019). Servers from PostgreSQL 15 on
// are served.
package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/sqlstore"
)

var _ store.Driver = (*Driver)(nil)

// Options are what may be set about a store. The zero value is good.
type Options struct {
	// Committers is how many batches may be open at once; 0 is DefaultCommitters. Give store.Settings as many.
	Committers int
	// Readers is how many views and reports may run at once; 0 is DefaultReaders. Further ones wait.
	Readers int
	// Name is what this process is called in the table of nodes, for people. It may be empty.
	Name string
	// ReadOnly opens a store as it is and changes nothing: no table is made or brought up to date, and the process is no
	// node. Begin and whatever else writes gives ErrReadOnly.
	ReadOnly bool
	// OneInstant has everything that is read come from one committed instant, that of the first question, whoever writes
	// meanwhile. It is for a store that is only read, and makes that of it. One connection asks, one question after the other;
	// when it is lost, so is the instant, and nothing more can be read. The server keeps for it what it would have cleared
	// away, until the driver is closed.
	OneInstant bool
	// Timeout bounds each wait for the server but that for a connection; 0 is DefaultTimeout. The server gives a statement
	// up after three quarters of it.
	Timeout time.Duration
	// First is a row that a store which Open makes has from its first instant on: whoever opens it after this process was killed
	// finds it. A store that is there already does not get it. It may be nil.
	First *admin.Row
	// Waiting is told that Open waits while another process brings the store up to date, which has no bound but that of
	// Open's context, and how long it has waited: when it begins to and once a minute from then on. It may be nil.
	Waiting func(so time.Duration)
}

// Defaults.
const (
	DefaultCommitters = 2
	DefaultReaders    = 4
	DefaultTimeout    = 20 * time.Second
)

// Errors of Open.
var (
	// ErrNewer says that the store was written by a newer release, and that this one must not serve it any more.
	ErrNewer = errors.New("postgres: the store was written by a newer release")
	// ErrOlder says that the store was written by an older release, and would have to be brought up to date.
	ErrOlder = errors.New("postgres: the store was written by an older release; serve it once to bring it up to date")
	// ErrInUse says that the store cannot be brought up to date while others use it: nodes of a release that could not go on
	// serving, or somebody who holds a table for long.
	ErrInUse = errors.New("postgres: others use the store, which is to be brought up to date")
	// ErrForeign says that the database holds something else, perhaps another program's tables.
	ErrForeign = errors.New("postgres: the database is no store of Scrip's")
	// ErrServer says that the server is too old, or is set so that a commit would not be durable, or that the database's encoding
	// is not UTF8.
	ErrServer = errors.New("postgres: the server cannot keep a store")
	// ErrAddress says that the address cannot be read, or asks for what cannot be. No server was asked.
	ErrAddress = errors.New("postgres: the address of the database will not do")
)

// ErrReadOnly says that a store that was opened to be read was to be written.
var ErrReadOnly = fmt.Errorf("%w: the store was opened to be read only", store.ErrNotSaved)

var errClosed = errors.New("postgres: the store is closed")

// Driver is an open store. Make one with Open.
type Driver struct {
	options Options
	known   int64         // last migration of this release
	writers *pgxpool.Pool // of the batches
	readers *pgxpool.Pool // of views and reports
	side    *pgxpool.Pool // of the node, leases and places: what must not wait for batches
	instant instant       // nil when each question has its own
	shapes  *shapes
	node    node
	open    sync.RWMutex // held for reading by whoever uses a pool
	closed  bool
}

// Open opens the store in a database, makes it when the database is empty, and brings an older one up to date; or it only
// reads one that is there, as Options say. dsn is an address or the settings of libpq; several hosts may be named, of which
// the one that can be written is taken. A pooler in between must leave a session to its client for as long as it lasts: what is
// prepared and set belongs to it. The role must be allowed to make tables in its schema. While another process brings the store
// up to date it waits for as long as that takes, or until ctx ends, and tells Options.Waiting. ErrForeign: the database is no store. ErrNewer, and when only
// reading ErrOlder: this release cannot. ErrServer: the server will not do. ErrAddress: the address will not.
func Open(ctx context.Context, dsn string, options Options) (*Driver, error) {
	options.Committers = cmp.Or(max(options.Committers, 0), DefaultCommitters)
	options.Readers = cmp.Or(max(options.Readers, 0), DefaultReaders)
	options.Timeout = cmp.Or(max(options.Timeout, 0), DefaultTimeout)
	options.ReadOnly = options.ReadOnly || options.OneInstant
	if options.Waiting == nil {
		options.Waiting = func(time.Duration) {}
	}
	d := &Driver{options: options}
	if err := d.connect(ctx, dsn); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Driver) connect(ctx context.Context, dsn string) error {
	config, err := configure(dsn, d.options)
	if err != nil {
		return err
	}
	if d.known, err = sqlstore.LastMigration(migrations); err != nil {
		return err
	}
	if err := prepareSchema(ctx, config, d.known, d.options); err != nil {
		return err
	}
	if d.readers, err = pool(ctx, config, d.options.Readers); err != nil {
		return err
	}
	if d.options.OneInstant {
		return d.holdInstant(ctx)
	}
	if d.options.ReadOnly {
		return nil
	}
	if d.writers, err = pool(ctx, config, d.options.Committers+1); err != nil { // one for what goes between the batches
		return err
	}
	if d.side, err = pool(ctx, config, sideConnections); err != nil {
		return err
	}
	if d.shapes, err = d.describe(ctx); err != nil {
		return err
	}
	return d.startNode(ctx)
}

// Close implements store.Driver. It waits for views and reports that are running, and gives the node and its leases up.
func (d *Driver) Close() error {
	d.open.Lock()
	defer d.open.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	err := d.stopNode()
	d.instant.end()
	for _, p := range []*pgxpool.Pool{d.writers, d.readers, d.side} {
		if p != nil {
			p.Close()
		}
	}
	return err
}
