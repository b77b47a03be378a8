package admin_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/invariant"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/storetest"
	"github.com/scripworks/scrip/txn"
)

// queues stand for those that a relay runs.
type queues struct {
	views  []saf.View
	paused map[string]bool // what was said last
	looked []string
}

func (q *queues) Queues() []saf.View              { return q.views }
func (q *queues) Pause(upstream string, yes bool) { q.paused[upstream] = yes }
func (q *queues) Look(upstream string)            { q.looked = append(q.looked, upstream) }
func (q *queues) lookedAt(upstream string) (n int) {
	return strings.Count(strings.Join(q.looked, " "), upstream)
}

var _ admin.Queues = (*queues)(nil)

// switchDesk is the desk of a switch: it passes on to north and to south for the accounts till and kiosk.
func switchDesk(t *testing.T) *desk {
	d := newDesk(t)
	d.queues = &queues{views: []saf.View{{Upstream: "north", Waiting: 2, Breaker: "closed"}, {Upstream: "south", Breaker: "open"}}}
	d.open()
	d.account("till", admin.AccountSettings{})
	d.account("kiosk", admin.AccountSettings{})
	return d
}

// passed is a request that was passed on, and what waits for its upstream.
type passed struct {
	account, upstream string
	role              txn.Role // of what waits; Request for a question
	state             saf.State
}

// passOn keeps the record of a request and queues what ended it, or a question, and gives the item.
func (d *desk) passOn(p passed) saf.Item {
	d.t.Helper()
	account, _ := d.office.Register().AccountByName(ident.Production, p.account)
	var i saf.Item
	must(d.t, store.Queue(d.store).Update(bg, saf.Keys{World: ident.Production}, func(tx saf.Tx) error {
		request := txn.Message{
			Seq: tx.NextSeq(), World: ident.Production, ID: d.newID(), Account: account.Number, Family: txn.Load, Role: txn.Request, State: txn.Working,
			At: d.now, Amount: 500, Requested: 500, Currency: 710, Upstream: p.upstream,
		}
		i = saf.Item{
			Seq: tx.NextSeq(), Upstream: p.upstream, World: ident.Production, Account: account.Number, Family: txn.Load, Role: p.role, ID: request.ID,
			Request: request.Seq, RequestID: request.ID, At: d.now, Amount: 500, Currency: 710, Body: []byte("sealed payload"), State: p.state,
			Attempts: 7, Tried: d.now, Why: "answered 400 CARD_BLOCKED",
		}
		request.Ended = i.Seq
		if p.role != txn.Request {
			i.ID, request.State = d.newID(), p.role.Ending()
			tx.Insert(txn.Message{
				Seq: i.Seq, World: request.World, ID: i.ID, Account: request.Account, Family: txn.Load, Role: p.role, State: txn.Accepted,
				At: d.now, Request: request.Seq, Upstream: p.upstream,
			})
		}
		tx.Insert(request)
		tx.AddItem(i)
		return nil
	}))
	return i
}

// verifies checks that the store agrees with itself, whatever was done to the queue.
func (d *desk) verifies() {
	d.t.Helper()
	report, err := invariant.Check(bg, d.driver)
	must(d.t, err)
	if len(report.Faults) > 0 {
		d.t.Errorf("the store is at fault: %q", report.Faults)
	}
}

// items gives the seqs of what a query finds, page by page.
func (d *desk) items(q admin.QueueQuery) (seqs []int64) {
	d.t.Helper()
	for {
		found, next, err := d.office.QueueItems(bg, d.by(admin.Viewer), q)
		must(d.t, err)
		for _, i := range found {
			if i.Body != nil {
				d.t.Error("an item shows its payload")
			}
			seqs = append(seqs, i.Seq)
		}
		if next == 0 {
			return seqs
		}
		q.After = next
	}
}

