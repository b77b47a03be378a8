package relay

import (
	"context"
	"time"
)

// contend asks for the lease of the line again and again, so that one process holds it: at once when it is free, and within
// LeaseTime of the holder's death.
func (q *queue) contend() {
	again := time.NewTicker(renewEvery)
	defer again.Stop()
	for q.run.Err() == nil {
		q.renew()
		select {
		case <-again.C:
		case <-q.run.Done():
		}
	}
}

// lease is the name of the line's lease.
func (q *queue) lease() string { return "queue/" + q.upstream }

// renew takes the lease, or prolongs it. While nobody can say who has it, it is ours for as long as it was.
func (q *queue) renew() {
	asked := time.Now() // a lease lives from some time after this
	ctx, cancel := context.WithTimeout(q.run, renewTimeout)
	defer cancel()
	held, err := q.leases.Lease(ctx, q.lease())
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case err != nil:
	case held:
		q.held = asked.Add(LeaseTime - leaseMargin)
	default:
		q.held = time.Time{}
	}
	q.line.Expire(q.now())
	q.checkHeld()
	if time.Now().Before(q.held) && !q.line.Leads() {
		q.line.Lead()
		q.log.Info("this process sends the queue of an upstream", "upstream", q.upstream)
		q.wakeAll()
		wake(q.revive)
	}
}

// checkHeld leaves the line to others once it may not be ours any more. The caller holds mu.
func (q *queue) checkHeld() {
	if q.leases == nil || !q.line.Leads() || time.Now().Before(q.held) {
		return
	}
	q.line.Follow()
	q.releaseIdle()
	q.log.Info("another process may send the queue of an upstream", "upstream", q.upstream)
}

// leads says whether this process sends what is in the store.
func (q *queue) leads() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.line.Leads()
}

// handOver gives the lease up, so that another process takes the line at once.
func (q *queue) handOver() {
	if q.leases == nil {
		return
	}
	q.mu.Lock()
	q.held = time.Time{}
	q.checkHeld()
	q.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), renewTimeout)
	defer cancel()
	if err := q.leases.Release(ctx, q.lease()); err != nil {
		q.log.Warn("the lease of a queue is left to end by itself", "upstream", q.upstream, "error", err)
	}
}
