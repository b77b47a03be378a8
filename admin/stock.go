package admin

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
)

// StockLevel is how much of a product is there to be sold.
type StockLevel struct {
	Product *airtime.Product
	OnSale  int64 // in stock, in open batches that have not expired
	Low     bool  // at or below the product's threshold, which is not 0; a withdrawn product is never low
	Batches []BatchLevel
}

// BatchLevel is how many vouchers of a batch there are, each counted once. Those of an incomplete batch are only LeftOver.
type BatchLevel struct {
	airtime.Batch
	ProductID         string
	Incomplete        bool  // its import is under way or broke off: nobody knows its vouchers
	Unexpired         int64 // in stock, and not expired
	Expired           int64 // in stock, and expired
	Sold, Quarantined int64
	Withdrawn         int64
	LeftOver          int64 // what the import of an incomplete batch has brought so far, or left when it broke off
}

// Stock gives what can be sold of all products of a world that come from stock, or did, by number. It is what metrics
// and alarms ask: it counts no vouchers, so its batches tell what is in stock and no more.
func (o *Office) Stock(ctx context.Context, w ident.World, now time.Time) ([]StockLevel, error) {
	batches, err := o.batches(ctx, w, 0, func(airtime.Batch) bool { return true })
	if err != nil {
		return nil, err
	}
	var levels []StockLevel
	for _, p := range o.register.Catalogue().Products(w) {
		level := StockLevel{Product: p}
		for _, b := range batches {
			if b.Product == p.Number {
				level.Batches = append(level.Batches, o.batchLevel(b, now))
			}
		}
		if level.add(); p.Source == airtime.FromStock || len(level.Batches) > 0 {
			levels = append(levels, level)
		}
	}
	slices.SortFunc(levels, func(a, b StockLevel) int { return int(a.Product.Number - b.Product.Number) })
	return levels, nil
}

// add sums up what the batches have.
func (l *StockLevel) add() {
	for _, b := range l.Batches {
		if !b.Closed {
			l.OnSale += b.Unexpired
		}
	}
	l.Low = l.Product.Source == airtime.FromStock && l.Product.LowStock > 0 && l.OnSale <= l.Product.LowStock && !l.Product.Withdrawn
}

// batchLevel gives what the batch itself tells: how many are in stock.
func (o *Office) batchLevel(b airtime.Batch, now time.Time) BatchLevel {
	level := BatchLevel{Batch: b, ProductID: o.productID(b.Product), Incomplete: o.register.unopened(b.Number)}
	switch {
	case level.Incomplete:
		level.LeftOver = b.InStock
	case !b.Expiry.IsZero() && !b.Expiry.After(now):
		level.Expired = b.InStock
	default:
		level.Unexpired = b.InStock
	}
	return level
}

// Levels gives the whole stock, of all products or of the one with an id, with the vouchers of each batch counted. What an import
// on another node has brought is among it once that has ended.
func (o *Office) Levels(ctx context.Context, by By, product string) ([]StockLevel, error) {
	if err := by.may(SeeStock); err != nil {
		return nil, err
	}
	if _, err := o.register.Refresh(ctx); err != nil {
		return nil, unread(err)
	}
	if product != "" {
		if _, err := o.findAirtimeProduct(by.World, product); err != nil {
			return nil, err
		}
	}
	all, err := o.Stock(ctx, by.World, by.At)
	if err != nil {
		return nil, err
	}
	levels := all[:0]
	for _, l := range all {
		if product != "" && l.Product.ID != product {
			continue
		}
		for i := range l.Batches {
			if err := o.count(ctx, &l.Batches[i]); err != nil {
				return nil, err
			}
		}
		levels = append(levels, l)
	}
	return levels, nil
}

