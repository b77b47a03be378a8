package sqlite

import (
	"container/heap"
	"errors"
	"fmt"
	"slices"
)

// A search probes every run, so their number must not grow as the history does. When there are enough of them the oldest
// are merged into one of another table, a few rows with each commit. Once that is complete searches look there instead, and
// when none looks through the others any more their rows are deleted, again a few with each commit. A merge that was not
// complete when the store was closed begins anew.
const (
	deletedPerPart = 16 // rows of merged runs that are deleted in the place of one that is written
	deleteBelow    = `DELETE FROM reference_run WHERE place IN (SELECT place FROM reference_run WHERE place < ? ORDER BY place LIMIT ?)`
)

// mergedRuns is how many runs are merged into one: that of number n is of those from 32n on, so it cannot be changed in a
// store that has some. Tests make it small, and stores of their own.
var mergedRuns int64 = 32

// merge makes one run of many.
type merge struct {
	run
	inputs   []run
	cursors  cursors // none before the first row
	base     int64   // the smallest of theirs
	pending  [][]byte
	parts    int  // rows that are committed; pending are those after them
	sent     bool // pending stands in the transaction in hand
	complete bool // and so does the directory
}

// writeMerged deletes or merges runs in the transaction in hand, as much as writing so many rows takes.
func (r *references) writeMerged(c *conn, rows int) error {
	if r.superseded != nil {
		return r.deleteSuperseded(c, rows)
	}
	if r.merging == nil && !r.damaged {
		r.merging = r.enough()
	}
	if r.merging == nil {
		return nil
	}
	err := r.merging.write(c, rows)
	if err != nil {
		r.merging = nil // to begin anew
	}
	if errors.Is(err, errRun) { // searches tell; nobody's message is refused for it
		r.damaged = true
		return nil
	}
	return err
}

// enough gives the merge of the oldest runs, once there are enough of them.
func (r *references) enough() *merge {
	if r.shelf == nil {
		return nil
	}
	single := r.shelf.runs[r.merged():]
	if int64(len(single)) < mergedRuns {
		return nil
	}
	inputs := single[:mergedRuns]
	return &merge{inputs: inputs, run: run{
		number: inputs[0].number / mergedRuns, merged: true, upto: inputs[len(inputs)-1].upto,
	}}
}

// merged is how many of the complete runs are merged ones. They are the first.
func (r *references) merged() int {
	n := slices.IndexFunc(r.shelf.runs, func(full run) bool { return !full.merged })
	if n < 0 {
		return len(r.shelf.runs)
	}
	return n
}

// deleteSuperseded deletes rows of runs that were merged, unless a search looks through them.
func (r *references) deleteSuperseded(c *conn, rows int) error {
	r.mu.Lock()
	looked := r.superseded.searches > 0
	r.mu.Unlock()
	if looked {
		return nil
	}
	s, err := c.Prepare(deleteBelow)
	if err != nil {
		return err
	}
	s.BindInt64(1, int64(r.merged())*mergedRuns<<partBits)
	s.BindInt64(2, int64(rows*deletedPerPart))
	if err := step(s); err != nil {
		return fmt.Errorf("delete merged runs of references: %w", err)
	}
	if c.Changes() == 0 {
		r.superseded = nil
	}
	return nil
}

// write composes some more rows and puts all that are not committed into the transaction in hand.
func (m *merge) write(c *conn, rows int) error {
	m.sent, m.complete = true, false
	if m.cursors == nil {
		if err := m.open(c); err != nil {
			return err
		}
	}
	for len(m.cursors) > 0 && len(m.pending) < rows {
		if err := m.compose(c); err != nil {
			return err
		}
	}
	for n, data := range m.pending {
		if err := m.insert(c, m.parts+n, data); err != nil {
			return err
		}
	}
	if m.complete = len(m.cursors) == 0; m.complete {
		return m.insert(c, directoryPart, m.firsts)
	}
	return nil
}

// open takes up all runs at their beginning.
func (m *merge) open(c *conn) error {
	m.cursors = make(cursors, 0, len(m.inputs))
	for i, input := range m.inputs {
		from := &cursor{run: input}
		if from.firsts == nil {
			if err := from.readDirectory(c); err != nil {
				return err
			}
		}
		more, err := from.advance(c)
		if err != nil {
			return err
		}
		if more {
			m.cursors = append(m.cursors, from)
		}
		if i == 0 || more && from.base < m.base {
			m.base = from.base
		}
	}
	heap.Init(&m.cursors)
	return nil
}

// compose makes the next row.
func (m *merge) compose(c *conn) error {
	var p partWriter
	p.begin(m.base)
	m.firsts = append(m.firsts, prefix(m.cursors[0].ref.hash)...)
	for len(m.cursors) > 0 && p.hasRoom() {
		p.add(m.cursors[0].ref)
		more, err := m.cursors[0].advance(c)
		switch {
		case err != nil:
			return err
		case more:
			heap.Fix(&m.cursors, 0)
		default:
			heap.Pop(&m.cursors)
		}
	}
	m.pending = append(m.pending, p.data)
	return nil
}

// mergeCommitted makes what writeMerged has added count. The caller holds mu.
func (r *references) mergeCommitted() {
	m := r.merging
	if m == nil || !m.sent {
		return
	}
	m.parts, m.pending, m.sent = m.parts+len(m.pending), m.pending[:0], false
	if !m.complete {
		return
	}
	before, merged := r.shelf, r.merged()
	for _, input := range before.runs[merged:][:len(m.inputs)] {
		r.kept -= len(input.firsts)
	}
	r.shelf = &shelf{runs: slices.Concat(before.runs[:merged], []run{r.bounded(m.run)}, before.runs[merged+len(m.inputs):])}
	r.merging, r.superseded = nil, before
}

// cursor reads a run from its beginning to its end.
type cursor struct {
	run
	partReader
	part int // whose row is read next
}

// advance goes to the next reference; it gives false at the end.
func (c *cursor) advance(on *conn) (more bool, err error) {
	for {
		if more, err = c.next(); more || err != nil || c.part == len(c.firsts)/prefixBytes {
			return more, err
		}
		data, _, err := c.row(on, c.part)
		if err != nil {
			return false, err
		}
		if err := c.begin(data); err != nil {
			return false, err
		}
		c.part++
	}
}

// cursors are a heap: the next reference is that of the first.
type cursors []*cursor

func (c cursors) Len() int           { return len(c) }
func (c cursors) Less(i, j int) bool { return compareReferences(c[i].ref, c[j].ref) < 0 }
func (c cursors) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (c *cursors) Push(from any)     { *c = append(*c, from.(*cursor)) }
func (c *cursors) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}
