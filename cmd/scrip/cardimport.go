package main

import (
	"context"
	"io"

	adminapi "github.com/scripworks/scrip/api/admin"
)

type cardImportCmd struct {
	officeFlags
	importFlags
	Currency string `help:"ISO 4217 number of lines that name none; the server's own when absent."`
}

// Help gives the example.
func (cardImportCmd) Help() string {
	return `Example:
  scrip card import cards.csv
  scrip card import --skip --currency 710 - < cards.csv

The first line of the file names its columns, in any order: pan and expiry (YYMM) must be there, clear_pin,
encrypted_pin, currency, profile_id, msisdn and email may be. The same file may be imported again: cards that
are there already with the same data are counted and left alone. Rejected lines are printed on standard output
with their reasons, never with a whole card number or a PIN.

The exit code is 0 when all lines were taken, 3 when --skip left some out and took the others, and 1 when the
import failed: without --skip that is so as soon as one line is bad, and then no card is added.`
}

// Run sends the file and prints the report as it comes.
func (c *cardImportCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	params := &adminapi.ImportCardsParams{Mode: c.mode(), Currency: c.Currency, Lines: c.Lines, Reason: c.Reason}
	return c.bring(o, "card", func(file io.Reader, edit adminapi.RequestEditorFn) (*upload, error) {
		return sent(o.ClientInterface.ImportCardsWithBody(ctx, params, "text/csv", file, edit))
	})
}

type cardImportsCmd struct{ officeFlags }

// Help gives the example.
func (cardImportsCmd) Help() string { return "Example:\n  scrip card imports" }

// Run lists the imports of cards.
func (c *cardImportsCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	imports, err := o.imports(ctx, adminapi.ImportKindCards)
	if err != nil {
		return err
	}
	return list(o, "NUMBER\tMODE\tSTATE\tBEGUN\tENDED\tBY\tLINES\tNEW\tTHERE\tREJECTED", imports, func(i adminapi.Import) []any {
		return []any{i.Number, string(i.Mode), string(i.State), i.Begun, i.Ended, i.Operator, i.Lines, addedBy(i), i.Present, i.Rejected}
	})
}
