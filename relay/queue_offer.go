package relay

import (
	"context"
	"sync/atomic"

	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// offer is an item that has just been committed, for whoever waits to see what becomes of it.
type offer struct {
	queue  *queue
	seq    int64
	body   txn.Wire // as it is sent; nil when the sealed one is to be opened
	holder atomic.Int32
	done   chan struct{} // closed once the queue has settled it

	// Set before done is closed.
	answer    *txn.Answer
	err       error
	final     bool
	isRefused bool
	change    saf.Change // what the queue would do about a refusal
}

// Who holds the outcome of an offer. Exactly one of them deals with it.
const (
	stillAwaited int32 = iota
	toldWaiter         // the queue has told the one who waits
	leftToQueue        // the one who waited has gone
)

// offer brings an item that has been committed, for one who waits for its outcome until his context ends.
func (q *queue) offer(i saf.Item, body txn.Wire) *offer {
	o := &offer{queue: q, seq: i.Seq, body: body, done: make(chan struct{})}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.take(i) || !q.started || q.closed || q.line.IsPaused() || q.line.IsOpen() || q.offers[i.Seq] != nil {
		o.settle()
	} else {
		q.offers[i.Seq] = o
	}
	return o
}

// enqueue brings an item that has been committed and for which nobody waits: a refusal is the queue's to record, however
// soon it comes.
func (q *queue) enqueue(i saf.Item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.take(i)
}

// take puts an item into the line and wakes who sends it, or who reads it when the line is full. The caller holds mu.
func (q *queue) take(i saf.Item) (taken bool) {
	taken = q.line.Offer(i)
	q.handOn(q.now())
	if !taken {
		wake(q.kick)
	}
	return taken
}

// await waits until the item is answered for good, or it is clear that this takes longer, or ctx ends. With final, answer
// or err is what the upstream said, err as a *decline.Error. If saf.Read makes it Refused it is the caller's to record,
// and recorded must be called. Without final the queue goes on with the item.
func (o *offer) await(ctx context.Context) (answer *txn.Answer, err error, final bool) {
	select {
	case <-o.done:
	case <-ctx.Done():
		if o.holder.CompareAndSwap(stillAwaited, leftToQueue) {
			o.queue.leave(o)
			return nil, nil, false
		}
		<-o.done
	}
	return o.answer, o.err, o.final
}

// leave forgets an offer that nobody waits for any more.
func (q *queue) leave(o *offer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.offers[o.seq] == o {
		delete(q.offers, o.seq)
	}
}

// recorded says that a refusal has been recorded and its item dropped in the same commit, or that this has failed: then
// the item needs attention.
func (o *offer) recorded(err error) {
	if !o.isRefused {
		return
	}
	q := o.queue
	q.mu.Lock()
	if err != nil {
		q.save(o.change)
	} else {
		q.line.Saved(o.seq)
	}
	q.mu.Unlock()
	if err != nil {
		q.report(o.change, saf.Verdict{}, o.err)
	}
}

// settle says what has become of the offer, as it is set. It gives false when nobody waits any more. It is called once,
// by whoever took the offer out of the queue's.
func (o *offer) settle() bool {
	if !o.holder.CompareAndSwap(stillAwaited, toldWaiter) {
		return false
	}
	close(o.done)
	return true
}

// releaseIdle lets those go whose item is not being sent: it will take longer. The caller holds mu.
func (q *queue) releaseIdle() {
	for seq, o := range q.offers {
		if !q.line.Sends(seq) {
			delete(q.offers, seq)
			o.settle()
		}
	}
}
