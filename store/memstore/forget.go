package memstore

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// Forget deletes everything of a world, of which nothing may lie at or below a place in the order. It is for a
// sandbox's worlds. Ids are found here without the hash.
func (d *Driver) Forget(ctx context.Context, world ident.World, above int64, _ func(ident.ID) int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	d.records.Lock()
	defer d.records.Unlock()
	d.kept.forgetMessages(world, above)
	d.kept.forgetCards(world, above)
	d.kept.stock.forget(world, above)
	d.kept.items.forget(world)
	d.kept.past.forget(world)
	d.kept.floats.removeAll(0, func(f airtime.Float) bool { return f.World == world })
	for _, rows := range d.kept.rows {
		rows.removeAll(above, func(r admin.Row) bool { return r.World == world })
	}
	maps.DeleteFunc(d.kept.names, func(n rowName, number int64) bool { return n.world == world && number > above })
	return nil
}

func (r *records) forgetMessages(world ident.World, above int64) {
	gone := map[int64]bool{}
	r.messages.removeAll(above, func(m txn.Message) bool {
		if m.World != world {
			return false
		}
		gone[m.Seq] = true
		r.open.remove(m.Seq)
		r.working.remove(m.Seq)
		return true
	})
	maps.DeleteFunc(r.ids, func(k worldID, _ []int64) bool { return k.world == world })
	maps.DeleteFunc(r.tombstones, func(k worldID, _ []store.Tombstone) bool { return k.world == world })
	maps.DeleteFunc(r.references, func(k worldHash, _ []int64) bool { return k.world == world })
	r.entries = slices.DeleteFunc(r.entries, func(e ledger.Entry) bool { return gone[e.Message] })
}

func (r *records) forgetCards(world ident.World, above int64) {
	gone := map[int64]bool{}
	r.cards.removeAll(above, func(c giftcard.Card) bool {
		if c.World != world {
			return false
		}
		gone[c.ID] = true
		r.putDetail(giftcard.Detail{Card: c.ID}) // its holder does not lead to it any more
		r.details.remove(c.ID)
		return true
	})
	maps.DeleteFunc(r.numbers, func(_ secret.Digest, card int64) bool { return gone[card] })
	maps.DeleteFunc(r.counters, func(k txn.CounterKey, _ txn.Counter) bool { return !k.PerAccount && gone[k.Owner] })
}

// removeAll removes the rows above a key that are to go.
func (t *table[K, V]) removeAll(above K, goes func(V) bool) {
	from, found := slices.BinarySearchFunc(t.keys, above, cmp.Compare[K])
	if found {
		from++
	}
	stay := slices.DeleteFunc(t.keys[from:], func(k K) bool {
		if !goes(t.rows[k]) {
			return false
		}
		delete(t.rows, k)
		return true
	})
	t.keys = t.keys[:from+len(stay)]
}
