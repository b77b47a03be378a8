package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/scripworks/scrip/decline"
)

// committer decides and saves batches, one after the other, with memory of its own that is used again and again.
type committer struct {
	*Store
	places places
	fold   *Set   // of the batch
	tx     Tx     // of the message whose turn it is
	wanted Wanted // of the batch
}

func newCommitter(s *Store) *committer {
	c := &committer{Store: s, fold: NewSet()}
	c.tx = Tx{store: s, set: c.fold, places: &c.places}
	return c
}

// run gathers what waits, decides and saves it, answers, and begins again. There is no timer before anybody's answer:
// while one batch commits the next one gathers.
func (s *committer) run() {
	batch := make([]*job, 0, maxBatch)
	for {
		var more bool
		if batch, more = s.gather(batch[:0]); len(batch) > 0 {
			s.commit(batch)
			clear(batch)
		}
		if !more {
			return
		}
	}
}

// help takes full batches while others are at work, and rests while there are none. What nobody waits for it leaves to
// the first committer, who saves it in order.
func (s *committer) help() {
	batch := make([]*job, 0, maxBatch)
	for range s.full {
		for len(s.queue) >= maxBatch {
			batch = drain(s.queue, batch[:0])
			s.commit(batch)
			clear(batch)
		}
	}
}

// enough is how many waiting messages are worth a commit without waiting for anybody.
const enough = maxBatch / 4

// gather waits for the first message and takes all that wait with it. When these are few, it first lets those run who are
// ready to: those whose messages have come, and those whom the batch before has answered. So more messages share a commit;
// when nobody is ready it goes on at once. more is false once the store is closed and its queues are empty.
func (s *Store) gather(batch []*job) (_ []*job, more bool) {
	queue, behind := s.queue, s.behind
	var late <-chan time.Time
	for {
		select {
		case j, open := <-queue:
			if !open {
				return s.drainClosed(batch)
			}
			if len(queue) < enough {
				runtime.Gosched()
			}
			return s.drain(append(batch, j)), true
		case j, open := <-behind:
			if !open {
				return s.drainClosed(batch)
			}
			if batch = append(batch, j); len(batch) >= behindBatch {
				return s.drain(batch), true
			}
			if late == nil {
				timer := time.NewTimer(behindWait)
				defer timer.Stop()
				late = timer.C
			}
		case <-late:
			return batch, true
		}
	}
}

// drain adds what waits without waiting for more: first who waits for an answer, then who does not.
func (s *Store) drain(batch []*job) []*job { return drain(s.behind, drain(s.queue, batch)) }

// drain adds what waits in a queue, up to a full batch.
func drain(from chan *job, batch []*job) []*job {
	for len(batch) < maxBatch {
		select {
		case j, open := <-from:
			if open {
				batch = append(batch, j)
				continue
			}
		default:
		}
		break
	}
	return batch
}

func (s *Store) drainClosed(batch []*job) ([]*job, bool) {
	batch = s.drain(batch)
	return batch, len(s.queue) > 0 || len(s.behind) > 0
}

// commit decides and saves a batch and answers everybody in it.
func (s *committer) commit(batch []*job) {
	batch = s.take(batch)
	if len(batch) == 0 {
		return
	}
	began := s.now()
	err := s.save(batch)
	if errors.Is(err, ErrData) && len(batch) > 1 {
		s.commitSingly(batch) // somebody's value poisons the others
		return
	}
	s.note(err)
	s.observe(len(batch), s.now().Sub(began), err)
	for _, j := range batch {
		if err != nil {
			j.finish(outcome(err))
		} else {
			j.finish(j.err)
		}
	}
}

func (s *committer) commitSingly(batch []*job) {
	for _, j := range batch {
		began := s.now()
		err := s.save([]*job{j})
		s.note(err)
		s.observe(1, s.now().Sub(began), err)
		if err != nil {
			j.finish(outcome(err))
		} else {
			j.finish(j.err)
		}
	}
}

