package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	adminapi "github.com/scripworks/scrip/api/admin"
)

// txnCmd is `scrip txn`.
type txnCmd struct {
	Find   txnFindCmd   `cmd:"" help:"Find transactions by message id, by third-party identifier, by card, by number, by voucher or by merchant and time."`
	Show   txnShowCmd   `cmd:"" help:"Show a transaction."`
	Body   txnBodyCmd   `cmd:"" help:"Print a message as it was received, without card numbers and PINs. The reading is recorded."`
	Open   txnOpenCmd   `cmd:"" help:"List requests that nobody confirmed or reversed, and settle them."`
	Settle txnSettleCmd `cmd:"" help:"End one open request, because no advice came."`
}

// Help gives the example.
func (txnCmd) Help() string {
	return "Example: a transaction by the reference on its slip, and what is open for a day\n" +
		"  scrip txn show G00000004K\n  scrip txn open --older-than 24h"
}

const txnHead = "NUMBER\tREFERENCE\tRECEIVED\tACCOUNT\tMESSAGE\tSTATE\tAPPROVED\tCARD OR SERIAL\tID\tUPSTREAM"

func txnRow(t adminapi.Transaction) []any {
	return []any{
		t.Number, t.Reference, t.At, t.Account, string(t.Family) + " " + string(t.Role), txnState(t), minor(t.Approved, t.Currency),
		t.Card.PAN + t.Voucher.Serial, t.ID, passedOn(t),
	}
}

// passedOn prints to whom a message was passed on, and what waits for him.
func passedOn(t adminapi.Transaction) string {
	if t.Queued.Number == 0 {
		return t.Upstream
	}
	return fmt.Sprintf("%s (#%d %s)", t.Upstream, t.Queued.Number, t.Queued.State)
}

func txnState(t adminapi.Transaction) string {
	state := string(t.State)
	if t.Declined != "" {
		state = "declined " + t.Declined
	}
	if t.Forestalled.Number != 0 {
		state += ": its reversal came first"
	}
	if t.Pruned {
		state += " (pruned)"
	}
	return state
}

type txnFindCmd struct {
	officeFlags
	ID          string `xor:"by" help:"By one of these: the id of a request or an advice."`
	Identifier  string `xor:"by" help:"A third-party identifier, or our own reference as printed on a slip."`
	Card        string `xor:"by" help:"A card by its number, '-' to read that from standard input, or #N for the card's own number N in the store."`
	MSISDN      string `xor:"by" name:"msisdn" help:"The number that was to be topped up."`
	Label       string `xor:"by" help:"A label of the transaction."`
	Serial      string `xor:"by" help:"A voucher by its serial."`
	PINFile     string `xor:"by" name:"pin-file" placeholder:"FILE" help:"A voucher by its PIN, which is the first line of a file; '-' for standard input."`
	Institution string `help:"With --identifier: whose it is; not needed with our own references."`

	Merchant string    `xor:"by" help:"The merchant it came from, by its id, and when the server received it. Needs --from."`
	From     time.Time `help:"With --merchant: received then or later (RFC 3339)."`
	To       time.Time `help:"With --merchant: received before (RFC 3339), at most 7 days later; an hour later when absent."`
	After    string    `placeholder:"PLACE" help:"With --merchant: go on from where an earlier answer to the same question says that there are more."`
	Limit    atMost    `placeholder:"N" help:"With --merchant: how many at most; 1000 when absent."`
}

// Help gives the example.
func (txnFindCmd) Help() string {
	return "Give one of --id, --identifier, --card, --msisdn, --label, --serial, --pin-file and --merchant.\n\n" +
		"With --merchant, what is received while it is searched for, in an hour that is not over, may be left out: ask again once it is.\n\n" +
		"Example:\n  scrip txn find --id 0b1c7c5e-7d10-4f3c-9c6e-1f2a3b4c5d6e\n" +
		"  scrip txn find --institution 44 --identifier slip-17\n  scrip txn find --card -\n  scrip txn find --msisdn +27749670999\n" +
		"  scrip txn find --merchant 000000000012345 --from 2026-11-22T10:00:00Z --to 2026-11-22T12:00:00Z"
}

// Validate wants to know what to find. That no more than one is given, the tags see to.
func (c *txnFindCmd) Validate() error {
	if c.ID == "" && c.Identifier == "" && c.Card == "" && c.Merchant == "" && !c.searches() {
		return errors.New("one of --id, --identifier, --card, --msisdn, --label, --serial, --pin-file and --merchant must be given")
	}
	if (c.Merchant == "") != c.From.IsZero() || c.Merchant == "" && !c.To.IsZero() {
		return errors.New("--merchant and --from belong together, and --to to them")
	}
	if c.Identifier == "" && c.Institution != "" {
		return errors.New("--institution belongs to --identifier")
	}
	if c.Merchant == "" && (c.Limit != 0 || c.After != "") {
		return errors.New("--limit and --after belong to --merchant")
	}
	return nil
}

