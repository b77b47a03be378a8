package memstore

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// past is what is left of what was pruned.
type past struct {
	husks     table[int64, txn.Husk]
	hashes    map[worldHash][]int64 // husks by the hash of their id
	brought   map[ledger.BroughtKey]ledger.Brought
	forgotten int64
}

func newPast() past {
	return past{
		husks: newTable[int64, txn.Husk](), hashes: map[worldHash][]int64{}, brought: map[ledger.BroughtKey]ledger.Brought{},
	}
}

// message gives the message at a place, or what is left of it.
func (r *records) message(seq int64) (txn.Message, bool) {
	if m, found := r.messages.get(seq); found {
		return m, true
	}
	husk, found := r.past.husks.get(seq)
	return husk.Message, found
}

// check finds sums that a database would refuse.
func (p *past) check(added map[ledger.BroughtKey]ledger.Brought) error {
	for _, b := range added {
		if _, err := b.Amount.Add(p.brought[b.BroughtKey].Amount); err != nil {
			return fmt.Errorf("%w: what is brought forward from %s to %s: %w", store.ErrData, b.Debit, b.Credit, err)
		}
	}
	return nil
}

// prune leaves husks of messages, brings forward what they moved, and forgets older husks.
func (r *records) prune(c *store.Changes) {
	for _, husk := range c.Pruned {
		m, found := r.messages.get(husk.Seq)
		if !found {
			continue
		}
		key := worldID{m.World, m.ID}
		r.ids[key] = slices.DeleteFunc(r.ids[key], func(seq int64) bool { return seq == m.Seq })
		first, end := r.entriesOf(husk.Seq)
		r.entries = slices.Delete(r.entries, first, end)
		r.messages.remove(husk.Seq)
		r.open.remove(husk.Seq)
		r.working.remove(husk.Seq)
		r.past.put(husk)
	}
	for _, husk := range c.Husks {
		r.past.put(husk)
	}
	for _, b := range c.Brought {
		b.Amount += r.past.brought[b.BroughtKey].Amount
		b.Upto = max(b.Upto, r.past.brought[b.BroughtKey].Upto)
		r.past.brought[b.BroughtKey] = b
	}
	for _, husk := range c.Forgotten {
		r.past.drop(husk)
		r.past.forgotten = max(r.past.forgotten, husk.Seq)
	}
	if len(c.Forgotten) > 0 {
		r.unremember(c.Forgotten)
	}
}

func (p *past) put(husk txn.Husk) {
	key := worldHash{husk.World, husk.Hash}
	p.husks.put(husk.Seq, husk)
	p.hashes[key] = insertSorted(p.hashes[key], husk.Seq)
}

func (p *past) drop(husk txn.Husk) {
	key := worldHash{husk.World, husk.Hash}
	p.husks.remove(husk.Seq)
	if p.hashes[key] = slices.DeleteFunc(p.hashes[key], func(seq int64) bool { return seq == husk.Seq }); len(p.hashes[key]) == 0 {
		delete(p.hashes, key)
	}
}

// unremember drops the reversals that were remembered with forgotten husks.
func (r *records) unremember(husks []txn.Husk) {
	gone := map[int64]bool{}
	for _, husk := range husks {
		gone[husk.Seq] = true
	}
	for key, tombstones := range r.tombstones {
		r.tombstones[key] = slices.DeleteFunc(tombstones, func(t store.Tombstone) bool { return gone[t.Reversal] })
	}
}

// forget deletes what is a world's.
func (p *past) forget(world ident.World) {
	p.husks.removeAll(0, func(h txn.Husk) bool { return h.World == world })
	maps.DeleteFunc(p.hashes, func(k worldHash, _ []int64) bool { return k.world == world })
	maps.DeleteFunc(p.brought, func(k ledger.BroughtKey, _ ledger.Brought) bool { return k.World == world })
}

// Pruned implements admin.Reports.
func (d *Driver) Pruned(_ context.Context, after int64, limit int) ([]txn.Husk, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	return d.kept.past.husks.above(after, limit), nil
}

// Brought implements admin.Reports.
func (d *Driver) Brought(_ context.Context, after ledger.BroughtKey, limit int) ([]ledger.Brought, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	var found []ledger.Brought
	for _, k := range slices.SortedFunc(maps.Keys(d.kept.past.brought), ledger.BroughtKey.Compare) {
		if k.Compare(after) > 0 && len(found) < limit {
			found = append(found, d.kept.past.brought[k])
		}
	}
	return found, nil
}

// Forgotten implements admin.Reports.
func (d *Driver) Forgotten(context.Context) (int64, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	return d.kept.past.forgotten, nil
}
