package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	adminapi "github.com/scripworks/scrip/api/admin"
)

// operatorCmd is `scrip operator`.
type operatorCmd struct {
	List    operatorListCmd    `cmd:"" help:"List operators."`
	Create  operatorCreateCmd  `cmd:"" help:"Create an operator and print its token, once."`
	Revoke  operatorRevokeCmd  `cmd:"" help:"End an operator's token for good."`
	Whoami  operatorWhoamiCmd  `cmd:"" help:"Show whose token is used."`
	Audit   operatorAuditCmd   `cmd:"" help:"Read the audit trail: who did what, when, and why."`
	Recover operatorRecoverCmd `cmd:"" help:"Make an admin on the store itself, when no admin's token is left: on a file while its server is stopped, on a database beside its servers."`
}

// Help gives the example.
func (operatorCmd) Help() string {
	return "Example:\n  scrip operator create ann admin\n  scrip operator audit --operator ann"
}

type operatorListCmd struct{ officeFlags }

// Help gives the example.
func (operatorListCmd) Help() string { return "Example:\n  scrip operator list" }

// Run lists operators.
func (c *operatorListCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	operators, err := all(func(after int64) ([]adminapi.Operator, int64, error) {
		a, err := o.ListOperatorsWithResponse(ctx, &adminapi.ListOperatorsParams{After: adminapi.After(after), Limit: pageSize})
		if err != nil {
			return nil, 0, err
		}
		page, err := got(a.JSON200, a.JSONDefault, a.Status())
		return page.Operators, page.Next, err
	})
	if err != nil {
		return err
	}
	return list(o, "NAME\tROLE\tCREATED\tREVOKED", operators, operatorRow)
}

func operatorRow(p adminapi.Operator) []any {
	return []any{string(p.Name), string(p.Role), p.Created, p.Revoked}
}

type operatorCreateCmd struct {
	officeFlags
	Name   string `arg:"" help:"The operator's name."`
	Role   string `arg:"" enum:"viewer,auditor,operator,admin" help:"What it may do: viewer, auditor, operator or admin, each what the one before may and more."`
	Reason string `help:"Why, for the audit trail."`
}

// Help gives the example.
func (operatorCreateCmd) Help() string {
	return "Example: operators of your own in place of the first one\n" +
		"  scrip operator create ann admin\n  scrip operator revoke first --reason 'everybody has a token now'"
}

// Run creates an operator.
func (c *operatorCreateCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	body := adminapi.NewOperator{Name: adminapi.Name(c.Name), Role: adminapi.Role(c.Role), Reason: adminapi.Reason(c.Reason)}
	a, err := o.CreateOperatorWithResponse(ctx, body)
	if err != nil {
		return err
	}
	made, err := got(a.JSON201, a.JSONDefault, a.Status())
	if err != nil {
		return fmt.Errorf("create operator %s: %w", c.Name, err)
	}
	return o.show(made, func(w io.Writer) {
		line(w, "name", string(made.Operator.Name))
		line(w, "role", string(made.Operator.Role))
		line(w, "token", made.Token+"  (shown this once)")
	})
}

type operatorRevokeCmd struct {
	officeFlags
	why
	Name string `arg:"" help:"The operator's name."`
}

// Help gives the example.
func (operatorRevokeCmd) Help() string {
	return "Example:\n  scrip operator revoke first --reason 'everybody has a token now'"
}

// Run revokes an operator.
func (c *operatorRevokeCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	a, err := o.RevokeOperatorWithResponse(ctx, adminapi.Name(c.Name), adminapi.Why{Reason: adminapi.Reason(c.Reason)})
	if err != nil {
		return err
	}
	p, err := got(a.JSON200, a.JSONDefault, a.Status())
	if err != nil {
		return fmt.Errorf("revoke operator %s: %w", c.Name, err)
	}
	return list(o, "NAME\tROLE\tCREATED\tREVOKED", []adminapi.Operator{p}, operatorRow)
}

type operatorWhoamiCmd struct{ officeFlags }

// Help gives the example.
func (operatorWhoamiCmd) Help() string { return "Example:\n  scrip operator whoami" }

// Run shows the operator.
func (c *operatorWhoamiCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	a, err := o.WhoAmIWithResponse(ctx)
	if err != nil {
		return err
	}
	p, err := got(a.JSON200, a.JSONDefault, a.Status())
	if err != nil {
		return err
	}
	return list(o, "NAME\tROLE\tCREATED\tREVOKED", []adminapi.Operator{p}, operatorRow)
}

type operatorAuditCmd struct {
	officeFlags
	Subject  string `help:"Only what was done to this, such as card/17 or account/till7."`
	Operator string `help:"Only what this operator did."`
	After    int64  `help:"Only what comes after this number."`
	Limit    atMost `default:"1000" help:"How many entries at most."`
}

// Help gives the example.
func (operatorAuditCmd) Help() string {
	return "Example:\n  scrip operator audit --operator ann\n  scrip operator audit --subject card/17 --json"
}

// Run reads the audit trail.
func (c *operatorAuditCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	var entries []adminapi.AuditEntry
	after := c.After
	for len(entries) < int(c.Limit) {
		a, err := o.ListAuditWithResponse(ctx, &adminapi.ListAuditParams{
			Subject: c.Subject, Operator: adminapi.Name(c.Operator), After: adminapi.After(after), Limit: adminapi.Limit(min(pageSize, int(c.Limit)-len(entries))),
		})
		if err != nil {
			return err
		}
		page, err := got(a.JSON200, a.JSONDefault, a.Status())
		if err != nil {
			return err
		}
		entries = append(entries, page.Entries...)
		if after = page.Next; after == 0 {
			break
		}
	}
	if after != 0 {
		o.more("--after", after)
	}
	return list(o, "NUMBER\tWHEN\tWHO\tACT\tSUBJECT\tCHANGE\tREASON", entries, func(e adminapi.AuditEntry) []any {
		return []any{e.Number, e.At, e.Operator, e.Act, e.Subject, change(e.Before, e.After), e.Reason}
	})
}

// change prints what an act changed, as name: before -> after.
func change(before, after adminapi.Facts) string {
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range after {
		names[name] = true
	}
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if was := before[name]; was != "" {
			texts = append(texts, name+": "+was+" -> "+cell(after[name]))
		} else if is := after[name]; is != "" {
			texts = append(texts, name+": "+is)
		}
	}
	return strings.Join(texts, ", ")
}
