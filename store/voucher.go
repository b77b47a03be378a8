package store

import (
	"fmt"
	"slices"
	"time"

	"github.com/scripworks/scrip/airtime"
)

// stock is what a set knows of the vouchers that can be sold.
type stock struct {
	vouchers map[int64]*airtime.Voucher
	batches  map[int32]*airtime.Batch
	shelves  map[int32]*shelf
	onSale   map[int32]onSale  // by product
	hashes   map[int64][]int64 // vouchers that the store has for a hash
	added    map[int64][]int64 // vouchers that were added here, by hash
}

// shelf is a batch's vouchers in stock, as far as a set knows them.
type shelf struct {
	ids   []int64 // in stock, ascending; what lies above reach may have others below it that are not known
	reach int64   // all in stock up to this id are known
	all   bool    // there are no others
}

// onSale says which batches of a product that are on sale a set knows: all above from, up to reach.
type onSale struct {
	from, reach BatchPlace
	all         bool // there are no others
}

func newStock() stock {
	return stock{
		vouchers: map[int64]*airtime.Voucher{}, batches: map[int32]*airtime.Batch{}, shelves: map[int32]*shelf{},
		onSale: map[int32]onSale{}, hashes: map[int64][]int64{}, added: map[int64][]int64{},
	}
}

func (s *stock) reset() {
	clear(s.vouchers)
	clear(s.batches)
	clear(s.shelves)
	clear(s.onSale)
	clear(s.hashes)
	clear(s.added)
}

// LoadedVoucher brings a voucher.
func (s *Set) LoadedVoucher(v airtime.Voucher) {
	s.saw(v.LastMessage)
	if s.stock.vouchers[v.ID] == nil {
		s.stock.vouchers[v.ID] = &v
		s.stock.shelve(&v)
	}
}

// LoadedBatch brings a batch.
func (s *Set) LoadedBatch(b airtime.Batch) {
	if s.stock.batches[b.Number] == nil {
		s.stock.batches[b.Number] = &b
	}
}

// LoadedStock brings the batches that a wish for stock has found. Their vouchers come as shelves.
func (s *Set) LoadedStock(wish Stock, batches []airtime.Batch) {
	for _, b := range batches {
		s.LoadedBatch(b)
	}
	known, found := s.stock.onSale[wish.Product]
	if !found || wish.After.less(known.from) {
		known = onSale{from: wish.After, reach: wish.After}
	}
	if known.all = len(batches) < wish.Count; len(batches) > 0 {
		known.reach = PlaceOf(&batches[len(batches)-1])
	}
	s.stock.onSale[wish.Product] = known
}

// LoadedShelf brings the vouchers that a wish for a shelf has found.
func (s *Set) LoadedShelf(wish Shelf, vouchers []airtime.Voucher) {
	for _, v := range vouchers {
		s.LoadedVoucher(v)
	}
	known := s.stock.shelf(wish.Batch)
	known.all = known.all || len(vouchers) < wish.Count
	if len(vouchers) > 0 {
		known.reach = max(known.reach, vouchers[len(vouchers)-1].ID)
	}
}

// LoadedHash brings the ids of the vouchers that a hash leads to, oldest first.
func (s *Set) LoadedHash(hash int64, vouchers []int64) {
	if !s.HasHash(hash) {
		s.stock.hashes[hash] = vouchers
	}
}

// HasVoucher says whether a voucher is in the set.
func (s *Set) HasVoucher(id int64) bool { return s.stock.vouchers[id] != nil }

// HasHash says whether vouchers have been looked for by a hash.
func (s *Set) HasHash(hash int64) bool {
	_, known := s.stock.hashes[hash]
	return known
}

func (s *stock) shelf(batch int32) *shelf {
	known := s.shelves[batch]
	if known == nil {
		known = &shelf{}
		s.shelves[batch] = known
	}
	return known
}