// searches says whether it is asked for what must not stand in an address.
func (c *txnFindCmd) searches() bool {
	return c.MSISDN != "" || c.Label != "" || c.Serial != "" || c.PINFile != ""
}

// Run finds transactions.
func (c *txnFindCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	found, err := c.find(ctx, o)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return errors.New("nothing was found")
	}
	return list(o, txnHead, found, txnRow)
}

func (c *txnFindCmd) find(ctx context.Context, o *office) ([]adminapi.Transaction, error) {
	switch {
	case c.Card != "":
		return c.ofCard(ctx, o)
	case c.Merchant != "":
		return c.ofMerchant(ctx, o)
	case c.searches():
		return c.search(ctx, o)
	}
	return o.transactions(ctx, adminapi.FindTransactionsParams{ID: c.ID, Identifier: c.Identifier, Institution: c.Institution})
}

func (c *txnFindCmd) ofCard(ctx context.Context, o *office) ([]adminapi.Transaction, error) {
	number, err := o.cardNumber(ctx, c.Card)
	if err != nil {
		return nil, err
	}
	h, err := o.history(ctx, number, "", pageSize)
	if err != nil {
		return nil, err
	}
	if h.Next != "" {
		o.more("scrip card history --before", h.Next)
	}
	var found []adminapi.Transaction
	for _, item := range h.Items {
		found = append(found, item.Transaction)
	}
	return found, nil
}

// foundAtMost is how many requests of a merchant are found when nothing else is said.
const foundAtMost = 1000

// ofMerchant goes through the pages, of which one may be empty before the last, and tells when there are more than it may give.
func (c *txnFindCmd) ofMerchant(ctx context.Context, o *office) (found []adminapi.Transaction, err error) {
	by := adminapi.FindByMerchantParams{Merchant: c.Merchant, From: c.From, To: c.To, After: c.After}
	if by.To.IsZero() {
		by.To = by.From.Add(time.Hour)
	}
	most := int(cmp.Or(c.Limit, foundAtMost))
	for full := ""; ; { // where to go on, once as many were found as may be
		by.Limit = adminapi.Limit(max(1, min(pageSize, most-len(found))))
		page, next, err := o.merchantPage(ctx, &by)
		switch {
		case err != nil:
			return nil, err
		case full != "" && len(page) > 0:
			o.more("--after", full)
			return found, nil
		}
		found = append(found, page...)
		if by.After = next; next == "" {
			return found, nil
		}
		if full == "" && len(found) >= most {
			full = next
		}
	}
}

func (o *office) merchantPage(ctx context.Context, by *adminapi.FindByMerchantParams) (found []adminapi.Transaction, next string, err error) {
	a, err := o.FindByMerchantWithResponse(ctx, by)
	if err != nil {
		return nil, "", err
	}
	page, err := got(a.JSON200, a.JSONDefault, a.Status())
	return page.Transactions, page.Next, err
}

func (c *txnFindCmd) search(ctx context.Context, o *office) ([]adminapi.Transaction, error) {
	query := adminapi.TransactionQuery{MSISDN: c.MSISDN, Label: c.Label, Serial: c.Serial}
	var err error
	if query.PIN, err = firstLine(c.PINFile); err != nil {
		return nil, err
	}
	a, err := o.SearchTransactionsWithResponse(ctx, query)
	if err != nil {
		return nil, err
	}
	page, err := got(a.JSON200, a.JSONDefault, a.Status())
	return page.Transactions, err
}

func (o *office) transactions(ctx context.Context, by adminapi.FindTransactionsParams) ([]adminapi.Transaction, error) {
	a, err := o.FindTransactionsWithResponse(ctx, &by)
	if err != nil {
		return nil, err
	}
	page, err := got(a.JSON200, a.JSONDefault, a.Status())
	return page.Transactions, err
}

// txnName names a transaction.
type txnName struct {
	Transaction string `arg:"" help:"The transaction's number, its message id, or our reference as printed on a slip."`
}

