package relay

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// queueSettings are what the queue of one upstream is made of.
type queueSettings struct {
	upstream string
	pace     saf.Pace
	// lane gives the name of the credential that an account's messages go under; nil has one for all.
	lane    func(ident.Account) string
	store   saf.Store
	reports saf.Reports
	keys    *secret.Keys
	paused  bool // from the start
	now     func() time.Time
	log     *slog.Logger
	// send sends an item once and says how that ended; saf.Read reads the error. The body is nil of a question. ctx ends
	// when the queue gives up what is in flight; how long an answer may take is up to send.
	send func(ctx context.Context, i saf.Item, body txn.Wire) (*txn.Answer, error)
	// refused hears of an item that goes to attention because its upstream said no and nobody waits for that. It may be
	// nil, and is called by many goroutines.
	refused func(i saf.Item, refusal *decline.Error)
	// leases say who of several processes holds the line; nil: there is one. adviceWait is how long whoever has committed
	// an item sends it then.
	leases     Leases
	adviceWait time.Duration
}

// queue runs the line of one upstream: it reads what the line wants to know, sends what the line says, a window of it
// at once, and saves what comes of it behind. Make it with newQueue, start it and close it.
type queue struct {
	queueSettings
	life   context.Context // ends when what is in flight is given up
	giveUp context.CancelFunc
	run    context.Context // ends when nothing new is to be sent or read
	stop   context.CancelFunc
	work   sync.WaitGroup
	saver  sync.WaitGroup // works until all the others have ended
	kick   chan struct{}  // wakes the keeper
	revive chan struct{}  // wakes the reviver

	mu      sync.Mutex // guards all below, and is never held while anything else is waited for
	line    *saf.Line
	offers  map[int64]*offer // by the seq of their item
	started bool
	closed  bool
	held    time.Time  // until when the line is surely ours, where it is shared
	able    *sync.Cond // the line may have something to send
	beside  *sync.Cond // or something parked
	lacking lacking
	unsaved unsaved
}

// newQueue makes a queue that does nothing yet.
func newQueue(s queueSettings) *queue {
	q := &queue{
		queueSettings: s, line: saf.NewLine(s.pace, s.lane), offers: map[int64]*offer{}, lacking: newLacking(),
		kick: make(chan struct{}, 1), revive: make(chan struct{}, 1),
	}
	q.life, q.giveUp = context.WithCancel(context.Background())
	q.run, q.stop = context.WithCancel(q.life)
	q.able, q.beside = sync.NewCond(&q.mu), sync.NewCond(&q.mu)
	q.unsaved = newUnsaved(&q.mu)
	q.line.Pause(s.paused)
	if s.leases != nil {
		q.line.Share(s.adviceWait, s.adviceWait+leftAlone)
	}
	return q
}

// start begins to send what the store holds.
func (q *queue) start() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.started || q.closed {
		return
	}
	q.started = true
	for range q.pace.Full().Window {
		q.work.Go(q.sendAll)
	}
	q.work.Go(q.sendParked)
	q.work.Go(q.keep)
	q.work.Go(q.reviveAll)
	if q.leases != nil {
		q.work.Go(q.contend)
	}
	q.saver.Go(q.saveAll)
	wake(q.revive)
}

// close sends nothing new, waits for what is in flight until ctx ends, and then gives it up: it is sent again when the
// queue of this upstream is next started. What waits for an answer is told that the queue goes on with it.
func (q *queue) close(ctx context.Context) {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		q.saver.Wait()
		return
	}
	q.closed = true
	q.stop()
	q.releaseIdle()
	q.wakeAll()
	q.mu.Unlock()
	defer context.AfterFunc(ctx, q.giveUp)()
	q.work.Wait()
	q.giveUp()
	close(q.unsaved.ended)
	q.saver.Wait()
	q.handOver()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.releaseIdle()
}

// pause stops the line, or lets it go on.
func (q *queue) pause(paused bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.line.Pause(paused)
	if paused {
		q.releaseIdle()
	}
	q.wakeAll()
}

// look reads the store from the head again: an operator has changed items there, or wants credentials tried that were
// not let in.
func (q *queue) look() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.line.Rewind()
	q.lacking.forget()
	q.releaseIdle()
	q.wakeAll()
	wake(q.revive)
}

// reread reads the store from the head again: an item may have come there that was not offered.
func (q *queue) reread() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.line.Reread()
	wake(q.kick)
}

// view says what the queue knows by itself; the counts come from the levels.
func (q *queue) view() saf.View {
	q.mu.Lock()
	defer q.mu.Unlock()
	v := saf.View{Upstream: q.upstream}
	q.line.View(&v)
	return v
}

// wakeAll has everybody look at the line again. The caller holds mu.
func (q *queue) wakeAll() {
	q.able.Broadcast()
	q.beside.Broadcast()
	q.unsaved.more.Broadcast()
	wake(q.kick)
}

// wake wakes whoever reads from a channel of one place.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// pass is a request's leave to go out.
type pass struct {
	queue *queue
	probe int // its number as a probe; 0 when it is none
}

// admit says whether a request may go out: while the breaker is open it is turned away, unless it is the probe. told
// must be called on the pass.
func (q *queue) admit() (pass, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	probe, after, ok := q.line.Admit(q.now())
	if !ok {
		return pass{}, &decline.NotTaken{
			Cause: decline.Unavailable, Text: "upstream " + q.upstream + " has not answered for a while", After: after,
		}
	}
	return pass{queue: q, probe: probe}, nil
}

// told says how a request ended that was admitted. That its sender left tells nothing of the upstream.
func (p pass) told(err error) {
	q := p.queue
	v := saf.Read(txn.Request, err)
	q.mu.Lock()
	wasOpen, opened := q.line.IsOpen(), false
	if errors.Is(err, context.Canceled) {
		q.line.Untold(p.probe)
	} else {
		opened = q.line.Told(p.probe, v, q.now(), rand.Float64())
	}
	if opened {
		q.releaseIdle()
	}
	if wasOpen || opened {
		q.wakeAll()
	}
	isOpen := q.line.IsOpen()
	q.mu.Unlock()
	q.sayTurn(wasOpen, isOpen, v)
}
