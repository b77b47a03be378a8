package app_test

import (
	"context"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// boundaries are the instants at which the death of a process makes a difference to others: before and after each commit,
// and before and after each message to an upstream. They are counted, and at one of them the process is killed.
type boundaries struct {
	crossed atomic.Int64
	dieAt   int64 // 0 is never
}

// cross passes one boundary, or does not.
func (b *boundaries) cross() {
	if b.crossed.Add(1) != b.dieAt {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the signal is on its way
}

// watch puts the boundaries into a program.
func (b *boundaries) watch(s *app.Settings) {
	s.Watch(
		func(d store.Driver) store.Driver { return watchedDriver{d, b} },
		func(g giftcard.Service, a airtime.Service) (giftcard.Service, airtime.Service) {
			return watchedIssuer{g, b}, watchedVendor{a, b}
		},
	)
}

type watchedDriver struct {
	store.Driver
	at *boundaries
}

func (d watchedDriver) Begin(ctx context.Context) (store.Batch, error) {
	batch, err := d.Driver.Begin(ctx)
	return watchedBatch{batch, d.at}, err
}

type watchedBatch struct {
	store.Batch
	at *boundaries
}

func (b watchedBatch) Save(ctx context.Context, set *store.Set) error {
	b.at.cross()
	defer b.at.cross()
	return b.Batch.Save(ctx, set)
}

type watchedIssuer struct {
	giftcard.Service
	at *boundaries
}

func (s watchedIssuer) Request(ctx context.Context, r *giftcard.Request) (*giftcard.Response, error) {
	s.at.cross()
	defer s.at.cross()
	return s.Service.Request(ctx, r)
}

func (s watchedIssuer) Advise(ctx context.Context, a *txn.Advice) (*txn.Answer, error) {
	s.at.cross()
	defer s.at.cross()
	return s.Service.Advise(ctx, a)
}

type watchedVendor struct {
	airtime.Service
	at *boundaries
}

func (s watchedVendor) Request(ctx context.Context, r *airtime.Request) (*airtime.Response, error) {
	s.at.cross()
	defer s.at.cross()
	return s.Service.Request(ctx, r)
}

func (s watchedVendor) Advise(ctx context.Context, a *airtime.Advice) (*txn.Answer, error) {
	s.at.cross()
	defer s.at.cross()
	return s.Service.Advise(ctx, a)
}
