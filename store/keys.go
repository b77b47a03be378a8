package store

import (
	"math"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
)

// Keys says what a message will need, whatever it is about: see giftcard.Keys, airtime.Keys and saf.Keys.
type Keys struct {
	World  ident.World
	IDs    []ident.ID
	Cards  []giftcard.CardKey
	Stock  int32
	Float  ident.Account
	At     time.Time
	Hashes []int64
	Seqs   []int64 // messages by their place
	Items  []int64 // items of the queue
	// Register is of an act that is judged by what operators have set: it meets no other such act until it is saved.
	Register bool
}

// want turns a message's keys into what is to be loaded.
func (s *Store) want(w *Wanted, keys Keys) {
	for _, id := range keys.IDs {
		w.IDs = append(w.IDs, IDKey{World: keys.World, Hash: s.keys.ID(keys.World, id), ID: id})
	}
	w.Numbers = append(w.Numbers, keys.Cards...)
	w.Hashes = append(w.Hashes, keys.Hashes...)
	w.Seqs = append(w.Seqs, keys.Seqs...)
	w.Items = append(w.Items, keys.Items...)
	w.Register = w.Register || keys.Register
	if keys.Stock != 0 {
		w.Stock = append(w.Stock, Stock{Product: keys.Stock, After: from(keys.At), Count: 1})
	}
	if keys.Float != 0 {
		w.Floats = append(w.Floats, keys.Float)
	}
}

// join adds what another message wants. Wishes for the stock of one product add up.
func (w *Wanted) join(other *Wanted) {
	w.IDs = append(w.IDs, other.IDs...)
	w.Numbers = append(w.Numbers, other.Numbers...)
	w.Hashes = append(w.Hashes, other.Hashes...)
	w.Floats = append(w.Floats, other.Floats...)
	w.Seqs = append(w.Seqs, other.Seqs...)
	w.Items = append(w.Items, other.Items...)
	w.Register = w.Register || other.Register
	for _, wish := range other.Stock {
		w.joinStock(wish)
	}
}

func (w *Wanted) joinStock(wish Stock) {
	for i := range w.Stock {
		if known := &w.Stock[i]; known.Product == wish.Product {
			known.Count += wish.Count
			if wish.After.less(known.After) {
				known.After = wish.After
			}
			return
		}
	}
	w.Stock = append(w.Stock, wish)
}

// Stock is a wish for what can be sold of a product: its batches that have vouchers in stock and are not closed, after
// a place in their order and at most Count of them; and of their vouchers in stock the first Count.
type Stock struct {
	Product int32
	After   BatchPlace
	Count   int
}

// Shelf is a wish for the vouchers of a batch that are in stock: those with an id above After, oldest first and at
// most Count.
type Shelf struct {
	Batch int32
	After int64
	Count int
}

// BatchPlace is where a batch stands in the order of selling: those that expire first come first, and of these the
// older.
type BatchPlace struct {
	Expiry int64 // in milliseconds since 1970; NeverExpires when it never does
	Number int32
}

// NeverExpires stands for the expiry of batches that have none. It comes last.
const NeverExpires = math.MaxInt64

// PlaceOf gives the place of a batch.
func PlaceOf(b *airtime.Batch) BatchPlace {
	if b.Expiry.IsZero() {
		return BatchPlace{Expiry: NeverExpires, Number: b.Number}
	}
	return BatchPlace{Expiry: b.Expiry.UnixMilli(), Number: b.Number}
}

// from gives the place before all batches that expire after an instant.
func from(at time.Time) BatchPlace { return BatchPlace{Expiry: at.UnixMilli(), Number: math.MaxInt32} }

func (p BatchPlace) less(q BatchPlace) bool {
	return p.Expiry < q.Expiry || p.Expiry == q.Expiry && p.Number < q.Number
}

// Compare orders places.
func (p BatchPlace) Compare(q BatchPlace) int {
	switch {
	case p == q:
		return 0
	case p.less(q):
		return -1
	}
	return 1
}
