package postgres

import (
	"slices"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// Classes of what may not exist yet, and is locked by a number of its own instead of a row.
const (
	lockID uint64 = iota + 1
	lockCounter
	lockHashes // of vouchers: those of an import are many, so one lock stands for all of them
	lockFloat
	lockBatch
)

// lockOf gives the number of a lock. Two that share one only wait for each other.
func lockOf(class uint64, key ...uint64) int64 {
	h := class * 0x9e3779b97f4a7c15
	for _, k := range key {
		h ^= k
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return int64(h)
}

// wantLocks lists the locks of what is wanted, in order and each of them once.
func (l *loading) wantLocks(w *store.Wanted) {
	for _, k := range w.IDs {
		if !l.set.HasID(k) {
			l.locks = append(l.locks, lockOf(lockID, uint64(k.Hash)))
		}
	}
	for _, k := range w.Counters {
		l.locks = append(l.locks, lockOfCounter(k))
	}
	if len(w.Hashes) > 0 {
		l.locks = append(l.locks, lockOf(lockHashes))
	}
	for _, account := range w.Floats {
		if !l.set.HasFloat(account) {
			l.locks = append(l.locks, lockOf(lockFloat, uint64(account)))
		}
	}
	for _, number := range w.Batches {
		l.locks = append(l.locks, lockOf(lockBatch, uint64(number)))
	}
	slices.Sort(l.locks)
	l.locks = slices.Compact(l.locks)
}

func lockOfCounter(k txn.CounterKey) int64 {
	return lockOf(lockCounter, uint64(boolean(k.PerAccount)), uint64(k.Owner), uint64(k.Family), uint64(k.Window), uint64(k.Start.UnixMilli()))
}
