package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/invariant"
	"github.com/scripworks/scrip/store/sqlite"
)

// verifyCmd is `scrip verify`.
type verifyCmd struct {
	Database string `arg:"" help:"Store to verify: its file, or its data directory. No server may have it open."`
}

// Help gives the example.
func (verifyCmd) Help() string {
	return "Every balance, sum, ending and chain, every float, and where every card and voucher stands are computed again\n" +
		"from messages and entries, and compared with what is kept. What is wrong is named, and the exit code is 1. Nothing\n" +
		"is changed: a file that is no store, or one of another release that would have to be brought up to date, is refused\n" +
		"with 1 as well.\n\nExample:\n  scrip verify ./data"
}

// errBroken says that a store does not keep its invariants.
var errBroken = errors.New("the store is not sound")

// Run verifies a store.
func (v *verifyCmd) Run(ctx context.Context, c console) error {
	path := v.Database
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		path = app.StorePath(path)
		_, err = os.Stat(path)
	}
	if err != nil {
		return usageError{err}
	}
	driver, err := sqlite.Open(path, sqlite.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	report, err := invariant.Check(ctx, driver)
	if err = errors.Join(err, driver.Close()); err != nil {
		return err
	}
	show(c.out, report)
	if len(report.Faults) > 0 {
		return errBroken
	}
	return nil
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
}
