package memstore

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
)

// stock is the vouchers, and how they are found.
type stock struct {
	vouchers table[int64, airtime.Voucher]
	batches  table[int32, airtime.Batch]
	shelves  map[int32]*table[int64, struct{}] // vouchers in stock, by batch
	hashes   map[int64][]int64                 // vouchers by serial or PIN, oldest first
}

func newStock() stock {
	return stock{
		vouchers: newTable[int64, airtime.Voucher](), batches: newTable[int32, airtime.Batch](),
		shelves: map[int32]*table[int64, struct{}]{}, hashes: map[int64][]int64{},
	}
}

// loadStock brings what is wanted of vouchers.
func (r *records) loadStock(wanted *store.Wanted, set *store.Set) {
	for _, wish := range wanted.Stock {
		r.stock.load(wish, set)
	}
	for _, wish := range wanted.Shelves {
		set.LoadedShelf(wish, r.stock.shelf(wish))
	}
	for _, id := range wanted.Vouchers {
		r.stock.loadVoucher(id, set)
	}
	for _, hash := range wanted.Hashes {
		set.LoadedHash(hash, slices.Clone(r.stock.hashes[hash]))
		for _, id := range r.stock.hashes[hash] {
			r.stock.loadVoucher(id, set)
		}
	}
	for _, number := range wanted.Batches {
		if b, found := r.stock.batches.get(number); found {
			set.LoadedBatch(b)
		}
	}
}

// load brings what can be sold of a product.
func (s *stock) load(wish store.Stock, set *store.Set) {
	batches := s.onSale(wish)
	set.LoadedStock(wish, batches)
	left := wish.Count
	for i := 0; i < len(batches) && left > 0; i++ {
		shelf := store.Shelf{Batch: batches[i].Number, Count: left}
		vouchers := s.shelf(shelf)
		set.LoadedShelf(shelf, vouchers)
		left -= len(vouchers)
	}
}

func (s *stock) onSale(wish store.Stock) (found []airtime.Batch) {
	for _, b := range s.batches.rows {
		after := store.PlaceOf(&b).Compare(wish.After) > 0
		if b.Product == wish.Product && b.InStock > 0 && !b.Closed && after {
			found = append(found, b)
		}
	}
	slices.SortFunc(found, func(a, b airtime.Batch) int { return store.PlaceOf(&a).Compare(store.PlaceOf(&b)) })
	return found[:min(len(found), wish.Count)]
}

func (s *stock) shelf(wish store.Shelf) (found []airtime.Voucher) {
	on := s.shelves[wish.Batch]
	if on == nil {
		return nil
	}
	for _, id := range on.keysAbove(wish.After, wish.Count) {
		found = append(found, s.vouchers.rows[id])
	}
	return found
}

func (s *stock) loadVoucher(id int64, set *store.Set) {
	if v, found := s.vouchers.get(id); found {
		set.LoadedVoucher(v)
	}
}

// check finds vouchers that are there already.
func (s *stock) check(added []airtime.NewVoucher) error {
	ids := map[int64]bool{}
	for _, n := range added {
		if _, found := s.vouchers.get(n.ID); found || ids[n.ID] {
			return fmt.Errorf("%w: voucher %d is there already", store.ErrData, n.ID)
		}
		ids[n.ID] = true
	}
	return nil
}

func (s *stock) save(c *store.Changes) {
	for _, n := range c.NewVouchers {
		n.SealedPIN = bytes.Clone(n.SealedPIN)
		s.put(n.Voucher)
		for _, hash := range [...]int64{n.SerialHash, n.PINHash} {
			s.hashes[hash] = insertSorted(s.hashes[hash], n.ID)
		}
	}
	for _, v := range c.Vouchers {
		kept, _ := s.vouchers.get(v.ID)
		kept.Status, kept.LastMessage = v.Status, v.LastMessage
		s.put(kept)
	}
	for _, b := range c.Batches {
		s.batches.put(b.Number, *b)
	}
}

// put keeps a voucher, on its batch's shelf when it is in stock.
func (s *stock) put(v airtime.Voucher) {
	s.vouchers.put(v.ID, v)
	on := s.shelves[v.Batch]
	if on == nil {
		made := newTable[int64, struct{}]()
		on = &made
		s.shelves[v.Batch] = on
	}
	if v.Status == airtime.InStock {
		on.put(v.ID, struct{}{})
	} else {
		on.remove(v.ID)
	}
}

// forget deletes what is a world's.
func (s *stock) forget(world ident.World, above int64) {
	gone := map[int64]bool{}
	s.vouchers.removeAll(above, func(v airtime.Voucher) bool {
		if v.World != world {
			return false
		}
		gone[v.ID] = true
		s.shelves[v.Batch].remove(v.ID)
		return true
	})
	for hash, ids := range s.hashes {
		if s.hashes[hash] = slices.DeleteFunc(ids, func(id int64) bool { return gone[id] }); len(s.hashes[hash]) == 0 {
			delete(s.hashes, hash)
		}
	}
	s.batches.removeAll(0, func(b airtime.Batch) bool { return b.World == world })
}

// Vouchers implements admin.Reports.
func (d *Driver) Vouchers(_ context.Context, after int64, limit int) ([]airtime.Voucher, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	return d.kept.stock.vouchers.above(after, limit), nil
}

// VouchersOf implements admin.Reports.
func (d *Driver) VouchersOf(_ context.Context, batch int32, status airtime.VoucherStatus, after int64, limit int) ([]airtime.Voucher, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	var found []airtime.Voucher
	for _, v := range d.kept.stock.vouchers.rows {
		if v.Batch == batch && v.Status == status && v.ID > after {
			found = append(found, v)
		}
	}
	slices.SortFunc(found, func(a, b airtime.Voucher) int { return cmp.Compare(a.ID, b.ID) })
	return found[:min(len(found), max(limit, 0))], nil
}

// VoucherBatches implements admin.Reports.
func (d *Driver) VoucherBatches(_ context.Context, after int32, limit int) ([]airtime.Batch, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	return d.kept.stock.batches.above(after, limit), nil
}

// Floats implements admin.Reports.
func (d *Driver) Floats(_ context.Context, after ident.Account, limit int) ([]airtime.Float, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	return d.kept.floats.above(after, limit), nil
}
