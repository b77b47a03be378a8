package sqlite

import (
	"context"

	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/store/sqlstore"
	"github.com/scripworks/scrip/txn"
)

// Pruned implements admin.Reports.
func (d *Driver) Pruned(ctx context.Context, after int64, limit int) ([]txn.Husk, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]txn.Husk, error) { return s.Pruned(after, limit) })
}

// Brought implements admin.Reports.
func (d *Driver) Brought(ctx context.Context, after ledger.BroughtKey, limit int) ([]ledger.Brought, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]ledger.Brought, error) { return s.Brought(after, limit) })
}

// Forgotten implements admin.Reports.
func (d *Driver) Forgotten(ctx context.Context) (int64, error) {
	return ask(ctx, d, (*sqlstore.Session).Forgotten)
}
