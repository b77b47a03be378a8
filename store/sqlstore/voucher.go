package sqlstore

import (
	"fmt"
	"slices"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
)

// voucherRoom is how much a voucher's row grows by when it is sold: the longest status and number of a message, which
// were 1 and 0.
var voucherRoom [9]byte

// ScanVoucher reads VoucherColumns.
func ScanVoucher(s Row) (airtime.Voucher, error) {
	return airtime.Voucher{
		ID: s.ColumnInt64(0), World: ident.World(s.ColumnInt64(1)), Batch: int32(s.ColumnInt64(2)),
		Status: airtime.VoucherStatus(s.ColumnInt64(3)), LastMessage: s.ColumnInt64(4), Serial: s.ColumnText(5), SealedPIN: blob(s, 6),
	}, nil
}

// ScanBatch reads BatchColumns.
func ScanBatch(s Row) (airtime.Batch, error) {
	b := airtime.Batch{
		Number: int32(s.ColumnInt64(0)), World: ident.World(s.ColumnInt64(1)), Product: int32(s.ColumnInt64(2)), Name: s.ColumnText(3),
		Closed: s.ColumnInt64(5) != 0, InStock: s.ColumnInt64(6),
	}
	if expiry := s.ColumnInt64(4); expiry != store.NeverExpires {
		b.Expiry = time.UnixMilli(expiry).UTC()
	}
	return b, nil
}

// loadStock brings what is wanted of vouchers.
func (o *Session) loadStock(wanted *store.Wanted, set *store.Set) error {
	for _, wish := range wanted.Stock {
		if err := o.loadSellable(wish, set); err != nil {
			return fmt.Errorf("look up the stock of product %d: %w", wish.Product, err)
		}
	}
	for _, wish := range wanted.Shelves {
		if _, err := o.loadShelf(wish, set); err != nil {
			return err
		}
	}
	for _, id := range wanted.Vouchers {
		if err := o.loadVoucher(id, set); err != nil {
			return err
		}
	}
	for _, number := range wanted.Batches {
		if err := o.loadBatch(number, set); err != nil {
			return err
		}
	}
	return o.loadHashes(wanted.Hashes, set)
}

// loadSellable brings what can be sold of a product.
func (o *Session) loadSellable(wish store.Stock, set *store.Set) error {
	batches, err := first(o, wish.Count, lookUpStock, func(s Statement) {
		s.BindInt64(1, int64(wish.Product))
		s.BindInt64(2, wish.After.Expiry)
		s.BindInt64(3, int64(wish.After.Number))
	}, ScanBatch)
	if err != nil {
		return err
	}
	set.LoadedStock(wish, batches)
	left := wish.Count
	for i := 0; i < len(batches) && left > 0; i++ {
		found, err := o.loadShelf(store.Shelf{Batch: batches[i].Number, Count: left}, set)
		if err != nil {
			return err
		}
		left -= found
	}
	return nil
}

// loadShelf brings the oldest vouchers in stock of a batch, and says how many it has found.
func (o *Session) loadShelf(wish store.Shelf, set *store.Set) (int, error) {
	vouchers, err := first(o, wish.Count, lookUpShelf, func(s Statement) {
		s.BindInt64(1, int64(wish.Batch))
		s.BindInt64(2, wish.After)
	}, ScanVoucher)
	if err != nil {
		return 0, fmt.Errorf("look up the stock of batch %d: %w", wish.Batch, err)
	}
	set.LoadedShelf(wish, vouchers)
	return len(vouchers), nil
}

func (o *Session) loadVoucher(id int64, set *store.Set) error {
	if set.HasVoucher(id) {
		return nil
	}
	found, err := list(o, lookUpVoucher, func(s Statement) { s.BindInt64(1, id) }, ScanVoucher)
	if err != nil {
		return fmt.Errorf("look up voucher %d: %w", id, err)
	}
	for _, v := range found {
		set.LoadedVoucher(v)
	}
	return nil
}

func (o *Session) loadBatch(number int32, set *store.Set) error {
	found, err := list(o, lookUpBatch, func(s Statement) { s.BindInt64(1, int64(number)) }, ScanBatch)
	if err != nil {
		return fmt.Errorf("look up batch %d: %w", number, err)
	}
	for _, b := range found {
		set.LoadedBatch(b)
	}
	return nil
}

