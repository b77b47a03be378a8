package move

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scripworks/scrip/store"
)

// ErrUnderWay says that somebody else is moving something into the store, or, unless that was waited for, was until
// store.LeaseTime ago.
var ErrUnderWay = errors.New("another move into this store is under way")

// The lease of whoever moves into a store, and how often it is prolonged.
const (
	moveLease  = "move"
	leaseEvery = store.LeaseTime / 5
	leaseWait  = store.LeaseTime + leaseEvery // by then a lease has ended whose holder was killed
)

// alone does something while nobody else moves into a store. What is done is given up when somebody else has taken the
// lease; while the store cannot say whose it is, it goes on. ErrUnderWay: somebody else has it, also after a while if
// waiting is there, which hears that it is waited for and for how long at most.
func alone(ctx context.Context, leases store.Leases, waiting func(most time.Duration), do func(context.Context) error) error {
	err := takeLease(ctx, leases)
	if errors.Is(err, ErrUnderWay) && waiting != nil {
		waiting(leaseWait)
		err = waitForLease(ctx, leases)
	}
	if err != nil {
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
	err = do(ctx)
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

// waitForLease takes the lease once it has ended. One whose holder was killed lives for store.LeaseTime, and nothing tells
// it from one whose holder is at work but that this one is prolonged: ErrUnderWay.
func waitForLease(ctx context.Context, leases store.Leases) (err error) {
	tick := time.NewTicker(leaseEvery)
	defer tick.Stop()
	for range int(leaseWait / leaseEvery) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrUnderWay, context.Cause(ctx))
		case <-tick.C:
		}
		if err = takeLease(ctx, leases); !errors.Is(err, ErrUnderWay) {
			break
		}
	}
	return err
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
