package relay

import (
	"time"

	"github.com/scripworks/scrip/saf"
)

// keep reads what the line wants to know, and wakes the senders when the time has come for something.
func (q *queue) keep() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for q.run.Err() == nil {
		if q.readOn() {
			continue
		}
		if d := q.rest(); d > 0 {
			timer.Reset(d)
		} else {
			timer.Stop()
		}
		select {
		case <-q.kick:
		case <-timer.C:
		case <-q.run.Done():
		}
	}
}

// readOn reads one page, and says whether there was one to read.
func (q *queue) readOn() bool {
	q.mu.Lock()
	q.checkHeld()
	p, lacks := q.line.Missing(q.now())
	q.mu.Unlock()
	if !lacks {
		return false
	}
	items, err := q.reports.Items(q.run, q.upstream, []saf.State{p.State}, p.After, p.Limit)
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil {
		q.line.Failed(p, q.now())
		return true
	}
	q.line.Loaded(p, items, q.now())
	return true
}

// rest wakes whoever has something to do, and gives how long it is until there may be more; 0 when only an event can
// bring that.
func (q *queue) rest() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	q.handOn(now)
	q.beside.Signal()
	if at := q.line.Wake(now); !at.IsZero() {
		return at.Sub(now)
	}
	return 0
}
