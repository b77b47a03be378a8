package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/scripworks/scrip/decline"
)

// run is the committer: it gathers what waits, decides and saves it, answers, and begins again. There is no
// timer before anybody's answer: while one batch commits the next one gathers.
func (s *Store) run() {
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

// gather waits for the first message and takes all that wait with it. more is false once the store is closed
// and its queues are empty.
func (s *Store) gather(batch []*job) (_ []*job, more bool) {
	queue, behind := s.queue, s.behind
	var late <-chan time.Time
	for {
		select {
		case j, open := <-queue:
			if !open {
				return s.drainClosed(batch)
			}
			batch = append(batch, j)
			return s.drain(batch), true
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
func (s *Store) drain(batch []*job) []*job {
	for _, from := range []chan *job{s.queue, s.behind} {
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
	}
	return batch
}

func (s *Store) drainClosed(batch []*job) ([]*job, bool) {
	batch = s.drain(batch)
	return batch, len(s.queue) > 0 || len(s.behind) > 0
}

// commit decides and saves a batch and answers everybody in it.
func (s *Store) commit(batch []*job) {
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

func (s *Store) commitSingly(batch []*job) {
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
func (s *Store) save(batch []*job) error {
	for range maxConflicts {
		if err := s.try(batch); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("%w: it met other writers %d times", ErrNotSaved, maxConflicts)
}

func (s *Store) try(batch []*job) error {
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
func (s *Store) decide(batch []*job, b Batch) error {
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

// outcome turns a batch's error into what its messages are told.
func outcome(err error) error {
	if errors.Is(err, ErrNotSaved) || errors.Is(err, ErrData) {
		return &decline.NotTaken{Cause: decline.StoreDown, Text: "the store cannot save", After: time.Second}
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

// nextSeq gives the next place in the order of messages.
func (s *Store) nextSeq(b Batch) (int64, error) {
	if s.seqLeft == 0 {
		first, err := b.Seqs(seqBlock)
		if err != nil {
			return 0, err
		}
		s.seq, s.seqLeft = first, seqBlock
	}
	seq := s.seq
	s.seq, s.seqLeft = s.seq+1, s.seqLeft-1
	return seq, nil
}
