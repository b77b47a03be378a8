package storetest

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// Sizes of an import: how many vouchers a commit adds, and the bytes of a sealed PIN.
const (
	importBatch = 400
	sealedPIN   = 49
)

// imported gives a voucher as an import adds it.
func imported(id int64, batch int32, random *rand.Rand) airtime.NewVoucher {
	n := newVoucher(id, batch)
	n.Serial, n.SealedPIN = "S000000"+n.Serial, make([]byte, sealedPIN)
	n.SerialHash, n.PINHash = random.Int64(), -random.Int64()
	return n
}

// stockVouchers fills two batches of one product, in few commits.
func (s *shop) stockVouchers() {
	random := rand.New(rand.NewPCG(1, 2))
	for _, b := range []airtime.Batch{expiring(1, 6, time.Hour), newBatch(2, 6)} {
		s.do(func(tx *store.Tx) { tx.PutBatch(b) })
		for left := (s.vouchers + 1) / 2; left > 0; left -= stockBatch {
			s.do(func(tx *store.Tx) {
				for range min(left, stockBatch) {
					tx.AddVoucher(imported(tx.NextSeq(), b.Number, random))
				}
			})
		}
	}
}

// importVouchers measures an import: commits of so many vouchers, each asked for by serial and by PIN first.
func importVouchers(b *testing.B, open Opener) {
	r := (&harness{open: open}).start(b)
	random := rand.New(rand.NewPCG(1, 2))
	batch := newBatch(1, 6)
	batch.Closed = true
	r.do(func(tx *store.Tx) { tx.PutBatch(batch) })
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; left -= importBatch {
		k := declared()
		added := make([]airtime.NewVoucher, min(left, importBatch))
		for i := range added {
			added[i] = imported(0, batch.Number, random)
			k.Hashes = append(k.Hashes, added[i].SerialHash, added[i].PINHash)
		}
		err := r.try(k, func(tx *store.Tx) error {
			for _, n := range added {
				if len(tx.VouchersByHash(n.SerialHash))+len(tx.VouchersByHash(n.PINHash)) > 0 {
					continue
				}
				n.ID = tx.NextSeq()
				tx.AddVoucher(n)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "vouchers/s")
}

// sell sells a voucher on account, deciding as the rules do.
func (t *till) sell() (ident.ID, int64) {
	id, voucher := t.newID(), int64(0)
	k := declared(id)
	k.Stock, k.At = 6, noon
	references, body := []int64{t.random.Int64()}, t.body(requestBody)
	err := t.store.Do(context.Background(), k, func(tx *store.Tx) error {
		if len(tx.Remembered(3, id)) > 0 || len(tx.Messages(id)) > 0 {
			return &decline.Error{}
		}
		batches := tx.Batches(6, noon)
		if len(batches) == 0 {
			return &decline.Error{}
		}
		v, _ := tx.Next(batches[0].Number)
		m := request(tx.NextSeq(), id)
		m.Family, m.Voucher, m.Product, m.References, m.Body = txn.Purchase, v.ID, 1, references, body
		m.Links = []txn.Link{{Card: v.ID, Previous: v.LastMessage}}
		v.Status, v.LastMessage, voucher = airtime.Sold, m.Seq, v.ID
		tx.PutVoucher(v)
		tx.Insert(m)
		tx.Enter(paid(m.Seq, m, ledger.Pending))
		return nil
	})
	if err != nil {
		t.Errorf("sell: %v", err)
	}
	return id, voucher
}

// paid is the entry of a sale, or of its confirmation.
func paid(message int64, request txn.Message, phase ledger.Phase) ledger.Entry {
	return ledger.Entry{
		Message: message, Request: request.Seq, Debit: ledger.AccountOf(ledger.Funding, 3), Credit: ledger.AccountOf(ledger.Airtime, 3),
		Amount: request.Amount, Currency: request.Currency, Phase: phase,
	}
}

// confirmSale confirms a sale.
func (t *till) confirmSale(request ident.ID, voucher int64) {
	id := t.newID()
	references, body := []int64{t.random.Int64()}, t.body(adviceBody)
	err := t.store.Do(context.Background(), declared(id, request), func(tx *store.Tx) error {
		asked := tx.Messages(request)
		if len(asked) != 1 || len(tx.Messages(id)) > 0 || asked[0].Voucher != voucher {
			return &decline.Error{}
		}
		r := asked[0]
		m := txn.Message{
			Seq: tx.NextSeq(), World: ident.Production, ID: id, Account: r.Account, Family: r.Family, Role: txn.Confirmation,
			State: txn.Accepted, At: noon, Request: r.Seq, Amount: r.Amount, Requested: r.Amount, Currency: r.Currency,
			References: references, Body: body,
		}
		r.State, r.Ended, r.Final = txn.Confirmed, m.Seq, r.Amount
		tx.Insert(m)
		tx.Amend(r)
		tx.Enter(paid(m.Seq, r, ledger.Posted))
		return nil
	})
	if err != nil {
		t.Errorf("confirm: %v", err)
	}
}
