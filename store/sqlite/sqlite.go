// Package sqlite keeps a store in one SQLite file: the embedded default.
//
// It promises that what Save has acknowledged is on the disk (write-ahead log, synchronous=FULL), that one
// process at a time has the file open, that views read one committed instant beside the one writer, and that
// the write-ahead log stays bounded. docs/decisions has why SQLite is spoken to through its own interface.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	"zombiezen.com/go/sqlite"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/sqlstore"
)

var _ store.Driver = (*Driver)(nil)

// Options are what may be set about a store. The zero value is good.
type Options struct {
	// Readers is how many views and reports may run at once; 0 is DefaultReaders.
	Readers int
	// ReadOnly opens a store as it is and changes nothing: no file is made or brought up to date, and a log that was
	// left behind is read where it lies. Begin and whatever else writes gives ErrReadOnly.
	ReadOnly bool
	// First is a row that a store which Open makes has from its first instant on: whoever opens it after this process was killed
	// finds it. A store that is there already does not get it. It may be nil.
	First *admin.Row
}

// Defaults and bounds of a driver's memory. SQLite counts 4.3 KB for a page in a cache; what it is allocated by here rounds to powers of
// two, so that it takes 8 KB, and a full cache twice what is said.
const (
	// DefaultReaders is how many views and reports run at once; further ones wait.
	DefaultReaders = 4
	writerCacheKiB = 16 << 10
	readerCacheKiB = 2 << 10
	copierCacheKiB = 256
)

// Errors of Open.
var (
	// ErrInUse says that another process has the store open, or this one has it open already.
	ErrInUse = errors.New("sqlite: the store is in use by another process")
	// ErrNewer says that the store was written by a newer release.
	ErrNewer = errors.New("sqlite: the store was written by a newer release")
	// ErrOlder says that the store was written by an older release, and would have to be brought up to date.
	ErrOlder = errors.New("sqlite: the store was written by an older release; serve it once to bring it up to date")
	// ErrForeign says that the file is something else, perhaps another program's.
	ErrForeign = errors.New("sqlite: the file is no store of Scrip's")
)

// ErrReadOnly says that a store that was opened to be read was to be written.
var ErrReadOnly = fmt.Errorf("%w: the store was opened to be read only", store.ErrNotSaved)

type alone = store.Alone

// Driver is an open store. Make one with Open.
type Driver struct {
	alone
	path     string
	readOnly bool // then there is no writer
	read     file // the file of the readers
	lock     *sqlite.Conn
	closed   chan struct{} // closed when no view or report may begin any more
	closing  sync.Once
	copying  sync.Mutex  // held while a copy is made; before writing
	fetching atomic.Bool // whether a copy that was made to be read is not closed yet
	writing  sync.Mutex  // held by the one writer's batch
	writer   *conn
	readers  chan *conn
	made     []*conn // the readers, to be closed
	places   places

	recent      recent // ids
	hashes      recent // of vouchers
	references  references
	checkpoints checkpoints
}

// places are the places in the order of messages: given are those that were given out, saved is what the file
// says. The file catches up in the same commit as the first record that lies above saved.
type places struct{ given, saved int64 }

// Open opens the store in a file, makes it when it is not there, and brings an older one up to date; or it only reads
// one that is there, as Options say. The directory must be there. ErrInUse: another process has it open. ErrForeign:
// the file is no store. ErrNewer, and when only reading ErrOlder: this release cannot.
func Open(path string, options Options) (*Driver, error) {
	if options.Readers <= 0 {
		options.Readers = DefaultReaders
	}
	d := &Driver{
		path: path, closed: make(chan struct{}), readOnly: options.ReadOnly, recent: recent{late: lateIDs}, hashes: recent{late: lateHashes},
	}
	if err := d.open(path, options); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Driver) open(path string, options Options) error {
	if err := d.lockOut(path); err != nil {
		return err
	}
	is, err := identify(path)
	if err == nil {
		err = is.accept(d.readOnly)
	}
	if err != nil {
		return err
	}
	if d.readOnly {
		return d.openReaders(forReading(path), options.Readers)
	}
	if err := errors.Join(private(path), forgetCopy(path)); err != nil {
		return err
	}
	if err := migrate(path, is.empty, options.First); err != nil {
		return err
	}
	if err := d.openWriter(path); err != nil {
		return err
	}
	return d.openReaders(forWriting(path), options.Readers)
}

// lockOut keeps other processes out. A store to be read has no lock file when nobody ever served it, such as a copy.
func (d *Driver) lockOut(path string) (err error) {
	path += ".lock"
	if !d.readOnly {
		err = private(path)
	} else if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		d.lock, err = lockFile(path)
	}
	return err
}

// openWriter opens what writes: the batches' connection, and the one that copies the log.
func (d *Driver) openWriter(path string) (err error) {
	if d.writer, err = connect(forWriting(path), writerCacheKiB, &d.recent, &d.hashes); err != nil {
		return err
	}
	copier, err := connect(forWriting(path), copierCacheKiB, nil, nil)
	if err != nil {
		return err
	}
	d.checkpoints.start(copier, usual)
	return nil
}

// openReaders opens the connections of views and reports, and reads what the driver remembers between batches.
func (d *Driver) openReaders(from file, readers int) error {
	d.read, d.readers = from, make(chan *conn, readers)
	for range readers {
		ids, hashes := &seenBy{recent: &d.recent}, &seenBy{recent: &d.hashes}
		reader, err := connect(from, readerCacheKiB, ids, hashes)
		if err != nil {
			return err
		}
		ids.conn, hashes.conn, reader.seen = reader, reader, []*seenBy{ids, hashes}
		d.made = append(d.made, reader)
		d.readers <- reader
		if err := reader.exec("PRAGMA query_only = 1"); err != nil {
			return err
		}
	}
	return d.recover()
}

