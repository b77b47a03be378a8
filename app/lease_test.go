package app

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/store/storetest"
)

// cut is a node that is cut off from its store when a test says so.
type cut struct {
	store.Driver
	mu  sync.Mutex
	off bool
}

func (c *cut) cutOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = true
}

// Lease implements store.Leases.
func (c *cut) Lease(ctx context.Context, name string) (bool, error) {
	c.mu.Lock()
	off := c.off
	c.mu.Unlock()
	if off {
		<-ctx.Done()
		return false, ctx.Err()
	}
	return c.Driver.Lease(ctx, name)
}

// Release implements store.Leases.
func (c *cut) Release(ctx context.Context, name string) error { return c.Driver.Release(ctx, name) }

// holder begins to ask for a lease on a node. stop ends that, and nothing else of the node.
func holder(t *testing.T, d store.Driver) (l *lease, stop func()) {
	a := &App{log: slog.New(slog.DiscardHandler), Store: store.New(d, store.Settings{})}
	ctx, cancel := context.WithCancel(context.Background())
	stop = func() {
		cancel()
		a.serving.Wait()
	}
	t.Cleanup(func() {
		stop()
		if err := a.Store.Close(); err != nil {
			t.Error(err)
		}
	})
	return a.hold(ctx, "work"), stop
}

// One node at a time holds a lease; the next does at once when it stops, and within seconds when it is cut off.
func TestOneNodeHoldsALease(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(d *cut, stop func())
		within time.Duration
	}{
		"stopped": {func(_ *cut, stop func()) { stop() }, leaseEvery + 100*time.Millisecond},
		"cut off": {func(d *cut, _ func()) { d.cutOff() }, store.LeaseTime + leaseEvery + 100*time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cluster := storetest.NewCluster(memstore.New(), nil)
				d := &cut{Driver: cluster.Node()}
				a, stop := holder(t, d)
				b, _ := holder(t, cluster.Node())
				time.Sleep(time.Minute)
				if !a.held() || b.held() {
					t.Fatal("the second holds it")
				}
				c.end(d, stop)
				for end := time.Now().Add(c.within); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
					if a.held() && b.held() {
						t.Fatal("both hold it")
					}
				}
				if a.held() || !b.held() {
					t.Error("the second does not hold it")
				}
			})
		})
	}
}

func TestWhoHasAStoreToItselfHoldsEveryLease(t *testing.T) {
	if l, _ := holder(t, memstore.New()); !l.held() {
		t.Error("it does not")
	}
}
