package network

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
)

// record is what rests as a row of the store.
type record interface {
	row(w ident.World) (admin.Row, error)
	at() *resting
}

// resting is where a record rests, and how it was found there.
type resting struct {
	number int64  // of its row; 0 until it is saved
	was    []byte // the row's content when it was read; nil of a new record
}

func (k *resting) at() *resting { return k }

// order finds the record of an order.
func (n *Network) order(ctx context.Context, o airtime.Order) (_ order, known bool, err error) {
	r, known, err := n.reports.RowByName(ctx, admin.OrderRow, o.World, string(o.ID))
	if err != nil || !known {
		return order{}, false, failed("find the order", err)
	}
	k, err := decodeOrder(r)
	k.was = r.Content
	return k, err == nil, err
}

// subscriber finds the record of a subscriber, or makes an empty one.
func (n *Network) subscriber(ctx context.Context, w ident.World, key subscriberKey) (subscriber, error) {
	r, known, err := n.reports.RowByName(ctx, admin.SubscriberRow, w, key.name)
	if err != nil || !known {
		return subscriber{name: key.name}, failed("find the subscriber", err)
	}
	s, err := decodeSubscriber(r)
	s.was = r.Content
	return s, err
}

// maxTries bounds how often something is decided anew because another process was faster.
const maxTries = 16

// errChanged says that another process has changed a record since it was read. Nothing was saved.
var errChanged = errors.New("network: another process has changed a record")

// again does what reads and saves records until no other process comes between.
func again(do func() error) error {
	err := errChanged
	for n := 0; n < maxTries && errors.Is(err, errChanged); n++ {
		err = do()
	}
	return err
}

// save keeps records, all of them or none, and returns when they are durable. errChanged: they are not as they were read.
func (n *Network) save(ctx context.Context, w ident.World, records ...record) error {
	rows := make([]admin.Row, len(records))
	for i, r := range records {
		var err error
		if rows[i], err = r.row(w); err != nil {
			return failed("write a record", err)
		}
	}
	err := n.store.Update(ctx, giftcard.Keys{World: w}, func(tx admin.Tx) error {
		if err := n.unchanged(ctx, tx, rows, records); err != nil {
			return err
		}
		for i, row := range rows {
			if row.Number == 0 {
				row.Number = tx.NextSeq()
			}
			tx.PutRow(row)
			records[i].at().number = row.Number
		}
		return nil
	})
	if errors.Is(err, errChanged) {
		return errChanged
	}
	return failed("save", err)
}

// unchanged reads records again, where other processes may have changed them. While the batch holds the revision none of
// them saves any: they all come through admin.Store.
func (n *Network) unchanged(ctx context.Context, tx admin.Tx, rows []admin.Row, records []record) error {
	if !n.settings.Shared {
		return nil
	}
	tx.Revision()
	for i, row := range rows {
		now, found, err := n.reports.RowByName(ctx, row.Kind, row.World, row.Name)
		if err != nil {
			return err
		}
		if was := records[i].at().was; found != (was != nil) || !bytes.Equal(now.Content, was) {
			return errChanged
		}
	}
	return nil
}

// failed says what was being done. It does not wrap: to whoever has placed an order, a store that took nothing is no
// reason to believe that nothing was placed.
func failed(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("network: %s: %v", doing, err)
}
