package move

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// Of two moves into a database the second is refused, also when it would erase what the first has brought so far.
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
		for _, second.Again = range []bool{false, true} {
			if _, err := Run(t.Context(), second); !errors.Is(err, ErrUnderWay) {
				t.Errorf("at commit %d, again %t: got %v", tried, second.Again, err)
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
				err := alone(t.Context(), leases, func(ctx context.Context) error {
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
