package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

func testVouchers(t *testing.T, h *harness) {
	t.Run("every field comes back", h.with(everyVoucherField))
	t.Run("extreme values come back", h.with(extremeVouchers))
	t.Run("what may change is changed", h.with(changedVoucher))
	t.Run("an id is taken once", h.with(voucherTaken))
	t.Run("a hash leads to its vouchers", h.with(voucherHashes))
	t.Run("stock is sold in order", h.with(sellingOrder))
	t.Run("what is known already does not change the order", h.with(knownAlready))
	t.Run("of many batches all are sold", h.with(manyBatches))
	t.Run("a batch that opens or closes is heeded at once", h.with(openedAndClosed))
	t.Run("a level is a count", h.with(levels))
	t.Run("wishes for stock add up", h.bubble(wishesAddUp))
	t.Run("wishes for stock at several instants add up", h.bubble(severalInstants))
	t.Run("what a message is about comes with its id", h.with(comesWithItsID))
	t.Run("what a failed message had taken goes to its neighbour", h.bubble(backOnTheShelf))
	t.Run("no voucher is sold twice and none is left", h.with(soldOnce))
	t.Run("vouchers, batches and floats come in pages", h.with(voucherPages))
	t.Run("requests that a provider is at work on come in pages", h.with(workingPages))
}

// newBatch gives a batch with nothing special about it.
func newBatch(number, product int32) airtime.Batch {
	return airtime.Batch{Number: number, World: ident.Production, Product: product, Name: fmt.Sprint("B", number)}
}

// newVoucher gives a voucher in stock with nothing special about it.
func newVoucher(id int64, batch int32) airtime.NewVoucher {
	return airtime.NewVoucher{
		Voucher: airtime.Voucher{
			ID: id, World: ident.Production, Batch: batch, Status: airtime.InStock, Serial: fmt.Sprint("S", id), SealedPIN: []byte{7, 8, 9},
		},
		SerialHash: 1000 + id, PINHash: -1000 - id,
	}
}

// fill saves a batch and vouchers of it.
func (r *room) fill(b airtime.Batch, ids ...int64) {
	r.Helper()
	r.do(func(tx *store.Tx) {
		tx.PutBatch(b)
		for _, id := range ids {
			tx.AddVoucher(newVoucher(id, b.Number))
		}
	})
}

// sell sells the next voucher of a product, as the rules do; 0 is out of stock.
func sell(tx *store.Tx, product int32) (id int64) {
	for _, b := range tx.Batches(product, noon) {
		if v, found := tx.Next(b.Number); found {
			v.Status, v.LastMessage = airtime.Sold, 7*v.ID
			tx.PutVoucher(v)
			return v.ID
		}
	}
	return 0
}

// sells checks which vouchers of a product are sold next, one message after the other, until none is left.
func (r *room) sells(product int32, want ...int64) {
	r.Helper()
	for _, id := range append(want, 0) {
		r.do(func(tx *store.Tx) { r.same("sold", sell(tx, product), id) })
		r.again()
	}
}

// move puts a voucher into another status.
func move(tx *store.Tx, id int64, to airtime.VoucherStatus) {
	v := tx.Voucher(id)
	v.Status = to
	tx.PutVoucher(v)
}

// hasVoucher checks that a voucher comes back by id and by both hashes.
func (r *room) hasVoucher(want airtime.NewVoucher) {
	r.Helper()
	r.everyWay(func(how string) {
		r.Helper()
		r.readIn(want.World, func(tx *store.Tx) {
			r.Helper()
			r.same(how+": voucher", tx.Voucher(want.ID), want.Voucher)
			r.same(how+": by serial", tx.VouchersByHash(want.SerialHash), []airtime.Voucher{want.Voucher})
			r.same(how+": by PIN", tx.VouchersByHash(want.PINHash), []airtime.Voucher{want.Voucher})
		})
	})
}

// hasBatch checks that a batch comes back.
func (r *room) hasBatch(want airtime.Batch) {
	r.Helper()
	r.everyWay(func(how string) {
		r.Helper()
		r.read(func(tx *store.Tx) { r.same(how+": batch", tx.Batch(want.Number), want) })
	})
}

