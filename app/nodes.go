package app

import (
	"context"
	"time"
)

// How a process keeps up with the others on its store.
const (
	followEvery   = time.Second      // how often it looks what operators have set elsewhere
	followTimeout = 10 * time.Second // of a look
)

// follow takes up what operators have set through other processes, and what becomes of the imports of those that are gone. It
// goes on until the store is about to close, also while this process stops serving.
func (a *App) follow(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		within, cancel := context.WithTimeout(ctx, followTimeout)
		if err := a.Office.Follow(within, a.Now()); err != nil && ctx.Err() == nil {
			a.log.Error("keep up with the other nodes", "error", err)
		}
		cancel()
	}
}
