package move

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/scripworks/scrip/store"
)

// Why a store that was moved is not taken back.
var (
	// ErrNotMoved says that there is nothing to take back.
	ErrNotMoved = errors.New("this store was not moved away")
	// ErrServed says that the store that was moved to was served, so that the same cards and vouchers would be in two stores.
	ErrServed = errors.New("the store that it was moved to was served")
	// ErrUnseen says that nobody knows whether it was.
	ErrUnseen = errors.New("whether the store that it was moved to was served is not known")
)

// Return is a move that is taken back. All but To, Unseen and Although must be set.
type Return struct {
	From             store.Driver // that was moved away, and is to be served again
	To               store.Driver // that it was moved to; nil when it cannot be opened
	Unseen           error        // why it cannot
	FromName, ToName string       // for people, without passwords
	Now              time.Time
	// Although is told why From should not be served again, ErrServed or ErrUnseen, and it is taken back all the same: somebody
	// answers for it. Without it that is refused.
	Although func(why error)
}

// Peer names the store that one was moved to, as people were shown it. ErrNotMoved, ErrIncomplete.
func Peer(ctx context.Context, d store.Driver) (string, error) {
	m, err := away(ctx, d)
	if err != nil {
		return "", err
	}
	return m.Peer, nil
}

func away(ctx context.Context, d store.Driver) (*mark, error) {
	m, err := read(ctx, d)
	switch {
	case err != nil:
		return nil, err
	case m.isAway():
		return m, nil
	}
	if why := m.refusal(); why != nil {
		return nil, why
	}
	return nil, ErrNotMoved
}

// Back takes the mark off a store that was moved away, so that it is served again, and has the other one marked first, so that
// of the two at most one is. ErrNotMoved, ErrIncomplete, ErrServed, ErrUnseen, ErrUnderWay: nothing was done. ErrServed is
// returned for a store that is served at this moment whoever answers for what.
func Back(ctx context.Context, r Return) error {
	m, err := away(ctx, r.From)
	if err != nil {
		return err
	}
	if r.To == nil {
		if err := r.judge(fmt.Errorf("%w: %w", ErrUnseen, r.Unseen)); err != nil {
			return err
		}
		return put(ctx, r.From, nil)
	}
	return alone(ctx, r.To, nil, func(ctx context.Context) error { return r.back(ctx, m) })
}

// back does it while no server begins with the other store.
func (r *Return) back(ctx context.Context, moved *mark) error {
	if err := r.isIdle(ctx); err != nil {
		return err
	}
	there, err := read(ctx, r.To)
	if err != nil {
		return err
	}
	known, why := moved.compare(there)
	if err := r.judge(why); err != nil {
		return err
	}
	if !known || there.Incomplete { // what is incomplete stays so, for another try
		return put(ctx, r.From, nil)
	}
	if err := put(ctx, r.To, &mark{Peer: r.FromName, At: r.Now, Returned: moved.At}); err != nil {
		return fmt.Errorf("mark the store that it was moved to: %w", err)
	}
	return put(ctx, r.From, &mark{Arrived: true, Peer: r.ToName, At: r.Now})
}

// judge refuses what should not be done, if nobody answers for it.
func (r *Return) judge(why error) error {
	if why != nil && r.Although == nil {
		return why
	}
	if why != nil {
		r.Although(why)
	}
	return nil
}

// compare says by the mark of the store that was moved to whether it is that one, and why it should not be left.
func (m *mark) compare(there *mark) (known bool, why error) {
	switch {
	case there != nil && there.Returned.Equal(m.At): // it was about to be taken back before
		return true, nil
	case there == nil || !there.At.Equal(m.At):
		return false, fmt.Errorf("%w: what is there now is another store, or was moved further", ErrUnseen)
	case there.Served.IsZero():
		return true, nil
	}
	return true, fmt.Errorf("%w, from %s on, and what it has answered is in it alone", ErrServed, there.Served.UTC().Format(time.RFC3339))
}

// shared is a store of which other processes may be nodes.
type shared interface {
	// Others names the processes that live on the store beside this one.
	Others(ctx context.Context) ([]string, error)
}

// isIdle refuses while somebody serves the other store.
func (r *Return) isIdle(ctx context.Context) error {
	crowd, ok := r.To.(shared)
	if !ok {
		return nil // then it has been opened by one process at a time
	}
	switch others, err := crowd.Others(ctx); {
	case err != nil:
		return err
	case len(others) > 0:
		return fmt.Errorf("%w, and is at this moment, by %s: stop that first", ErrServed, strings.Join(others, ", "))
	}
	return nil
}
