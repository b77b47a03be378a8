package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	adminapi "github.com/scripworks/scrip/api/admin"
)

// voucherCmd is `scrip voucher`.
type voucherCmd struct {
	Import   voucherImportCmd   `cmd:"" help:"Import vouchers from a CSV file, into a batch of their own."`
	Imports  voucherImportsCmd  `cmd:"" help:"List imports of vouchers and what came of them."`
	Levels   voucherLevelsCmd   `cmd:"" help:"Show how many vouchers there are, by product and batch."`
	List     voucherListCmd     `cmd:"" help:"List vouchers in a status, such as those in quarantine."`
	Show     voucherShowCmd     `cmd:"" help:"Show a voucher, without its PIN."`
	Release  voucherReleaseCmd  `cmd:"" help:"Put a voucher from quarantine back to stock."`
	Withdraw voucherWithdrawCmd `cmd:"" help:"Take a voucher out of stock or quarantine for good."`
	Reveal   voucherRevealCmd   `cmd:"" help:"Read the PIN of a sold voucher, to print it again. The reading is recorded."`
	Close    voucherCloseCmd    `cmd:"" help:"Sell no more vouchers of a batch."`
	Open     voucherOpenCmd     `cmd:"" help:"Sell vouchers of a closed batch again."`
}

// Help gives the example.
func (voucherCmd) Help() string {
	return "Example: what is there to be sold, and what came back\n  scrip voucher levels\n  scrip voucher list --status quarantine"
}

type voucherImportCmd struct {
	officeFlags
	importFlags
	Product string `required:"" placeholder:"ID" help:"Their product, which must be sold from stock."`
	Name    string `help:"The batch number by which their maker knows them: letters and digits."`
	Expiry  string `placeholder:"DATE" help:"The last day on which they can be sold, as YYYY-MM-DD in UTC, or an instant (RFC 3339); absent for never."`
}

// Help gives the example.
func (voucherImportCmd) Help() string {
	return `Example:
  scrip voucher import --product fifty --name B7 --expiry 2027-12-31 vouchers.csv
  scrip voucher import --product fifty --lines 1000000 - < vouchers.csv

The first line of the file names its columns: serial and pin, and no other. All vouchers of the file become one
batch, which has the number of the import and is opened for sale when the last line is in: a file that was cut
leaves nothing that can be sold. A voucher whose serial or PIN is there already is rejected, so the same file is
taken once. Rejected lines are printed on standard output with their reasons, never with a PIN.

The exit code is 0 when all lines were taken, 3 when --skip left some out and took the others, and 1 when the
import failed: without --skip that is so as soon as one line is bad, and then no voucher is added.`
}

// Run sends the file and prints the report as it comes.
func (c *voucherImportCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	expiry, err := parseDay(c.Expiry)
	if err != nil {
		return err
	}
	params := &adminapi.ImportVouchersParams{
		Product: c.Product, Mode: c.mode(), Name: c.Name, Expiry: expiry, Lines: c.Lines, Reason: c.Reason,
	}
	return c.bring(o, "voucher", func(file io.Reader, edit adminapi.RequestEditorFn) (*upload, error) {
		return sent(o.ClientInterface.ImportVouchersWithBody(ctx, params, "text/csv", file, edit))
	})
}

// parseDay reads an instant, or a day, which stands for its last second.
func parseDay(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, 1).Add(-time.Second), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, usageError{fmt.Errorf("--expiry %s: must be a day such as 2027-12-31, or an instant such as 2027-12-31T12:00:00Z", text)}
	}
	return at, nil
}

type voucherImportsCmd struct{ officeFlags }

// Help gives the example.
func (voucherImportsCmd) Help() string { return "Example:\n  scrip voucher imports" }

// Run lists the imports of vouchers.
func (c *voucherImportsCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	imports, err := o.imports(ctx, adminapi.ImportKindVouchers)
	if err != nil {
		return err
	}
	return list(o, "BATCH\tPRODUCT\tMODE\tSTATE\tBEGUN\tENDED\tBY\tLINES\tADDED\tREJECTED", imports, func(i adminapi.Import) []any {
		return []any{i.Number, i.Product, string(i.Mode), string(i.State), i.Begun, i.Ended, i.Operator, i.Lines, addedBy(i), i.Rejected}
	})
}

type voucherLevelsCmd struct {
	officeFlags
	Product string `placeholder:"ID" help:"Only of this product."`
}

// Help gives the example.
func (voucherLevelsCmd) Help() string {
	return "A product is low when no more vouchers of it are on sale than its threshold says. An incomplete batch is what an\n" +
		"import that broke off has left over: nobody can sell it, and no total counts it.\n\nExample:\n  scrip voucher levels --product fifty"
}