// shelve puts a voucher on its batch's shelf when it is in stock, and takes it away when it is not.
func (s *stock) shelve(v *airtime.Voucher) {
	if v.Batch == 0 {
		return
	}
	on := s.shelf(v.Batch)
	at, there := slices.BinarySearch(on.ids, v.ID)
	switch wanted := v.Status == airtime.InStock; {
	case wanted && !there:
		on.ids = slices.Insert(on.ids, at, v.ID)
	case there && !wanted:
		on.ids = slices.Delete(on.ids, at, at+1)
	}
}

// sellable gives the batches of a product that can be sold at an instant, in order and up to where they are known.
func (s *stock) sellable(product int32, at BatchPlace) (found []airtime.Batch) {
	known := s.onSale[product]
	for _, b := range s.batches {
		place := PlaceOf(b)
		if b.Product == product && b.InStock > 0 && !b.Closed && at.less(place) && (known.all || !known.reach.less(place)) {
			found = append(found, *b)
		}
	}
	slices.SortFunc(found, func(a, b airtime.Batch) int { return PlaceOf(&a).Compare(PlaceOf(&b)) })
	return found
}

// Batches implements airtime.Tx. It gives at least one of them when there are any; of many it may give the first.
func (t *Tx) Batches(product int32, at time.Time) []airtime.Batch {
	s, after := &t.set.stock, from(at)
	if known, found := s.onSale[product]; !found || after.less(known.from) {
		t.wantStock(product, after)
	}
	for {
		found := s.sellable(product, after)
		if known := s.onSale[product]; len(found) > 0 || known.all {
			return found
		}
		t.wantStock(product, s.onSale[product].reach)
	}
}

// onDemand is how many vouchers, or batches, are brought when one was not declared.
const onDemand = 16

func (t *Tx) wantStock(product int32, after BatchPlace) {
	t.wanted.Stock = append(t.wanted.Stock, Stock{Product: product, After: after, Count: onDemand})
	t.load()
}

// Next implements airtime.Tx.
func (t *Tx) Next(batch int32) (airtime.Voucher, bool) {
	on := t.set.stock.shelf(batch)
	for {
		if len(on.ids) > 0 && (on.all || on.ids[0] <= on.reach) {
			return t.Voucher(on.ids[0]), true
		}
		if on.all {
			return airtime.Voucher{}, false
		}
		t.wanted.Shelves = append(t.wanted.Shelves, Shelf{Batch: batch, After: on.reach, Count: onDemand})
		t.load()
	}
}

// Voucher implements airtime.Tx.
func (t *Tx) Voucher(id int64) airtime.Voucher { return *t.voucher(id) }

func (t *Tx) voucher(id int64) *airtime.Voucher {
	if !t.set.HasVoucher(id) {
		t.wanted.Vouchers = append(t.wanted.Vouchers, id)
		t.load()
	}
	v := t.set.stock.vouchers[id]
	if v == nil {
		panic(failure{missing("voucher", id)})
	}
	return v
}

// VouchersByHash implements airtime.Tx.
func (t *Tx) VouchersByHash(hash int64) (found []airtime.Voucher) {
	if !t.set.HasHash(hash) {
		t.wanted.Hashes = append(t.wanted.Hashes, hash)
		t.load()
	}
	for _, ids := range [...][]int64{t.set.stock.hashes[hash], t.set.stock.added[hash]} {
		for _, id := range ids {
			if v := t.Voucher(id); v.World == t.world {
				found = append(found, v)
			}
		}
	}
	return found
}

// Batch implements airtime.Tx.
func (t *Tx) Batch(number int32) airtime.Batch { return *t.mustBatch(number) }

func (t *Tx) mustBatch(number int32) *airtime.Batch {
	b := t.findBatch(number)
	if b == nil {
		panic(failure{missing("batch", int64(number))})
	}
	return b
}

func (t *Tx) findBatch(number int32) *airtime.Batch {
	if t.set.stock.batches[number] == nil {
		t.wanted.Batches = append(t.wanted.Batches, number)
		t.load()
	}
	return t.set.stock.batches[number]
}

