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
// goes on while this process stops serving: an import that is still under way here would be taken for abandoned.
func (a *App) follow(ctx context.Context) {
	again(ctx, followEvery, func() {
		within, cancel := context.WithTimeout(ctx, followTimeout)
		defer cancel()
		a.complain(ctx, "keep up with the other nodes", a.Office.Follow(within, a.Now()))
	})
}
