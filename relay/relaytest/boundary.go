package relaytest

import (
	"context"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// Boundaries are the instants at which the death of a program makes a difference to others: before and after each commit,
// and before and after each message to an upstream. They are counted, and at one of them the program dies.
type Boundaries struct {
	DieAt int64  // the number of the boundary, from 1; 0 is never
	Die   func() // it does not return; nil is Kill
	count atomic.Int64
}

// Kill ends this process by a signal that nobody can catch.
func Kill() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the signal is on its way
}

// cross passes one boundary, or does not.
func (b *Boundaries) cross() {
	if b.count.Add(1) != b.DieAt {
		return
	}
	if b.Die != nil {
		b.Die()
	}
	Kill()
}

// Driver puts the boundaries around the commits of a store.
func (b *Boundaries) Driver(d store.Driver) store.Driver { return watchedDriver{d, b} }

// Services puts the boundaries around the messages to an upstream.
func (b *Boundaries) Services(g giftcard.Service, a airtime.Service) (giftcard.Service, airtime.Service) {
	return watchedIssuer{g, b}, watchedVendor{a, b}
}

type watchedDriver struct {
	store.Driver
	at *Boundaries
}

// Begin implements store.Driver.
func (d watchedDriver) Begin(ctx context.Context) (store.Batch, error) {
	batch, err := d.Driver.Begin(ctx)
	return watchedBatch{batch, d.at}, err
}

type watchedBatch struct {
	store.Batch
	at *Boundaries
}

// Save implements store.Batch.
func (b watchedBatch) Save(ctx context.Context, set *store.Set) error {
	b.at.cross()
	defer b.at.cross()
	return b.Batch.Save(ctx, set)
}

type watchedIssuer struct {
	giftcard.Service
	at *Boundaries
}

// Request implements giftcard.Service.
func (s watchedIssuer) Request(ctx context.Context, r *giftcard.Request) (*giftcard.Response, error) {
	s.at.cross()
	defer s.at.cross()
	return s.Service.Request(ctx, r)
}

// Advise implements giftcard.Service.
func (s watchedIssuer) Advise(ctx context.Context, a *txn.Advice) (*txn.Answer, error) {
	s.at.cross()
	defer s.at.cross()
	return s.Service.Advise(ctx, a)
}

type watchedVendor struct {
	airtime.Service
	at *Boundaries
}

// Request implements airtime.Service.
func (s watchedVendor) Request(ctx context.Context, r *airtime.Request) (*airtime.Response, error) {
	s.at.cross()
	defer s.at.cross()
	return s.Service.Request(ctx, r)
}

// Advise implements airtime.Service.
func (s watchedVendor) Advise(ctx context.Context, a *airtime.Advice) (*txn.Answer, error) {
	s.at.cross()
	defer s.at.cross()
	return s.Service.Advise(ctx, a)
}
