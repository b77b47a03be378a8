package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/scripworks/scrip/secret"
)

// loadKeys reads the keyset, or makes one beside an empty store. Without a data directory it lives in memory only.
func (a *App) loadKeys() error {
	if a.settings.Data == "" && a.settings.KeysFile == "" {
		keys, err := secret.Generate()
		a.Keys = keys
		return err
	}
	path := KeysPath(a.settings.Data, a.settings.KeysFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && a.settings.KeysFile == "" {
		return a.makeKeys(path)
	}
	if err != nil {
		return fmt.Errorf("read the keyset: %w", err)
	}
	if a.Keys, err = secret.Parse(data); err != nil {
		return fmt.Errorf("keyset %s: %w", path, err)
	}
	return nil
}

// KeysPath gives the keyset's file: the one named, else keys.json in the data directory.
func KeysPath(data, named string) string {
	if named != "" {
		return named
	}
	return filepath.Join(data, keysName)
}

// makeKeys makes a keyset for a new store. A store that holds cards or operators already has lost its keys, and a
// new one would only hide that.
func (a *App) makeKeys(path string) error {
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
