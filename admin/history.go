package admin

import (
	"context"
	"fmt"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/txn"
)

// HistoryItem is one message that touched a card, with the card's balance after it.
type HistoryItem struct {
	*Transaction
	After    ledger.Balance
	Operator string // who did it, when it was an operator's act
	Why      string
}

// History is a part of what happened to a card, newest first.
type History struct {
	Card  CardView
	Items []HistoryItem
	Next  Cursor // where to go on; zero at the end
	// Pruned says that there are older messages, which are not kept any more; Brought is the balance that they left.
	Pruned  bool
	Brought ledger.Balance
}

// Cursor is a place in a card's history: the next message to show, and the card's balance after it. It stays
// true whatever happens to the card later.
type Cursor struct {
	Message int64
	After   ledger.Balance
}

// String writes the cursor for ParseCursor; empty for the zero cursor.
func (c Cursor) String() string {
	if c == (Cursor{}) {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", c.Message, int64(c.After.Book), int64(c.After.Available))
}

// ParseCursor reads what String wrote.
func ParseCursor(s string) (c Cursor, err error) {
	if s == "" {
		return Cursor{}, nil
	}
	if _, err := fmt.Sscanf(s, "%d.%d.%d", &c.Message, &c.After.Book, &c.After.Available); err != nil || c.String() != s {
		return Cursor{}, invalid("before", "must be the next of an earlier answer")
	}
	return c, nil
}

// CardHistory walks through the messages that touched a card, from its newest one or from where an earlier call
// ended, and reckons its balances backwards.
func (o *Office) CardHistory(ctx context.Context, by By, id int64, from Cursor, limit int) (History, error) {
	if err := by.may(SeeCards); err != nil {
		return History{}, err
	}
	view, err := o.cardView(ctx, by.World, id)
	if err != nil {
		return History{}, err
	}
	if from == (Cursor{}) {
		from = Cursor{view.LastMessage, view.Balance}
	}
	chain, next, pruned, err := o.chain(ctx, by.World, Chain{Of: id, From: from.Message, Most: bounded(limit)})
	if err != nil {
		return History{}, err
	}
	h := History{Card: view}
	if h.Items, err = o.historyItems(ctx, chain); err != nil {
		return History{}, err
	}
	entries, err := o.entriesOf(ctx, chain)
	if err != nil {
		return History{}, err
	}
	after := from.After
	for n := range h.Items {
		h.Items[n].After = after
		if after, err = balanceBefore(after, view.Account(), entries[h.Items[n].Seq]); err != nil {
			return History{}, err
		}
	}
	if next != 0 {
		h.Next = Cursor{next, after}
	}
	if h.Pruned = pruned; pruned {
		h.Brought = after
	}
	return h, nil
}

// chain follows a card's messages backwards by their links, and gives them with the names of what they are about, all as of one
// instant. next is the message after the last one given; 0 at the end, which may be one that was pruned.
func (o *Office) chain(ctx context.Context, w ident.World, c Chain) (found []Transaction, next int64, pruned bool, err error) {
	missing := false
	err = o.store.View(ctx, giftcard.Keys{World: w}, func(tx Tx) (err error) {
		var messages []txn.Message
		if messages, next, err = follow(tx, c); err != nil {
			return err
		}
		if pruned, missing = false, false; next != 0 && len(messages) < c.Most {
			end, there := tx.MessageAt(next)
			pruned, missing = end.Pruned, !there
		}
		found, err = o.withNames(tx, messages)
		return err
	})
	if err == nil && missing {
		pruned, err = true, o.mustBeForgotten(ctx, next)
	}
	if err != nil {
		return nil, 0, false, err
	}
	if pruned {
		next = 0
	}
	return found, next, pruned, nil
}

// follow gives the messages of a chain as far as they are kept, and what comes next.
func follow(tx Tx, c Chain) (found []txn.Message, next int64, err error) {
	found = make([]txn.Message, 0, min(c.Most, DefaultLimit))
	for next = c.From; next != 0 && len(found) < c.Most; {
		tx.Ahead(Ahead{Chains: []Chain{{Of: c.Of, From: next, Most: c.Most - len(found)}}})
		m, there := tx.MessageAt(next)
		if m.Pruned || !there {
			return found, next, nil
		}
		if next, there = previous(m, c.Of); !there {
			return nil, 0, errNoPlace
		}
		found = append(found, m)
	}
	return found, next, nil
}

var errNoPlace = refuse(NotFound, "there is no such place in the card's history")

// mustBeForgotten refuses a place at which there is nothing, unless what was there was pruned and is forgotten.
func (o *Office) mustBeForgotten(ctx context.Context, place int64) error {
	forgotten, err := o.reports.Forgotten(ctx)
	if err == nil && place > forgotten {
		err = errNoPlace
	}
	return err
}

func previous(m txn.Message, card int64) (int64, bool) {
	for _, l := range m.Links {
		if l.Card == card {
			return l.Previous, true
		}
	}
	return 0, false
}

// historyItems adds to the messages of a chain what is shown of each of them, but for the balances.
func (o *Office) historyItems(ctx context.Context, chain []Transaction) (items []HistoryItem, err error) {
	items = make([]HistoryItem, len(chain))
	for n := 0; n < len(chain) && err == nil; n++ {
		if items[n].Transaction = &chain[n]; chain[n].Account == 0 {
			err = o.nameOperator(ctx, &items[n])
		}
	}
	return items, err
}

// nameOperator looks up whose act it was.
func (o *Office) nameOperator(ctx context.Context, item *HistoryItem) error {
	a, found, err := o.auditAt(ctx, item.Seq)
	if found {
		item.Operator, item.Why = a.Operator, a.Reason
	}
	return err
}

// entriesOf gives the entries that messages made, by message.
func (o *Office) entriesOf(ctx context.Context, messages []Transaction) (map[int64][]ledger.Entry, error) {
	seqs := make([]int64, len(messages))
	for n := range messages {
		seqs[n] = messages[n].Seq
	}
	entries, err := o.reports.EntriesOf(ctx, seqs)
	by := make(map[int64][]ledger.Entry, len(messages))
	for _, e := range entries {
		by[e.Message] = append(by[e.Message], e)
	}
	return by, err
}