// number gives a transaction's number.
func (n txnName) number(ctx context.Context, o *office) (adminapi.TransactionNumber, error) {
	if number, err := strconv.ParseInt(n.Transaction, 10, 64); err == nil {
		return adminapi.TransactionNumber(number), nil
	}
	found, err := o.transactions(ctx, adminapi.FindTransactionsParams{ID: n.Transaction})
	if err == nil && len(found) == 0 {
		found, err = o.transactions(ctx, adminapi.FindTransactionsParams{Identifier: n.Transaction})
	}
	switch {
	case err != nil:
		return 0, err
	case len(found) == 0:
		return 0, errors.New("there is no such transaction")
	case len(found) > 1:
		return 0, fmt.Errorf("%s leads to %d messages; take the number of one, from 'scrip txn find'", n.Transaction, len(found))
	}
	return adminapi.TransactionNumber(found[0].Number), nil
}

type txnShowCmd struct {
	officeFlags
	txnName
}

// Help gives the example.
func (txnShowCmd) Help() string {
	return "Example:\n  scrip txn show 4711\n  scrip txn show G00000004K\n  scrip txn show 0b1c7c5e-7d10-4f3c-9c6e-1f2a3b4c5d6e"
}

// Run shows a transaction.
func (c *txnShowCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	number, err := c.number(ctx, o)
	if err != nil {
		return err
	}
	a, err := o.GetTransactionWithResponse(ctx, number)
	if err != nil {
		return err
	}
	t, err := got(a.JSON200, a.JSONDefault, a.Status())
	if err != nil {
		return err
	}
	return o.showTransaction(t)
}

func (o *office) showTransaction(t adminapi.Transaction) error {
	return o.show(t, func(w io.Writer) {
		line(w, "number", t.Number)
		line(w, "reference", t.Reference)
		line(w, "id", t.ID)
		line(w, "account", t.Account)
		line(w, "message", string(t.Family)+" "+string(t.Role))
		line(w, "state", txnState(t))
		if t.Pruned {
			line(w, "received", "on "+t.At.Format(time.DateOnly))
			line(w, "kept", "no more than this: it was pruned")
		} else {
			line(w, "received", t.At)
		}
		if t.Request != 0 {
			line(w, "about request", t.Request)
		}
		if t.Ended.Number != 0 {
			line(w, "ended", fmt.Sprintf("%s by the %s's message %d", clock(t.Ended.At), t.Ended.By, t.Ended.Number))
		}
		if first := t.Forestalled; first.Number != 0 {
			line(w, "its reversal", fmt.Sprintf("message %d %s", first.Number, first.ID))
		}
		if t.Upstream != "" {
			line(w, "passed on to", t.Upstream)
		}
		if q := t.Queued; q.Number != 0 {
			line(w, "in the queue", fmt.Sprintf("#%d %s, sent %d times in vain", q.Number, q.State, q.Attempts))
		}
		if t.Card.Number != 0 || t.Voucher.Number == 0 && t.Upstream == "" {
			line(w, "card", cardText(t.Card))
		}
		if t.Target.Number != 0 {
			line(w, "target card", cardText(t.Target))
		}
		if t.Voucher.Number != 0 {
			line(w, "voucher", fmt.Sprintf("%s (#%d)", t.Voucher.Serial, t.Voucher.Number))
		}
		if t.ProviderReference != "" {
			line(w, "provider's reference", t.ProviderReference)
		}
		line(w, "product", string(t.Product))
		if t.Prepaid {
			line(w, "charged to", "the account's float")
		}
		line(w, "approved", minor(t.Approved, t.Currency))
		line(w, "final", minor(t.Final, t.Currency))
	})
}

// cardText prints a card's name.
func cardText(c adminapi.CardName) string {
	if c.Number == 0 {
		return ""
	}
	return fmt.Sprintf("%s (#%d)", c.PAN, c.Number)
}

type txnBodyCmd struct {
	officeFlags
	txnName
}

// Help gives the example.
func (txnBodyCmd) Help() string { return "Example:\n  scrip txn body 4711" }

// Run prints a body.
func (c *txnBodyCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	number, err := c.number(ctx, o)
	if err != nil {
		return err
	}
	a, err := o.ReadBodyWithResponse(ctx, number)
	if err != nil {
		return err
	}
	if _, err := got(a.JSON200, a.JSONDefault, a.Status()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.out, "%s\n", json.RawMessage(a.Body))
	return err
}

type txnOpenCmd struct {
	officeFlags
	OlderThan time.Duration `default:"24h" help:"Only requests received at least this long ago."`
	Account   string        `help:"Only requests of this account."`
	Totals    bool          `xor:"what" help:"Only count and add up, by account and currency."`
	Working   bool          `xor:"what" help:"Instead, top-ups whose provider, and requests whose upstream, has not said how they ended."`
	Settle    string        `enum:",confirm,reverse" default:"" help:"End them all: confirm or reverse. Needs --reason."`
	Reason    string        `help:"Why, for the audit trail."`
}

