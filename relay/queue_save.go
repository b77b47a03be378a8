package relay

import (
	"context"
	"sync"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
)

// Bounds of what is written behind.
const (
	maxUnsaved  = 4096                  // changes that wait; the senders wait while there are more
	saveGroup   = 32                    // of them, how many share an update, so that those who wait for theirs keep their pace
	saveWait    = 20 * time.Millisecond // how long the first of a group waits for others
	saveTimeout = 10 * time.Second      // of an update
	saveTries   = 3                     // of a group. What cannot be saved is read again one day, and sent again
)

// unsaved are the changes of items that the store has still to learn of. They are saved by one goroutine, in order.
type unsaved struct {
	changes []saf.Change
	added   int           // so far
	saved   int           // of them
	more    *sync.Cond    // of saved
	some    chan struct{} // there are some
	many    chan struct{} // there are enough for a group
	ended   chan struct{} // closed when no more will come
}

func newUnsaved(mu *sync.Mutex) unsaved {
	return unsaved{
		more: sync.NewCond(mu), some: make(chan struct{}, 1), many: make(chan struct{}, 1), ended: make(chan struct{}),
	}
}

// save has the store learn of a change, soon. The caller holds mu.
func (q *queue) save(c saf.Change) {
	if !c.Drop && !c.Put {
		return
	}
	u := &q.unsaved
	u.changes = append(u.changes, c)
	u.added++
	wake(u.some)
	if len(u.changes) >= saveGroup {
		wake(u.many)
	}
}

// hasRoom says whether the store keeps up with what is sent. The caller holds mu.
func (q *queue) hasRoom() bool { return len(q.unsaved.changes) < maxUnsaved }

// awaitSaved waits until the store knows of what has been done until now, or the queue is closed.
func (q *queue) awaitSaved() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for until := q.unsaved.added; q.unsaved.saved < until && !q.closed; {
		q.unsaved.more.Wait()
	}
}

// saveAll saves changes until no more come.
func (q *queue) saveAll() {
	for open := true; open; {
		select {
		case <-q.unsaved.some:
			open = q.gather()
		case <-q.unsaved.ended:
			open = false
		}
		for group := q.nextGroup(); len(group) > 0; group = q.nextGroup() {
			q.saveGroup(group)
		}
	}
}

// gather waits for a group to come together. It gives false when no more changes will come.
func (q *queue) gather() bool {
	timer := time.NewTimer(saveWait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-q.unsaved.many:
	case <-q.unsaved.ended:
		return false
	}
	return true
}

func (q *queue) nextGroup() []saf.Change {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := &q.unsaved
	n := min(len(u.changes), saveGroup)
	group := append([]saf.Change(nil), u.changes[:n]...)
	left := copy(u.changes, u.changes[n:])
	clear(u.changes[left:])
	u.changes = u.changes[:left]
	return group
}

// saveGroup saves changes, and tells the line.
func (q *queue) saveGroup(group []saf.Change) {
	for world, changes := range byWorld(group) {
		for try := 1; ; try++ {
			err := q.saveOnce(world, changes)
			if err == nil {
				break
			}
			if try == saveTries {
				q.log.Error("cannot save what became of advices; they are sent again", "upstream", q.upstream, "error", err)
				break
			}
			select {
			case <-time.After(q.pace.Full().MinWait):
			case <-q.run.Done():
			}
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, c := range group {
		if c.Left {
			q.line.Saved(c.Item.Seq)
		}
	}
	q.unsaved.saved += len(group)
	q.unsaved.more.Broadcast()
	q.handOn(q.now()) // there may have been no room
}

// byWorld parts changes by what one update can touch.
func byWorld(group []saf.Change) map[ident.World][]saf.Change {
	parts := map[ident.World][]saf.Change{}
	for _, c := range group {
		parts[c.Item.World] = append(parts[c.Item.World], c)
	}
	return parts
}

func (q *queue) saveOnce(w ident.World, changes []saf.Change) error {
	ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
	defer cancel()
	keys := saf.Keys{World: w}
	for _, c := range changes {
		if c.Put {
			keys.Items = append(keys.Items, c.Item.Seq)
		}
	}
	return q.store.Update(ctx, keys, func(tx saf.Tx) error {
		for _, c := range changes {
			apply(tx, c)
		}
		return nil
	})
}

// apply changes an item, unless it has been closed by an operator. What is not final gives way to what an operator did.
func apply(tx saf.Tx, c saf.Change) {
	if c.Drop {
		tx.DropItem(c.Item.Seq)
		return
	}
	there, found := tx.Item(c.Item.Seq)
	if found && (c.Final || there.State == c.From) {
		tx.PutItem(c.Item)
	}
}
