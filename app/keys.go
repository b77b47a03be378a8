package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/secret"
)

// loadKeys reads the keyset, or makes one beside an empty store. Without a data directory it lives in memory only.
func (a *App) loadKeys(ctx context.Context, reports admin.Reports) error {
	if a.settings.Data == "" && a.settings.KeysFile == "" {
		keys, err := secret.Generate()
		a.Keys = keys
		return err
	}
	path := KeysPath(a.settings.Data, a.settings.KeysFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && a.settings.KeysFile == "" {
		return a.makeKeys(ctx, path, reports)
	}
	if err != nil {
		return fmt.Errorf("read the keyset: %w", err)
	}
	if a.Keys, err = secret.Parse(data); err != nil {
		return fmt.Errorf("keyset %s: %w", path, err)
	}
	return nil
}

// ErrNoKeys says that a store is there and the keyset that it was written with is not.
var ErrNoKeys = errors.New("the keyset is gone")

// KeysPath gives the keyset's file: the one named, else keys.json in the data directory.
func KeysPath(data, named string) string {
	if named != "" {
		return named
	}
	return filepath.Join(data, keysName)
}

// makeKeys makes a keyset for a new store. A store that holds cards or operators already has lost its keys, and a
// new one would only hide that.
func (a *App) makeKeys(ctx context.Context, path string, reports admin.Reports) error {
	operators, err := reports.Rows(ctx, admin.OperatorRow, 0, 1)
	if err != nil {
		return fmt.Errorf("look for what the keyset was made for: %w", err)
	}
	if len(operators) > 0 {
		return fmt.Errorf("%w: %s is missing, and without it this store cannot be read", ErrNoKeys, path)
	}
	keys, err := secret.Generate()
	if err != nil {
		return fmt.Errorf("make a keyset: %w", err)
	}
	a.Keys, a.MadeKeys = keys, true
	return WriteKeys(path, keys)
}

// WriteKeys writes a keyset that only its owner can read, whole or not at all.
func WriteKeys(path string, keys *secret.Keys) error {
	data, err := keys.Marshal()
	if err != nil {
		return fmt.Errorf("write the keyset: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), keysName+".*") // mode 0600
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
