package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/scripworks/scrip/store"
)

// Bounds of a lease.
const (
	leaseEvery   = time.Second     // how often it is asked for, and prolonged
	leaseTimeout = 2 * time.Second // for one answer
)

// lease says whether this node does what one of many does at a time (docs/decisions/0020). For a moment two may believe so:
// whatever goes by it must bear that.
type lease struct {
	leases store.Leases
	name   string
	log    *slog.Logger
	mu     sync.Mutex
	until  time.Time
}

// hold asks for a lease again and again until ctx ends, and then gives it up.
func (a *App) hold(ctx context.Context, name string) *lease {
	l := &lease{leases: a.Store.Driver(), name: name, log: a.log}
	if !l.leases.Shared() {
		return l
	}
	l.ask(ctx)
	a.serving.Go(func() { l.keep(ctx) })
	return l
}

// held says whether the lease is ours. It always is where one process has the store to itself.
func (l *lease) held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.leases.Shared() || time.Now().Before(l.until)
}

func (l *lease) keep(ctx context.Context) {
	tick := time.NewTicker(leaseEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.ask(ctx)
		case <-ctx.Done():
			l.release()
			return
		}
	}
}

// ask takes the lease or prolongs it. While the store cannot say whose it is, it is ours for as long as it was.
func (l *lease) ask(ctx context.Context) {
	asked := time.Now()
	ctx, cancel := context.WithTimeout(ctx, leaseTimeout)
	defer cancel()
	held, err := l.leases.Lease(ctx, l.name)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
	case held:
		l.until = asked.Add(store.LeaseTime)
	default:
		l.until = time.Time{}
	}
}

// release gives the lease up, so that another node takes it at once.
func (l *lease) release() {
	ctx, cancel := context.WithTimeout(context.Background(), leaseTimeout)
	defer cancel()
	if err := l.leases.Release(ctx, l.name); err != nil {
		l.log.Warn("a lease is left to end by itself", "lease", l.name, "error", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = time.Time{}
}
