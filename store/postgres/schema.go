package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Schema says in which schema of its database the store is, and at which migration, for people to compare.
func (d *Driver) Schema(ctx context.Context) (name string, migration int64, err error) {
	err = d.inCommit(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT current_schema()::text, max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&name, &migration)
	})
	return name, migration, wrap("read the schema", err)
}
