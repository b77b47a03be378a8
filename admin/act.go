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

// maxJudged bounds how often an act is judged because other processes change what it is judged by.
const maxJudged = 16

// errBehind says that the register has changed in the store since this process read it.
var errBehind = errors.New("the register has changed in the store")

// act judges an act by the register as it stands in the store, saves what it changes and publishes that. judge runs again
// when another process has changed the register meanwhile, and sets its results anew; what it refuses is not done.
// changing is held all the while, and released before act returns.
func (o *Office) act(ctx context.Context, judge func(now *snapshot) (change, error)) error {
	o.register.changing.Lock()
	defer o.register.changing.Unlock()
	for range maxJudged {
		if _, err := o.register.catchUp(ctx); err != nil {
			return unread(err)
		}
		now := o.register.now.Load()
		c, err := judge(now)
		if err != nil {
			return err
		}
		if err = o.save(ctx, now.revision, c); !errors.Is(err, errBehind) {
			return err
		}
	}
	return &decline.NotTaken{Cause: decline.Overloaded, Text: "other operators keep changing what this is judged by", After: time.Second}
}

// unread says that an act was not done, since nobody can read what it is judged by.
func unread(err error) error { return fmt.Errorf("%w: %w", notRead, err) }

var notRead = &decline.NotTaken{Cause: decline.StoreDown, Text: "the store cannot be read", After: time.Second}

// save commits a change that was judged by a revision, and publishes it. The commit raises the revision by one: nobody
// else changes it between the question and the commit. The caller holds register.changing.
func (o *Office) save(ctx context.Context, revision int64, c change) error {
	content, err := o.codec.Encode(c.value)
	if err != nil {
		return fmt.Errorf("encode %s: %w", c.row.Kind, err)
	}
	c.row.Content = content
	err = o.store.Update(ctx, giftcard.Keys{World: c.row.World}, func(tx Tx) error {
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