// take makes the batch's messages ours, and leaves out those whose sender has left or whose time is over. A context's time
// is the computer's, whatever the clock of the settings says.
func (s *Store) take(batch []*job) []*job {
	now, kept := time.Now(), batch[:0]
	for _, j := range batch {
		if !j.state.CompareAndSwap(queued, taken) {
			continue
		}
		if deadline, limited := j.ctx.Deadline(); limited && now.After(deadline) {
			j.finish(expired())
			continue
		}
		kept = append(kept, j)
	}
	return kept
}

// save runs a batch until it meets no other writer.
func (s *committer) save(batch []*job) (err error) {
	for n := range maxConflicts {
		if n > 0 {
			rest(n - 1)
		}
		if err = s.try(batch); !errors.Is(err, ErrConflict) {
			return err
		}
		why := OtherConflict
		errors.As(err, &why)
		s.conflict(why)
	}
	return fmt.Errorf("%w: it met other writers %d times, at last: %w", ErrNotSaved, maxConflicts, err)
}

// rest waits a moment before a batch runs again, a longer one each time, so that two that meet do not meet again.
func rest(n int) { time.Sleep(rand.N(shortestRest << min(n, restDoublings))) }

func (s *committer) try(batch []*job) error {
	b, err := s.driver.Begin(s.life)
	if err != nil {
		return fmt.Errorf("%w: begin: %w", ErrNotSaved, err)
	}
	defer b.Rollback()
	s.fold.Reset()
	s.wanted.Reset()
	for _, j := range batch {
		s.wanted.join(&j.wanted)
	}
	if err := b.Load(s.life, &s.wanted, s.fold); err != nil {
		return surely(err, "load")
	}
	if err := s.decide(batch, b); err != nil {
		return err
	}
	if s.fold.Changes().IsEmpty() {
		return nil
	}
	return b.Save(s.life, s.fold)
}

// decide gives each message its turn. A message that fails is undone by itself; a driver that fails fails all.
func (s *committer) decide(batch []*job, b Batch) error {
	for _, j := range batch {
		t := &s.tx
		t.begin(b, j.world)
		j.err = t.attempt(j.decide)
		if j.err == nil {
			continue
		}
		t.rollback()
		if f, ok := j.err.(failure); ok && errors.Is(f, errDriver) {
			return surely(f.err, "load")
		}
	}
	return nil
}

// surely marks an error that came before anything was saved.
func surely(err error, doing string) error {
	if errors.Is(err, ErrConflict) {
		return err
	}
	return fmt.Errorf("%w: %s: %w", ErrNotSaved, doing, err)
}

// outcome turns a batch's error into what its messages are told, and keeps the error for whoever logs it.
func outcome(err error) error {
	if errors.Is(err, ErrNotSaved) || errors.Is(err, ErrData) {
		return fmt.Errorf("%w: %w", &decline.NotTaken{Cause: decline.StoreDown, Text: "the store cannot save", After: time.Second}, err)
	}
	return fmt.Errorf("commit: %w", err)
}

func (s *Store) note(err error) {
	if err == nil {
		s.broken.Store(nil)
		return
	}
	s.broken.Store(&err)
}

// places are those of a block that were not given out yet. They belong to one committer. Other committers, here and in
// other processes, have blocks of their own; so whoever finds a message at a later place gives the rest of his block up, and
// what comes of that message comes after it also in the order of places. A new block is beyond all that were taken before.
type places struct {
	next     int64
	left     int
	followed int64 // the newest place that was found taken
}

// follow gives up what is left of a block when it is not beyond a place that was found taken. It says whether nothing as new
// had been found before.
func (p *places) follow(taken int64) (newer bool) {
	if taken <= p.followed {
		return false
	}
	if p.followed = taken; p.next <= taken {
		p.left = 0
	}
	return true
}

// take gives the next place in the order of messages.
func (p *places) take(b Batch) (int64, error) {
	if p.left == 0 {
		first, err := b.Seqs(seqBlock)
		if err != nil {
			return 0, err
		}
		p.next, p.left = first, seqBlock
	}
	seq := p.next
	p.next, p.left = p.next+1, p.left-1
	return seq, nil
}
