// Package keyset reads and writes the file of a store's keys, and knows whether they are the store's.
//
// It promises that a keyset is made only for a store that nothing has been written to yet, that its file is written whole
// or not at all and can be read by its owner alone, and that no store is used with keys that it was not written with.
package keyset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
)

// Name is what the file is called in a data directory.
const Name = "keys.json"

// What is wrong with a keyset.
var (
	// ErrMissing says that a store is there and the keyset that it was written with is not.
	ErrMissing = errors.New("the keyset is gone")
	// ErrOther says that the keyset is not the one that the store was written with, or an older copy of it. With it
	// cards and used ids would not be found, and money could be spent again.
	ErrOther = errors.New("the keyset does not belong to this store")
	// ErrUnusable says that what was named is no keyset, or is not there, or may not be read.
	ErrUnusable = errors.New("the keyset cannot be used")
)

// unusable is an ErrUnusable that says itself what is wrong.
type unusable struct{ error }

func (u unusable) Unwrap() error { return u.error }

// Is says that it is an ErrUnusable.
func (unusable) Is(target error) bool { return target == ErrUnusable }

// Read reads a keyset: ErrUnusable. The error wraps fs.ErrNotExist when there is no such file.
func Read(path string) (*secret.Keys, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		if isLasting(err) {
			err = unusable{err}
		}
		return nil, fmt.Errorf("read the keyset: %w", err)
	}
	keys, err := secret.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("keyset %s: %w", path, unusable{err})
	}
	return keys, nil
}

// isLasting says whether a file that could not be read will not be able to be read again in a moment, either.
func isLasting(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EISDIR)
}

// ReadOrMake reads a keyset, or makes one for an empty store; it says whether it did. A store that holds anything has lost
// its keys, and a new set would only hide that: ErrMissing.
func ReadOrMake(ctx context.Context, path string, reports admin.Reports) (keys *secret.Keys, made bool, err error) {
	keys, err = Read(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, false, err
	}
	empty, err := isEmpty(ctx, reports)
	if err != nil {
		return nil, false, fmt.Errorf("look for what the keyset was made for: %w", err)
	}
	if !empty {
		return nil, false, fmt.Errorf("%w: %s is missing, and without it this store cannot be read", ErrMissing, path)
	}
	if keys, err = secret.Generate(); err != nil {
		return nil, false, fmt.Errorf("make a keyset: %w", err)
	}
	err = put(path, keys, asNew)
	if errors.Is(err, fs.ErrExist) { // another process that starts on the same directory was faster
		keys, err = Read(path)
		return keys, false, err
	}
	return keys, err == nil, err
}

