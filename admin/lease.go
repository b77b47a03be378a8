package admin

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Leases say which of the processes on a store does what only one is to do at a time. A store's driver implements it.
type Leases interface {
	// Lease takes the lease with a name for some seconds, or prolongs one that this process holds, and says whether it
	// holds it now.
	Lease(ctx context.Context, name string) (held bool, err error)
	// Release gives a lease up.
	Release(ctx context.Context, name string) error
}

// alone are the leases of a process that has the store to itself.
type alone struct{}

func (alone) Lease(context.Context, string) (bool, error) { return true, nil }
func (alone) Release(context.Context, string) error       { return nil }

// importLease is the name of the lease of who imports.
const importLease = "import"

// importing is the right to import: one process has it at a time, and there one import.
type importing struct {
	mu   sync.Mutex // held while the lease is asked for, so that none is prolonged that was given up
	here bool
}

// takeImport takes the right to import, unless somebody has it.
func (o *Office) takeImport(ctx context.Context) (taken bool, err error) {
	o.importing.mu.Lock()
	defer o.importing.mu.Unlock()
	if o.importing.here {
		return false, nil
	}
	if taken, err = o.leases.Lease(ctx, importLease); err != nil {
		return false, fmt.Errorf("lease the right to import: %w", err)
	}
	o.importing.here = taken
	return taken, nil
}

// keepImport prolongs the right to import, if this process has it.
func (o *Office) keepImport(ctx context.Context) error {
	o.importing.mu.Lock()
	defer o.importing.mu.Unlock()
	if !o.importing.here {
		return nil
	}
	if _, err := o.leases.Lease(ctx, importLease); err != nil {
		return fmt.Errorf("prolong the right to import: %w", err)
	}
	return nil
}

// leaveImport gives the right to import up. A lease that cannot be given up ends by itself.
func (o *Office) leaveImport(ctx context.Context) {
	o.importing.mu.Lock()
	defer o.importing.mu.Unlock()
	if o.importing.here {
		o.importing.here = false
		_ = o.leases.Release(context.WithoutCancel(ctx), importLease)
	}
}

// Follow has this process follow what others do, and others see what it does: it prolongs the right of an import that is
// under way here, reads anew what operators have set elsewhere, has the queues obey it, and abandons imports whose process
// is gone. It is called every second, and asks the store one short question while there is nothing to do. All of it is tried
// again at the next call, so an error is for the log.
func (o *Office) Follow(ctx context.Context, now time.Time) error {
	kept := o.keepImport(ctx)
	_, read := o.register.Refresh(ctx)
	o.obey()
	return errors.Join(kept, read, o.Recover(ctx, now))
}

// Recover abandons, and records it, what imports are under way in no process. It is called once before the first import of
// a process: where processes share no store, those that are under way then broke off when the last one stopped.
func (o *Office) Recover(ctx context.Context, now time.Time) error {
	if len(o.register.underWay()) == 0 {
		return nil
	}
	taken, err := o.takeImport(ctx)
	if err != nil || !taken {
		return err
	}
	defer o.leaveImport(ctx)
	return o.abandonLost(ctx, now)
}

// abandonLost abandons all imports that are under way. Who calls it has the right to import, and uses it for none of them.
func (o *Office) abandonLost(ctx context.Context, now time.Time) error {
	if _, err := o.register.Refresh(ctx); err != nil {
		return unread(err)
	}
	for _, number := range o.register.underWay() {
		if err := o.abandon(ctx, number, now); err != nil {
			return fmt.Errorf("abandon import %d: %w", number, err)
		}
	}
	return nil
}

// Program is the operator of what the program does by itself.
const Program = "program"

// abandon ends an import that broke off, unless it has ended after all.
func (o *Office) abandon(ctx context.Context, number int32, now time.Time) error {
	err := o.act(ctx, func(s *snapshot) (change, error) {
		before := s.imports[number]
		if before == nil || before.State != Running {
			return change{}, errEnded
		}
		after := *before
		after.State, after.Ended = Abandoned, now
		by := By{Operator: Program, Role: Admin, World: before.world, At: now, Reason: "the process that imported is gone"}
		return importChange(by, before, &after, func(tx Tx) error {
			if after.Kind == OfVouchers {
				setClosed(tx, number, true)
			}
			return nil
		}), nil
	})
	if errors.Is(err, errEnded) {
		return nil
	}
	return err
}

// errEnded says that an import has ended already.
var errEnded = errors.New("the import has ended")

// underWay gives the imports that are under way in some process, or were when it stopped.
func (r *Register) underWay() (numbers []int32) {
	for number, i := range r.now.Load().imports {
		if i.State == Running {
			numbers = append(numbers, number)
		}
	}
	return numbers
}