// Run shows the levels.
func (c *voucherLevelsCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	a, err := o.StockLevelsWithResponse(ctx, &adminapi.StockLevelsParams{Product: c.Product})
	if err != nil {
		return err
	}
	page, err := got(a.JSON200, a.JSONDefault, a.Status())
	if err != nil {
		return err
	}
	if o.json {
		return list(o, "", page.Levels, nil)
	}
	return list(o, "PRODUCT\tBATCH\tNAME\tEXPIRY\tSTATE\tIN STOCK\tEXPIRED\tSOLD\tQUARANTINE\tWITHDRAWN\tLEFT OVER", levelRows(page.Levels), func(r []any) []any { return r })
}

// levelRows are a line for each product, and under it one for each of its batches. What is left over is in no total.
func levelRows(levels []adminapi.StockLevel) (rows [][]any) {
	for _, l := range levels {
		var expired, sold, quarantined, withdrawn int64
		for _, b := range l.Batches {
			expired, sold, quarantined, withdrawn = expired+b.Expired, sold+b.Sold, quarantined+b.Quarantined, withdrawn+b.Withdrawn
		}
		rows = append(rows, []any{l.Product, "all", "", "", levelState(l), l.OnSale, expired, sold, quarantined, withdrawn, ""})
		for _, b := range l.Batches {
			rows = append(rows, []any{l.Product, b.Number, b.Name, b.Expiry, string(b.State), b.InStock, b.Expired, b.Sold, b.Quarantined, b.Withdrawn, b.LeftOver})
		}
	}
	return rows
}

func levelState(l adminapi.StockLevel) string {
	switch {
	case l.Withdrawn:
		return "withdrawn"
	case l.Low:
		return fmt.Sprintf("low (%d)", l.LowStock)
	}
	return "on sale"
}

type voucherListCmd struct {
	officeFlags
	Status  string `enum:"stock,sold,quarantine,withdrawn" default:"quarantine" help:"In which status: stock, sold, quarantine or withdrawn."`
	Batch   int32  `placeholder:"N" help:"Only vouchers of this batch."`
	Product string `placeholder:"ID" help:"Only vouchers of this product."`
	After   string `placeholder:"PLACE" help:"Go on from where an earlier answer to the same question says that there are more."`
	Limit   atMost `default:"100" help:"How many at most."`
}

// Help gives the example.
func (voucherListCmd) Help() string {
	return "Example:\n  scrip voucher list\n  scrip voucher list --status withdrawn --batch 7"
}

// Run lists vouchers.
func (c *voucherListCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	var found []adminapi.Voucher
	after := c.After
	for {
		a, err := o.ListVouchersWithResponse(ctx, &adminapi.ListVouchersParams{
			Status: adminapi.VoucherStatus(c.Status), Batch: c.Batch, Product: c.Product, After: after,
			Limit: adminapi.Limit(min(pageSize, int(c.Limit)-len(found))),
		})
		if err != nil {
			return err
		}
		page, err := got(a.JSON200, a.JSONDefault, a.Status())
		if err != nil {
			return err
		}
		found = append(found, page.Vouchers...)
		if after = page.Next; after == "" || len(found) >= int(c.Limit) {
			break
		}
	}
	if after != "" {
		o.more("--after", after)
	}
	return list(o, "NUMBER\tSERIAL\tSTATUS\tPRODUCT\tBATCH\tNAME\tEXPIRY", found, func(v adminapi.Voucher) []any {
		return []any{v.Number, v.Serial, string(v.Status), v.Product, v.Batch, v.BatchName, v.Expiry}
	})
}

// voucherArg names a voucher.
type voucherArg struct {
	Voucher string `arg:"" help:"Its serial, or #N for the voucher's own number N in the store."`
}

// at opens the office and finds the voucher's number.
func (v voucherArg) at(ctx context.Context, f officeFlags, at console) (*office, adminapi.VoucherNumber, error) {
	o, err := f.open(at)
	if err != nil {
		return nil, 0, err
	}
	if own, ok := strings.CutPrefix(v.Voucher, "#"); ok {
		number, err := strconv.ParseInt(own, 10, 64)
		if err != nil {
			err = usageError{errors.New("after # there must be a number")}
		}
		return o, number, err
	}
	a, err := o.FindVouchersWithResponse(ctx, adminapi.VoucherQuery{Serial: v.Voucher})
	if err != nil {
		return nil, 0, err
	}
	page, err := got(a.JSON200, a.JSONDefault, a.Status())
	if err == nil && len(page.Vouchers) == 0 {
		err = errors.New("there is no such voucher")
	}
	if err != nil {
		return nil, 0, err
	}
	return o, page.Vouchers[0].Number, nil
}

func (o *office) showVoucher(v adminapi.Voucher, err error) error {
	if err != nil {
		return err
	}
	return o.show(v, func(w io.Writer) { voucherText(w, v) })
}

func voucherText(w io.Writer, v adminapi.Voucher) {
	line(w, "voucher", fmt.Sprintf("%s (#%d)", v.Serial, v.Number))
	line(w, "status", string(v.Status))
	line(w, "product", v.Product)
	if v.Batch != 0 {
		line(w, "batch", v.Batch)
		line(w, "batch name", v.BatchName)
	}
	line(w, "expiry", v.Expiry)
	if v.LastMessage != 0 {
		line(w, "last message", v.LastMessage)
	}
}

