package app

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/store/memstore"
)

// optimizing counts how often it was told to look after itself.
type optimizing struct {
	*memstore.Driver
	times atomic.Int64
}

func (o *optimizing) Optimize(context.Context) error { o.times.Add(1); return nil }

// A store that runs for long is looked after now and then, and not when it just started; one that cannot be is left alone.
func TestAStoreLooksAfterItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, d := &App{log: slog.New(slog.DiscardHandler)}, &optimizing{Driver: memstore.New()}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); a.optimize(ctx, d) }()
		time.Sleep(optimizeEvery - time.Second)
		synctest.Wait()
		if n := d.times.Load(); n != 0 {
			t.Errorf("%d times already", n)
		}
		time.Sleep(3 * optimizeEvery)
		synctest.Wait()
		if n := d.times.Load(); n != 3 {
			t.Errorf("%d times, want 3", n)
		}
		stop()
		<-done
		a.optimize(t.Context(), d.Driver)
	})
}
