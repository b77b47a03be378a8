package move

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scripworks/scrip/store"
)

// ErrUnderWay says that somebody else is moving something into the store, or was until store.LeaseTime ago.
var ErrUnderWay = errors.New("another move into this store is under way")

// The lease of whoever moves into a store, and how often it is prolonged.
const (
	moveLease  = "move"
	leaseEvery = store.LeaseTime / 5
)

// alone does something while nobody else moves into a store. What is done is given up when somebody else has taken the
// lease; while the store cannot say whose it is, it goes on. ErrUnderWay: somebody else has it.
func alone(ctx context.Context, leases store.Leases, do func(context.Context) error) error {
	if err := takeLease(ctx, leases); err != nil {
		return fmt.Errorf("the store to move to: %w", err)
	}
	defer func() { _ = leases.Release(context.WithoutCancel(ctx), moveLease) }() // it ends by itself otherwise
	ctx, giveUp := context.WithCancelCause(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		if err := keepLease(ctx, leases); err != nil {
			giveUp(fmt.Errorf("the store to move to: %w", err))
		}
	}()
	err := do(ctx)
	giveUp(nil)
	<-kept
	if lost := context.Cause(ctx); err != nil && errors.Is(lost, ErrUnderWay) {
		return lost
	}
	return err
}

func takeLease(ctx context.Context, leases store.Leases) error {
	switch held, err := leases.Lease(ctx, moveLease); {
	case err != nil:
		return err
	case !held:
		return ErrUnderWay
	}
	return nil
}

// keepLease prolongs the lease until ctx ends, or somebody else has it: ErrUnderWay.
func keepLease(ctx context.Context, leases store.Leases) error {
	tick := time.NewTicker(leaseEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := takeLease(ctx, leases); errors.Is(err, ErrUnderWay) {
				return err
			}
		}
	}
}