func TestItemsAreFound(t *testing.T) {
	d := switchDesk(t)
	a := d.passOn(passed{"till", "north", txn.Confirmation, saf.Waiting}).Seq
	b := d.passOn(passed{"kiosk", "north", txn.Reversal, saf.Attention}).Seq
	d.now = d.now.Add(time.Hour)
	c := d.passOn(passed{"till", "south", txn.Reversal, saf.Parked}).Seq
	for name, q := range map[string]struct {
		admin.QueueQuery
		want []int64
	}{
		"all":              {admin.QueueQuery{}, []int64{a, b, c}},
		"page by page":     {admin.QueueQuery{Limit: 1}, []int64{a, b, c}},
		"of an upstream":   {admin.QueueQuery{Upstream: "north"}, []int64{a, b}},
		"of an account":    {admin.QueueQuery{Account: "till"}, []int64{a, c}},
		"in a state":       {admin.QueueQuery{State: saf.Attention}, []int64{b}},
		"for half an hour": {admin.QueueQuery{OlderThan: time.Hour / 2}, []int64{a, b}},
		"after another":    {admin.QueueQuery{After: a}, []int64{b, c}},
		"of nobody":        {admin.QueueQuery{Upstream: "west"}, nil},
	} {
		if got := d.items(q.QueueQuery); fmt.Sprint(got) != fmt.Sprint(q.want) {
			t.Errorf("%s: %v, want %v", name, got, q.want)
		}
	}
	_, _, err := d.office.QueueItems(bg, d.by(admin.Viewer), admin.QueueQuery{Account: "nobody"})
	refused(t, err, admin.NotFound, "")
}

func TestAnItemIsShownWithItsMessagesAndActs(t *testing.T) {
	d := switchDesk(t)
	i := d.passOn(passed{"till", "north", txn.Confirmation, saf.Attention})
	_, err := d.office.RetryItem(bg, d.by(admin.Attendant), i.Seq)
	must(t, err)
	got, err := d.office.QueueItem(bg, d.by(admin.Viewer), i.Seq)
	must(t, err)
	if got.AccountName != "till" || got.Body != nil || got.Attempts != 7 || got.Why != i.Why || got.State != saf.Waiting {
		t.Errorf("item %+v", got.QueueItem)
	}
	if got.Request == nil || got.Request.Seq != i.Request || got.Advice == nil || got.Advice.Seq != i.Seq || got.Request.AccountName != "till" {
		t.Errorf("request %+v, advice %+v", got.Request, got.Advice)
	}
	if len(got.Acts) != 1 || got.Acts[0].Act != admin.RetryItem || got.Acts[0].Operator != "ann" {
		t.Errorf("acts %+v", got.Acts)
	}
	question := d.passOn(passed{"till", "north", txn.Request, saf.Waiting})
	got, err = d.office.QueueItem(bg, d.by(admin.Viewer), question.Seq)
	must(t, err)
	if got.Advice != nil || got.Request == nil || got.Request.State != txn.Working {
		t.Errorf("question with request %+v, advice %+v", got.Request, got.Advice)
	}
}

// Each act in each state: only some are possible, and each is recorded as it is done.
func TestItemsAreRetriedAndParked(t *testing.T) {
	acts := map[admin.Act]func(*admin.Office, admin.By, int64) (admin.QueueItem, error){
		admin.RetryItem: func(o *admin.Office, by admin.By, seq int64) (admin.QueueItem, error) {
			return o.RetryItem(bg, by, seq)
		},
		admin.ParkItem: func(o *admin.Office, by admin.By, seq int64) (admin.QueueItem, error) { return o.ParkItem(bg, by, seq) },
	}
	for _, c := range []struct {
		act      admin.Act
		from, to saf.State // to is 0 when it is refused
	}{
		{admin.RetryItem, saf.Waiting, 0}, {admin.RetryItem, saf.Parked, saf.Waiting}, {admin.RetryItem, saf.Attention, saf.Waiting},
		{admin.ParkItem, saf.Waiting, saf.Parked}, {admin.ParkItem, saf.Parked, 0}, {admin.ParkItem, saf.Attention, 0},
	} {
		d := switchDesk(t)
		i := d.passOn(passed{"till", "north", txn.Reversal, c.from})
		before := len(d.trail())
		got, err := acts[c.act](d.office, d.by(admin.Attendant), i.Seq)
		if c.to == 0 {
			refused(t, err, admin.Conflict, "")
			if len(d.trail()) != before {
				t.Errorf("%s of what is %s was recorded", c.act, c.from)
			}
			continue
		}
		must(t, err)
		kept, err := d.office.QueueItem(bg, d.by(admin.Viewer), i.Seq)
		must(t, err)
		if got.State != c.to || kept.State != c.to || kept.Attempts != i.Attempts || kept.Why != i.Why || d.queues.lookedAt("north") != 1 {
			t.Errorf("%s of what is %s: %+v, kept as %+v, looked at %v", c.act, c.from, got, kept.QueueItem, d.queues.looked)
		}
		last := d.trail()[before]
		if last.Act != c.act || last.Subject != fmt.Sprintf("queue/%d", i.Seq) || last.Before["state"] != c.from.String() || last.After["state"] != c.to.String() || last.Reason != "because" {
			t.Errorf("recorded as %+v", last)
		}
	}
}