func everyVoucherField(r *room) {
	b := airtime.Batch{Number: 12, World: 4, Product: 9, Name: "K2026", Expiry: noon.Add(time.Hour), Closed: true, InStock: 1}
	n := newVoucher(31, 12)
	n.World, n.LastMessage = 4, 90
	r.full(b)
	r.full(n.Voucher)
	r.full(n)
	r.doIn(4, func(tx *store.Tx) { tx.PutBatch(b); tx.AddVoucher(n) })
	r.hasVoucher(n)
	r.hasBatch(b)
}

func extremeVouchers(r *room) {
	most := airtime.NewVoucher{
		Voucher: airtime.Voucher{
			ID: math.MaxInt64, World: math.MaxInt32, Batch: math.MaxInt32, Status: math.MaxUint8, Serial: strings.Repeat("Z", 20),
			SealedPIN: make([]byte, 1<<16), LastMessage: math.MaxInt64,
		},
		SerialHash: math.MaxInt64, PINHash: math.MinInt64,
	}
	least := airtime.NewVoucher{
		Voucher: airtime.Voucher{ID: 1, World: math.MinInt32, LastMessage: math.MinInt64, Status: airtime.Withdrawn},
	}
	r.do(func(tx *store.Tx) { tx.AddVoucher(most); tx.AddVoucher(least) })
	r.hasVoucher(most)
	r.hasVoucher(least)
	for _, b := range []airtime.Batch{
		{Number: math.MaxInt32, World: math.MaxInt32, Product: math.MaxInt32, Name: "ü\u2028'", Expiry: time.UnixMilli(253402300799999).UTC()},
		{Number: 1, World: math.MinInt32, Product: math.MinInt32, Expiry: time.UnixMilli(0).UTC()},
	} {
		r.do(func(tx *store.Tx) { tx.PutBatch(b) })
		r.hasBatch(b)
	}
}

func changedVoucher(r *room) {
	b := newBatch(5, 6)
	r.fill(b, 50, 51)
	n := newVoucher(50, 5)
	n.Status, n.LastMessage = airtime.Quarantined, 77
	b.Name, b.Expiry, b.Closed, b.InStock = "other", noon.Add(time.Minute), true, 1
	r.do(func(tx *store.Tx) {
		tx.Voucher(50)
		v := n.Voucher
		v.World, v.Batch, v.Serial, v.SealedPIN = 9, 9, "other", nil // what may not change
		tx.PutVoucher(v)
		r.same("in the batch", tx.Voucher(50), n.Voucher)
		other := b
		other.World, other.Product, other.InStock = 9, 9, 99 // what may not change
		tx.PutBatch(other)
		r.same("in the batch", tx.Batch(5), b)
	})
	r.hasVoucher(n)
	r.hasVoucher(newVoucher(51, 5))
	r.hasBatch(b)
	for name, act := range map[string]func(*store.Tx){
		"Voucher":                func(tx *store.Tx) { tx.Voucher(99) },
		"Batch":                  func(tx *store.Tx) { tx.Batch(99) },
		"PutVoucher":             func(tx *store.Tx) { tx.PutVoucher(newVoucher(99, 5).Voucher) },
		"AddVoucher to no batch": func(tx *store.Tx) { tx.AddVoucher(newVoucher(99, 99)) },
	} {
		if r.try(declared(), func(tx *store.Tx) error { act(tx); return nil }) == nil {
			r.Errorf("%s of what is not there", name)
		}
	}
}

func voucherTaken(r *room) {
	r.fill(newBatch(5, 6), 50)
	twin := newVoucher(50, 5)
	twin.Serial = "other"
	for range 2 { // known to the batch, and not
		if r.try(declared(), func(tx *store.Tx) error { tx.AddVoucher(twin); return nil }) == nil {
			r.Error("two vouchers have one id")
		}
	}
	if r.try(declared(), func(tx *store.Tx) error { tx.Voucher(50); tx.AddVoucher(twin); return nil }) == nil {
		r.Error("two vouchers have one id")
	}
	r.hasVoucher(newVoucher(50, 5))
}

