package network

import (
	"context"
	"fmt"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
)

// record is what rests as a row of the store.
type record interface {
	row(w ident.World) (admin.Row, error)
	saved(number int64)
}

// order finds the record of an order.
func (n *Network) order(ctx context.Context, o airtime.Order) (_ order, known bool, err error) {
	r, known, err := n.reports.RowByName(ctx, admin.OrderRow, o.World, string(o.ID))
	if err != nil || !known {
		return order{}, false, failed("find the order", err)
	}
	k, err := decodeOrder(r)
	return k, err == nil, err
}

// subscriber finds the record of a subscriber, or makes an empty one.
func (n *Network) subscriber(ctx context.Context, w ident.World, key subscriberKey) (subscriber, error) {
	r, known, err := n.reports.RowByName(ctx, admin.SubscriberRow, w, key.name)
	if err != nil || !known {
		return subscriber{name: key.name}, failed("find the subscriber", err)
	}
	return decodeSubscriber(r)
}

// save keeps records, all of them or none, and returns when they are durable.
func (n *Network) save(ctx context.Context, w ident.World, records ...record) error {
	rows := make([]admin.Row, len(records))
	for i, r := range records {
		var err error
		if rows[i], err = r.row(w); err != nil {
			return failed("write a record", err)
		}
	}
	err := n.store.Update(ctx, giftcard.Keys{World: w}, func(tx admin.Tx) error {
		for i, row := range rows {
			if row.Number == 0 {
				row.Number = tx.NextSeq()
			}
			tx.PutRow(row)
			records[i].saved(row.Number)
		}
		return nil
	})
	return failed("save", err)
}

// failed says what was being done. It does not wrap: to whoever has placed an order, a store that took nothing is no
// reason to believe that nothing was placed.
func failed(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("network: %s: %v", doing, err)
}
