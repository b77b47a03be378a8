package app

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/sqlite"
)

// copier copies a store that is a file.
type copier struct {
	driver *sqlite.Driver
	log    *slog.Logger
}

var _ admin.Copier = copier{}

// copierOf gives what copies a store; nil where a database is asked instead, or nothing is kept.
func copierOf(d store.Driver, log *slog.Logger) admin.Copier {
	if file, is := d.(*sqlite.Driver); is {
		return copier{file, log}
	}
	return nil
}

// Backup implements admin.Copier.
func (c copier) Backup(ctx context.Context) (io.ReadCloser, int64, error) {
	copied, size, err := c.driver.Backup(ctx)
	switch {
	case err == nil:
		return copied, size, nil
	case errors.Is(err, sqlite.ErrCopying):
		return nil, 0, &admin.Refusal{Code: admin.Busy, Text: "another copy is being made"}
	case errors.Is(err, sqlite.ErrFetching):
		return nil, 0, &admin.Refusal{Code: admin.Busy, Text: "another copy is being fetched"}
	case errors.Is(err, sqlite.ErrNoRoom):
		return nil, 0, &admin.Refusal{Code: admin.Busy, Text: "there is not enough room beside the store: a copy takes as much again"}
	}
	if ctx.Err() == nil {
		c.log.ErrorContext(ctx, "copy the store", "error", err)
	}
	return nil, 0, &admin.Refusal{Code: admin.Busy, Text: "the copy could not be made; the server's log tells more"}
}
