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
		if at < len(t.keys)/2 { // what is sold or delivered in order goes from the head, or near it
			copy(t.keys[1:], t.keys[:at])
			t.keys = t.keys[1:]
			return
		}
		t.keys = slices.Delete(t.keys, at, at+1)
	}
}

// keep puts a key that is to be there and removes one that is not.
func (t *table[K, V]) keep(k K, there bool) {
	if there {
		var none V
		t.put(k, none)
	} else {
		t.remove(k)
	}
}

// above gives at most limit rows with a key above after, in order.
func (t *table[K, V]) above(after K, limit int) []V {
	keys := t.keysAbove(after, limit)
	rows := make([]V, len(keys))
	for i, k := range keys {
		rows[i] = t.rows[k]
	}
	return rows
}

// keysAbove gives at most limit keys above after, in order. They hold until the table changes.
func (t *table[K, V]) keysAbove(after K, limit int) []K {
	at, found := slices.BinarySearch(t.keys, after)
	if found {
		at++
	}
	return t.keys[at:][:min(max(limit, 0), len(t.keys)-at)]
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
