package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"zombiezen.com/go/sqlite"
)

// A copy of a store that is being written is made on the writer's own connection, a few pages between two batches.
// What the writer changes in pages that are copied already, SQLite writes to the copy as well. So nobody reads an old
// instant for as long as a copy takes, the log goes on being emptied, and what the copy holds in the end is the store
// as it stood between two batches (docs/decisions/0023).
const (
	copyPages = 16      // copied at once, which takes a fraction of what a commit does
	syncPages = 1024    // written to the disk at once, beside the writer, so that a commit's sync never waits for much
	copyName  = ".copy" // after the store's own name, of a copy that is made to be read at once
)

// keepFree is how many bytes a copy of a store that is being written leaves free on its disk: it would be a bad bargain
// if a copy made commits fail. Tests make it small.
var keepFree int64 = 256 << 20

// freeKnown says how many bytes are free. A test makes it not know.
var freeKnown = freeBytes

var (
	// ErrCopying says that a copy is being made already.
	ErrCopying = errors.New("sqlite: a copy is being made already")
	// ErrFetching says that what was copied for somebody else is still being read, and takes room until that has ended.
	ErrFetching = errors.New("sqlite: a copy is being fetched")
	// ErrNoRoom says that a copy would not leave enough room on the disk.
	ErrNoRoom = errors.New("sqlite: there is not enough room for a copy")
)

// Backup makes a copy of the store beside it, which takes as much room again, and gives its bytes and how many they are.
// Nothing of it stays behind once it is closed, or the process ended; until then there is no other. What was acknowledged
// before the call is in it. ErrCopying, ErrFetching, ErrNoRoom: there is none.
func (d *Driver) Backup(ctx context.Context) (copied io.ReadCloser, size int64, err error) {
	if !d.fetching.CompareAndSwap(false, true) {
		return nil, 0, ErrFetching
	}
	defer func() {
		if err != nil {
			d.fetching.Store(false)
		}
	}()
	f, err := d.copyAside(ctx)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, fmt.Errorf("sqlite: copy: %w", errors.Join(err, f.Close()))
	}
	return &fetched{File: f, fetching: &d.fetching}, info.Size(), nil
}

// copyAside makes a copy that has no name.
func (d *Driver) copyAside(ctx context.Context) (*os.File, error) {
	if !d.copying.TryLock() {
		return nil, ErrCopying
	}
	defer d.copying.Unlock() // once the name is free again
	path := d.path + copyName
	if err := d.copy(ctx, path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err = errors.Join(err, os.Remove(path)); err != nil {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
		return nil, fmt.Errorf("sqlite: copy: %w", err)
	}
	return f, nil
}

// fetched is a copy that somebody reads.
type fetched struct {
	*os.File
	fetching *atomic.Bool
	closed   sync.Once
}

// Close implements io.Closer. The copy's room is free again, and another one may be made.
func (f *fetched) Close() (err error) {
	f.closed.Do(func() {
		err = f.File.Close()
		f.fetching.Store(false)
	})
	return err
}

// Copy makes a copy of the store, as it stands between two batches, in a file that must not be there yet. Messages go on
// meanwhile. When it returns without an error the copy is whole and on the disk, under a name that need not be yet; with
// one there is no copy. ErrCopying, ErrNoRoom: there is none.
func (d *Driver) Copy(ctx context.Context, path string) error {
	if !d.copying.TryLock() {
		return ErrCopying
	}
	defer d.copying.Unlock()
	return d.copy(ctx, path)
}

// copy is Copy for who holds copying.
func (d *Driver) copy(ctx context.Context, path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, privateMode)
	if err != nil {
		return fmt.Errorf("sqlite: copy: %w", err)
	}
	if err := errors.Join(d.copyTo(ctx, f), f.Close()); err != nil {
		return fmt.Errorf("sqlite: copy: %w", errors.Join(explain(err), os.Remove(path)))
	}
	return nil
}

// copyTo fills an empty file with a copy.
func (d *Driver) copyTo(ctx context.Context, f *os.File) (err error) {
	to, err := sqlite.OpenConn(f.Name(), sqlite.OpenReadWrite)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	for _, text := range []string{
		"PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", // a copy that breaks off is thrown away
		fmt.Sprintf("PRAGMA cache_size = -%d", copierCacheKiB),
	} {
		if err := execute(to, text); err != nil {
			return err
		}
	}
	if d.readOnly {
		return d.copyStill(ctx, to, f)
	}
	return d.copyBetween(ctx, to, f)
}

// copyStill copies a store that nobody writes.
func (d *Driver) copyStill(ctx context.Context, to *sqlite.Conn, f *os.File) (err error) {
	from, err := d.reader(ctx)
	if err != nil {
		return err
	}
	defer d.readDone(from)
	b, err := sqlite.NewBackup(to, "", from.Conn, "")
	if err != nil {
		return err
	}
	defer b.Close()
	for more := true; more; {
		if more, err = b.Step(syncPages); err == nil {
			err = errors.Join(f.Sync(), ctx.Err())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// copyBetween copies between the batches of the writer.
func (d *Driver) copyBetween(ctx context.Context, to *sqlite.Conn, f *os.File) error {
	b, err := d.beginCopy(to)
	if err != nil {
		return err
	}
	defer d.endCopy(b)
	for pages, more := 0, true; more; {
		if more, err = d.copySome(b); err != nil {
			return err
		}
		if pages += copyPages; pages == copyPages {
			err = d.roomFor(f, b)
		}
		if pages%syncPages == 0 || !more {
			err = errors.Join(f.Sync(), d.mayGoOn(ctx), d.roomFor(f, b))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *Driver) beginCopy(to *sqlite.Conn) (*sqlite.Backup, error) {
	d.writing.Lock()
	defer d.writing.Unlock()
	if d.writer == nil {
		return nil, errClosed
	}
	return sqlite.NewBackup(to, "", d.writer.Conn, "")
}

func (d *Driver) endCopy(b *sqlite.Backup) {
	d.writing.Lock()
	defer d.writing.Unlock()
	_ = b.Close() // its errors are those of the steps
}

func (d *Driver) copySome(b *sqlite.Backup) (more bool, err error) {
	d.writing.Lock()
	defer d.writing.Unlock()
	return b.Step(copyPages)
}

// mayGoOn says whether anybody still wants the copy.
func (d *Driver) mayGoOn(ctx context.Context) error {
	select {
	case <-d.closed:
		return errClosed
	default:
		return ctx.Err()
	}
}

// roomFor says whether what is left of a copy has room on its disk.
func (d *Driver) roomFor(f *os.File, b *sqlite.Backup) error {
	free, known := freeKnown(filepath.Dir(f.Name()))
	if wanted := int64(b.Remaining())*pageSize + keepFree; known && free < wanted {
		return fmt.Errorf("%w: %d MB are free, %d MB are wanted", ErrNoRoom, free>>20, wanted>>20)
	}
	return nil
}

// forgetCopy removes what a process that ended while it made a copy has left behind.
func forgetCopy(path string) error {
	if err := os.Remove(path + copyName); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
