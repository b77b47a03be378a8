package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/txn"
)

// Bounds of pruning.
const (
	pruneAtOnce = 32             // messages that are judged for one commit
	pruneSlack  = 24 * time.Hour // how much later in the order an older message may stand
)

// Pruned says what a call of Prune has done.
type Pruned struct {
	Messages int       // that were pruned
	Next     int64     // where the next call goes on; 0 when there is nothing more to judge
	Oldest   time.Time // of the messages that it left, the one that was received first; zero when it left none
}

// Prune takes the next part of the messages after a place that were received before an instant, and prunes those to which
// nothing can happen any more (docs/decisions/0021): what they moved is brought forward, a husk is left of each. It is one
// message more in a batch, so that nobody waits for it longer than for a few messages. Which are pruned is decided by
// what the batch has loaded: when two do it at once, the second finds nothing to do. Errors are those of Do.
func (s *Store) Prune(ctx context.Context, before time.Time, after int64) (Pruned, error) {
	page, err := s.driver.Messages(ctx, after, pruneAtOnce)
	if err != nil {
		return Pruned{}, fmt.Errorf("read messages after %d: %w", after, err)
	}
	p := &pruning{before: before, page: page}
	if p.entries, err = s.entriesOf(ctx, after, page); err != nil {
		return Pruned{}, err
	}
	done := Pruned{}
	if len(page) == pruneAtOnce && slices.ContainsFunc(page, func(m txn.Message) bool { return m.At.Before(before.Add(pruneSlack)) }) {
		done.Next = page[len(page)-1].Seq
	}
	if keys := p.keys(); len(keys.Seqs) > 0 {
		if err := s.Do(ctx, keys, p.run); err != nil {
			return Pruned{}, err
		}
	}
	done.Messages = p.pruned
	for _, m := range page {
		if !p.gone[m.Seq] && (done.Oldest.IsZero() || m.At.Before(done.Oldest)) {
			done.Oldest = m.At
		}
	}
	return done, nil
}

// entriesOf reads the entries of messages that follow a place, and of those that ended them. What a message has moved is
// never changed, so that it need not be read in the batch.
func (s *Store) entriesOf(ctx context.Context, after int64, page []txn.Message) (map[int64][]ledger.Entry, error) {
	found := map[int64][]ledger.Entry{}
	if len(page) == 0 {
		return found, nil
	}
	last := page[len(page)-1].Seq
	for from := after; from < last; {
		entries, err := s.driver.Entries(ctx, from, 2*pruneAtOnce)
		if err != nil {
			return nil, fmt.Errorf("read entries after %d: %w", from, err)
		}
		for _, e := range entries {
			found[e.Message] = append(found[e.Message], e)
		}
		if len(entries) == 0 {
			break
		}
		from = entries[len(entries)-1].Message
	}
	var beyond []int64 // the page; no message ends two requests
	for _, m := range page {
		if _, read := found[m.Ended]; m.IsEnded() && !read {
			beyond = append(beyond, m.Ended)
		}
	}
	entries, err := s.driver.EntriesOf(ctx, beyond)
	if err != nil {
		return nil, fmt.Errorf("read entries of what ended messages up to %d: %w", last, err)
	}
	for _, e := range entries {
		found[e.Message] = append(found[e.Message], e)
	}
	return found, nil
}

// pruning is one call of Prune. What is below tx is made anew each time the store lets it run.
type pruning struct {
	before  time.Time
	page    []txn.Message
	entries map[int64][]ledger.Entry

	tx     *Tx
	gone   map[int64]bool
	pruned int
}

// keys names what judging the page needs: its old messages, what ended them or what they are about, and their items.
func (p *pruning) keys() Keys {
	k := Keys{World: ident.Production} // which does not matter: it finds nothing by id
	for _, m := range p.page {
		if !m.At.Before(p.before) {
			continue
		}
		k.Seqs = append(k.Seqs, m.Seq)
		if m.Ended != 0 {
			k.Seqs = append(k.Seqs, m.Ended)
		}
		if m.Request != 0 {
			k.Seqs = append(k.Seqs, m.Request)
		}
		if m.Upstream != "" {
			k.Items = append(k.Items, m.Seq, max(m.Ended, 0))
		}
	}
	return k
}

func (p *pruning) run(tx *Tx) error {
	p.tx, p.gone, p.pruned = tx, map[int64]bool{}, 0
	for _, m := range p.page {
		together := p.settled(m.Seq)
		if len(together) == 0 {
			continue
		}
		brought, err := ledger.Fold(together[0].World, ledger.PeriodOf(together[len(together)-1].At), p.moved(together))
		if err != nil {
			continue // it stays; `scrip verify` tells what is wrong with it, if anything is
		}
		for _, m := range together {
			tx.prune(m)
			p.gone[m.Seq] = true
			p.pruned++
		}
		tx.bring(brought)
	}
	return nil
}