func voucherHashes(r *room) {
	r.fill(newBatch(5, 6))
	shared, alone, elsewhere := newVoucher(51, 5), newVoucher(50, 5), newVoucher(52, 0)
	shared.SerialHash, alone.PINHash, elsewhere.SerialHash, elsewhere.World = 4, 4, 4, 7
	r.do(func(tx *store.Tx) {
		tx.AddVoucher(shared)
		r.same("in the batch", tx.VouchersByHash(4), []airtime.Voucher{shared.Voucher})
		r.same("in the batch", tx.VouchersByHash(5), []airtime.Voucher(nil))
	})
	r.do(func(tx *store.Tx) {
		r.same("before", tx.VouchersByHash(4), []airtime.Voucher{shared.Voucher})
		tx.AddVoucher(alone)
		tx.AddVoucher(elsewhere)
		r.same("in the batch", len(tx.VouchersByHash(4)), 2)
		move(tx, 51, airtime.Withdrawn)
	})
	shared.Status = airtime.Withdrawn
	r.everyWay(func(how string) {
		r.read(func(tx *store.Tx) {
			r.same(how, tx.VouchersByHash(4), []airtime.Voucher{alone.Voucher, shared.Voucher})
			r.same(how, tx.VouchersByHash(alone.SerialHash), []airtime.Voucher{alone.Voucher})
		})
		r.readIn(7, func(tx *store.Tx) { r.same(how, tx.VouchersByHash(4), []airtime.Voucher{elsewhere.Voucher}) })
	})
}

// expiring gives a batch of a product that expires after noon by so much.
func expiring(number, product int32, by time.Duration) airtime.Batch {
	b := newBatch(number, product)
	b.Expiry = noon.Add(by)
	return b
}

func sellingOrder(r *room) {
	closed := expiring(8, 6, time.Hour)
	closed.Closed = true
	r.fill(newBatch(1, 6), 14, 13)               // never expires: last
	r.fill(expiring(4, 6, 2*time.Hour), 30, 20)  // the younger of two
	r.fill(expiring(3, 6, 2*time.Hour), 41, 40)  // the older, with the younger vouchers
	r.fill(expiring(9, 6, time.Hour), 98, 99)    // expires first
	r.fill(expiring(5, 6, 0), 1)                 // expires at this instant
	r.fill(expiring(6, 6, -time.Hour), 2)        // has expired
	r.fill(expiring(7, 5, time.Millisecond), 70) // another product's
	r.fill(closed, 3)
	r.do(func(tx *store.Tx) { move(tx, 98, airtime.Sold); move(tx, 98, airtime.InStock) })
	r.sells(6, 98, 99, 40, 41, 20, 30, 13, 14)
	r.sells(5, 70)
	r.do(func(tx *store.Tx) {
		move(tx, 40, airtime.InStock)
		move(tx, 14, airtime.Quarantined)
		move(tx, 99, airtime.InStock)
	})
	r.sells(6, 99, 40)
}

// knownAlready asks for one voucher or batch by itself before those that come first.
func knownAlready(r *room) {
	r.fill(expiring(1, 6, time.Hour), 10, 11)
	r.fill(expiring(2, 6, 2*time.Hour), 20)
	r.fill(newBatch(3, 6), 30)
	r.read(func(tx *store.Tx) {
		tx.Voucher(11)
		next, _ := tx.Next(1)
		r.same("next", next.ID, int64(10))
	})
	k := declared()
	k.Stock, k.At = 6, noon.Add(90*time.Minute)
	err := r.try(k, func(tx *store.Tx) error {
		tx.Batch(3)
		r.same("after the first has expired", tx.Batches(6, k.At)[0].Number, int32(2))
		r.same("before that", tx.Batches(6, noon)[0].Number, int32(1))
		return nil
	})
	if err != nil {
		r.Fatal(err)
	}
	k.At = noon
	err = r.try(k, func(tx *store.Tx) error {
		tx.Batch(3)
		r.same("the first", []int64{sell(tx, 6), sell(tx, 6)}, []int64{10, 11})
		r.same("after the first are sold", sell(tx, 6), int64(20))
		return nil
	})
	if err != nil {
		r.Fatal(err)
	}
}

// severalInstants has somebody ask for a later instant before somebody who asks for an earlier one.
func severalInstants(b *batchRoom) {
	b.fill(expiring(1, 6, time.Hour), 10)
	b.fill(expiring(2, 6, 2*time.Hour), 20)
	l := b.counting()
	var first []int32
	look := func(at time.Time) message {
		k := declared()
		k.Stock, k.At = 6, at
		return message{keys: k, decide: func(tx *store.Tx) error { first = append(first, tx.Batches(6, at)[0].Number); return nil }}
	}
	release := b.hold()
	wait := b.queue(look(noon.Add(90*time.Minute)), look(noon))
	before := l.count.Load()
	release()
	b.saved(wait())
	b.same("the first batch", first, []int32{2, 1})
	b.same("loads", l.count.Load()-before, int32(1))
}

