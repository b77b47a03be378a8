package main

import (
	"context"
	"errors"
	"fmt"
)

// migrateCmd is `scrip migrate`.
type migrateCmd struct {
	Store string `arg:"" help:"Store to bring up to date: its file or its data directory, which no server may have open; or the URL of its database."`
}

// Help gives the example.
func (migrateCmd) Help() string {
	return "A server does this at its start as well. By itself it is for a database whose nodes may not change tables, and for seeing that\n" +
		"it goes well before the first node of a new release is started: the release before still runs on the result. Tables are made in a\n" +
		"database that is empty.\n\n" +
		"Example: with an account of the database's that may change tables\n" +
		"  scrip migrate postgres://owner@db.example/scrip"
}

// Run brings a store up to date.
func (m *migrateCmd) Run(ctx context.Context, c console) error {
	at := placeOf(m.Store)
	if err := at.exists(); err != nil {
		return usageError{fmt.Errorf("there is no store: %w", err)}
	}
	d, err := at.open(ctx, c.err)
	if err != nil {
		return err
	}
	if err := d.Close(); err != nil {
		return err
	}
	if d, err = at.openToRead(ctx); err != nil { // which refuses one that is not up to date
		return err
	}
	_, told := fmt.Fprintln(c.out, at, "is up to date.")
	return errors.Join(told, d.Close())
}
