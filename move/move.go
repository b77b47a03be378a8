// Package move copies a whole store into another one, such as a file into a database (`scrip move`), and marks both.
//
// It promises that every record arrives as it is, under the same place, found by the same keys; that memory does not grow
// with the store; that nobody else moves into the new store meanwhile; that both ends were checked and compared before the
// move counts; and that of the two at most one is served: the new one is marked as incomplete until the old one is marked
// as moved. A move that broke off leaves the old one as it is, and is begun again from scratch.
package move

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/invariant"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
)

// Errors of a move. Where one is returned the old store is as it was.
var (
	// ErrNotEmpty says that there is something in the store to move to.
	ErrNotEmpty = errors.New("the store to move to is not empty")
	// ErrUnsound says that a store does not keep its invariants. The report has the faults.
	ErrUnsound = errors.New("the store is not sound")
	// ErrDiffers says that what arrived is not what was sent.
	ErrDiffers = errors.New("what has arrived differs from what was there")
)

// Settings are what is moved. All but Again, Told and Waiting must be set. Nobody else may write either store.
type Settings struct {
	From, To         store.Whole
	FromName, ToName string       // for people who find one of them marked; without passwords
	Keys             *secret.Keys // with which From was written
	Again            bool         // erase what a move that broke off has left in To, or move a store to where it was moved before
	Now              time.Time
	// Told hears how many records of a kind have been copied, now and then and at the end of the kind.
	Told func(kind string, records int64, done bool)
	// Waiting hears, with Again, that another move into To is under way, or broke off a moment ago, and for how long at most
	// Run waits to know which.
	Waiting func(most time.Duration)
}

// Report is what was moved.
type Report struct {
	Kinds    []Tally
	From, To *invariant.Report // nil when they were not reached
}

// Tally is how many records of a kind there are, and a digest over all of them.
type Tally struct {
	Kind    string
	Records int64
	Digest  [32]byte
}

// Run moves a store. The report is there also with ErrUnsound and ErrDiffers. ErrUnderWay, ErrNotEmpty, ErrMoved,
// ErrIncomplete: nothing was done.
func Run(ctx context.Context, s Settings) (r *Report, err error) {
	if s.Told == nil {
		s.Told = func(string, int64, bool) {}
	}
	err = alone(ctx, s.To, s.waiting(), func(ctx context.Context) error {
		r, err = run(ctx, s)
		return err
	})
	return r, err
}

// waiting gives who hears that a move is waited for; nil when none is: it would find what the other has brought.
func (s *Settings) waiting() func(most time.Duration) {
	switch {
	case !s.Again:
		return nil
	case s.Waiting == nil:
		return func(time.Duration) {}
	}
	return s.Waiting
}

func run(ctx context.Context, s Settings) (*Report, error) {
	if err := prepare(ctx, s); err != nil {
		return nil, err
	}
	r := &Report{}
	if err := r.copy(ctx, s); err != nil {
		return r, err
	}
	if err := r.compare(ctx, s); err != nil {
		return r, err
	}
	return r, finish(ctx, s)
}

// prepare marks the new store as incomplete, once it is empty.
func prepare(ctx context.Context, s Settings) error {
	if err := s.mayLeave(ctx); err != nil {
		return fmt.Errorf("the store to be moved: %w", err)
	}
	there, err := read(ctx, s.To)
	if err != nil {
		return fmt.Errorf("the store to move to: %w", err)
	}
	if there.isOf(s) { // it was made for this move, with the mark
		if empty, err := isEmpty(ctx, s.To); err != nil || empty {
			return err
		}
	}
	switch err := there.refusal(); {
	case errors.Is(err, ErrIncomplete) && s.Again:
		if err := s.To.Erase(ctx); err != nil {
			return fmt.Errorf("erase what the last move has left: %w", err)
		}
	case err != nil:
		return fmt.Errorf("the store to move to: %w", err)
	}
	switch empty, err := isEmpty(ctx, s.To); {
	case err != nil:
		return fmt.Errorf("the store to move to: %w", err)
	case !empty:
		return ErrNotEmpty
	}
	return put(ctx, s.To, &mark{Incomplete: true, Peer: s.FromName, At: s.Now})
}

// mayLeave refuses to move what was moved before, unless that was to the same store: another one may be served.
func (s *Settings) mayLeave(ctx context.Context) error {
	m, err := read(ctx, s.From)
	switch {
	case err != nil:
		return err
	case !m.isAway() || !s.Again:
		return m.refusal()
	case m.Peer == s.ToName:
		return nil
	}
	there, err := read(ctx, s.To)
	if err != nil || there != nil && there.Incomplete && there.At.Equal(m.At) {
		return err
	}
	return m.refusal()
}

