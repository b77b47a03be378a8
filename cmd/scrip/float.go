package main

import (
	"context"
	"errors"
	"io"

	adminapi "github.com/scripworks/scrip/api/admin"
)

type accountFloatCmd struct {
	officeFlags
	accountName
	Deposit  int64  `xor:"pay" placeholder:"MINOR" help:"Put money that the account has paid in into its float. Needs --reason."`
	Withdraw int64  `xor:"pay" placeholder:"MINOR" help:"Take money that is paid out off its float, no more than is available. Needs --reason."`
	Currency string `help:"ISO 4217 number that the float must be in; when absent its own, or the server's own for a first deposit."`
	Reason   string `help:"Why, for the audit trail. No card numbers and no names."`
}

// Help gives the example.
func (accountFloatCmd) Help() string {
	return "Example: what is there, and money that came in\n  scrip account float kiosk7\n" +
		"  scrip account float kiosk7 --deposit 1000000 --currency 710 --reason 'bank statement of 3 March'"
}

// Validate wants a reason where money moves.
func (c *accountFloatCmd) Validate() error {
	if (c.Deposit != 0 || c.Withdraw != 0) && c.Reason == "" {
		return errors.New("--deposit and --withdraw need --reason")
	}
	return nil
}

// Run shows a float, after what was to be booked.
func (c *accountFloatCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	f, err := c.float(ctx, o)
	if err != nil {
		return err
	}
	return o.show(f, func(w io.Writer) {
		line(w, "account", f.Account)
		line(w, "prepaid", f.Prepaid)
		if f.Currency == "" {
			line(w, "available", "nothing was ever paid in")
		} else {
			line(w, "available", minor(f.Balance.Available, f.Currency))
			line(w, "book", minor(f.Balance.Book, f.Currency))
		}
		line(w, "low at", f.LowFloat)
		line(w, "low", f.Low)
	})
}

func (c *accountFloatCmd) float(ctx context.Context, o *office) (adminapi.Float, error) {
	payment := adminapi.Payment{Amount: c.Deposit + c.Withdraw, Currency: c.Currency, Reason: c.Reason}
	switch {
	case c.Deposit != 0:
		a, err := o.DepositFloatWithResponse(ctx, c.Name, payment)
		if err != nil {
			return adminapi.Float{}, err
		}
		return got(a.JSON200, a.JSONDefault, a.Status())
	case c.Withdraw != 0:
		a, err := o.WithdrawFloatWithResponse(ctx, c.Name, payment)
		if err != nil {
			return adminapi.Float{}, err
		}
		return got(a.JSON200, a.JSONDefault, a.Status())
	}
	a, err := o.GetFloatWithResponse(ctx, c.Name)
	if err != nil {
		return adminapi.Float{}, err
	}
	return got(a.JSON200, a.JSONDefault, a.Status())
}

type accountFloatsCmd struct{ officeFlags }

// Help gives the example.
func (accountFloatsCmd) Help() string { return "Example:\n  scrip account floats" }

// Run lists floats.
func (c *accountFloatsCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	floats, err := all(func(after int64) ([]adminapi.Float, int64, error) {
		a, err := o.ListFloatsWithResponse(ctx, &adminapi.ListFloatsParams{After: after, Limit: pageSize})
		if err != nil {
			return nil, 0, err
		}
		page, err := got(a.JSON200, a.JSONDefault, a.Status())
		return page.Floats, page.Next, err
	})
	if err != nil {
		return err
	}
	return list(o, "ACCOUNT\tPREPAID\tAVAILABLE\tBOOK\tLOW AT\tLOW", floats, func(f adminapi.Float) []any {
		return []any{f.Account, f.Prepaid, minor(f.Balance.Available, f.Currency), minor(f.Balance.Book, f.Currency), f.LowFloat, f.Low}
	})
}
