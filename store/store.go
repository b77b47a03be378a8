package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
)

// Bounds of the work in hand.
const (
	maxBatch      = 256                   // messages that share a commit
	maxQueue      = 4096                  // messages that wait for a batch, and as many for a view; more are not taken
	maxBehind     = 4096                  // writes that nobody waits for; more make their writers wait
	behindBatch   = 128                   // of those, how many start a batch by themselves
	behindWait    = 50 * time.Millisecond // or how long the first of them waits for a batch of others
	maxConflicts  = 16                    // how often a batch that met another writer is run again
	shortestRest  = time.Millisecond      // how long at most before the first time; doubled each time,
	restDoublings = 6                     // and so often
	seqBlock      = 1024                  // places in the order that are reserved at once
)

var (
	errReadOnly = errors.New("store: a view cannot write")
	errDriver   = errors.New("store: the driver failed")
)

func missing(what string, id int64) error { return fmt.Errorf("store: %s %d is missing", what, id) }

// Settings are what a store needs besides its driver.
type Settings struct {
	// Keys make the hashes by which ids are found.
	Keys *secret.Keys
	// Now is the clock; nil is the system's.
	Now func() time.Time
	// Unfinished says whether an import is not complete yet; nil means that all are.
	Unfinished func(imported int32) bool
	// Observe is told of each commit: how many messages shared it, how long it took, and its error. It may be nil; several
	// committers call it at once.
	Observe func(messages int, took time.Duration, err error)
	// Conflict is told why a batch met another writer, each time, and then the batch runs again unless it has too often. It
	// may be nil; several committers call it at once.
	Conflict func(why Conflict)
	// Committers is how many batches are at work at once at most; 0 is 1. All but the first only help when a full batch
	// waits. It is for drivers that can begin a batch beside another one.
	Committers int
}

// Store is the batch over a driver. Make one with New and end it with Close.
type Store struct {
	driver     Driver
	keys       *secret.Keys
	now        func() time.Time
	unfinished func(int32) bool
	observe    func(int, time.Duration, error)
	conflict   func(Conflict)

	life    context.Context // ends when Close has finished the work in hand
	end     context.CancelFunc
	queue   chan *job
	behind  chan *job
	views   chan *job    // of Read
	mu      sync.RWMutex // guards closed against sends on the queues
	closed  bool
	working sync.WaitGroup        // the committers and the readers
	full    chan struct{}         // wakes a committer that helps: a full batch waits
	broken  atomic.Pointer[error] // why the last commit failed; nil when it did not
	jobs    sync.Pool             // of Do and Read
}

// New starts the committer and the readers over a driver.
func New(driver Driver, settings Settings) *Store {
	life, end := context.WithCancel(context.Background())
	s := &Store{
		driver: driver, keys: settings.Keys, now: settings.Now, unfinished: settings.Unfinished, observe: settings.Observe,
		conflict: settings.Conflict, life: life, end: end, queue: make(chan *job, maxQueue), behind: make(chan *job, maxBehind),
		views: make(chan *job, maxQueue), full: make(chan struct{}, 1),
	}
	s.jobs.New = func() any { return &job{answer: make(chan error, 1)} }
	if s.now == nil {
		s.now = time.Now
	}
	if s.unfinished == nil {
		s.unfinished = func(int32) bool { return false }
	}
	if s.observe == nil {
		s.observe = func(int, time.Duration, error) {}
	}
	if s.conflict == nil {
		s.conflict = func(Conflict) {}
	}
	s.working.Go(newCommitter(s).run)
	for range settings.Committers - 1 {
		s.working.Go(newCommitter(s).help)
	}
	for range maxViews {
		s.working.Go(s.read)
	}
	return s
}

// Close takes no new work, finishes what is in hand and closes the driver.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.working.Wait()
		return nil
	}
	s.closed = true
	close(s.queue)
	close(s.behind)
	close(s.views)
	close(s.full)
	s.mu.Unlock()
	s.working.Wait()
	s.end()
	return s.driver.Close()
}

// Health gives nil while commits succeed, and otherwise why the last one failed.
func (s *Store) Health() error {
	if err := s.broken.Load(); err != nil {
		return *err
	}
	return nil
}

