package sqlite

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// What is committed stands in the write-ahead log first and is copied into the file later. Copying 32 MB takes
// longer than anybody should wait for an answer, so the bulk of it runs beside the writer, on a connection of its
// own. But the log begins anew only when nothing is left to copy, which beside a busy writer is never: so the
// writer copies the last pages itself, between two batches, when few are left.
const (
	maxPasses   = 4 // how often the bulk is copied to get few pages left
	readersWait = 2 * time.Second
	lookEvery   = 8 // commits between two looks at the log
)

// limits are counted in pages of the log.
type limits struct {
	check    int // copying begins
	few      int // the writer copies so many itself
	pressing int // the writer waits for readers, so that the log begins anew
}

// usual is 32 MB, 1 MB and 256 MB.
var usual = limits{check: 8192, few: 256, pressing: 65536}

// checkpoints is the care of the log.
type checkpoints struct {
	limits  limits
	due     chan struct{}
	done    chan struct{}
	conn    *conn
	commits int         // since the last look; only the writer touches it
	ready   atomic.Bool // the bulk is copied, the writer may copy the rest
	running sync.WaitGroup
}

func (p *checkpoints) start(c *conn, l limits) {
	p.limits = l
	p.conn = c
	p.due, p.done = make(chan struct{}, 1), make(chan struct{})
	p.running.Go(p.run)
}

func (p *checkpoints) stop() error {
	if p.conn == nil {
		return nil
	}
	close(p.done)
	p.running.Wait()
	return p.conn.Close()
}

func (p *checkpoints) run() {
	for {
		select {
		case <-p.due:
			p.bulk()
		case <-p.done:
			return
		}
	}
}

// bulk copies beside the writer until few pages are left. An error shows again when the writer copies the rest.
func (p *checkpoints) bulk() {
	for range maxPasses {
		log, copied, err := p.conn.checkpoint("PASSIVE")
		if err != nil || log-copied < p.limits.few {
			break
		}
	}
	p.ready.Store(true)
}

// between runs on the writer's connection between two batches.
func (p *checkpoints) between(writer *conn) error {
	if p.ready.CompareAndSwap(true, false) {
		return p.rest(writer)
	}
	if p.commits++; p.commits < lookEvery {
		return nil
	}
	p.commits = 0
	log, copied, err := writer.checkpoint("NOOP")
	if err != nil {
		return err
	}
	if log-copied >= p.limits.check || log >= p.limits.pressing {
		select {
		case p.due <- struct{}{}:
		default: // it is at it already
		}
	}
	return nil
}

// rest copies what is left, after which the log begins anew with the next batch, unless readers still need it.
// When it has become too long, they are waited for.
func (p *checkpoints) rest(writer *conn) error {
	log, _, err := writer.checkpoint("PASSIVE")
	if err != nil || log < p.limits.pressing {
		return err
	}
	writer.SetBusyTimeout(readersWait)
	defer writer.SetBusyTimeout(busyTimeout)
	_, _, err = writer.checkpoint("TRUNCATE")
	return err
}

// checkpoint gives how many pages the log holds and how many of them are copied.
func (c *conn) checkpoint(mode string) (log, copied int, err error) {
	s, err := c.Prepare("PRAGMA wal_checkpoint(" + mode + ")")
	if err != nil {
		return 0, 0, err
	}
	row, err := s.Step()
	if row {
		log, copied = s.ColumnInt(1), s.ColumnInt(2)
	}
	if again := s.Reset(); err == nil {
		err = again
	}
	if err != nil {
		return 0, 0, fmt.Errorf("sqlite: checkpoint: %w", explain(err))
	}
	return log, copied, nil
}
