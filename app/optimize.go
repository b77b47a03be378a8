package app

import (
	"context"
	"time"

	"github.com/scripworks/scrip/store"
)

// optimizeEvery is how often a store that runs for long looks after what its database knows of its tables.
const optimizeEvery = 6 * time.Hour

// optimizer is a driver with something to look after now and then.
type optimizer interface {
	Optimize(ctx context.Context) error
}

// optimize has the store look after itself, again and again.
func (a *App) optimize(ctx context.Context, d store.Driver) {
	o, does := d.(optimizer)
	if !does {
		return
	}
	tick := time.NewTicker(optimizeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			a.complain(ctx, "look after the store", o.Optimize(ctx))
		case <-ctx.Done():
			return
		}
	}
}
