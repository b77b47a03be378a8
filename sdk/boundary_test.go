package sdk

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

// boundaries are the instants at which a program can die that make a difference: before and after each commit, and
// before and after each message to the upstream. They are counted, and at one of them it does.
type boundaries struct {
	passed atomic.Int64
	dieAt  int64 // 0 is never
	hard   bool  // by a signal that nobody can catch, and not by exiting
}

// diedAtBoundary is the exit code of one that died as it was told to.
const diedAtBoundary = 17

// cross passes one boundary.
func (b *boundaries) cross() {
	if b.passed.Add(1) != b.dieAt {
		return
	}
	if b.hard {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
	os.Exit(diedAtBoundary)
}

// watch puts the boundaries into a till's settings.
func (b *boundaries) watch(s *Settings) {
	s.driver = func(d store.Driver) store.Driver { return watchedDriver{d, b} }
	s.services = func(g giftcard.Service, a airtime.Service) (giftcard.Service, airtime.Service) {
		return watchedIssuer{g, b}, watchedVendor{a, b}
	}
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
	err := b.Batch.Save(ctx, set)
	b.at.cross()
	return err
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
