package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	adminapi "github.com/scripworks/scrip/api/admin"

	"github.com/scripworks/scrip/money"
)

// safCmd is `scrip saf`.
type safCmd struct {
	Status safStatusCmd `cmd:"" help:"Show for each upstream how much is queued, how old it is, and whether the upstream answers."`
	List   safListCmd   `cmd:"" help:"List what is queued, such as what needs attention."`
	Show   safShowCmd   `cmd:"" help:"Show an item with its messages and what operators did to it."`
	Retry  safRetryCmd  `cmd:"" help:"Put an item that was parked or needs attention back in line."`
	Park   safParkCmd   `cmd:"" help:"Take a waiting item out of line, so that it is only tried now and then."`
	Close  safCloseCmd  `cmd:"" help:"Remove an item for good: nobody sends it any more."`
	Pause  safPauseCmd  `cmd:"" help:"Send nothing of an upstream's queue until it is resumed."`
	Resume safResumeCmd `cmd:"" help:"Send an upstream's queue again, and try the credentials that it did not let in."`
}

// Help gives the example.
func (safCmd) Help() string {
	return "Advices are kept on disk and repeated until the upstream answers them for good. What it refuses, and what there is no\n" +
		"credential for, needs attention: somebody has to find out why, and then retry it, or close it with a reason.\n\n" +
		"Example: how things stand, and what has to be looked at\n  scrip saf status\n  scrip saf list --state attention"
}

type safStatusCmd struct {
	officeFlags
	Accounts bool `help:"Break down what is queued by account."`
}

// Help gives the example.
func (safStatusCmd) Help() string {
	return "The breaker is open while the upstream does not answer: then nothing new is sent to it, and one message at a time sees\n" +
		"whether it is back.\n\nExample:\n  scrip saf status\n  scrip saf status --accounts"
}

// Run shows the upstreams.
func (c *safStatusCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	a, err := o.ListUpstreamsWithResponse(ctx)
	if err != nil {
		return err
	}
	page, err := got(a.JSON200, a.JSONDefault, a.Status())
	if err != nil {
		return err
	}
	if !c.Accounts || o.json {
		return list(o, upstreamHead, page.Upstreams, upstreamRow)
	}
	return list(o, "UPSTREAM\tACCOUNT\tSTATE\tITEMS\tOLDEST\tIN DOUBT", levelsOf(page.Upstreams), func(r []any) []any { return r })
}

const upstreamHead = "UPSTREAM\tSTATE\tWAITING\tPARKED\tATTENTION\tOLDEST\tIN FLIGHT\tREPEATS\tIN DOUBT"

func upstreamRow(u adminapi.Upstream) []any {
	items := map[adminapi.QueueState]int64{}
	var oldest time.Time
	for _, l := range u.Queued {
		items[l.State] += l.Count
		if oldest.IsZero() || l.Oldest.Before(oldest) {
			oldest = l.Oldest
		}
	}
	return []any{
		u.Name, upstreamState(u), items[adminapi.QueueStateWaiting], items[adminapi.QueueStateParked], items[adminapi.QueueStateAttention],
		oldest, u.InFlight, u.Repeats, inDoubt(u.Queued),
	}
}

// upstreamState prints what keeps an upstream's queue from being sent.
func upstreamState(u adminapi.Upstream) string {
	var words []string
	if u.Paused {
		words = append(words, "paused")
	}
	switch {
	case !u.Running:
		words = append(words, "not passed on to")
	case u.Breaker == adminapi.UpstreamBreakerClosed:
		words = append(words, "answers")
	default:
		words = append(words, "breaker "+string(u.Breaker))
	}
	for _, s := range u.Stopped {
		words = append(words, fmt.Sprintf("%s not let in (%s)", s.Account, s.Why))
	}
	return strings.Join(words, ", ")
}

// inDoubt adds up what is in doubt, by currency.
func inDoubt(levels []adminapi.QueueLevel) string {
	sums := map[adminapi.Currency]money.Sum{}
	for _, l := range levels {
		if l.Currency != "" {
			sums[l.Currency] = sums[l.Currency].Add(money.Minor(l.Value))
		}
	}
	var texts []string
	for _, currency := range slices.Sorted(maps.Keys(sums)) {
		texts = append(texts, sums[currency].String()+" of "+string(currency))
	}
	return strings.Join(texts, ", ")
}

func levelsOf(upstreams []adminapi.Upstream) (rows [][]any) {
	for _, u := range upstreams {
		for _, l := range u.Queued {
			rows = append(rows, []any{u.Name, l.Account, string(l.State), l.Count, l.Oldest, inDoubt([]adminapi.QueueLevel{l})})
		}
	}
	return rows
}

type safListCmd struct {
	officeFlags
	Upstream  string        `help:"Only what is for this upstream."`
	Account   string        `help:"Only what is of this account."`
	State     string        `enum:",waiting,parked,attention" default:"" help:"Only what is in this state: waiting, parked or attention."`
	OlderThan time.Duration `help:"Only what is queued for at least this long."`
	After     int64         `help:"Only what comes after this number."`
	Limit     atMost        `default:"1000" help:"How many items at most."`
}