type voucherShowCmd struct {
	officeFlags
	voucherArg
}

// Help gives the example.
func (voucherShowCmd) Help() string {
	return "Example:\n  scrip voucher show S0000017\n  scrip voucher show '#17'"
}

// Run shows a voucher.
func (c *voucherShowCmd) Run(ctx context.Context, at console) error {
	o, number, err := c.at(ctx, c.officeFlags, at)
	if err != nil {
		return err
	}
	a, err := o.GetVoucherWithResponse(ctx, number)
	if err != nil {
		return err
	}
	return o.showVoucher(got(a.JSON200, a.JSONDefault, a.Status()))
}

type voucherReleaseCmd struct {
	officeFlags
	voucherArg
	why
}

// Help gives the example.
func (voucherReleaseCmd) Help() string {
	return "Its PIN may have been seen: release it only when you are sure that it was not.\n\n" +
		"Example:\n  scrip voucher release S0000017 --reason 'the printer was off'"
}

// Run releases a voucher.
func (c *voucherReleaseCmd) Run(ctx context.Context, at console) error {
	o, number, err := c.at(ctx, c.officeFlags, at)
	if err != nil {
		return err
	}
	a, err := o.ReleaseVoucherWithResponse(ctx, number, adminapi.Why{Reason: c.Reason})
	if err != nil {
		return err
	}
	return o.showVoucher(got(a.JSON200, a.JSONDefault, a.Status()))
}

type voucherWithdrawCmd struct {
	officeFlags
	voucherArg
	why
}

// Help gives the example.
func (voucherWithdrawCmd) Help() string {
	return "Example:\n  scrip voucher withdraw S0000017 --reason 'its slip was found'"
}

// Run withdraws a voucher.
func (c *voucherWithdrawCmd) Run(ctx context.Context, at console) error {
	o, number, err := c.at(ctx, c.officeFlags, at)
	if err != nil {
		return err
	}
	a, err := o.WithdrawVoucherWithResponse(ctx, number, adminapi.Why{Reason: c.Reason})
	if err != nil {
		return err
	}
	return o.showVoucher(got(a.JSON200, a.JSONDefault, a.Status()))
}

type voucherRevealCmd struct {
	officeFlags
	voucherArg
	why
}

// Help gives the example.
func (voucherRevealCmd) Help() string {
	return "Whoever has the PIN has the money. Only a voucher that is sold is revealed.\n\n" +
		"Example:\n  scrip voucher reveal S0000017 --reason 'slip torn, case 1234'"
}

// Run reveals a PIN.
func (c *voucherRevealCmd) Run(ctx context.Context, at console) error {
	o, number, err := c.at(ctx, c.officeFlags, at)
	if err != nil {
		return err
	}
	a, err := o.RevealVoucherWithResponse(ctx, number, adminapi.Why{Reason: c.Reason})
	if err != nil {
		return err
	}
	revealed, err := got(a.JSON200, a.JSONDefault, a.Status())
	if err != nil {
		return err
	}
	return o.show(revealed, func(w io.Writer) {
		voucherText(w, revealed.Voucher)
		line(w, "PIN", revealed.PIN)
	})
}

// batchArg names a batch.
type batchArg struct {
	Batch int32 `arg:"" help:"The batch's number, as 'scrip voucher levels' has it."`
}

func (o *office) showBatch(b adminapi.BatchLevel, err error) error {
	if err != nil {
		return err
	}
	return o.show(b, func(w io.Writer) {
		line(w, "batch", b.Number)
		line(w, "name", b.Name)
		line(w, "product", b.Product)
		line(w, "expiry", b.Expiry)
		line(w, "state", string(b.State))
		line(w, "in stock", b.InStock)
		line(w, "expired", b.Expired)
		line(w, "sold", b.Sold)
		line(w, "quarantine", b.Quarantined)
		line(w, "withdrawn", b.Withdrawn)
	})
}

type voucherCloseCmd struct {
	officeFlags
	batchArg
	why
}

// Help gives the example.
func (voucherCloseCmd) Help() string {
	return "Example:\n  scrip voucher close 7 --reason 'recalled by the maker'"
}

// Run closes a batch.
func (c *voucherCloseCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	a, err := o.CloseBatchWithResponse(ctx, c.Batch, adminapi.Why{Reason: c.Reason})
	if err != nil {
		return err
	}
	return o.showBatch(got(a.JSON200, a.JSONDefault, a.Status()))
}

type voucherOpenCmd struct {
	officeFlags
	batchArg
	why
}

// Help gives the example.
func (voucherOpenCmd) Help() string {
	return "Example:\n  scrip voucher open 7 --reason 'the maker says it is good'"
}

// Run opens a batch.
func (c *voucherOpenCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	a, err := o.OpenBatchWithResponse(ctx, c.Batch, adminapi.Why{Reason: c.Reason})
	if err != nil {
		return err
	}
	return o.showBatch(got(a.JSON200, a.JSONDefault, a.Status()))
}