// recover reads what the driver remembers between batches.
func (d *Driver) recover() error {
	if d.readOnly {
		return errors.Join(d.recent.recover(d.made[0]), d.hashes.recover(d.made[0]), d.references.recover(d.made[0], false))
	}
	last, err := d.writer.session.LastPlace()
	if err != nil {
		return err
	}
	d.places = places{given: last, saved: last}
	d.Began(last)
	if err := errors.Join(d.recent.recover(d.writer), d.hashes.recover(d.writer)); err != nil {
		return err
	}
	return d.references.recover(d.writer, true)
}

// Close implements store.Driver. It waits for views and reports that are running.
func (d *Driver) Close() error {
	d.closing.Do(func() { close(d.closed) })
	d.copying.Lock()
	defer d.copying.Unlock()
	d.writing.Lock()
	defer d.writing.Unlock()
	for range d.made {
		<-d.readers
	}
	var errs []error
	for _, reader := range d.made {
		errs = append(errs, reader.Close())
	}
	d.made = nil
	errs = append(errs, d.read.sweep())
	errs = append(errs, d.checkpoints.stop())
	d.checkpoints.conn = nil
	d.recent.sorting.Wait()
	d.hashes.sorting.Wait()
	d.references.sorting.Wait()
	if d.writer != nil {
		errs = append(errs, d.writer.exec("PRAGMA optimize"), d.writer.Close())
		d.writer = nil
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
		d.lock = nil
	}
	return errors.Join(errs...)
}

// reader takes a connection for reading. The caller puts it back into readers.
func (d *Driver) reader(ctx context.Context) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case <-d.closed:
		return nil, errClosed
	default:
	}
	select {
	case c := <-d.readers:
		return c, nil
	case <-d.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// conn is one connection with its prepared statements.
type conn struct {
	*sqlite.Conn
	statements [sqlstore.Queries]*statement
	begin      *sqlite.Stmt
	commit     *sqlite.Stmt
	rollback   *sqlite.Stmt
	session    *sqlstore.Session
	seen       []*seenBy // of a reader's connection
}

var _ sqlstore.Conn = (*conn)(nil)

// statement is what sqlstore runs, on the driver's own.
type statement struct{ *sqlite.Stmt }

func (s *statement) ColumnIsNull(column int) bool { return s.ColumnType(column) == sqlite.TypeNull }
func (s *statement) ColumnIsText(column int) bool { return s.ColumnType(column) == sqlite.TypeText }

// connect opens one connection to a store that has been migrated.
func connect(f file, cacheKiB int, ids, hashes sqlstore.Recent) (*conn, error) {
	raw, err := sqlite.OpenConn(f.name, f.flags)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open: %w", explain(err))
	}
	c := &conn{Conn: raw}
	c.session = sqlstore.NewSession(c, ids, hashes)
	c.SetBusyTimeout(busyTimeout)
	err = c.exec(
		"PRAGMA synchronous = FULL",
		"PRAGMA foreign_keys = OFF",
		"PRAGMA temp_store = MEMORY",
		fmt.Sprintf("PRAGMA cache_size = -%d", cacheKiB),
		"PRAGMA wal_autocheckpoint = 0", // checkpoint.go
		fmt.Sprintf("PRAGMA journal_size_limit = %d", usual.pressing*pageSize),
	)
	if err == nil {
		err = c.prepareTransactions()
	}
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return c, nil
}

func (c *conn) prepareTransactions() error {
	for _, p := range []struct {
		into **sqlite.Stmt
		text string
	}{{&c.begin, "BEGIN"}, {&c.commit, "COMMIT"}, {&c.rollback, "ROLLBACK"}} {
		var err error
		if *p.into, err = c.Prepare(p.text); err != nil {
			return err
		}
	}
	return nil
}

// Statement implements sqlstore.Conn.
func (c *conn) Statement(q sqlstore.Query) (sqlstore.Statement, error) {
	if s := c.statements[q]; s != nil {
		return s, s.Reset()
	}
	raw, err := c.Prepare(textOf(q))
	if err != nil {
		return nil, err
	}
	c.statements[q] = &statement{raw}
	return c.statements[q], nil
}

// step runs a statement without rows or parameters.
func step(s *sqlite.Stmt) error {
	_, err := s.Step()
	return errors.Join(err, s.Reset())
}

// exec runs statements one after the other and drops their rows.
func (c *conn) exec(texts ...string) error {
	for _, text := range texts {
		if err := execute(c.Conn, text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}

// execute runs a statement and drops its rows.
func execute(c *sqlite.Conn, text string) error {
	s, _, err := c.PrepareTransient(text)
	if err != nil {
		return err
	}
	for row := true; row && err == nil; {
		row, err = s.Step()
	}
	return errors.Join(err, s.Finalize())
}

// giveUp resets every statement and ends the transaction. Statements that are still running would keep the
// transaction open.
func (c *conn) giveUp() error {
	c.settle()
	if c.AutocommitEnabled() {
		return nil // SQLite has rolled back by itself
	}
	return step(c.rollback)
}

// settle resets every statement, so that none keeps its page locked.
func (c *conn) settle() {
	for _, s := range c.statements {
		if s != nil {
			_ = s.Reset() // it repeats the error of the last Step, which has been told
		}
	}
}
