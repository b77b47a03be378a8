package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
)

// change is a row to be saved with its audit entry, and then published.
type change struct {
	row   Row               // without content
	value any               // the content
	also  []Row             // further rows of the same commit
	with  func(tx Tx) error // what else belongs to the commit; nil for nothing
	audit Audit             // of the act
	put   func(*snapshot)
}

// judge says what an act changes, or refuses it. It may run again, and then sets its results anew; it asks for nothing
// but the snapshot, since it may run within a batch.
type judge func(now *snapshot) (change, error)

// maxJudged bounds how often an act is judged beside other processes' acts, until it holds them up.
const maxJudged = 3

// errBehind says that the register has changed in the store since this process read it.
var errBehind = errors.New("the register has changed in the store")

// act judges an act by the register as it stands in the store, saves what it changes and publishes that. It is judged anew
// when another process has changed the register meanwhile. changing is held all the while.
func (o *Office) act(ctx context.Context, j judge) error {
	o.register.changing.Lock()
	defer o.register.changing.Unlock()
	for range maxJudged {
		if _, err := o.register.catchUp(ctx); err != nil {
			return unread(err)
		}
		now := o.register.now.Load()
		if now.revision == unsure {
			break // others never hold still
		}
		c, err := o.judged(j, now)
		if err != nil {
			return err
		}
		if err := o.save(ctx, now.revision, c); !errors.Is(err, errBehind) {
			return err
		}
	}
	return o.actWithin(ctx, j)
}

// judged has an act judged, and writes its row.
func (o *Office) judged(j judge, now *snapshot) (change, error) {
	c, err := j(now)
	if err != nil {
		return change{}, err
	}
	if c.row.Content, err = o.codec.Encode(c.value); err != nil {
		return change{}, fmt.Errorf("encode %s: %w", c.row.Kind, err)
	}
	return c, nil
}

// unread says that an act was not done, since nobody can read what it is judged by.
func unread(err error) error { return fmt.Errorf("%w: %w", notRead, err) }

var notRead = &decline.NotTaken{Cause: decline.StoreDown, Text: "the store cannot be read", After: time.Second}

// save commits a change that was judged by a revision, and publishes it. The commit raises the revision by one: nobody
// else changes it between the question and the commit. errBehind: it is another one by now. The caller holds
// register.changing.
func (o *Office) save(ctx context.Context, revision int64, c change) error {
	err := o.store.Update(ctx, giftcard.Keys{World: c.row.World}, func(tx Tx) error {
		if tx.Revision() != revision {
			return errBehind
		}
		return o.put(tx, c)
	})
	switch {
	case err == nil:
		o.register.publish(revision+1, c.put)
	case !errors.Is(err, errBehind):
		o.doubt(ctx, err)
	}
	return err
}

// actWithin is act for who was never fast enough: it reads the register within the commit, while nobody else's act passes.
// The messages of its batch wait for that, so it comes last. The caller holds register.changing.
func (o *Office) actWithin(ctx context.Context, j judge) error {
	var now *snapshot
	var c change
	var refusal error
	err := o.store.Update(ctx, giftcard.Keys{}, func(tx Tx) error { // it looks for no message, so its world is told by its row
		revision := tx.Revision()
		if now, refusal = o.register.read(ctx); refusal == nil && now.revision != revision {
			refusal = errBehind // of an earlier act in the same batch, by another office of this process
		}
		if refusal != nil {
			refusal = unread(refusal)
		} else if c, refusal = o.judged(j, now); refusal == nil {
			return o.put(tx, c)
		}
		return refusal
	})
	switch {
	case err == nil:
		o.register.now.Store(now)
		o.register.publish(now.revision+1, c.put)
	case refusal == nil:
		o.doubt(ctx, err)
	}
	return err
}

// put writes what a change consists of.
func (o *Office) put(tx Tx, c change) error {
	tx.PutRow(c.row)
	for _, row := range c.also {
		tx.PutRow(row)
	}
	if c.with != nil {
		if err := c.with(tx); err != nil {
			return err
		}
	}
	return o.record(tx, c.row.World, tx.NextSeq(), c.audit)
}

// doubt has the register follow what the store then holds when it is unknown whether a commit took place: at once, or
// when the store can be read again.
func (o *Office) doubt(ctx context.Context, cause error) {
	var notTaken *decline.NotTaken
	if errors.As(cause, &notTaken) {
		return
	}
	o.register.doubt()
	_, _ = o.register.catchUp(context.WithoutCancel(ctx)) // or the next act, or Refresh
}