// Help gives the example.
func (safListCmd) Help() string {
	return "Example:\n  scrip saf list --state attention\n  scrip saf list --upstream north --account till7 --older-than 1h"
}

// Run lists items.
func (c *safListCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	var items []adminapi.QueueItem
	next := c.After
	for len(items) < int(c.Limit) {
		page, err := c.page(ctx, o, next, min(pageSize, int(c.Limit)-len(items)))
		if err != nil {
			return err
		}
		items = append(items, page.Items...)
		if next = page.Next; next == 0 {
			break
		}
	}
	if next != 0 {
		o.more("--after", next)
	}
	return list(o, itemHead, items, itemRow)
}

func (c *safListCmd) page(ctx context.Context, o *office, after int64, limit int) (page adminapi.QueuePage, err error) {
	a, err := o.ListQueueWithResponse(ctx, &adminapi.ListQueueParams{
		Upstream: adminapi.Name(c.Upstream), Account: adminapi.Name(c.Account), State: adminapi.QueueState(c.State),
		OlderThan: c.OlderThan.String(), After: after, Limit: adminapi.Limit(limit),
	})
	if err != nil {
		return page, err
	}
	return got(a.JSON200, a.JSONDefault, a.Status())
}

const itemHead = "NUMBER\tSINCE\tUPSTREAM\tACCOUNT\tMESSAGE\tSTATE\tATTEMPTS\tTRIED\tIN DOUBT\tWHY\tID"

func itemRow(i adminapi.QueueItem) []any {
	return []any{
		i.Number, i.Since, i.Upstream, i.Account, itemMessage(i), string(i.State), i.Attempts, i.Tried, itemAmount(i), i.Why, i.ID,
	}
}

func itemMessage(i adminapi.QueueItem) string { return string(i.Family) + " " + string(i.Role) }

func itemAmount(i adminapi.QueueItem) string {
	if i.Currency == "" {
		return ""
	}
	return minor(i.Amount, i.Currency)
}

// itemArg names an item.
type itemArg struct {
	Item string `arg:"" help:"The item's number, or the message id of the advice or of the request it is about."`
}

// at opens the office and gives the item's number.
func (i itemArg) at(ctx context.Context, f officeFlags, at console) (*office, adminapi.ItemNumber, error) {
	o, err := f.open(at)
	if err != nil {
		return nil, 0, err
	}
	if number, err := strconv.ParseInt(i.Item, 10, 64); err == nil {
		return o, number, nil
	}
	found, err := o.transactions(ctx, adminapi.FindTransactionsParams{ID: i.Item})
	if err != nil {
		return nil, 0, err
	}
	for _, t := range found {
		if t.Queued.Number != 0 {
			return o, t.Queued.Number, nil
		}
	}
	return nil, 0, errors.New("nothing with this id is queued")
}

func (o *office) showItem(i adminapi.QueueItem, err error) error {
	if err != nil {
		return err
	}
	return o.show(i, func(w io.Writer) { itemText(w, i) })
}

func itemText(w io.Writer, i adminapi.QueueItem) {
	line(w, "number", i.Number)
	line(w, "upstream", i.Upstream)
	line(w, "account", i.Account)
	line(w, "message", itemMessage(i))
	line(w, "id", i.ID)
	line(w, "about request", fmt.Sprintf("%s (#%d)", i.RequestID, i.Request))
	line(w, "state", string(i.State))
	line(w, "queued since", i.Since)
	line(w, "attempts", i.Attempts)
	line(w, "tried", i.Tried)
	line(w, "why", i.Why)
	line(w, "in doubt", itemAmount(i))
}

type safShowCmd struct {
	officeFlags
	itemArg
}

// Help gives the example.
func (safShowCmd) Help() string {
	return "What was delivered or closed is gone from the queue; 'scrip txn show' and 'scrip operator audit' tell of it.\n\n" +
		"Example:\n  scrip saf show 4712\n  scrip saf show 0b1c7c5e-7d10-4f3c-9c6e-1f2a3b4c5d6e"
}

// Run shows an item.
func (c *safShowCmd) Run(ctx context.Context, at console) error {
	o, number, err := c.at(ctx, c.officeFlags, at)
	if err != nil {
		return err
	}
	a, err := o.GetQueueItemWithResponse(ctx, number)
	if err != nil {
		return err
	}
	d, err := got(a.JSON200, a.JSONDefault, a.Status())
	if err != nil {
		return err
	}
	return o.show(d, func(w io.Writer) {
		itemText(w, d.Item)
		if r := d.Request; r.Number != 0 {
			line(w, "its request", fmt.Sprintf("received %s, is %s, approved %s", clock(r.At), txnState(r), minor(r.Approved, r.Currency)))
		}
		if m := d.Advice; m.Number != 0 {
			line(w, "its advice", fmt.Sprintf("received %s, is %s", clock(m.At), txnState(m)))
		}
		for _, act := range d.Acts {
			line(w, act.Act, fmt.Sprintf("%s by %s: %s", clock(act.At), act.Operator, act.Reason))
		}
	})
}

