package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/scripworks/scrip/decline"
)

// Bounds of the views.
const (
	maxViews  = 2  // views that are open at once
	maxShared = 64 // callers that share one
)

// Read shows committed records of one instant, which is not before the call. Nothing is ever saved by it, so whatever
// keeps it from an answer is a *decline.NotTaken: Expired once the context has ended, StoreDown when the driver fails,
// Overloaded and Stopping as for Do. read runs on a goroutine of the store's, which others wait for: it must not read
// again itself.
func (s *Store) Read(ctx context.Context, keys Keys, read func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return unread(ctx, err)
	}
	return s.ask(ctx, s.views, keys, read)
}

// unread says that an error came while reading, and keeps that error for whoever logs it.
func unread(ctx context.Context, err error) error {
	turned := &decline.NotTaken{Cause: decline.StoreDown, Text: "the store cannot be read", After: time.Second}
	if ctx.Err() != nil {
		turned = &decline.NotTaken{Cause: decline.Expired, Text: "the deadline passed before the message was answered"}
	}
	return errors.Join(turned, err)
}

// reader opens one view after the other, each for all callers that wait. They share its set, because a view changes
// nothing.
type reader struct {
	store  *Store
	group  []*job
	wanted Wanted
	set    *Set
	tx     Tx // of the caller whose turn it is
	lent   lent
}

// read is a reader's life: until the store is closed it gathers who waits, loads, answers, and begins again. While it is
// at one view, the callers of the next gather.
func (s *Store) read() {
	r := &reader{store: s, set: NewSet()}
	r.tx = Tx{store: s, set: r.set, places: &places{}, frozen: true}
	for first := range s.views {
		r.gather(first)
		r.serve(r.group)
		clear(r.group)
	}
}

// gather takes all that wait with the first. Before it looks, it lets those run who are ready to, so that messages
// that came together are read together; when nobody is, it goes on at once.
func (r *reader) gather(first *job) {
	runtime.Gosched()
	r.group = append(r.group[:0], first)
	for len(r.group) < maxShared {
		select {
		case j, open := <-r.store.views:
			if open {
				r.group = append(r.group, j)
				continue
			}
		default:
		}
		return
	}
}

// serve answers a group from one view. When the driver fails, those who have no answer yet get a view each.
func (r *reader) serve(group []*job) {
	if group = slices.DeleteFunc(group, (*job).left); len(group) == 0 {
		return
	}
	rest, err := r.share(group)
	for i, j := range rest {
		if len(group) > 1 {
			r.serve(rest[i : i+1])
		} else if j.state.CompareAndSwap(queued, taken) {
			j.finish(unread(j.ctx, err))
		}
	}
}

// share opens a view for a group. When the driver fails, rest are those without an answer.
func (r *reader) share(group []*job) (rest []*job, err error) {
	ctx := r.store.life
	if len(group) == 1 {
		ctx = group[0].ctx
	}
	batch, err := r.store.driver.View(ctx)
	if err != nil {
		return group, fmt.Errorf("begin a view: %w", err)
	}
	defer batch.Rollback()
	if r.want(group); !r.wanted.isEmpty() { // or the first who needs something begins
		if err := batch.Load(ctx, &r.wanted, r.set); err != nil {
			return group, fmt.Errorf("load a view: %w", err)
		}
	}
	for i, j := range group {
		if err := r.show(batch, j); errors.Is(err, errDriver) {
			return group[i+1:], err // who can tell what such a view shows next
		}
	}
	return nil, nil
}

func (r *reader) want(group []*job) {
	r.set.Reset()
	r.wanted.Reset()
	for _, j := range group {
		r.wanted.join(&j.wanted)
	}
}

// show gives one caller its turn, unless it has left.
func (r *reader) show(b Batch, j *job) error {
	if !j.state.CompareAndSwap(queued, taken) {
		return nil
	}
	r.lent = lent{b, j.ctx}
	r.tx.begin(&r.lent, j.world)
	err := r.tx.attempt(j.decide)
	if errors.Is(err, errDriver) {
		j.finish(unread(j.ctx, fmt.Errorf("load a view: %w", err)))
	} else {
		j.finish(err)
	}
	return err
}

// lent is a view during one caller's turn: what is loaded on demand is loaded until that caller's deadline.
type lent struct {
	Batch
	ctx context.Context
}

// Load implements Batch.
func (l *lent) Load(_ context.Context, wanted *Wanted, set *Set) error {
	return l.Batch.Load(l.ctx, wanted, set)
}
