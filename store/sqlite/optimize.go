package sqlite

import (
	"context"
	"fmt"
)

// Optimize has SQLite look whether what it knows of its tables, by which it chooses between indexes, is still true, and
// count anew where it is not: some thousand rows of an index at most. It goes between the batches, as one of them.
func (d *Driver) Optimize(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	if d.writer == nil {
		return errClosed
	}
	if err := d.writer.exec("PRAGMA optimize"); err != nil {
		return fmt.Errorf("sqlite: %w", explain(err))
	}
	return nil
}