// manyBatches has more batches than are brought at once, of one voucher each.
func manyBatches(r *room) {
	const many = 50
	var want, sold []int64
	r.do(func(tx *store.Tx) {
		for n := int64(many); n > 0; n-- {
			tx.PutBatch(expiring(int32(n), 6, time.Duration(n)*time.Minute))
			tx.AddVoucher(newVoucher(100+n, int32(n)))
		}
	})
	for n := range int64(many) {
		want = append(want, 101+n)
	}
	k := declared()
	k.Stock, k.At = 6, noon
	err := r.try(k, func(tx *store.Tx) error {
		for sold = nil; ; {
			id := sell(tx, 6)
			if id == 0 {
				return nil
			}
			sold = append(sold, id)
		}
	})
	if err != nil {
		r.Fatal(err)
	}
	r.same("sold", sold, want)
	r.sells(6)
}

func openedAndClosed(r *room) {
	soon, late, closed := expiring(1, 6, time.Hour), expiring(2, 6, 2*time.Hour), expiring(3, 6, 3*time.Hour)
	closed.Closed = true
	r.fill(soon, 10, 11)
	r.fill(late, 20)
	r.fill(closed, 30)
	k := declared()
	k.Stock, k.At = 6, noon
	err := r.try(k, func(tx *store.Tx) error {
		r.same("the first", sell(tx, 6), int64(10))
		soon.Closed, closed.Closed, closed.Expiry = true, false, noon.Add(time.Minute)
		tx.PutBatch(soon)
		r.same("after the first is closed", sell(tx, 6), int64(20))
		tx.PutBatch(closed)
		r.same("after the closed one is opened", sell(tx, 6), int64(30))
		r.same("when all are sold or closed", sell(tx, 6), int64(0))
		r.same("of no batch at all", sell(tx, 7), int64(0))
		tx.PutBatch(newBatch(4, 6))
		tx.AddVoucher(newVoucher(40, 4))
		move(tx, 20, airtime.InStock)
		r.same("after one came back", sell(tx, 6), int64(20))
		r.same("of a new batch", sell(tx, 6), int64(40))
		return nil
	})
	if err != nil {
		r.Fatal(err)
	}
	r.sells(6)
}

func levels(r *room) {
	r.fill(newBatch(1, 6), 10, 11, 12, 13)
	level := func(want int64) {
		r.Helper()
		b := newBatch(1, 6)
		b.InStock = want
		r.hasBatch(b)
	}
	level(4)
	for _, step := range []struct {
		id    int64
		to    airtime.VoucherStatus
		level int64
	}{
		{10, airtime.Sold, 3}, {10, airtime.Quarantined, 3}, {10, airtime.InStock, 4}, {11, airtime.Withdrawn, 3},
		{12, airtime.Sold, 2}, {13, airtime.Sold, 1}, {10, airtime.Sold, 0}, {10, airtime.Sold, 0}, {11, airtime.InStock, 1},
	} {
		r.do(func(tx *store.Tx) { move(tx, step.id, step.to) })
		level(step.level)
	}
	r.do(func(tx *store.Tx) {
		n := newVoucher(14, 1)
		n.Status = airtime.Sold
		tx.AddVoucher(n)
		tx.AddVoucher(newVoucher(15, 0)) // made for its sale: no batch counts it
	})
	level(1)
}

// loads counts how often each batch of messages loads, and what it brings of stock.
type loads struct {
	store.Driver
	count atomic.Int32
}

func (l *loads) Begin(ctx context.Context) (store.Batch, error) {
	b, err := l.Driver.Begin(ctx)
	return loading{b, l}, err
}

type loading struct {
	store.Batch
	of *loads
}

func (l loading) Load(ctx context.Context, w *store.Wanted, s *store.Set) error {
	l.of.count.Add(1)
	return l.Batch.Load(ctx, w, s)
}

// counting has a room count its loads.
func (r *room) counting() *loads {
	r.Helper()
	if err := r.store.Close(); err != nil {
		r.Fatal(err)
	}
	l := &loads{Driver: r.harness.reopen(r, r.driver)}
	r.driver = l.Driver
	r.store = store.New(l, r.settings)
	return l
}

