package sqlite

import (
	"context"
	"fmt"
)

// Schema says at which migration the store is, for people to compare. A file has one schema, without a name.
func (d *Driver) Schema(ctx context.Context) (name string, migration int64, err error) {
	c, err := d.reader(ctx)
	if err != nil {
		return "", 0, err
	}
	defer func() { d.readers <- c }()
	is, err := identityOf(c.Conn)
	if err != nil {
		return "", 0, fmt.Errorf("sqlite: read the schema: %w", err)
	}
	return "", is.version, nil
}
