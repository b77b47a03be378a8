package store

import (
	"fmt"
	"slices"

	"github.com/scripworks/scrip/saf"
)

var _ saf.Tx = (*Tx)(nil)

// Queue gives the store in the words of store-and-forward.
func Queue(s *Store) saf.Store {
	return face[saf.Keys, saf.Tx]{s, queueKeys, func(t *Tx) saf.Tx { return t }}
}

func queueKeys(k saf.Keys) Keys {
	return Keys{World: k.World, IDs: k.IDs, Seqs: k.Seqs, Items: k.Items}
}

// LoadedItem brings an item of the queue; a nil item says that there is none with this seq.
func (s *Set) LoadedItem(seq int64, i *saf.Item) {
	if i != nil {
		s.saw(seq)
	}
	if _, known := s.items[seq]; !known {
		s.items[seq] = i
	}
}

// HasItem says whether an item has been looked for.
func (s *Set) HasItem(seq int64) bool {
	_, known := s.items[seq]
	return known
}

// Item implements saf.Tx.
func (t *Tx) Item(seq int64) (saf.Item, bool) {
	if !t.set.HasItem(seq) {
		t.wanted.Items = append(t.wanted.Items, seq)
		t.load()
	}
	i := t.set.items[seq]
	if i == nil || i.World != t.world {
		return saf.Item{}, false
	}
	return *i, true
}

// AddItem implements saf.Tx. A seq is not used twice: an item that was dropped in this batch cannot be added in it, where
// drops come last.
func (t *Tx) AddItem(i saf.Item) {
	t.mustWrite()
	if kept, known := t.set.items[i.Seq]; known && kept == nil && slices.Contains(t.set.changes.Dropped, i.Seq) {
		panic(failure{fmt.Errorf("store: queue item %d was dropped just before", i.Seq)})
	}
	t.keepItem(&i, &t.set.changes.NewItems)
}

// PutItem implements saf.Tx.
func (t *Tx) PutItem(i saf.Item) {
	t.mustWrite()
	kept, found := t.Item(i.Seq)
	if !found {
		panic(failure{missing("queue item", i.Seq)})
	}
	kept.Amend(i)
	t.keepItem(&kept, &t.set.changes.Items)
}

// keepItem sets an item and lists its change. Order tells what stands in the end.
func (t *Tx) keepItem(i *saf.Item, list *[]*saf.Item) {
	s := t.set
	before, known := s.items[i.Seq]
	s.items[i.Seq] = i
	*list = append(*list, i)
	t.undo = append(t.undo, func() {
		*list = (*list)[:len(*list)-1]
		s.restoreItem(i.Seq, before, known)
	})
}

func (s *Set) restoreItem(seq int64, before *saf.Item, known bool) {
	if known {
		s.items[seq] = before
	} else {
		delete(s.items, seq)
	}
}

// DropItem implements saf.Tx. It asks nothing of the store, so that deliveries are noted at the price of the deletion.
func (t *Tx) DropItem(seq int64) {
	t.mustWrite()
	s := t.set
	before, known := s.items[seq]
	s.items[seq] = nil
	s.changes.Dropped = append(s.changes.Dropped, seq)
	t.undo = append(t.undo, func() {
		s.changes.Dropped = s.changes.Dropped[:len(s.changes.Dropped)-1]
		s.restoreItem(seq, before, known)
	})
}
