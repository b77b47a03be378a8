package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/config"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store/sqlite"
)

// operatorRecoverCmd is `scrip operator recover`: the way back in when every admin's token is lost. Whoever may write
// to the data directory and read the keyset may do it.
type operatorRecoverCmd struct {
	Name     string `arg:"" help:"Name of the operator to make; one that was never used in this store."`
	Data     string `env:"SCRIP_DATA" placeholder:"DIR" help:"Data directory of the server, which must be stopped; with a database it has the keys alone."`
	Database string `env:"SCRIP_DATABASE" placeholder:"URL" help:"Database of the servers, which may go on."`
	Keyset   string `env:"SCRIP_KEYSET" placeholder:"FILE" help:"Keyset file of the server (default: keys.json in the data directory)."`
	Reason   string `default:"no admin's token is left" help:"Why, for the audit trail."`
}

// Help gives the example.
func (operatorRecoverCmd) Help() string {
	return "It makes an operator with the role admin on the store itself, without a token, and records that in the audit trail.\n" +
		"Nothing else changes; revoke lost operators afterwards. The server of a file has to be stopped. Servers on a\n" +
		"database go on: it works beside them, and they take the new token within about a second.\n\n" +
		"Example: no operator's token is left, to a file and to a database\n" +
		"  scrip operator recover ann --data ./data\n" +
		"  scrip operator recover ann --database postgres://scrip@db.example/scrip --keyset ./data/keys.json"
}

// Run makes the operator and prints its token.
func (c *operatorRecoverCmd) Run(ctx context.Context, at console) (err error) {
	if err := c.check(); err != nil {
		return usageError{err}
	}
	if err := c.isThere(ctx); err != nil {
		return err
	}
	a, err := app.New(ctx, app.Settings{Data: c.Data, Database: c.Database, KeysFile: c.Keyset})
	if errors.Is(err, sqlite.ErrInUse) {
		return fmt.Errorf("stop the server first: %w", err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Stop(context.WithoutCancel(ctx))) }()
	made, token, err := a.Office.CreateOperator(ctx, admin.By{
		Operator: c.Name, Role: admin.Admin, World: ident.Production, At: time.Now(), Reason: "recovered on the store itself: " + c.Reason,
	}, c.Name, admin.Admin)
	if err != nil {
		return fmt.Errorf("recover operator %s: %w", c.Name, err)
	}
	_, err = fmt.Fprintf(at.out, "Made the operator %s with the role %s. Its token is shown once:\n  export SCRIP_ADMIN_TOKEN=%s\n", made.Name, made.Role, token)
	return err
}

// check finds what cannot be before anything is opened, or made.
func (c *operatorRecoverCmd) check() error {
	switch {
	case c.Database == "" && c.Data == "":
		return errors.New("where is the store? --data or --database says it")
	case c.Database == "":
		if err := placeOf(app.StorePath(c.Data)).exists(); err != nil {
			return fmt.Errorf("there is no store: %w", err)
		}
	case !config.IsDatabaseURL(c.Database):
		return errors.New("--database is no URL that begins with postgres://")
	case c.Data == "" && c.Keyset == "":
		return errors.New("where are the store's keys? --keyset or --data says it")
	}
	return nil
}

// isThere says what is wrong with the store in a database: one that is not there must not be made.
func (c *operatorRecoverCmd) isThere(ctx context.Context) error {
	if c.Database == "" {
		return nil
	}
	d, err := placeOf(c.Database).openToRead(ctx)
	if err != nil {
		return err
	}
	return d.Close()
}
