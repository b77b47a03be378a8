package app

import "context"

// schemed is a store whose records lie in a schema that migrations make.
type schemed interface {
	Schema(ctx context.Context) (name string, migration int64, err error)
}

// Schema says in which schema the store is, which is empty of a file, and at which migration; 0 of one in memory.
func (a *App) Schema(ctx context.Context) (name string, migration int64, err error) {
	if s, is := a.Store.Driver().(schemed); is {
		return s.Schema(ctx)
	}
	return "", 0, nil
}