// isOf says whether a mark is the one with which a store was made for a move.
func (m *mark) isOf(s Settings) bool {
	return m != nil && m.Incomplete && m.Peer == s.FromName && m.At.Equal(s.Now)
}

// isEmpty says whether nothing but a mark was ever written to a store.
func isEmpty(ctx context.Context, s store.Whole) (bool, error) {
	last, err := s.LastPlace(ctx)
	if err != nil || last > 0 {
		return false, err
	}
	if some, err := hasRows(ctx, s); err != nil || some {
		return false, err
	}
	messages, err := s.Messages(ctx, 0, 1)
	if err != nil || len(messages) > 0 {
		return false, err
	}
	cards, err := s.Cards(ctx, 0, 1)
	return len(cards) == 0, err
}

// hasRows says whether there is a row other than the mark.
func hasRows(ctx context.Context, s store.Whole) (bool, error) {
	kinds, err := s.Kinds(ctx)
	if err != nil || len(kinds) == 0 {
		return false, err
	}
	if len(kinds) > 1 || kinds[0] != admin.SettingRow {
		return true, nil
	}
	settings, err := s.Rows(ctx, admin.SettingRow, 0, 2)
	return len(settings) > 1 || len(settings) == 1 && !isMark(&settings[0]), err
}

// copy copies every record, and judges the old store meanwhile.
func (r *Report) copy(ctx context.Context, s Settings) error {
	last, err := s.From.LastPlace(ctx)
	if err != nil {
		return err
	}
	return both(ctx, func(ctx context.Context) (err error) {
		r.From, err = checked(ctx, s.From, "the store to be moved")
		return err
	}, func(ctx context.Context) error {
		if err := r.copyAll(ctx, s); err != nil {
			return err
		}
		return s.To.Advance(ctx, last)
	})
}

// both does two things at once. When one fails the other is given up, and the first failure is what counts.
func both(ctx context.Context, one, other func(context.Context) error) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var all sync.WaitGroup
	for _, do := range []func(context.Context) error{one, other} {
		all.Go(func() {
			if err := do(ctx); err != nil {
				fail(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

func (r *Report) copyAll(ctx context.Context, s Settings) error {
	w := &writer{to: s.To, keys: s.Keys}
	for _, kind := range kinds {
		tally, err := kind.copy(ctx, s.From, w, s.Told)
		if err != nil {
			return fmt.Errorf("move the %s: %w", kind.name(), err)
		}
		r.Kinds = append(r.Kinds, tally)
	}
	return nil
}

// checked computes every invariant of a store.
func checked(ctx context.Context, s store.Whole, which string) (*invariant.Report, error) {
	report, err := invariant.Check(ctx, s)
	if err == nil && len(report.Faults) > 0 {
		err = fmt.Errorf("%s: %w: %s", which, ErrUnsound, report.Faults[0])
	}
	return report, err
}

// compare judges the new store, and compares it with the old one record by record.
func (r *Report) compare(ctx context.Context, s Settings) error {
	err := both(ctx, func(ctx context.Context) (err error) {
		r.To, err = checked(ctx, s.To, "the store to move to")
		return err
	}, func(ctx context.Context) error {
		return r.compareKinds(ctx, s)
	})
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(r.From, r.To) {
		return fmt.Errorf("%w: the totals are not the same", ErrDiffers)
	}
	return nil
}

func (r *Report) compareKinds(ctx context.Context, s Settings) error {
	for i, kind := range kinds {
		arrived, err := kind.tally(ctx, s.To, s.Keys)
		if err != nil {
			return fmt.Errorf("read the %s again: %w", kind.name(), err)
		}
		if sent := r.Kinds[i]; arrived != sent {
			return fmt.Errorf("%w: %d %s were sent, %d have arrived, and not all are the same", ErrDiffers, sent.Records, kind.name(), arrived.Records)
		}
	}
	return nil
}

// finish lets the new store be served once the old one cannot be any more.
func finish(ctx context.Context, s Settings) error {
	last, err := s.To.LastPlace(ctx)
	if err != nil {
		return err
	}
	switch was, err := s.From.LastPlace(ctx); {
	case err != nil:
		return err
	case last < was:
		return fmt.Errorf("%w: places go on from %d, and %d was given out", ErrDiffers, last, was)
	}
	if err := put(ctx, s.From, &mark{Peer: s.ToName, At: s.Now}); err != nil {
		return fmt.Errorf("mark the old store as moved: %w", err)
	}
	if err := put(ctx, s.To, &mark{Arrived: true, Peer: s.FromName, At: s.Now}); err != nil {
		return fmt.Errorf("the old store is marked as moved, but the new one could not be marked as complete: %w", err)
	}
	return nil
}