func (p *pruning) moved(messages []txn.Message) (entries []ledger.Entry) {
	for _, m := range messages {
		entries = append(entries, p.entries[m.Seq]...)
	}
	return entries
}

// settled gives the messages that go together with the one at a place, in order; none when it has to stay.
func (p *pruning) settled(seq int64) []txn.Message {
	m, found := p.old(seq)
	switch {
	case !found || m.Family == txn.Adjustment || p.queued(m):
		return nil
	case m.IsSettled():
		return []txn.Message{m}
	case m.IsEnded():
		ending, found := p.old(m.Ended)
		if !found || ending.Request != m.Seq || ending.State != txn.Accepted {
			return nil
		}
		return []txn.Message{m, ending}
	case m.Role != txn.Request && m.State != txn.Working && p.endedNothing(m):
		return []txn.Message{m}
	}
	return nil
}

// old gives a message that is there and older than is kept.
func (p *pruning) old(seq int64) (txn.Message, bool) {
	m := p.tx.messageAt(seq)
	if m == nil || m.Pruned || !m.At.Before(p.before) {
		return txn.Message{}, false
	}
	return *m, true
}

// queued says whether the advice that a message is, or that ended it, is in the queue, whatever its state there.
func (p *pruning) queued(m txn.Message) bool {
	return m.Upstream != "" && (p.tx.hasItem(m.Seq) || m.Ended != 0 && p.tx.hasItem(m.Ended))
}

// endedNothing says whether an advice is one without effect on a request that can have none any more.
func (p *pruning) endedNothing(m txn.Message) bool {
	if m.Request == 0 {
		return true
	}
	request := p.tx.messageAt(m.Request)
	switch {
	case request == nil || request.Pruned:
		return true
	case request.Ended == m.Seq:
		return false // it goes with its request
	}
	return request.IsEnded() || request.IsSettled()
}

// messageAt gives the message at a place, of whatever world; nil when there is none.
func (t *Tx) messageAt(seq int64) *txn.Message {
	if !t.set.HasMessage(seq) {
		t.wanted.Seqs = append(t.wanted.Seqs, seq)
		t.load()
	}
	return t.set.messages[seq]
}

// hasItem says whether there is an item of the queue at a place, of whatever world.
func (t *Tx) hasItem(seq int64) bool {
	if !t.set.HasItem(seq) {
		t.wanted.Items = append(t.wanted.Items, seq)
		t.load()
	}
	return t.set.items[seq] != nil
}

// prune leaves the husk of a message.
func (t *Tx) prune(m txn.Message) {
	t.mustWrite()
	s, kept := t.set, t.set.messages[m.Seq]
	husk := m.Husk(t.store.keys.ID(m.World, m.ID))
	s.messages[m.Seq] = &husk.Message
	s.changes.Pruned = append(s.changes.Pruned, husk)
	t.undo = append(t.undo, func() {
		s.messages[m.Seq] = kept
		s.changes.Pruned = s.changes.Pruned[:len(s.changes.Pruned)-1]
	})
}

// bring adds to what was brought forward.
func (t *Tx) bring(brought []ledger.Brought) {
	t.mustWrite()
	sums := t.set.changes.Brought
	for _, b := range brought {
		before, known := sums[b.BroughtKey]
		b.Amount += before.Amount // far from overflowing: see ledger.Fold
		b.Upto = max(b.Upto, before.Upto)
		sums[b.BroughtKey] = b
		t.undo = append(t.undo, func() {
			if known {
				sums[b.BroughtKey] = before
			} else {
				delete(sums, b.BroughtKey)
			}
		})
	}
}

// ForgetPruned takes the next husks of messages that were received before an instant, and forgets them: their ids are free
// again, and reversals that were remembered with them are not any more. It says how many it has forgotten; 0 when there are
// no more of them. Errors are those of Do.
func (s *Store) ForgetPruned(ctx context.Context, before time.Time) (int, error) {
	page, err := s.driver.Pruned(ctx, 0, pruneAtOnce)
	if err != nil {
		return 0, fmt.Errorf("read what is left of pruned messages: %w", err)
	}
	old := 0
	for old < len(page) && page[old].At.Add(dayOf).Before(before) {
		old++
	}
	if old == 0 {
		return 0, nil
	}
	err = s.Do(ctx, Keys{World: ident.Production}, func(tx *Tx) error {
		changes := tx.set.Changes()
		at := len(changes.Forgotten)
		changes.Forgotten = append(changes.Forgotten, page[:old]...)
		tx.undo = append(tx.undo, func() { changes.Forgotten = changes.Forgotten[:at] })
		return nil
	})
	return old, err
}

// dayOf is how much later than its husk says a message may have been received.
const dayOf = 24 * time.Hour
