package saf

import (
	"container/heap"
	"time"
)

// pile is a heap of entries. Each is in one pile at most, and knows where.
type pile struct {
	entries []*entry
	before  func(a, b *entry) bool
}

func bySeq(a, b *entry) bool { return a.Seq < b.Seq }

func byDue(a, b *entry) bool { return a.due.Before(b.due) || a.due.Equal(b.due) && a.Seq < b.Seq }

// first gives the first entry and leaves it there; nil when there is none.
func (p *pile) first() *entry {
	if len(p.entries) == 0 {
		return nil
	}
	return p.entries[0]
}

// due gives until when its first entry waits; the zero time when it is empty.
func (p *pile) due() time.Time {
	if len(p.entries) == 0 {
		return time.Time{}
	}
	return p.entries[0].due
}

func (p *pile) push(e *entry, as place) {
	e.place = as
	heap.Push((*heaped)(p), e)
}

func (p *pile) remove(e *entry) { heap.Remove((*heaped)(p), e.index) }

// heaped is a pile as package heap wants it.
type heaped pile

// Len implements heap.Interface.
func (h *heaped) Len() int { return len(h.entries) }

// Less implements heap.Interface.
func (h *heaped) Less(i, j int) bool { return h.before(h.entries[i], h.entries[j]) }

// Swap implements heap.Interface.
func (h *heaped) Swap(i, j int) {
	h.entries[i], h.entries[j] = h.entries[j], h.entries[i]
	h.entries[i].index, h.entries[j].index = i, j
}

// Push implements heap.Interface.
func (h *heaped) Push(x any) {
	e := x.(*entry)
	e.index = len(h.entries)
	h.entries = append(h.entries, e)
}

// Pop implements heap.Interface.
func (h *heaped) Pop() any {
	last := len(h.entries) - 1
	e := h.entries[last]
	h.entries[last] = nil
	h.entries = h.entries[:last]
	return e
}