// count counts those vouchers of a batch that are not in stock. Of the sold ones there may be millions: they are what
// is left of all that the import has brought.
func (o *Office) count(ctx context.Context, b *BatchLevel) (err error) {
	withdrawn, err := o.countIn(ctx, b.Number, airtime.Withdrawn)
	if err != nil {
		return err
	}
	if b.Incomplete { // a later import withdrew them, by taking them over
		b.LeftOver += withdrawn
		return nil
	}
	b.Withdrawn = withdrawn
	if b.Quarantined, err = o.countIn(ctx, b.Number, airtime.Quarantined); err != nil {
		return err
	}
	if i := o.register.now.Load().imports[b.Number]; i != nil && i.Kind == OfVouchers {
		b.Sold = max(0, i.Added-b.InStock-b.Quarantined-b.Withdrawn)
		return nil
	}
	b.Sold, err = o.countIn(ctx, b.Number, airtime.Sold)
	return err
}

func (o *Office) countIn(ctx context.Context, batch int32, status airtime.VoucherStatus) (count int64, err error) {
	for after := int64(0); ; {
		vouchers, err := o.reports.VouchersOf(ctx, batch, status, after, scanLimit)
		if err != nil {
			return 0, err
		}
		if count += int64(len(vouchers)); len(vouchers) < scanLimit {
			return count, nil
		}
		after = vouchers[len(vouchers)-1].ID
	}
}

// batches gives those batches of a world with a number above after that are wanted, by number.
func (o *Office) batches(ctx context.Context, w ident.World, after int32, wanted func(airtime.Batch) bool) (found []airtime.Batch, err error) {
	for after = max(0, after); ; {
		batches, err := o.reports.VoucherBatches(ctx, after, scanLimit)
		if err != nil {
			return nil, err
		}
		for _, b := range batches {
			if after = b.Number; b.World == w && wanted(b) {
				found = append(found, b)
			}
		}
		if len(batches) < scanLimit {
			return found, nil
		}
	}
}

func (o *Office) findBatch(ctx context.Context, w ident.World, number int32) (airtime.Batch, error) {
	batches, err := o.reports.VoucherBatches(ctx, number-1, 1)
	if err != nil {
		return airtime.Batch{}, err
	}
	if len(batches) == 0 || batches[0].Number != number || batches[0].World != w {
		return airtime.Batch{}, refuse(NotFound, "there is no such batch")
	}
	return batches[0], nil
}

// CloseBatch has no more vouchers of a batch sold.
func (o *Office) CloseBatch(ctx context.Context, by By, number int32) (BatchLevel, error) {
	return o.setBatch(ctx, by, CloseBatch, number, true)
}

// OpenBatch has vouchers of a closed batch sold again. A batch whose import is not complete is not opened.
func (o *Office) OpenBatch(ctx context.Context, by By, number int32) (BatchLevel, error) {
	return o.setBatch(ctx, by, OpenBatch, number, false)
}

func (o *Office) setBatch(ctx context.Context, by By, act Act, number int32, closed bool) (level BatchLevel, err error) {
	if err := by.mayWithReason(act); err != nil {
		return level, err
	}
	if _, err := o.findBatch(ctx, by.World, number); err != nil {
		return level, err
	}
	if o.register.unopened(number) {
		return level, refuse(Conflict, "the import of the batch is not complete")
	}
	var batch airtime.Batch
	err = o.store.Update(ctx, giftcard.Keys{World: by.World}, func(tx Tx) error {
		batch = tx.Batch(number)
		if batch.Closed == closed {
			return refuse(Conflict, "the batch is in that state already")
		}
		before := batch
		batch.Closed = closed
		tx.PutBatch(batch)
		return o.record(tx, by.World, tx.NextSeq(), by.entry(act, fmt.Sprintf("batch/%d", number)).from(batchFacts(before), batchFacts(batch)))
	})
	if err != nil {
		return level, err
	}
	level = o.batchLevel(batch, by.At)
	return level, o.count(ctx, &level)
}

func batchFacts(b airtime.Batch) Facts {
	return Facts{"closed": fmt.Sprint(b.Closed), "inStock": fmt.Sprint(b.InStock)}
}