// ReadNamed reads a keyset that has to be there, and says what to do about one that is not: ErrMissing when the store holds anything.
func ReadNamed(ctx context.Context, path string, reports admin.Reports) (*secret.Keys, error) {
	keys, err := Read(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	empty, looked := isEmpty(ctx, reports)
	switch {
	case looked != nil:
		return nil, fmt.Errorf("look for what the keyset was made for: %w", looked)
	case empty:
		return nil, fmt.Errorf("%w; nothing was written to this store yet: make its keyset once, with `scrip keys new %s`, and give each of its servers a copy", err, path)
	}
	return nil, fmt.Errorf("%w: %s is missing, and without it this store cannot be read: take a copy from another of its servers", ErrMissing, path)
}

// Make writes a new keyset where no file is yet: otherwise the error wraps fs.ErrExist.
func Make(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	keys, err := secret.Generate()
	if err != nil {
		return fmt.Errorf("make a keyset: %w", err)
	}
	return put(path, keys, asNew)
}

// isEmpty says that nothing was ever written that needs the keys: the mark that Check leaves, an operator or a message.
func isEmpty(ctx context.Context, reports admin.Reports) (bool, error) {
	_, marked, err := reports.RowByName(ctx, admin.SettingRow, ident.Production, markName)
	if err != nil || marked {
		return false, err
	}
	operators, err := reports.Rows(ctx, admin.OperatorRow, 0, 1)
	if err != nil || len(operators) > 0 {
		return false, err
	}
	messages, err := reports.Messages(ctx, 0, 1)
	return len(messages) == 0, err
}

// Write writes a keyset that only its owner can read, whole or not at all, in place of the one that is there.
func Write(path string, keys *secret.Keys) error { return put(path, keys, os.Rename) }

// asNew brings a file to a path where none is yet: fs.ErrExist. Where the file system knows no links, it replaces what is there.
func asNew(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Rename(from, to)
}

// put writes a keyset beside its path and has move bring it there.
func put(path string, keys *secret.Keys, move func(from, to string) error) error {
	data, err := keys.Marshal()
	if err != nil {
		return fmt.Errorf("write the keyset: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), Name+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("write the keyset: %w", err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = move(f.Name(), path)
	}
	if gone := os.Remove(f.Name()); !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	if err != nil {
		return fmt.Errorf("write the keyset: %w", err)
	}
	return syncDirectory(filepath.Dir(path))
}

func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// The row that remembers the keyset a store was last opened with.
const (
	markRow  = 2
	markName = "keyset"
	markID   = ident.ID("keyset") // a constant whose keyed hash tells keysets apart
)

// mark is that row's content. It tells nothing about the keys.
type mark struct {
	Mark    int64  // hash of markID, under the key that never rotates
	Primary uint32 // number of the newest key of card numbers
}

func markOf(keys *secret.Keys) mark {
	return mark{Mark: keys.ID(ident.Production, markID), Primary: keys.Primary()}
}

// lastMark gives the mark that a store has; marked says whether it has one.
func lastMark(ctx context.Context, reports admin.Reports) (last mark, marked bool, err error) {
	row, marked, err := reports.RowByName(ctx, admin.SettingRow, ident.Production, markName)
	if err != nil || !marked {
		return mark{}, false, err
	}
	err = json.Unmarshal(row.Content, &last)
	return last, true, err
}

// Fits refuses a keyset with which a store cannot have been written (ErrOther). known says that nothing of it is new to the
// store; when nothing was ever written, all is.
func Fits(ctx context.Context, reports admin.Reports, keys *secret.Keys) (known bool, err error) {
	last, marked, err := lastMark(ctx, reports)
	if err != nil || !marked {
		return false, err
	}
	return last.fits(keys)
}

// fits is Fits for a store with a mark. Keys that are prepared are new only once they are used: then no keyset is taken any
// more that has not got them.
func (last mark) fits(keys *secret.Keys) (known bool, err error) {
	numbers := keys.Numbers()
	used := slices.Index(numbers, last.Primary)
	switch now := markOf(keys); {
	case last.Mark != now.Mark:
		return false, ErrOther
	case used < 0:
		return false, fmt.Errorf("%w: it is older than the last rotation", ErrOther)
	default:
		return used >= slices.Index(numbers, now.Primary), nil
	}
}

// maxMarked bounds how often a keyset is judged anew because somebody has set something meanwhile.
const maxMarked = 16

// errBehind says that somebody has set something since the keyset was judged.
var errBehind = errors.New("what operators have set keeps changing")

// Check refuses a keyset with which the store cannot have been written (ErrOther), or that would use a key which another process
// on it does not hold (store.ErrKeyAhead, after a little more than store.LeaseTime), and remembers one that it can. Of two
// processes that start on an empty store with different ones, one is refused.
func Check(ctx context.Context, s *store.Store, keys *secret.Keys) error {
	err := errBehind
	for n := 0; n < maxMarked && errors.Is(err, errBehind); n++ {
		err = check(ctx, s, keys)
	}
	return err
}

// check is Check while nobody sets anything: otherwise errBehind. What is new is marked only after all others were found to hold
// it, so that a rotation that came too early leaves no trace. A store without a mark has nothing that needs keys.
func check(ctx context.Context, s *store.Store, keys *secret.Keys) error {
	revision, err := s.Driver().Revision(ctx)
	if err != nil {
		return fmt.Errorf("read the mark of the keyset: %w", err)
	}
	last, marked, err := lastMark(ctx, s.Driver())
	if err != nil {
		return fmt.Errorf("read the mark of the keyset: %w", err)
	}
	known := false
	if marked {
		if known, err = last.fits(keys); err == nil {
			err = hold(ctx, s, keys)
		}
	}
	if known || err != nil {
		return err
	}
	if err := remember(ctx, s, revision, markOf(keys)); err != nil || marked {
		return err
	}
	return hold(ctx, s, keys)
}

// How long a process waits for those that do not hold its primary key: one that was killed, perhaps its own last run, counts as
// living for store.LeaseTime.
const (
	aheadWithin = store.LeaseTime + 2*time.Second
	aheadPause  = 500 * time.Millisecond
)

// hold says to the other processes which keys this one holds, and that it uses the primary one.
func hold(ctx context.Context, s *store.Store, keys *secret.Keys) error {
	err := awaitHolders(ctx, s, keys)
	switch {
	case errors.Is(err, store.ErrKey):
		return fmt.Errorf("%w: %w", ErrOther, err)
	case errors.Is(err, store.ErrKeyAhead):
		return fmt.Errorf("%w; give every process the keyset as `scrip keys prepare` writes it, start each again, and rotate then", err)
	}
	return err
}

// awaitHolders tries to hold keys until all others hold the primary one, or have had the time to be gone.
func awaitHolders(ctx context.Context, s *store.Store, keys *secret.Keys) error {
	for last := time.Now().Add(aheadWithin); ; {
		err := s.Driver().HoldKeys(ctx, keys.Numbers(), keys.Primary())
		if !errors.Is(err, store.ErrKeyAhead) || time.Now().After(last) {
			return err
		}
		select {
		case <-time.After(aheadPause):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

// remember marks a store, if nobody has set anything since a revision: errBehind.
func remember(ctx context.Context, s *store.Store, revision int64, m mark) error {
	content, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return s.Do(ctx, store.Keys{World: ident.Production, Register: true}, func(tx *store.Tx) error {
		if tx.Revision() != revision {
			return errBehind
		}
		tx.PutRow(admin.Row{Kind: admin.SettingRow, Number: markRow, World: ident.Production, Name: markName, Content: content})
		return nil
	})
}