// What was closed is gone and can be read up; the record of the request says what its sender was told.
func TestAClosedItemIsGoneAndItsRequestStaysAsItEnded(t *testing.T) {
	for _, state := range []saf.State{saf.Waiting, saf.Parked, saf.Attention} {
		d := switchDesk(t)
		i := d.passOn(passed{"till", "north", txn.Confirmation, state})
		_, err := d.office.CloseItem(bg, d.by(admin.Admin), i.Seq, txn.Reversal)
		refused(t, err, admin.Invalid, "ending")
		closed, err := d.office.CloseItem(bg, d.by(admin.Admin), i.Seq, 0)
		must(t, err)
		if closed.Seq != i.Seq || closed.Body != nil || len(d.items(admin.QueueQuery{})) != 0 || d.queues.lookedAt("north") == 0 {
			t.Errorf("closed %+v, %v is left", closed, d.items(admin.QueueQuery{}))
		}
		request, err := d.office.Transaction(bg, d.by(admin.Viewer), i.Request)
		must(t, err)
		if request.State != txn.Confirmed || request.Ended != i.Seq || request.Queued != nil {
			t.Errorf("the request is %s, ended by %d, queued %v", request.State, request.Ended, request.Queued)
		}
		trail := d.trail()
		last := trail[len(trail)-1]
		want := fmt.Sprint(admin.Facts{
			"upstream": "north", "message": "load confirmation", "id": string(i.ID), "request": string(i.RequestID), "queued": "2026-11-21T12:00:00Z",
			"state": state.String(), "attempts": "7", "why": i.Why, "amount": "500 of 710",
		})
		if last.Act != admin.CloseItem || fmt.Sprint(last.Before) != want || last.Operator != "ann" || last.Reason != "because" {
			t.Errorf("recorded as %+v, want %s", last, want)
		}
		_, err = d.office.CloseItem(bg, d.by(admin.Admin), i.Seq, 0)
		refused(t, err, admin.NotFound, "")
		d.verifies()
	}
}

// Nobody else would end the request of a question that is not asked any more.
func TestWhoClosesAQuestionSaysHowItsRequestEnded(t *testing.T) {
	for ending, want := range map[txn.Role]txn.State{txn.Confirmation: txn.Confirmed, txn.Reversal: txn.Reversed} {
		d := switchDesk(t)
		i := d.passOn(passed{"till", "north", txn.Request, saf.Waiting})
		_, err := d.office.CloseItem(bg, d.by(admin.Admin), i.Seq, 0)
		refused(t, err, admin.Invalid, "ending")
		_, err = d.office.CloseItem(bg, d.by(admin.Admin), i.Seq, ending)
		must(t, err)
		request, err := d.office.Transaction(bg, d.by(admin.Viewer), i.Request)
		must(t, err)
		if request.State != want || request.EndedBy == nil || request.EndedBy.Account != 0 || request.EndedBy.Upstream != "north" || request.EndedBy.Role != ending {
			t.Errorf("the request is %s, ended by %+v", request.State, request.EndedBy)
		}
		trail := d.trail()
		if last := trail[len(trail)-1]; last.Number != request.Ended || last.After["request is"] != want.String() {
			t.Errorf("recorded as %+v", last)
		}
		d.verifies()
	}
}

// A question whose request has ended meanwhile ends nothing twice.
func TestAStaleQuestionIsOnlyClosed(t *testing.T) {
	d := switchDesk(t)
	i := d.passOn(passed{"till", "north", txn.Request, saf.Waiting})
	must(t, store.Queue(d.store).Update(bg, saf.Keys{World: ident.Production}, func(tx saf.Tx) error {
		m, _ := tx.MessageAt(i.Request)
		m.State, m.Ended, m.Reason = txn.Declined, 0, decline.GeneralError
		tx.Amend(m)
		return nil
	}))
	_, err := d.office.CloseItem(bg, d.by(admin.Admin), i.Seq, txn.Confirmation)
	must(t, err)
	if request, err := d.office.Transaction(bg, d.by(admin.Viewer), i.Request); err != nil || request.State != txn.Declined || request.Ended != 0 {
		t.Errorf("the request is %+v, %v", request, err)
	}
	d.verifies()
}

