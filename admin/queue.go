package admin

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// QueueItem is an item of the queue as operators see it: its Body is always empty.
type QueueItem struct {
	saf.Item
	AccountName string
}

// QueueItemDetail is an item with what it is about and what operators did to it.
type QueueItemDetail struct {
	QueueItem
	Request *Transaction // nil when there is no record of it
	Advice  *Transaction // nil of a question
	Acts    []Audit      // oldest first, at most MaxLimit
}

func (o *Office) queueItem(i saf.Item) QueueItem {
	i.Body = nil
	return QueueItem{Item: i, AccountName: o.accountName(i.Account)}
}

// accountName gives the name of an account; empty when there is none.
func (o *Office) accountName(number ident.Account) string {
	if a, found := o.register.Account(number); found {
		return a.Name
	}
	return ""
}

// QueueQuery says which items of the queue are wanted. What is empty does not matter.
type QueueQuery struct {
	Upstream  string
	Account   string // name
	State     saf.State
	OlderThan time.Duration // queued at least this long ago
	After     int64
	Limit     int
}

// states gives those that are wanted.
func (q QueueQuery) states() []saf.State {
	if q.State != 0 {
		return []saf.State{q.State}
	}
	return []saf.State{saf.Waiting, saf.Parked, saf.Attention}
}

// QueueItems gives items of the queue in their order. next is 0 when there are no more.
func (o *Office) QueueItems(ctx context.Context, by By, q QueueQuery) (found []QueueItem, next int64, err error) {
	if err := by.may(SeeQueue); err != nil {
		return nil, 0, err
	}
	var account ident.Account
	if q.Account != "" {
		a, err := o.findAccount(by.World, q.Account)
		if err != nil {
			return nil, 0, err
		}
		account = a.Number
	}
	latest := by.At.Add(-q.OlderThan)
	fetch := func(after int64, limit int) ([]saf.Item, error) {
		return o.reports.Items(ctx, q.Upstream, q.states(), after, limit)
	}
	return page(q.After, q.Limit, fetch, func(i saf.Item) (QueueItem, int64, bool, error) {
		fits := i.World == by.World && !i.At.After(latest) && (account == 0 || i.Account == account)
		return o.queueItem(i), i.Seq, fits, nil
	})
}

// QueueItem shows the item with a seq.
func (o *Office) QueueItem(ctx context.Context, by By, seq int64) (QueueItemDetail, error) {
	if err := by.may(SeeQueue); err != nil {
		return QueueItemDetail{}, err
	}
	var item saf.Item
	var request, advice txn.Message
	var requested, advised bool
	err := o.store.View(ctx, giftcard.Keys{World: by.World}, func(tx Tx) error {
		found := false
		if item, found = tx.Item(seq); !found {
			return unknownItem()
		}
		request, requested = tx.MessageAt(item.Request)
		if advised = item.Role != txn.Request; advised {
			advice, advised = tx.MessageAt(item.Seq)
		}
		return nil
	})
	if err != nil {
		return QueueItemDetail{}, err
	}
	detail := QueueItemDetail{QueueItem: o.queueItem(item)}
	if detail.Request, err = o.named(ctx, request, requested); err != nil {
		return detail, err
	}
	if detail.Advice, err = o.named(ctx, advice, advised); err != nil {
		return detail, err
	}
	detail.Acts, err = o.actsUpon(ctx, by.World, itemSubject(item), item.Seq)
	return detail, err
}

// named gives a message with the names of what it is about; nil when there is none.
func (o *Office) named(ctx context.Context, m txn.Message, found bool) (*Transaction, error) {
	if !found {
		return nil, nil
	}
	t, err := o.oneTransaction(ctx, m)
	return &t, err
}

// actsUpon gives what was done to something since a place in the order of messages.
func (o *Office) actsUpon(ctx context.Context, w ident.World, subject string, since int64) ([]Audit, error) {
	acts, _, err := o.audits(ctx, since, MaxLimit, func(a Audit, in ident.World) bool { return in == w && a.Subject == subject })
	return acts, err
}

func itemSubject(i saf.Item) string { return "queue/" + strconv.FormatInt(i.Seq, 10) }

func unknownItem() *Refusal {
	return refuse(NotFound, "there is no such item in the queue; one that was delivered or closed is not kept")
}

// RetryItem puts an item that was parked or needs attention back in line, with its place and its attempts as they are.
func (o *Office) RetryItem(ctx context.Context, by By, seq int64) (QueueItem, error) {
	return o.moveItem(ctx, by, RetryItem, seq, saf.Waiting, saf.Parked, saf.Attention)
}

// ParkItem takes a waiting item out of line: it is tried at the longest interval and holds nobody up.
func (o *Office) ParkItem(ctx context.Context, by By, seq int64) (QueueItem, error) {
	return o.moveItem(ctx, by, ParkItem, seq, saf.Parked, saf.Waiting)
}