func wishesAddUp(b *batchRoom) {
	b.fill(expiring(1, 6, time.Hour), 10, 11, 12)
	b.fill(expiring(2, 6, 2*time.Hour), 20, 21, 22, 23, 24)
	b.fill(newBatch(3, 7), 30, 31)
	l := b.counting()
	var sold []int64
	sale := func(product int32) message {
		k := declared()
		k.Stock, k.At = product, noon
		return message{keys: k, decide: func(tx *store.Tx) error { sold = append(sold, sell(tx, product)); return nil }}
	}
	release := b.hold()
	wait := b.queue(sale(6), sale(6), sale(7), sale(6), sale(6), sale(6), sale(7), sale(6), sale(7))
	before := l.count.Load()
	release()
	b.saved(wait())
	b.same("sold", sold, []int64{10, 11, 30, 12, 20, 21, 31, 22, 0})
	b.same("loads", l.count.Load()-before, int32(1))
}

// comesWithItsID: a confirmation or reversal names only the request.
func comesWithItsID(r *room) {
	r.fill(newBatch(1, 6), 10)
	r.do(func(tx *store.Tx) {
		m := request(tx.NextSeq(), uuid(1))
		m.Family, m.Voucher, m.Prepaid, m.Account, m.Links = txn.Purchase, 10, true, 3, []txn.Link{{Card: 10}}
		tx.Insert(m)
		tx.PutFloat(airtime.Float{Account: 3, World: 1, Currency: 710, Balance: ledger.Balance{Book: 9, Available: 9}})
	})
	l := r.counting()
	if err := r.try(declared(uuid(1)), func(tx *store.Tx) error {
		before := l.count.Load()
		r.same("voucher", tx.Voucher(tx.Messages(uuid(1))[0].Voucher), newVoucher(10, 1).Voucher)
		if f, found := tx.Float(3); !found || f.Balance.Book != 9 {
			r.Errorf("the float is %+v, %t", f, found)
		}
		r.same("further loads", l.count.Load()-before, int32(0))
		return nil
	}); err != nil {
		r.Fatal(err)
	}
}

func backOnTheShelf(b *batchRoom) {
	b.fill(expiring(1, 6, time.Hour), 10)
	b.fill(newBatch(2, 6), 20, 21)
	var sold []int64
	take := func(tx *store.Tx) { sold = append(sold, sell(tx, 6)) }
	outcomes := b.together(
		bad(take), good(take), bad(func(tx *store.Tx) { take(tx); take(tx) }), good(take),
		bad(func(tx *store.Tx) { move(tx, 10, airtime.InStock); take(tx); take(tx) }), good(take), good(take),
	)
	for i, isBad := range []bool{true, false, true, false, true, false, false} {
		if isBad != errors.Is(outcomes[i], errOwn) {
			b.Errorf("message %d: %v", i, outcomes[i])
		}
	}
	b.same("taken", sold, []int64{10, 10, 20, 21, 20, 10, 21, 21, 0})
	b.again()
	b.sells(6)
}

// soldOnce has many callers buy until nothing is left. Some fail after they have taken a voucher, and some bring theirs
// back once.
func soldOnce(r *room) {
	const callers, vouchers = 8, 400
	for number := range int32(4) {
		b := expiring(number+1, 6, time.Duration(number+1)*time.Hour)
		r.fill(b)
		r.do(func(tx *store.Tx) {
			for n := range int64(vouchers / 4) {
				tx.AddVoucher(newVoucher(1000*int64(b.Number)+n, b.Number))
			}
		})
	}
	var mu sync.Mutex
	held := map[int64]bool{}
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			for n := 0; ; n++ {
				id := r.buy(n%5 == caller%5)
				if id == 0 {
					return
				}
				mu.Lock()
				if id > 0 && held[id] {
					r.Errorf("voucher %d was sold twice", id)
				}
				held[id] = id > 0
				mu.Unlock()
				if n%7 == 0 && n < 50 && id > 0 {
					mu.Lock()
					held[id] = false
					mu.Unlock()
					r.do(func(tx *store.Tx) { move(tx, id, airtime.InStock) })
				}
			}
		})
	}
	all.Wait()
	r.sells(6)
	count := 0
	for id, is := range held {
		if is && id > 0 {
			count++
		}
	}
	r.same("sold", count, vouchers)
	r.same("saved as sold", len(r.vouchersIn(airtime.Sold)), vouchers)
}

