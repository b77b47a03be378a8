package network

import "context"

// lockCount is how many locks there are. Keys that share one wait for each other.
const lockCount = 256

// locks guard records by their hash. Who holds the lock of an order may take that of a subscriber, never the other way
// round, and nobody takes two of the same kind.
type locks []chan struct{}

func newLocks() locks {
	l := make(locks, lockCount)
	for i := range l {
		l[i] = make(chan struct{}, 1)
	}
	return l
}

// take gets the lock of a hash, unless the context ends before. release gives it back.
func (l locks) take(ctx context.Context, hash int64) (release func(), err error) {
	lock := l[uint64(hash)%lockCount]
	select {
	case lock <- struct{}{}:
		return func() { <-lock }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
