package memstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
)

// items is the queue.
type items struct {
	rows  map[int64]saf.Item
	lines map[line]*table[int64, struct{}]
}

// line is the items of an upstream, or of any when that is empty, that are in one state.
type line struct {
	upstream string
	state    saf.State
}

func newItems() items {
	return items{rows: map[int64]saf.Item{}, lines: map[line]*table[int64, struct{}]{}}
}

func (q *items) load(seq int64, set *store.Set) {
	if i, found := q.rows[seq]; found {
		set.LoadedItem(seq, &i)
	} else {
		set.LoadedItem(seq, nil)
	}
}

// check finds items that are there already.
func (q *items) check(added []*saf.Item) error {
	seqs := map[int64]bool{}
	for _, i := range added {
		if _, found := q.rows[i.Seq]; found || seqs[i.Seq] {
			return fmt.Errorf("%w: queue item %d is there already", store.ErrData, i.Seq)
		}
		seqs[i.Seq] = true
	}
	return nil
}

func (q *items) save(c *store.Changes) {
	for _, i := range c.NewItems {
		kept := *i
		kept.Body = bytes.Clone(i.Body)
		q.put(kept)
	}
	for _, i := range c.Items {
		if kept, found := q.rows[i.Seq]; found {
			q.drop(i.Seq)
			kept.Amend(*i)
			q.put(kept)
		}
	}
	for _, seq := range c.Dropped {
		q.drop(seq)
	}
}

func (q *items) put(i saf.Item) {
	q.rows[i.Seq] = i
	for _, upstream := range []string{i.Upstream, ""} {
		at := line{upstream, i.State}
		if q.lines[at] == nil {
			made := newTable[int64, struct{}]()
			q.lines[at] = &made
		}
		q.lines[at].put(i.Seq, struct{}{})
	}
}

func (q *items) drop(seq int64) {
	i, found := q.rows[seq]
	if !found {
		return
	}
	delete(q.rows, seq)
	for _, upstream := range []string{i.Upstream, ""} {
		q.lines[line{upstream, i.State}].remove(seq)
	}
}

// forget deletes what is a world's.
func (q *items) forget(world ident.World) {
	for seq, i := range q.rows {
		if i.World == world {
			q.drop(seq)
		}
	}
}

// Items implements saf.Reports.
func (d *Driver) Items(_ context.Context, upstream string, states []saf.State, after int64, limit int) ([]saf.Item, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	var seqs []int64
	for _, state := range states {
		if in := d.kept.items.lines[line{upstream, state}]; in != nil {
			seqs = append(seqs, in.keysAbove(after, limit)...)
		}
	}
	slices.Sort(seqs)
	seqs = slices.Compact(seqs)
	found := make([]saf.Item, 0, min(len(seqs), max(limit, 0)))
	for _, seq := range seqs[:cap(found)] {
		found = append(found, d.kept.items.rows[seq])
	}
	return found, nil
}

// Levels implements saf.Reports.
func (d *Driver) Levels(context.Context) ([]saf.Level, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	var tally saf.Tally
	for _, i := range d.kept.items.rows {
		tally.Add(&i)
	}
	return tally.Levels(), nil
}