// Driver gives the driver, for reports that go past the batch.
func (s *Store) Driver() Driver { return s.driver }

// States of a job: who may decide what becomes of it.
const (
	queued int32 = iota
	taken
	abandoned
)

// job is one message on its way through a batch or a view.
type job struct {
	ctx    context.Context // its sender's
	world  ident.World
	wanted Wanted
	decide func(*Tx) error
	state  atomic.Int32
	answer chan error
	done   func(error) // of a write that nobody waits for
	err    error
}

// Do decides one message and returns when it is durable. The context's deadline bounds how long the message may
// wait for its batch; one that its sender has left or whose deadline has passed before that is surely not
// applied. See giftcard.Store for the errors.
func (s *Store) Do(ctx context.Context, keys Keys, decide func(*Tx) error) error {
	return s.ask(ctx, s.queue, keys, decide)
}

// ask puts a message into a queue and waits for its answer. Until its turn comes its sender may leave.
func (s *Store) ask(ctx context.Context, queue chan *job, keys Keys, decide func(*Tx) error) error {
	j := s.jobs.Get().(*job)
	j.ctx, j.world, j.decide = ctx, keys.World, decide
	s.want(&j.wanted, keys)
	if err := s.enqueue(queue, j); err != nil {
		return err
	}
	var err error
	select {
	case err = <-j.answer:
	case <-ctx.Done():
		if j.state.CompareAndSwap(queued, abandoned) {
			return expired() // whoever takes it from the queue still has to pass over it
		}
		err = <-j.answer
	}
	s.reuse(j)
	return err
}

// reuse keeps a job that has been answered, which nobody else looks at again.
func (s *Store) reuse(j *job) {
	j.ctx, j.decide, j.err = nil, nil, nil
	j.wanted.Reset()
	j.state.Store(queued)
	s.jobs.Put(j)
}

// left says that a job's sender did not wait for its turn.
func (j *job) left() bool { return j.state.Load() == abandoned }

func expired() error {
	return &decline.NotTaken{Cause: decline.Expired, Text: "the deadline passed before the message was taken"}
}

func (s *Store) enqueue(queue chan *job, j *job) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return stopping()
	}
	select {
	case queue <- j:
		if queue == s.queue && len(queue) >= maxBatch {
			s.callHelp()
		}
		return nil
	default:
		return &decline.NotTaken{Cause: decline.Overloaded, Text: "too many messages are waiting", After: time.Second}
	}
}

// callHelp wakes one committer that helps, if there is one that rests. The caller holds mu.
func (s *Store) callHelp() {
	select {
	case s.full <- struct{}{}:
	default:
	}
}

func stopping() error {
	return &decline.NotTaken{Cause: decline.Stopping, Text: "the server is stopping", After: time.Second}
}

// Behind decides a message with a later commit. Nobody waits for it, except for room in the queue, and those who wait
// for an answer overtake it. done, if not nil, is told once it is durable, or with the error that Do would have given;
// the committer calls it, so it must be short.
func (s *Store) Behind(keys Keys, decide func(*Tx) error, done func(error)) {
	j := &job{ctx: s.life, world: keys.World, decide: decide, done: done}
	s.want(&j.wanted, keys)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		j.finish(stopping())
		return
	}
	s.behind <- j
}

// attempt calls a decision and turns the private panic of a failing driver into its error. A decision that breaks
// down is a fault of ours: it ends this message with an unknown outcome, and neither its neighbours nor the process,
// which an advice that is repeated would otherwise end again and again.
func (t *Tx) attempt(decide func(*Tx) error) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			err = r
		default:
			err = fmt.Errorf("store: a decision broke down: %v\n%s", r, debug.Stack())
		}
	}()
	return decide(t)
}

// Error gives the driver's error.
func (f failure) Error() string { return f.err.Error() }

// Unwrap gives the driver's error.
func (f failure) Unwrap() error { return f.err }

func (j *job) finish(err error) {
	if j.answer != nil {
		j.answer <- err // from here on it is its sender's
		return
	}
	if j.done != nil {
		j.done(err)
	}
}
