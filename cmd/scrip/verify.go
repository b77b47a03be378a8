package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/scripworks/scrip/invariant"
	"github.com/scripworks/scrip/move"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/sqlite"
)

// verifyCmd is `scrip verify`.
type verifyCmd struct {
	Store string `arg:"" help:"Store to verify: its file, its data directory, or the URL of its database. No server may have a file open."`
}

// Help gives the example.
func (verifyCmd) Help() string {
	return "Every balance, sum, ending and chain, every float, and where every card and voucher stands are computed again\n" +
		"from messages and entries, and compared with what is kept. What is wrong is named, and the exit code is 1. Nothing\n" +
		"is changed: a file that is no store, or one of another release that would have to be brought up to date, is refused\n" +
		"with 1 as well. A database is read as it is at one instant, and may be served meanwhile. Until the end the server keeps\n" +
		"for it what it would have cleared away, so verify a large one that is busy where a backup was restored, or on a standby\n" +
		"whose replay is paused.\n\nExample:\n  scrip verify ./data"
}

// errBroken says that a store does not keep its invariants.
var errBroken = errors.New("the store is not sound")

// Run verifies a store.
func (v *verifyCmd) Run(ctx context.Context, c console) error {
	at := placeOf(v.Store)
	if err := at.exists(); err != nil {
		return usageError{fmt.Errorf("there is no store: %w", err)}
	}
	driver, err := at.openStill(ctx)
	if errors.Is(err, sqlite.ErrInUse) {
		return fmt.Errorf("%w; stop its server, or have that make a copy and verify it: scrip backup FILE --verify", err)
	}
	if err != nil {
		return err
	}
	report, err := invariant.Check(ctx, driver)
	if err == nil {
		err = tellMark(ctx, c, at.String(), driver)
	}
	if err = errors.Join(err, driver.Close()); err != nil {
		return err
	}
	show(c.out, report)
	if len(report.Faults) > 0 {
		return errBroken
	}
	return nil
}

// tellMark tells that no server opens a store, if it was moved away or a move into it has not ended.
func tellMark(ctx context.Context, c console, name string, d store.Driver) error {
	err := move.Check(ctx, d)
	if errors.Is(err, move.ErrMoved) || errors.Is(err, move.ErrIncomplete) {
		_, err = fmt.Fprintf(c.err, "scrip: %s: no server opens it: %s\n", name, err)
	}
	return err
}

func show(w io.Writer, r *invariant.Report) {
	for _, fault := range r.Faults {
		fmt.Fprintln(w, fault)
	}
	if r.More > 0 {
		fmt.Fprintf(w, "and %d more\n", r.More)
	}
	lines := make([]string, 0, len(r.Totals))
	for total, amount := range r.Totals {
		lines = append(lines, fmt.Sprintf("%s %-10s %20s\n", total.Currency, total.Class, amount))
	}
	slices.Sort(lines)
	for _, line := range lines {
		fmt.Fprint(w, line)
	}
	fmt.Fprintf(w, "%d cards, %d vouchers, %d messages, %d entries, %d open requests, %d without an outcome, %d in the queue, %d faults\n",
		r.Cards, r.Vouchers, r.Messages, r.Entries, r.Open, r.Working, r.Queued, int64(len(r.Faults))+r.More)
	if r.Pruned > 0 || r.Brought > 0 {
		fmt.Fprintf(w, "%d messages were pruned; what they moved stands in %d amounts brought forward\n", r.Pruned, r.Brought)
	}
}
