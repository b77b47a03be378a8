package invariant

import (
	"context"
	"fmt"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// passages are the requests that were passed on and whose ending, or question, has not been read yet, by its seq.
type passages struct {
	passed map[int64]txn.Message
	asked  map[int64]txn.Message
}

func newPassages() passages {
	return passages{passed: map[int64]txn.Message{}, asked: map[int64]txn.Message{}}
}

// passedOn takes in a message that was passed on to an upstream, or ended one that was, with its item of the queue:
// nothing of it moves here.
func (c *checker) passedOn(m txn.Message, made []ledger.Entry, item *saf.Item) {
	nothing := len(made) == 0 && len(m.Links) == 0 && m.Card == 0 && m.Target == 0 && m.Voucher == 0 && !m.Prepaid
	c.expect(nothing, m, "was passed on to %q, yet moved something here", m.Upstream)
	if m.Role != txn.Request {
		c.passedAdvice(m, item)
		return
	}
	c.expect(item == nil, m, "a request stands in the queue itself")
	c.passage(m)
}

// passage takes in a request that was passed on, and waits for its ending or its question if it has one.
func (c *checker) passage(m txn.Message) {
	m.Body, m.References = nil, nil // so that what waits is small
	switch m.State {
	case txn.Declined, txn.Withdrawn:
		c.expect(m.Ended == 0 && m.Reason != "", m, "a %s request has a reason, and no ending", m.State)
	case txn.Answered:
		c.expect(m.Ended == 0 && m.Family == txn.LookUp, m, "only look-ups are answered, and they do not end")
	case txn.Open:
		c.Open++
		c.expect(m.Ended == 0, m, "is open, yet was ended by %d", m.Ended)
	case txn.Working:
		if c.Working++; m.Ended != 0 {
			c.expectLater(c.asked, m, "asks what became of it")
		}
	case txn.Confirmed, txn.Reversed:
		c.expectLater(c.passed, m, "did it")
	default:
		c.expect(false, m, "a request that was passed on cannot be %s", m.State)
	}
}

// expectLater waits for what a request says has ended it, or asks about it.
func (c *checker) expectLater(waits map[int64]txn.Message, m txn.Message, what string) {
	c.expect(m.Ended > m.Seq, m, "is %s, yet names nothing later that %s", m.State, what)
	other, taken := waits[m.Ended]
	c.expect(!taken, m, "names %d, as request %d does", m.Ended, other.Seq)
	waits[m.Ended] = m
}

// passedAdvice takes in an advice for a request that was passed on. It stands in the queue only if it ended its request.
func (c *checker) passedAdvice(m txn.Message, item *saf.Item) {
	request, ending := c.passed[m.Seq]
	delete(c.passed, m.Seq)
	if !ending {
		c.expect(m.State == txn.Accepted || m.State == txn.Declined, m, "an advice cannot be %s", m.State)
		c.expect(item == nil, m, "ended nothing, yet is in the queue")
		return
	}
	c.expect(m.State == txn.Accepted && m.Request == request.Seq, m, "ended request %d, yet is %s for request %d", request.Seq, m.State, m.Request)
	c.expect(m.Role.Ending() == request.State, m, "ended request %d, which is %s", request.Seq, request.State)
	answeredHere := m.Upstream == "" && m.Role == txn.Confirmation && item == nil // the upstream has no confirmations
	c.expect((m.Upstream == request.Upstream || answeredHere) && m.World == request.World && m.Family == request.Family, m,
		"of world %d and for %q, ended request %d, a %s of world %d that was passed on to %q",
		m.World, m.Upstream, request.Seq, request.Family, request.World, request.Upstream)
	if item == nil {
		return // delivered, or not to be
	}
	c.agrees(item, request, "account", item.Account == m.Account)
	c.agrees(item, request, "role", item.Role == m.Role)
	c.agrees(item, request, "id", item.ID == m.ID)
	c.agrees(item, request, "body", len(item.Body) > 0)
	c.queued(item, request)
}

// question takes in an item that stands where no message does.
func (c *checker) question(item *saf.Item) {
	request, asked := c.asked[item.Seq]
	delete(c.asked, item.Seq)
	switch {
	case item.Role != txn.Request:
		c.fault("queue item %d: its %s %s is missing", item.Seq, item.Role, item.ID)
	case !asked:
		c.fault("queue item %d: it asks about request %d, which does not wait for that", item.Seq, item.Request)
	default:
		c.agrees(item, request, "account", item.Account == request.Account)
		c.agrees(item, request, "id", item.ID == request.ID)
		c.agrees(item, request, "body", len(item.Body) == 0)
		c.queued(item, request)
	}
}

// queued compares an item with the request that it is about.
func (c *checker) queued(item *saf.Item, request txn.Message) {
	c.agrees(item, request, "request", item.Request == request.Seq && item.RequestID == request.ID)
	c.agrees(item, request, "world", item.World == request.World)
	c.agrees(item, request, "upstream", item.Upstream == request.Upstream)
	c.agrees(item, request, "family", item.Family == request.Family)
}

func (c *checker) agrees(item *saf.Item, request txn.Message, what string, holds bool) {
	if !holds {
		c.fault("queue item %d: its %s is not what request %d and its ending say", item.Seq, what, request.Seq)
	}
}

// unfinished names what requests wait for and nothing was.
func (p *passages) unfinished(fault func(format string, args ...any)) {
	for seq, m := range p.passed {
		fault("message %d: it is %s, the message %d that did it is missing", m.Seq, m.State, seq)
	}
	for seq, m := range p.asked {
		fault("message %d: the question %d for what became of it is not in the queue", m.Seq, seq)
	}
}

// itemReader hands out the items of the queue message by message.
type itemReader struct {
	store admin.Reports
	page  []saf.Item
	after int64
	end   bool
}

func (r *itemReader) fill(ctx context.Context) (err error) {
	if len(r.page) > 0 || r.end {
		return nil
	}
	every := []saf.State{saf.Waiting, saf.Parked, saf.Attention}
	if r.page, err = r.store.Items(ctx, "", every, r.after, pageSize); err != nil {
		return fmt.Errorf("read the queue above %d: %w", r.after, err)
	}
	if r.end = len(r.page) == 0; !r.end {
		r.after = r.page[len(r.page)-1].Seq
	}
	return nil
}

// of gives the item of a message, nil when it has none, and takes in those before it that are of no message.
func (r *itemReader) of(ctx context.Context, message int64, c *checker) (*saf.Item, error) {
	for {
		if err := r.fill(ctx); err != nil {
			return nil, err
		}
		if r.end || r.page[0].Seq > message {
			return nil, nil
		}
		item := &r.page[0]
		r.page = r.page[1:]
		if c.Queued++; item.Seq == message {
			return item, nil
		}
		c.question(item)
	}
}