// buy sells one voucher; 0 is out of stock and -1 a message that has failed.
func (r *room) buy(fails bool) (id int64) {
	k := declared()
	k.Stock, k.At = 6, noon
	err := r.try(k, func(tx *store.Tx) error {
		if id = sell(tx, 6); fails && id != 0 {
			return errOwn
		}
		return nil
	})
	switch {
	case errors.Is(err, errOwn):
		return -1
	case err != nil:
		r.Errorf("buy: %v", err)
		return 0
	}
	return id
}

func (r *room) vouchersIn(status airtime.VoucherStatus) (found []airtime.Voucher) {
	for _, v := range r.dump().Vouchers {
		if v.Status == status {
			found = append(found, v)
		}
	}
	return found
}

func voucherPages(r *room) {
	const many = 30
	var all []airtime.Voucher
	var batches []airtime.Batch
	var floats []airtime.Float
	r.do(func(tx *store.Tx) {
		for n := range int32(5) {
			b := newBatch(2*n+1, 6)
			tx.PutBatch(b)
			batches = append(batches, b)
			f := airtime.Float{Account: ident.Account(3*n + 1), World: 1, Currency: 710, LastMessage: int64(n)}
			tx.PutFloat(f)
			floats = append(floats, f)
		}
		for n := range int64(many) {
			v := newVoucher(10+n, batches[n%2].Number)
			v.Status = airtime.VoucherStatus(1 + n/2%4)
			tx.AddVoucher(v)
			all = append(all, v.Voucher)
			batches[n%2].InStock = tx.Batch(v.Batch).InStock
		}
	})
	idOf := func(v airtime.Voucher) int64 { return v.ID }
	r.everyWay(func(string) {
		pages(r, all, idOf, func(after int64, limit int) []airtime.Voucher {
			return must(r.driver.Vouchers(r.Context(), after, limit))
		})
		pages(r, batches, func(b airtime.Batch) int64 { return int64(b.Number) }, func(after int64, limit int) []airtime.Batch {
			return must(r.driver.VoucherBatches(r.Context(), int32(after), limit))
		})
		pages(r, floats, func(f airtime.Float) int64 { return int64(f.Account) }, func(after int64, limit int) []airtime.Float {
			return must(r.driver.Floats(r.Context(), ident.Account(after), limit))
		})
		for _, batch := range batches[:2] {
			for status := airtime.InStock; status <= airtime.Withdrawn; status++ {
				want := slices.DeleteFunc(slices.Clone(all), func(v airtime.Voucher) bool { return v.Batch != batch.Number || v.Status != status })
				pages(r, want, idOf, func(after int64, limit int) []airtime.Voucher {
					return must(r.driver.VouchersOf(r.Context(), batch.Number, status, after, limit))
				})
			}
		}
	})
}

func workingPages(r *room) {
	var working []txn.Message
	for n := range 30 {
		m := request(int64(n+1), uuid(n))
		m.Family, m.Role, m.State = txn.Purchase, txn.Role(1+n%3), txn.State(5+n/3%4)
		r.insert(m)
		if m.Role == txn.Request && (m.State == txn.Working || m.State == txn.Reversing) {
			working = append(working, m)
		}
	}
	ask := func(after int64, limit int) []txn.Message { return must(r.driver.Working(r.Context(), after, limit)) }
	r.everyWay(func(how string) {
		pages(r, working, seqOf, ask)
		r.same(how+": open", must(r.driver.Open(r.Context(), 0, 100)), []txn.Message(nil))
	})
	ended := working[1]
	ended.State = txn.Open
	r.do(func(tx *store.Tx) { tx.MessageAt(ended.Seq); tx.Amend(ended) })
	r.everyWay(func(how string) {
		pages(r, slices.Delete(slices.Clone(working), 1, 2), seqOf, ask)
		r.same(how+": open", must(r.driver.Open(r.Context(), 0, 100)), []txn.Message{ended})
	})
	working[0].State = txn.Reversing
	r.do(func(tx *store.Tx) { tx.MessageAt(working[0].Seq); tx.Amend(working[0]) })
	r.everyWay(func(string) { pages(r, slices.Delete(slices.Clone(working), 1, 2), seqOf, ask) })
}
