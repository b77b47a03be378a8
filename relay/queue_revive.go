package relay

import (
	"errors"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
)

// revivePage is how many items are read at once that need attention.
const revivePage = 256

// lacking is what is known of the accounts whose items could not be sent for want of a credential. When there may be one,
// one item of each goes back in line. If that finds a credential the others follow.
type lacking struct {
	tried map[ident.Account]bool // one of theirs has gone back
	found map[ident.Account]bool // there is a credential
}

func newLacking() lacking {
	return lacking{tried: map[ident.Account]bool{}, found: map[ident.Account]bool{}}
}

// forget has each account tried again.
func (l *lacking) forget() { clear(l.tried) }

// told says what came of an item. It gives true when an account was found to have a credential, at last.
func (l *lacking) told(a ident.Account, o saf.Outcome) bool {
	if !l.tried[a] || l.found[a] || o == saf.NoCredential || o == saf.Unreadable {
		return false
	}
	l.found[a] = true
	return true
}

// untried has these accounts tried again.
func (l *lacking) untried(accounts []ident.Account) {
	for _, a := range accounts {
		delete(l.tried, a)
	}
}

// wants says whether an account's item goes back in line.
func (l *lacking) wants(a ident.Account) bool {
	if l.found[a] || !l.tried[a] {
		l.tried[a] = true
		return true
	}
	return false
}

// reviveAll puts items back in line whenever there may be a credential for them.
func (q *queue) reviveAll() {
	for {
		select {
		case <-q.run.Done():
			return
		case <-q.revive:
		}
		if !q.leads() {
			continue // whoever holds the line does it
		}
		q.awaitSaved() // so that what lacked a credential a moment ago is found
		if err := q.reviveOnce(); err != nil && q.run.Err() == nil {
			q.log.Error("cannot put back what had no credential", "upstream", q.upstream, "error", err)
			time.AfterFunc(q.pace.Full().MinWait, func() { wake(q.revive) })
		}
	}
}

// reviveOnce looks once through what needs attention.
func (q *queue) reviveOnce() error {
	after, more := int64(0), true
	for more {
		items, err := q.reports.Items(q.run, q.upstream, []saf.State{saf.Attention}, after, revivePage)
		if err != nil {
			return err
		}
		if more = len(items) == revivePage; more {
			after = items[len(items)-1].Seq
		}
		if err := q.putBack(items); err != nil {
			return err
		}
	}
	return nil
}

// putBack puts those items back in line that may be sent now.
func (q *queue) putBack(items []saf.Item) error {
	byWorld := map[ident.World][]int64{}
	var accounts []ident.Account
	q.mu.Lock()
	for _, i := range items {
		if i.Why == saf.LacksCredential && q.lacking.wants(i.Account) {
			byWorld[i.World] = append(byWorld[i.World], i.Seq)
			accounts = append(accounts, i.Account)
		}
	}
	q.mu.Unlock()
	var failed error
	for world, seqs := range byWorld {
		keys := saf.Keys{World: world, Items: seqs}
		failed = errors.Join(failed, q.store.Update(q.run, keys, func(tx saf.Tx) error { return toWaiting(tx, seqs) }))
	}
	if len(byWorld) > 0 {
		q.mu.Lock()
		defer q.mu.Unlock()
		if failed != nil { // which of them have gone back nobody knows
			q.lacking.untried(accounts)
		}
		q.line.Reread()
		wake(q.kick)
	}
	return failed
}

// toWaiting puts items in line that still lack a credential as far as is recorded.
func toWaiting(tx saf.Tx, seqs []int64) error {
	for _, seq := range seqs {
		if i, found := tx.Item(seq); found && i.State == saf.Attention && i.Why == saf.LacksCredential {
			i.State = saf.Waiting
			tx.PutItem(i)
		}
	}
	return nil
}
