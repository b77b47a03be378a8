package sqlstore

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// stateShift is how much greater states are in their column, where a 1 would take less space than the others.
const stateShift = 1

// ScanItem reads ItemQuery.
func (o *Session) ScanItem(s Row) (i saf.Item, err error) {
	i.Seq, i.Upstream = s.ColumnInt64(0), s.ColumnText(1)
	i.State = saf.State(s.ColumnInt64(2) - stateShift)
	i.World, i.Account = ident.World(s.ColumnInt64(3)), ident.Account(s.ColumnInt64(4))
	i.Family, i.Role = txn.Family(s.ColumnInt64(5)), txn.Role(s.ColumnInt64(6))
	if i.ID, err = o.ScanID(s, 7); err != nil {
		return i, fmt.Errorf("queue item %d: %w", i.Seq, err)
	}
	i.Request = distance(i.Seq, s.ColumnInt64(8))
	if i.RequestID, err = o.ScanID(s, 9); err != nil {
		return i, fmt.Errorf("queue item %d: its request: %w", i.Seq, err)
	}
	i.At = time.UnixMilli(s.ColumnInt64(10)).UTC()
	i.Amount, i.Currency = money.Minor(s.ColumnInt64(11)), money.Currency(s.ColumnInt64(12))
	i.Body = blob(s, 13)
	i.Attempts, i.Why = int(s.ColumnInt64(14)), text(s, 16)
	if !s.ColumnIsNull(15) {
		i.Tried = time.UnixMilli(s.ColumnInt64(15)).UTC()
	}
	return i, nil
}

func (o *Session) loadItem(seq int64, set *store.Set) error {
	if set.HasItem(seq) {
		return nil
	}
	found, err := list(o, lookUpItem, func(s Statement) { s.BindInt64(1, seq) }, o.ScanItem)
	if err != nil {
		return fmt.Errorf("look up queue item %d: %w", seq, err)
	}
	if len(found) == 0 {
		set.LoadedItem(seq, nil)
		return nil
	}
	set.LoadedItem(seq, &found[0])
	return nil
}

// saveItems writes what has changed about the queue.
func (o *Session) saveItems(c *store.Changes) error {
	for _, i := range c.NewItems {
		if err := o.insertItem(i); err != nil {
			return fmt.Errorf("insert queue item %d: %w", i.Seq, err)
		}
	}
	for _, i := range c.Items {
		if err := o.updateItem(i); err != nil {
			return fmt.Errorf("update queue item %d: %w", i.Seq, err)
		}
	}
	for _, seq := range c.Dropped {
		if err := o.dropItem(seq); err != nil {
			return fmt.Errorf("drop queue item %d: %w", seq, err)
		}
	}
	return nil
}

func (o *Session) insertItem(i *saf.Item) error {
	s, err := o.conn.Statement(insertItem)
	if err != nil {
		return err
	}
	s.BindInt64(1, i.Seq)
	s.BindText(2, i.Upstream)
	s.BindInt64(3, int64(i.State)+stateShift)
	s.BindInt64(4, int64(i.World))
	s.BindInt64(5, int64(i.Account))
	s.BindInt64(6, int64(i.Family))
	s.BindInt64(7, int64(i.Role))
	o.bindID(s, 8, i.ID)
	s.BindInt64(9, distance(i.Seq, i.Request))
	o.bindID(s, 10, i.RequestID)
	s.BindInt64(11, i.At.UnixMilli())
	s.BindInt64(12, int64(i.Amount))
	s.BindInt64(13, int64(i.Currency))
	bindBlob(s, 14, i.Body)
	if err := run(s); err != nil || i.Attempts == 0 && i.Tried.IsZero() && i.Why == "" {
		return err
	}
	return o.putTrouble(i)
}

// updateItem writes what may change about an item.
func (o *Session) updateItem(i *saf.Item) error {
	s, err := o.conn.Statement(moveItem)
	if err != nil {
		return err
	}
	s.BindInt64(1, i.Seq)
	s.BindInt64(2, int64(i.State)+stateShift)
	if err := run(s); err != nil {
		return err
	}
	return o.putTrouble(i)
}

func (o *Session) putTrouble(i *saf.Item) error {
	s, err := o.conn.Statement(putTrouble)
	if err != nil {
		return err
	}
	s.BindInt64(1, i.Seq)
	s.BindInt64(2, int64(i.Attempts))
	if i.Tried.IsZero() {
		s.BindNull(3)
	} else {
		s.BindInt64(3, i.Tried.UnixMilli())
	}
	bindText(s, 4, i.Why)
	return run(s)
}

// dropItem deletes an item, if it is still there.
func (o *Session) dropItem(seq int64) error {
	for _, q := range [...]Query{deleteItem, deleteTrouble} {
		s, err := o.conn.Statement(q)
		if err != nil {
			return err
		}
		s.BindInt64(1, seq)
		if err := run(s); err != nil {
			return err
		}
	}
	return nil
}

// Items answers saf.Reports. Each state is read in its own order, at most limit of each.
func (o *Session) Items(upstream string, states []saf.State, after int64, limit int) ([]saf.Item, error) {
	limit = max(limit, 0)
	var found []saf.Item
	for n, state := range states {
		if slices.Contains(states[:n], state) {
			continue
		}
		of, err := first(o, limit, itemsIn(upstream, state), func(s Statement) {
			if upstream != "" {
				s.BindText(1, upstream)
			}
			s.BindInt64(2, after)
			if state != saf.Waiting {
				s.BindInt64(3, int64(state)+stateShift)
			}
		}, o.ScanItem)
		if err != nil {
			return nil, err
		}
		found = append(found, of...)
	}
	slices.SortFunc(found, func(a, b saf.Item) int { return cmp.Compare(a.Seq, b.Seq) })
	return found[:min(len(found), limit)], nil
}

// itemsIn gives the question for the items in a state.
func itemsIn(upstream string, state saf.State) Query {
	switch waiting := state == saf.Waiting; {
	case waiting && upstream == "":
		return reportItemsWaitingAny
	case waiting:
		return reportItemsWaiting
	case upstream == "":
		return reportItemsApartAny
	}
	return reportItemsApart
}

// Levels answers saf.Reports. It reads the whole queue.
func (o *Session) Levels() ([]saf.Level, error) {
	s, err := o.conn.Statement(reportLevels)
	if err != nil {
		return nil, err
	}
	var tally saf.Tally
	err = each(s, func() error {
		tally.Add(&saf.Item{
			Upstream: s.ColumnText(0), Account: ident.Account(s.ColumnInt64(1)), State: saf.State(s.ColumnInt64(2) - stateShift),
			Currency: money.Currency(s.ColumnInt64(3)), Amount: money.Minor(s.ColumnInt64(4)), At: time.UnixMilli(s.ColumnInt64(5)).UTC(),
		})
		return nil
	})
	return tally.Levels(), err
}
