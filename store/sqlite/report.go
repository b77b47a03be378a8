package sqlite

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store/sqlstore"
	"github.com/scripworks/scrip/txn"
)

// ask runs one question on a reader's connection.
func ask[T any](ctx context.Context, d *Driver, question func(*sqlstore.Session) (T, error)) (T, error) {
	c, err := d.reader(ctx)
	if err != nil {
		var none T
		return none, err
	}
	defer d.readDone(c)
	return question(c.session)
}

// readDone gives a reader's connection back.
func (d *Driver) readDone(c *conn) {
	c.settle()
	d.readers <- c
}

// Rows implements admin.Reports.
func (d *Driver) Rows(ctx context.Context, kind admin.Kind, after int64, limit int) ([]admin.Row, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]admin.Row, error) { return s.Rows(kind, after, limit) })
}

// RowByName implements admin.Reports.
func (d *Driver) RowByName(ctx context.Context, kind admin.Kind, world ident.World, name string) (admin.Row, bool, error) {
	var found bool
	row, err := ask(ctx, d, func(s *sqlstore.Session) (row admin.Row, err error) {
		row, found, err = s.RowByName(kind, world, name)
		return row, err
	})
	return row, found, err
}

// Open implements admin.Reports.
func (d *Driver) Open(ctx context.Context, after int64, limit int) ([]txn.Message, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]txn.Message, error) { return s.Open(after, limit) })
}

// OpenSums implements admin.Reports.
func (d *Driver) OpenSums(ctx context.Context, world ident.World, account ident.Account, upto time.Time) ([]admin.OpenSum, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]admin.OpenSum, error) { return s.OpenSums(world, account, upto) })
}

// Working implements airtime.Unsettled.
func (d *Driver) Working(ctx context.Context, after int64, limit int) ([]txn.Message, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]txn.Message, error) { return s.Working(after, limit) })
}

// Lost implements airtime.Unsettled.
func (d *Driver) Lost(ctx context.Context, after int64, limit int) ([]txn.Message, error) {
	working, err := d.Working(ctx, after, limit)
	return d.alone.Lost(working), err
}

// Items implements saf.Reports.
func (d *Driver) Items(ctx context.Context, upstream string, states []saf.State, after int64, limit int) ([]saf.Item, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]saf.Item, error) { return s.Items(upstream, states, after, limit) })
}

// Levels implements saf.Reports.
func (d *Driver) Levels(ctx context.Context) ([]saf.Level, error) {
	return ask(ctx, d, (*sqlstore.Session).Levels)
}

// Messages implements admin.Reports.
func (d *Driver) Messages(ctx context.Context, after int64, limit int) ([]txn.Message, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]txn.Message, error) { return s.Messages(after, limit) })
}

// MessagesByReference implements admin.Reports.
func (d *Driver) MessagesByReference(ctx context.Context, world ident.World, hash, after int64, limit int) ([]txn.Message, error) {
	if limit <= 0 {
		return nil, nil
	}
	c, err := d.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer d.readDone(c)
	var messages []txn.Message
	err = d.references.search(c, uint64(hash), after, func(seq int64) (enough bool, err error) {
		m, found, err := c.session.Message(seq)
		if found && m.World == world && slices.Contains(m.References, hash) {
			messages = append(messages, m)
		}
		return len(messages) >= limit, cmp.Or(err, ctx.Err())
	})
	return messages, err
}

// Entries implements admin.Reports.
func (d *Driver) Entries(ctx context.Context, after int64, limit int) ([]ledger.Entry, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]ledger.Entry, error) { return s.Entries(after, limit) })
}

// EntriesOf implements admin.Reports.
func (d *Driver) EntriesOf(ctx context.Context, messages []int64) ([]ledger.Entry, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]ledger.Entry, error) { return s.EntriesOf(messages) })
}

// Cards implements admin.Reports.
func (d *Driver) Cards(ctx context.Context, after int64, limit int) ([]giftcard.Card, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]giftcard.Card, error) { return s.Cards(after, limit) })
}

// Details implements admin.Reports.
func (d *Driver) Details(ctx context.Context, after int64, limit int) ([]giftcard.Detail, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]giftcard.Detail, error) { return s.Details(after, limit) })
}

// HasNumbers implements admin.Reports.
func (d *Driver) HasNumbers(ctx context.Context, key uint32) (bool, error) {
	return ask(ctx, d, func(s *sqlstore.Session) (bool, error) { return s.HasNumbers(key) })
}

// Vouchers implements admin.Reports.
func (d *Driver) Vouchers(ctx context.Context, after int64, limit int) ([]airtime.Voucher, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]airtime.Voucher, error) { return s.Vouchers(after, limit) })
}

// VouchersOf implements admin.Reports.
func (d *Driver) VouchersOf(ctx context.Context, batch int32, status airtime.VoucherStatus, after int64, limit int) ([]airtime.Voucher, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]airtime.Voucher, error) { return s.VouchersOf(batch, status, after, limit) })
}

// VoucherBatches implements admin.Reports.
func (d *Driver) VoucherBatches(ctx context.Context, after int32, limit int) ([]airtime.Batch, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]airtime.Batch, error) { return s.VoucherBatches(after, limit) })
}

// Floats implements admin.Reports.
func (d *Driver) Floats(ctx context.Context, after ident.Account, limit int) ([]airtime.Float, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]airtime.Float, error) { return s.Floats(after, limit) })
}