// Help gives the example.
func (txnOpenCmd) Help() string {
	return "Example:\n  scrip txn open --older-than 24h --totals\n  scrip txn open --working --older-than 10m\n" +
		"  scrip txn open --older-than 24h --account till7 --settle reverse --reason 'till7 was destroyed'\n\n" +
		"The exit code is 1 when a request could not be settled; the others were."
}

// Run lists open requests, and settles them when told to.
func (c *txnOpenCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	if c.Settle != "" && c.Reason == "" {
		return usageError{errors.New("--settle needs --reason")}
	}
	if c.Totals {
		return c.totals(ctx, o)
	}
	open, err := all(func(after int64) ([]adminapi.Transaction, int64, error) {
		page, err := c.page(ctx, o, after)
		return page.Transactions, page.Next, err
	})
	if err != nil && len(open) == 0 {
		return err
	}
	if err != nil || c.Settle == "" {
		return errors.Join(err, list(o, txnHead, open, txnRow))
	}
	return c.settle(ctx, o, open)
}

// page asks for a part of the open requests, or of the top-ups that are worked on.
func (c *txnOpenCmd) page(ctx context.Context, o *office, after int64) (page adminapi.TransactionPage, err error) {
	query := adminapi.ListOpenParams{OlderThan: c.OlderThan.String(), Account: c.Account, After: after, Limit: pageSize}
	if c.Working {
		working := adminapi.ListWorkingParams(query)
		a, err := o.ListWorkingWithResponse(ctx, &working)
		if err != nil {
			return page, err
		}
		return got(a.JSON200, a.JSONDefault, a.Status())
	}
	a, err := o.ListOpenWithResponse(ctx, &query)
	if err != nil {
		return page, err
	}
	return got(a.JSON200, a.JSONDefault, a.Status())
}

func (c *txnOpenCmd) totals(ctx context.Context, o *office) error {
	a, err := o.TotalOpenWithResponse(ctx, &adminapi.TotalOpenParams{OlderThan: adminapi.OlderThan(c.OlderThan.String()), Account: adminapi.Name(c.Account)})
	if err != nil {
		return err
	}
	page, err := got(a.JSON200, a.JSONDefault, a.Status())
	if err != nil {
		return err
	}
	return list(o, "ACCOUNT\tCOUNT\tVALUE\tOLDEST", page.Totals, func(t adminapi.OpenTotal) []any {
		return []any{t.Account, t.Count, t.Value + " of " + string(t.Currency), t.Oldest}
	})
}

// settle ends all of them, and goes on after one that could not be ended.
func (c *txnOpenCmd) settle(ctx context.Context, o *office, open []adminapi.Transaction) error {
	var settled []adminapi.Transaction
	left := 0
	for _, t := range open {
		t, err := o.settle(ctx, adminapi.TransactionNumber(t.Number), c.Settle, c.Reason)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			left++
			fmt.Fprintf(o.err, "%d: %s\n", t.Number, err)
			continue
		}
		settled = append(settled, t)
	}
	if err := list(o, txnHead, settled, txnRow); err != nil {
		return err
	}
	if left > 0 {
		return fmt.Errorf("%d of %d requests could not be settled", left, len(open))
	}
	return nil
}

func (o *office) settle(ctx context.Context, number adminapi.TransactionNumber, ending, reason string) (adminapi.Transaction, error) {
	a, err := o.SettleWithResponse(ctx, number, adminapi.Settlement{Ending: adminapi.SettlementEnding(ending), Reason: adminapi.Reason(reason)})
	if err != nil {
		return adminapi.Transaction{Number: int64(number)}, err
	}
	t, err := got(a.JSON200, a.JSONDefault, a.Status())
	if err != nil {
		t.Number = int64(number)
	}
	return t, err
}

type txnSettleCmd struct {
	officeFlags
	txnName
	why
	Ending string `arg:"" enum:"confirm,reverse" help:"How it ends: confirm or reverse."`
}

// Help gives the example.
func (txnSettleCmd) Help() string {
	return "Example:\n  scrip txn settle 4711 confirm --reason 'the shop has the slip'"
}

// Run settles one request.
func (c *txnSettleCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	number, err := c.number(ctx, o)
	if err != nil {
		return err
	}
	t, err := o.settle(ctx, number, c.Ending, c.Reason)
	if err != nil {
		return err
	}
	return o.showTransaction(t)
}
