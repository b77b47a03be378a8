package move

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// Of two moves into a database the second is refused, also when it would erase what the first has brought so far; then it
// waits first, for it cannot know whether the other was killed.
func TestTwoMovesIntoOneDatabase(t *testing.T) {
	dsn, first := pgtest.Shared(t).Database(t), memstore.New()
	keys := fillCards(t, first)
	var to [2]store.Whole
	for i := range to {
		d, err := postgres.Open(t.Context(), dsn, postgres.Options{})
		must(t, err)
		t.Cleanup(func() { must(t, d.Close()) })
		to[i] = d
	}
	tried := 0
	meanwhile := spoiling{to[0], func(*store.Changes) error {
		if tried++; tried > 3 {
			return nil
		}
		second := settings(memstore.New(), to[1], keys)
		ctx, giveUp := context.WithCancel(t.Context())
		defer giveUp()
		waits := false
		second.Waiting = func(time.Duration) { waits = true; giveUp() }
		for _, second.Again = range []bool{false, true} {
			if _, err := Run(ctx, second); !errors.Is(err, ErrUnderWay) || waits != second.Again {
				t.Errorf("at commit %d, again %t: got %v, and waiting %t", tried, second.Again, err, waits)
			}
		}
		return nil
	}}
	report, err := Run(t.Context(), settings(first, meanwhile, keys))
	must(t, err)
	if tried <= 3 {
		t.Errorf("only %d commits", tried)
	}
	moved(t, report, first, to[0], keys)
	if _, err := Run(t.Context(), settings(memstore.New(), to[1], keys)); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("once it is over: got %v", err)
	}
}

// answers are what a store says when it is asked for the lease, one after the other; then the lease is held.
type answers struct {
	store.Alone
	next     []answer
	released bool
}

type answer struct {
	held bool
	err  error
}

func (a *answers) Lease(context.Context, string) (bool, error) {
	if len(a.next) == 0 {
		return true, nil
	}
	next := a.next[0]
	a.next = a.next[1:]
	return next.held, next.err
}

func (a *answers) Release(context.Context, string) error { a.released = true; return nil }

// What takes longer than a lease lives is done as long as nobody else has it.
func TestAMoveKeepsItsLease(t *testing.T) {
	unknown := answer{err: errors.New("no connection")}
	for name, c := range map[string]struct {
		answers []answer
		want    error
	}{
		"kept":           {nil, nil},
		"not known":      {[]answer{{held: true}, unknown, unknown}, nil},
		"somebody's":     {[]answer{{held: false}}, ErrUnderWay},
		"lost":           {[]answer{{held: true}, {held: true}, {held: false}}, ErrUnderWay},
		"never answered": {[]answer{unknown}, unknown.err},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				leases := &answers{next: c.answers}
				err := alone(t.Context(), leases, nil, func(ctx context.Context) error {
					select {
					case <-time.After(3 * store.LeaseTime):
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				})
				if !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if len(leases.next) > 0 {
					t.Errorf("%v was not asked for", leases.next)
				}
				if began := len(c.answers) != 1; leases.released != began {
					t.Errorf("released: %t", leases.released)
				}
			})
		})
	}
}

// Whoever begins anew waits for the lease of a move that may have been killed, and no longer than such a lease lives.
func TestAMoveWaitsForTheLeaseOfOneThatWasKilled(t *testing.T) {
	held, others := answer{held: true}, answer{}
	unknown := answer{err: errors.New("no connection")}
	for name, c := range map[string]struct {
		answers []answer
		want    error
		waits   time.Duration
	}{
		"nobody's":       {nil, nil, 0},
		"a killed one's": {[]answer{others, others, others, held}, nil, 3 * leaseEvery},
		"ends at last":   {append(slices.Repeat([]answer{others}, 1+int(leaseWait/leaseEvery)-1), held), nil, leaseWait},
		"a living one's": {slices.Repeat([]answer{others}, 1+int(leaseWait/leaseEvery)), ErrUnderWay, leaseWait},
		"not known":      {[]answer{unknown}, unknown.err, 0},
		"not known then": {[]answer{others, unknown}, unknown.err, leaseEvery},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				leases, began, told := &answers{next: c.answers}, time.Now(), time.Duration(0)
				waited := time.Duration(-1)
				err := alone(t.Context(), leases, func(most time.Duration) { told = most }, func(context.Context) error {
					waited = time.Since(began)
					return nil
				})
				if !errors.Is(err, c.want) || len(leases.next) > 0 {
					t.Errorf("got %v, want %v; left %v", err, c.want, leases.next)
				}
				if c.want == nil && waited != c.waits || time.Since(began) != c.waits {
					t.Errorf("it waited for %s, want %s", time.Since(began), c.waits)
				}
				if says := c.waits > 0; says != (told == leaseWait) {
					t.Errorf("it says that it waits for %s", told)
				}
			})
		})
	}
}

func TestAMoveStopsWaitingWhenItIsToldTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, giveUp := context.WithCancel(t.Context())
		leases := &answers{next: make([]answer, 100)}
		err := alone(ctx, leases, func(time.Duration) { giveUp() }, func(context.Context) error { return nil })
		if !errors.Is(err, ErrUnderWay) || !errors.Is(err, context.Canceled) || len(leases.next) != 99 {
			t.Errorf("got %v after %d questions", err, 100-len(leases.next))
		}
	})
}
