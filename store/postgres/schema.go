package postgres

import (
	"context"

	"github.com/scripworks/scrip/store/sqlstore"
)

var schema = statement{name: "schema", text: `SELECT current_schema()::text, max(version_id) FROM goose_db_version WHERE is_applied`}

// Schema says in which schema of its database the store is, and at which migration, for people to compare.
func (d *Driver) Schema(ctx context.Context) (name string, migration int64, err error) {
	_, err = list(ctx, d, &schema, nil, func(_ *sqlstore.Session, r sqlstore.Row) (struct{}, error) {
		name, migration = r.ColumnText(0), r.ColumnInt64(1)
		return struct{}{}, nil
	})
	return name, migration, err
}
