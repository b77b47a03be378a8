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
)

// Read reads a keyset. The error wraps fs.ErrNotExist when there is no such file.
func Read(path string) (*secret.Keys, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the keyset: %w", err)
	}
	keys, err := secret.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("keyset %s: %w", path, err)
	}
	return keys, nil
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
	return keys, true, Write(path, keys)
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

// Write writes a keyset that only its owner can read, whole or not at all.
func Write(path string, keys *secret.Keys) error {
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
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write the keyset: %w", errors.Join(err, os.Remove(f.Name())))
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

// Fits refuses a keyset with which a store cannot have been written (ErrOther). known says that it is the one which the
// store was last used with; when nothing was ever written, none is.
func Fits(ctx context.Context, reports admin.Reports, keys *secret.Keys) (known bool, err error) {
	row, found, err := reports.RowByName(ctx, admin.SettingRow, ident.Production, markName)
	if err != nil || !found {
		return false, err
	}
	var last mark
	if err := json.Unmarshal(row.Content, &last); err != nil {
		return false, err
	}
	switch now := markOf(keys); {
	case last == now:
		return true, nil
	case last.Mark != now.Mark:
		return false, ErrOther
	case !hasNumberKey(keys, last.Primary):
		return false, fmt.Errorf("%w: it is older than the last rotation", ErrOther)
	}
	return false, nil
}

// Check refuses a keyset with which the store cannot have been written (ErrOther), and remembers one that it can.
func Check(ctx context.Context, s *store.Store, keys *secret.Keys) error {
	known, err := Fits(ctx, s.Driver(), keys)
	switch {
	case errors.Is(err, ErrOther):
		return err
	case err != nil:
		return fmt.Errorf("read the mark of the keyset: %w", err)
	case known:
		return nil
	}
	content, err := json.Marshal(markOf(keys))
	if err != nil {
		return err
	}
	return s.Do(ctx, store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		tx.PutRow(admin.Row{Kind: admin.SettingRow, Number: markRow, World: ident.Production, Name: markName, Content: content})
		return nil
	})
}

// hasNumberKey says whether a key of card numbers is in the keyset.
func hasNumberKey(keys *secret.Keys, number uint32) bool {
	return slices.ContainsFunc(keys.Holder(ident.Production, markName, markName), func(d secret.Digest) bool { return d.Key == number })
}