func (o *Office) moveItem(ctx context.Context, by By, act Act, seq int64, to saf.State, from ...saf.State) (QueueItem, error) {
	return o.actUpon(ctx, by, act, seq, func(tx Tx, i *saf.Item) error {
		before := i.State
		if !slices.Contains(from, before) {
			return refuse(Conflict, "this cannot be done to an item that is %s", before)
		}
		i.State = to
		tx.PutItem(*i)
		audit := by.entry(act, itemSubject(*i)).from(Facts{"state": before.String()}, Facts{"state": to.String()})
		return o.record(tx, by.World, tx.NextSeq(), audit)
	})
}

// CloseItem removes an item for good: nobody sends it any more. Its advice and the request stay in the record as they
// ended, because that is what the sender was told; what the upstream holds may differ, and has to be settled with it by
// other means. A question is about a request that has not ended, so whoever closes it says how it does, by a
// confirmation or a reversal; of an advice ending is 0. An item that was being sent at this moment may have arrived.
func (o *Office) CloseItem(ctx context.Context, by By, seq int64, ending txn.Role) (QueueItem, error) {
	return o.actUpon(ctx, by, CloseItem, seq, func(tx Tx, i *saf.Item) error {
		question := i.Role == txn.Request
		switch {
		case question && ending != txn.Confirmation && ending != txn.Reversal:
			return invalid("ending", "must be a confirmation or a reversal: nobody else will say how the request of this question ended")
		case !question && ending != 0:
			return invalid("ending", "must not be given: the request of this %s has ended", i.Role)
		}
		tx.DropItem(i.Seq)
		number := tx.NextSeq()
		if question {
			o.endQuestioned(tx, by, *i, ending, number)
		}
		return o.record(tx, by.World, number, by.entry(CloseItem, itemSubject(*i)).from(itemFacts(*i), endingFacts(ending)))
	})
}

// endQuestioned ends the request of a question by an operator's message, unless it has ended already.
func (o *Office) endQuestioned(tx Tx, by By, i saf.Item, ending txn.Role, seq int64) {
	request, found := tx.MessageAt(i.Request)
	if !found || !unsettled(request.State) {
		return
	}
	request.State, request.Ended = ending.Ending(), seq
	if ending == txn.Confirmation {
		request.Final = request.Amount
	}
	tx.Amend(request)
	tx.Insert(txn.Message{
		Seq: seq, World: by.World, ID: o.newID(), Family: request.Family, Role: ending, State: txn.Accepted, At: by.At, Request: request.Seq,
		Amount: request.Final, Currency: request.Currency, Upstream: request.Upstream,
	})
}

// itemFacts say what was closed, since nothing else will tell of it.
func itemFacts(i saf.Item) Facts {
	f := Facts{
		"upstream": i.Upstream, "message": i.Family.String() + " " + i.Role.String(), "id": string(i.ID), "request": string(i.RequestID),
		"queued": instant(i.At), "state": i.State.String(), "attempts": strconv.Itoa(i.Attempts), "why": i.Why,
	}
	if i.Currency != 0 {
		f["amount"] = fmt.Sprintf("%d of %s", int64(i.Amount), i.Currency)
	}
	return f
}

func endingFacts(ending txn.Role) Facts {
	if ending == 0 {
		return nil
	}
	return Facts{"request is": ending.Ending().String()}
}

// actUpon carries out an act upon an item, and has its upstream's queue look at what changed.
func (o *Office) actUpon(ctx context.Context, by By, act Act, seq int64, do func(tx Tx, i *saf.Item) error) (QueueItem, error) {
	if err := by.mayWithReason(act); err != nil {
		return QueueItem{}, err
	}
	var item saf.Item
	err := o.store.Update(ctx, giftcard.Keys{World: by.World}, func(tx Tx) error {
		found := false
		if item, found = tx.Item(seq); !found {
			return unknownItem()
		}
		return do(tx, &item)
	})
	if o.queues != nil && item.Upstream != "" {
		o.queues.Look(item.Upstream) // also when it is unknown whether it was done
	}
	if err != nil {
		return QueueItem{}, err
	}
	return o.queueItem(item), nil
}

// queued gives the item by which a message that was passed on waits for its upstream: of a request the advice that ended it,
// or the question that is asked about it. nil when nothing does.
func (o *Office) queued(tx Tx, m txn.Message) *QueueItem {
	seq := waitsAs(m)
	if seq == 0 {
		return nil
	}
	item, found := tx.Item(seq)
	if !found {
		return nil
	}
	queued := o.queueItem(item)
	return &queued
}

// waitsAs gives the item that a message may have in the queue; 0 when it has none.
func waitsAs(m txn.Message) int64 {
	switch {
	case m.Upstream == "":
		return 0
	case m.Role == txn.Request:
		return m.Ended
	}
	return m.Seq
}
