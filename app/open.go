package app

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/store/sqlite"
)

// openDriver opens what keeps the records: a database, a file in the data directory, or memory.
func (a *App) openDriver(ctx context.Context) (store.Driver, error) {
	switch s := a.settings; {
	case s.Data != "":
		d, err := sqlite.Open(StorePath(s.Data), sqlite.Options{})
		if err != nil {
			return nil, fmt.Errorf("open the store in %s: %w", s.Data, err)
		}
		return d, nil
	}
	return memstore.New(), nil
}

// StorePath gives the store's file in a data directory.
func StorePath(data string) string { return filepath.Join(data, storeName) }