// loadHashes brings the vouchers that hashes lead to. It asks in the order of the index: the hashes of an import are
// many, and those of neighbours share a page.
func (o *Session) loadHashes(hashes []int64, set *store.Set) error {
	slices.Sort(hashes)
	for _, hash := range hashes {
		if set.HasHash(hash) {
			continue
		}
		if err := o.probe(lookUpHash, o.hashes, hash); err != nil {
			return fmt.Errorf("look up vouchers by hash: %w", err)
		}
		ids := slices.Clone(o.seqs)
		set.LoadedHash(hash, ids)
		for _, id := range ids {
			if err := o.loadVoucher(id, set); err != nil {
				return err
			}
		}
	}
	return nil
}

// saveStock writes what has changed about vouchers.
func (o *Session) saveStock(c *store.Changes) error {
	for i := range c.NewVouchers {
		if err := o.insertVoucher(&c.NewVouchers[i]); err != nil {
			return err
		}
	}
	for _, v := range c.Vouchers {
		if err := o.updateVoucher(v); err != nil {
			return err
		}
	}
	for _, b := range c.Batches {
		if err := o.putBatch(b); err != nil {
			return err
		}
	}
	return nil
}

func (o *Session) insertVoucher(v *airtime.NewVoucher) error {
	s, err := o.conn.Statement(insertVoucher)
	if err != nil {
		return err
	}
	s.BindInt64(1, v.ID)
	s.BindInt64(2, int64(v.World))
	s.BindInt64(3, int64(v.Batch))
	s.BindInt64(4, int64(v.Status))
	s.BindInt64(5, v.LastMessage)
	s.BindText(6, v.Serial)
	bindBlob(s, 7, v.SealedPIN)
	s.BindBytes(8, voucherRoom[:])
	if err := run(s); err != nil {
		return fmt.Errorf("insert voucher %d: %w", v.ID, err)
	}
	if err := o.noteHash(v.SerialHash, v.ID); err != nil {
		return err
	}
	return o.noteHash(v.PINHash, v.ID)
}

// noteHash makes a voucher findable by a hash: in the index, unless the driver has somewhere else.
func (o *Session) noteHash(hash, voucher int64) error {
	if o.hashes == nil {
		return o.IndexHash(hash, voucher)
	}
	o.hashes.Add(hash, voucher)
	return nil
}

// IndexHash puts a voucher into the index of hashes. One that is there already stays.
func (o *Session) IndexHash(hash, voucher int64) error { return o.index(insertHash, hash, voucher) }

func (o *Session) updateVoucher(v *airtime.Voucher) error {
	s, err := o.conn.Statement(updateVoucher)
	if err != nil {
		return err
	}
	s.BindInt64(1, v.ID)
	s.BindInt64(2, int64(v.Status))
	s.BindInt64(3, v.LastMessage)
	if err := run(s); err != nil {
		return fmt.Errorf("update voucher %d: %w", v.ID, err)
	}
	return nil
}

func (o *Session) putBatch(b *airtime.Batch) error {
	s, err := o.conn.Statement(putBatch)
	if err != nil {
		return err
	}
	s.BindInt64(1, int64(b.Number))
	s.BindInt64(2, int64(b.World))
	s.BindInt64(3, int64(b.Product))
	s.BindText(4, b.Name)
	s.BindInt64(5, store.PlaceOf(b).Expiry)
	bindBool(s, 6, b.Closed)
	s.BindInt64(7, b.InStock)
	if err := run(s); err != nil {
		return fmt.Errorf("put batch %d: %w", b.Number, err)
	}
	return nil
}

// Vouchers answers admin.Reports.
func (o *Session) Vouchers(after int64, limit int) ([]airtime.Voucher, error) {
	return list(o, reportVouchers, page(after, limit), ScanVoucher)
}

// VouchersOf answers admin.Reports.
func (o *Session) VouchersOf(batch int32, status airtime.VoucherStatus, after int64, limit int) ([]airtime.Voucher, error) {
	q := reportVouchersOf
	switch {
	case status == airtime.InStock:
		return first(o, limit, lookUpShelf, func(s Statement) {
			s.BindInt64(1, int64(batch))
			s.BindInt64(2, after)
		}, ScanVoucher)
	case status > airtime.Sold:
		q = reportVouchersApart
	}
	return list(o, q, func(s Statement) {
		s.BindInt64(1, int64(batch))
		s.BindInt64(2, int64(status))
		s.BindInt64(3, after)
		s.BindInt64(4, int64(max(limit, 0)))
	}, ScanVoucher)
}

// VoucherBatches answers admin.Reports.
func (o *Session) VoucherBatches(after int32, limit int) ([]airtime.Batch, error) {
	return list(o, reportBatches, page(int64(after), limit), ScanBatch)
}
