package sqlite

import (
	"fmt"
	"testing"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

const (
	crashProduct = 6
	crashBatch   = 300 // vouchers that come together
)

// sellVoucher sells the next voucher with a message, and brings in more when none is left.
func sellVoucher(tx *store.Tx, message int64) (voucher int64) {
	if len(tx.Batches(crashProduct, time.Time{})) == 0 {
		b := airtime.Batch{Number: int32(message), World: ident.Production, Product: crashProduct}
		tx.PutBatch(b)
		for range crashBatch {
			id := tx.NextSeq()
			v := airtime.Voucher{ID: id, World: ident.Production, Batch: b.Number, Status: airtime.InStock, Serial: fmt.Sprint(id)}
			tx.AddVoucher(airtime.NewVoucher{Voucher: v, SerialHash: id, PINHash: -id})
		}
	}
	v, _ := tx.Next(tx.Batches(crashProduct, time.Time{})[0].Number)
	v.Status, v.LastMessage = airtime.Sold, message
	tx.PutVoucher(v)
	return v.ID
}

// inspectStock checks that each voucher was sold with one message or with none, that batches came whole, and that their
// levels are counts.
func inspectStock(t *testing.T, s *store.Store, d *Driver, messages map[int64]txn.Message) {
	t.Helper()
	inStock, came := map[int32]int64{}, map[int32]int{}
	var vouchers []airtime.Voucher
	for after := int64(0); ; after = vouchers[len(vouchers)-1].ID {
		page, err := d.Vouchers(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		vouchers = append(vouchers, page...)
	}
	sold := 0
	for _, v := range vouchers {
		came[v.Batch]++
		switch {
		case v.Status == airtime.InStock && v.LastMessage == 0:
			inStock[v.Batch]++
		case v.Status == airtime.Sold && messages[v.LastMessage].Voucher == v.ID:
			sold++
		default:
			t.Errorf("voucher %d is in %s, and message %d sold %d", v.ID, v.Status, v.LastMessage, messages[v.LastMessage].Voucher)
		}
	}
	for seq, m := range messages {
		if m.Voucher != 0 {
			sold--
		} else if m.Role == txn.Request {
			t.Errorf("message %d sold nothing", seq)
		}
	}
	if sold != 0 {
		t.Errorf("%d more vouchers were sold than messages sold one", sold)
	}
	sameLevels(t, s, d, inStock, came)
}

func sameLevels(t *testing.T, s *store.Store, d *Driver, inStock map[int32]int64, came map[int32]int) {
	t.Helper()
	batches, err := d.VoucherBatches(t.Context(), 0, 10_000)
	if err != nil || len(batches) != len(came) {
		t.Errorf("%d batches, vouchers of %d, %v", len(batches), len(came), err)
	}
	for _, b := range batches {
		if b.InStock != inStock[b.Number] || came[b.Number] != crashBatch {
			t.Errorf("batch %d says it has %d in stock, it has %d of %d", b.Number, b.InStock, inStock[b.Number], came[b.Number])
		}
	}
	err = s.Read(t.Context(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		for _, b := range batches {
			last := int64(b.Number) + crashBatch // decided by one message, they stand in a row behind it
			if v := tx.VouchersByHash(-last); len(v) != 1 || v[0].ID != last {
				t.Errorf("the PIN of voucher %d leads to %v", last, v)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