func TestItemsOfAnotherWorldAreNotThere(t *testing.T) {
	d := switchDesk(t)
	i := d.passOn(passed{"till", "north", txn.Reversal, saf.Attention})
	by := d.by(admin.Admin)
	by.World++
	found, _, err := d.office.QueueItems(bg, by, admin.QueueQuery{})
	must(t, err)
	upstreams, err := d.office.Upstreams(bg, by)
	must(t, err)
	if len(found) != 0 || len(upstreams) != 0 {
		t.Errorf("another world sees %v and %v", found, upstreams)
	}
	_, err = d.office.QueueItem(bg, by, i.Seq)
	refused(t, err, admin.NotFound, "")
	_, err = d.office.RetryItem(bg, by, i.Seq)
	refused(t, err, admin.NotFound, "")
	_, err = d.office.CloseItem(bg, by, i.Seq, 0)
	refused(t, err, admin.NotFound, "")
	d.notSteered(d.office.PauseUpstream, by, "north", admin.NotFound)
}

// Where nothing is passed on any more, what is left in the queue can still be looked at and dealt with.
func TestTheQueueOfAProcessThatPassesNothingOn(t *testing.T) {
	d := switchDesk(t)
	i := d.passOn(passed{"till", "north", txn.Reversal, saf.Attention})
	d.queues = nil
	d.open()
	if got := d.items(admin.QueueQuery{}); len(got) != 1 {
		t.Errorf("items %v", got)
	}
	upstreams, err := d.office.Upstreams(bg, d.by(admin.Viewer))
	must(t, err)
	if len(upstreams) != 1 || upstreams[0].View != nil || len(upstreams[0].Levels) != 1 {
		t.Errorf("upstreams %+v", upstreams)
	}
	d.notSteered(d.office.PauseUpstream, d.by(admin.Attendant), "north", admin.NotFound)
	_, err = d.office.RetryItem(bg, d.by(admin.Attendant), i.Seq)
	must(t, err)
	_, err = d.office.CloseItem(bg, d.by(admin.Admin), i.Seq, 0)
	must(t, err)
}

func TestWhatWasPassedOnIsShownWithWhatWaits(t *testing.T) {
	d := switchDesk(t)
	i := d.passOn(passed{"till", "north", txn.Reversal, saf.Parked})
	question := d.passOn(passed{"till", "north", txn.Request, saf.Parked})
	for _, seq := range []int64{i.Request, i.Seq, question.Request} {
		got, err := d.office.Transaction(bg, d.by(admin.Viewer), seq)
		must(t, err)
		if got.Upstream != "north" || got.Queued == nil || got.Queued.State != saf.Parked || got.Queued.Body != nil || (got.EndedBy != nil) != (seq == i.Request) {
			t.Errorf("%d: %+v, queued %+v", seq, got.Message, got.Queued)
		}
	}
}

// A settlement here would leave the upstream with the other half.
func TestWhatWasPassedOnIsNotSettledHere(t *testing.T) {
	d := switchDesk(t)
	i := d.passOn(passed{"till", "north", txn.Request, saf.Waiting})
	_, err := d.office.Settle(bg, d.by(admin.Attendant), i.Request, txn.Confirmation)
	refused(t, err, admin.Conflict, "")
	if !strings.Contains(fmt.Sprint(err), "north") || !strings.Contains(fmt.Sprint(err), "scrip saf") {
		t.Errorf("refused with %v", err)
	}
}

// While it is unknown whether an act was done, the queue looks all the same.
func TestAnActInDoubtIsLookedAt(t *testing.T) {
	d := switchDesk(t)
	i := d.passOn(passed{"till", "north", txn.Reversal, saf.Attention})
	disk := d.doubt()
	disk.Doubt = 1
	if _, err := d.office.RetryItem(bg, d.by(admin.Attendant), i.Seq); !errors.Is(err, storetest.ErrDoubt) {
		t.Fatalf("retried with %v", err)
	}
	if d.queues.lookedAt("north") != 1 {
		t.Errorf("looked at %v", d.queues.looked)
	}
}