// AddVoucher implements airtime.Tx.
func (t *Tx) AddVoucher(n airtime.NewVoucher) {
	t.mustWrite()
	s, v := &t.set.stock, n.Voucher
	if s.vouchers[v.ID] != nil {
		panic(failure{fmt.Errorf("store: voucher %d is there already", v.ID)})
	}
	s.vouchers[v.ID] = &v
	hashes := []int64{n.SerialHash, n.PINHash}
	if n.SerialHash == n.PINHash {
		hashes = hashes[:1]
	}
	for _, hash := range hashes {
		s.added[hash] = append(s.added[hash], v.ID)
	}
	t.set.changes.NewVouchers = append(t.set.changes.NewVouchers, n)
	t.undo = append(t.undo, func() {
		delete(s.vouchers, v.ID)
		for _, hash := range hashes {
			s.added[hash] = s.added[hash][:len(s.added[hash])-1]
		}
		t.set.changes.NewVouchers = t.set.changes.NewVouchers[:len(t.set.changes.NewVouchers)-1]
	})
	t.restock(&v, airtime.Voucher{Batch: v.Batch})
}

// PutVoucher implements airtime.Tx.
func (t *Tx) PutVoucher(v airtime.Voucher) {
	t.mustWrite()
	kept := t.set.stock.vouchers[v.ID]
	if kept == nil {
		panic(failure{missing("voucher", v.ID)})
	}
	before := *kept
	kept.Status, kept.LastMessage = v.Status, v.LastMessage
	undo := list(t, &t.set.changes.Vouchers, kept)
	t.undo = append(t.undo, func() { *kept = before; undo() })
	t.restock(kept, before)
}

// restock has a voucher counted by its batch, and found on its shelf, as its status says.
func (t *Tx) restock(v *airtime.Voucher, before airtime.Voucher) {
	s := &t.set.stock
	isIn, wasIn := v.Status == airtime.InStock, before.Status == airtime.InStock
	if isIn == wasIn || v.Batch == 0 {
		return
	}
	by := int64(1)
	if wasIn {
		by = -1
	}
	s.shelve(v)
	t.undo = append(t.undo, func() { s.shelve(&airtime.Voucher{ID: v.ID, Batch: v.Batch, Status: before.Status}) })
	t.count(v.Batch, by)
}

// count has more or fewer vouchers of a batch in stock.
func (t *Tx) count(batch int32, by int64) {
	b := t.mustBatch(batch)
	if b.InStock+by < 0 {
		panic(failure{fmt.Errorf("store: batch %d has fewer in stock than none", batch)})
	}
	b.InStock += by
	undo := list(t, &t.set.changes.Batches, b)
	t.undo = append(t.undo, func() { b.InStock -= by; undo() })
}

// PutBatch implements airtime.Tx.
func (t *Tx) PutBatch(b airtime.Batch) {
	t.mustWrite()
	s := &t.set.stock
	kept := t.findBatch(b.Number)
	if kept == nil {
		b.InStock = 0
		kept = &b
		s.batches[b.Number] = kept
		undo := list(t, &t.set.changes.Batches, kept)
		t.undo = append(t.undo, func() { delete(s.batches, b.Number); undo() })
		return
	}
	before := *kept
	kept.Name, kept.Expiry, kept.Closed = b.Name, b.Expiry, b.Closed
	undo := list(t, &t.set.changes.Batches, kept)
	t.undo = append(t.undo, func() { kept.Name, kept.Expiry, kept.Closed = before.Name, before.Expiry, before.Closed; undo() })
}

// list puts a record among the changes, unless it is there already, and gives what takes it out again.
func list[T any](t *Tx, changed *[]*T, record *T) (undo func()) {
	if !t.touch(record) {
		return func() {}
	}
	*changed = append(*changed, record)
	return func() {
		delete(t.set.dirty, record)
		*changed = (*changed)[:len(*changed)-1]
	}
}
