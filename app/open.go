package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/sqlite"
)

// openDriver opens what keeps the records: a database, a file in the data directory, or memory.
func (a *App) openDriver(ctx context.Context) (store.Driver, error) {
	switch s := a.settings; {
	case s.Database != "":
		d, err := postgres.Open(ctx, s.Database, postgres.Options{Committers: s.Committers, Name: nodeName(), Waiting: a.tellWaiting})
		if err != nil {
			return nil, fmt.Errorf("open the database: %w", err)
		}
		return d, nil
	case s.Data != "":
		d, err := sqlite.Open(StorePath(s.Data), sqlite.Options{})
		if err != nil {
			return nil, fmt.Errorf("open the store in %s: %w", s.Data, err)
		}
		return d, nil
	}
	return memstore.New(), nil
}

// tellWaiting says why a start takes so long.
func (a *App) tellWaiting(so time.Duration) {
	a.log.Warn("waiting for another node that brings the database up to date", "waited", so.Round(time.Second).String())
}

// StorePath gives the store's file in a data directory.
func StorePath(data string) string { return filepath.Join(data, storeName) }

// committers is how many batches the store saves at once.
func (a *App) committers() int {
	switch {
	case a.settings.Database == "":
		return 1
	case a.settings.Committers == 0:
		return postgres.DefaultCommitters
	}
	return a.settings.Committers
}

// nodeName says to people which process this is.
func nodeName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + ":" + strconv.Itoa(os.Getpid())
}