type safRetryCmd struct {
	officeFlags
	itemArg
	why
}

// Help gives the example.
func (safRetryCmd) Help() string {
	return "It keeps its place and its attempts.\n\nExample:\n  scrip saf retry 4712 --reason 'north has unblocked the card'"
}

// Run retries an item.
func (c *safRetryCmd) Run(ctx context.Context, at console) error {
	o, number, err := c.at(ctx, c.officeFlags, at)
	if err != nil {
		return err
	}
	a, err := o.RetryQueueItemWithResponse(ctx, number, adminapi.Why{Reason: adminapi.Reason(c.Reason)})
	if err != nil {
		return err
	}
	return o.showItem(got(a.JSON200, a.JSONDefault, a.Status()))
}

type safParkCmd struct {
	officeFlags
	itemArg
	why
}

// Help gives the example.
func (safParkCmd) Help() string {
	return "It is still tried, at the longest interval, and holds up no other.\n\n" +
		"Example:\n  scrip saf park 4712 --reason 'north breaks down on it'"
}

// Run parks an item.
func (c *safParkCmd) Run(ctx context.Context, at console) error {
	o, number, err := c.at(ctx, c.officeFlags, at)
	if err != nil {
		return err
	}
	a, err := o.ParkQueueItemWithResponse(ctx, number, adminapi.Why{Reason: adminapi.Reason(c.Reason)})
	if err != nil {
		return err
	}
	return o.showItem(got(a.JSON200, a.JSONDefault, a.Status()))
}

type safCloseCmd struct {
	officeFlags
	itemArg
	why
	Ending string `enum:",confirm,reverse" default:"" help:"Of a question, and only of one: how its request ended, confirm or reverse."`
}

// Help gives the example.
func (safCloseCmd) Help() string {
	return "The request stays as it ended, because that is what its sender was told. Where the upstream holds something else, settle\n" +
		"that with the upstream first. The audit trail keeps what was closed. It takes the role admin.\n\n" +
		"Example: an advice that the upstream has booked by hand, and a question that it has answered by letter\n" +
		"  scrip saf close 4712 --reason 'booked by north on 3 March'\n  scrip saf close 4715 --ending reverse --reason 'north never had it'"
}

// Run closes an item and shows what it was.
func (c *safCloseCmd) Run(ctx context.Context, at console) error {
	o, number, err := c.at(ctx, c.officeFlags, at)
	if err != nil {
		return err
	}
	a, err := o.CloseQueueItemWithResponse(ctx, number, adminapi.Closing{Ending: adminapi.ClosingEnding(c.Ending), Reason: adminapi.Reason(c.Reason)})
	if err != nil {
		return err
	}
	return o.showItem(got(a.JSON200, a.JSONDefault, a.Status()))
}

// upstreamName names an upstream.
type upstreamName struct {
	Upstream string `arg:"" help:"The upstream's name, as 'scrip saf status' has it."`
}

func (o *office) showUpstream(u adminapi.Upstream, err error) error {
	if err != nil {
		return err
	}
	return o.show(u, func(w io.Writer) {
		line(w, "upstream", u.Name)
		line(w, "state", upstreamState(u))
		if u.Paused {
			line(w, "paused", fmt.Sprintf("%s by %s", clock(u.PausedAt), u.PausedBy))
		}
	})
}

type safPauseCmd struct {
	officeFlags
	upstreamName
	why
}

// Help gives the example.
func (safPauseCmd) Help() string {
	return "Also after a restart. Nothing is lost: the advices that come for it are queued.\n\n" +
		"Example:\n  scrip saf pause north --reason 'north has asked us to hold off until 6:00'"
}

// Run pauses an upstream.
func (c *safPauseCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	a, err := o.PauseUpstreamWithResponse(ctx, adminapi.UpstreamName(c.Upstream), adminapi.Why{Reason: adminapi.Reason(c.Reason)})
	if err != nil {
		return err
	}
	return o.showUpstream(got(a.JSON200, a.JSONDefault, a.Status()))
}

type safResumeCmd struct {
	officeFlags
	upstreamName
	why
}

// Help gives the example.
func (safResumeCmd) Help() string {
	return "Example: after a pause, or after the upstream has let a password in again\n" +
		"  scrip saf resume north --reason 'north is back'"
}

// Run resumes an upstream.
func (c *safResumeCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	a, err := o.ResumeUpstreamWithResponse(ctx, adminapi.UpstreamName(c.Upstream), adminapi.Why{Reason: adminapi.Reason(c.Reason)})
	if err != nil {
		return err
	}
	return o.showUpstream(got(a.JSON200, a.JSONDefault, a.Status()))
}
