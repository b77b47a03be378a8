package relay

import (
	"context"
	"time"
)

// drain waits until nothing waits any more: everything was answered, needs attention, is parked, or belongs to a credential
// that is not let in. It ends with ctx.
func (q *queue) drain(ctx context.Context) error {
	for !q.isEmpty() {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (q *queue) isEmpty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.line.IsEmpty()
}
