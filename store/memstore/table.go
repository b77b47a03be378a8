package memstore

import (
	"cmp"
	"slices"
)

// table is records by key, with the keys in order. Keys mostly arrive in ascending order.
type table[K cmp.Ordered, V any] struct {
	rows map[K]V
	keys []K
}

func newTable[K cmp.Ordered, V any]() table[K, V] { return table[K, V]{rows: map[K]V{}} }

func (t *table[K, V]) get(k K) (V, bool) {
	v, found := t.rows[k]
	return v, found
}

func (t *table[K, V]) put(k K, v V) {
	if _, found := t.rows[k]; !found {
		t.keys = insertSorted(t.keys, k)
	}
	t.rows[k] = v
}

func (t *table[K, V]) remove(k K) {
	if _, found := t.rows[k]; found {
		delete(t.rows, k)
		at, _ := slices.BinarySearch(t.keys, k)
		t.keys = slices.Delete(t.keys, at, at+1)
	}
}

// above gives at most limit rows with a key above after, in order.
func (t *table[K, V]) above(after K, limit int) []V {
	at, found := slices.BinarySearch(t.keys, after)
	if found {
		at++
	}
	keys := t.keys[at:][:min(max(limit, 0), len(t.keys)-at)]
	rows := make([]V, len(keys))
	for i, k := range keys {
		rows[i] = t.rows[k]
	}
	return rows
}

// insertSorted keeps a sorted slice sorted and without doubles.
func insertSorted[K cmp.Ordered](sorted []K, k K) []K {
	if n := len(sorted); n == 0 || sorted[n-1] < k {
		return append(sorted, k)
	}
	at, found := slices.BinarySearch(sorted, k)
	if found {
		return sorted
	}
	return slices.Insert(sorted, at, k)
}
