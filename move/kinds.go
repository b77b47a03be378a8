package move

import (
	"context"
	"fmt"
	"slices"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// kinds are all kinds of records that a store has.
var kinds = []movable{rows, cards, batches, vouchers, floats, messages, husks, tombstones, entries, brought, horizons, items, counters}

// by reads pages by a key that stands in each record.
func by[T, K any](page func(s store.Whole, ctx context.Context, after K, limit int) ([]T, error), key func(*T) K) func(context.Context, store.Whole, *T) ([]T, error) {
	return func(ctx context.Context, from store.Whole, last *T) ([]T, error) {
		var after K
		if last != nil {
			after = key(last)
		}
		return page(from, ctx, after, pageSize)
	}
}

// rows come kind by kind.
var rows = kind[admin.Row]{
	what: "rows",
	next: nextRows,
	put: func(_ *writer, c *store.Changes, r *admin.Row) error {
		c.Rows = append(c.Rows, *r)
		return nil
	},
	skip: isMark,
	found: func(ctx context.Context, in store.Whole, _ *secret.Keys, r *admin.Row) (bool, error) {
		if r.Name == "" {
			return true, nil
		}
		found, there, err := in.RowByName(ctx, r.Kind, r.World, r.Name)
		return there && found.Number == r.Number, err
	},
}

// nextRows reads on in the kind of a row, and goes to the next one when there is nothing left in it. Only then does it ask
// which kinds there are: that takes a look at every row.
func nextRows(ctx context.Context, from store.Whole, last *admin.Row) ([]admin.Row, error) {
	if last != nil {
		if page, err := from.Rows(ctx, last.Kind, last.Number, pageSize); err != nil || len(page) > 0 {
			return page, err
		}
	}
	kinds, err := from.Kinds(ctx)
	if err != nil {
		return nil, err
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		if last != nil && kind <= last.Kind {
			continue
		}
		if page, err := from.Rows(ctx, kind, 0, pageSize); err != nil || len(page) > 0 {
			return page, err
		}
	}
	return nil, nil
}

// card is a card with what hardly ever changes about it.
type card struct {
	Card   giftcard.Card
	Detail giftcard.Detail
}

var cards = kind[card]{
	what: "cards",
	next: func(ctx context.Context, from store.Whole, last *card) ([]card, error) {
		after := int64(0)
		if last != nil {
			after = last.Card.ID
		}
		found, err := from.Cards(ctx, after, pageSize)
		if err != nil {
			return nil, err
		}
		details, err := from.Details(ctx, after, pageSize)
		if err != nil {
			return nil, err
		}
		if len(found) != len(details) {
			return nil, fmt.Errorf("%d cards above %d have %d details", len(found), after, len(details))
		}
		both := make([]card, len(found))
		for i := range found {
			if both[i] = (card{found[i], details[i]}); found[i].ID != details[i].Card {
				return nil, fmt.Errorf("card %d has no detail", found[i].ID)
			}
		}
		return both, nil
	},
	put: func(w *writer, c *store.Changes, r *card) error {
		number, err := numberOf(w.keys, r)
		if err != nil {
			return err
		}
		c.NewCards = append(c.NewCards, giftcard.NewCard{Card: r.Card, Detail: r.Detail, Number: number[0]})
		return nil
	},
	found: func(ctx context.Context, in store.Whole, keys *secret.Keys, r *card) (bool, error) {
		number, err := numberOf(keys, r)
		if err != nil {
			return false, err
		}
		set, err := loaded(ctx, in, &store.Wanted{Numbers: []giftcard.CardKey{number}})
		return err == nil && set.HasCard(r.Card.ID), err
	},
}

// numberOf gives what a card is found by; the first of it under the newest key.
func numberOf(keys *secret.Keys, r *card) (giftcard.CardKey, error) {
	pan, err := giftcard.RevealPAN(keys, r.Detail)
	if err != nil {
		return nil, fmt.Errorf("card %d: %w", r.Card.ID, err)
	}
	return keys.PAN(r.Card.World, pan), nil
}

var batches = kind[airtime.Batch]{
	what: "batches",
	next: by(store.Whole.VoucherBatches, func(r *airtime.Batch) int32 { return r.Number }),
	put: func(_ *writer, c *store.Changes, b *airtime.Batch) error {
		c.Batches = append(c.Batches, b)
		return nil
	},
}

var vouchers = kind[airtime.Voucher]{
	what: "vouchers",
	next: by(store.Whole.Vouchers, func(r *airtime.Voucher) int64 { return r.ID }),
	put: func(w *writer, c *store.Changes, v *airtime.Voucher) error {
		serial, pin, err := hashesOf(w.keys, v)
		c.NewVouchers = append(c.NewVouchers, airtime.NewVoucher{Voucher: *v, SerialHash: serial, PINHash: pin})
		return err
	},
	found: func(ctx context.Context, in store.Whole, keys *secret.Keys, v *airtime.Voucher) (bool, error) {
		serial, pin, err := hashesOf(keys, v)
		if err != nil {
			return false, err
		}
		for _, hash := range []int64{serial, pin} {
			set, err := loaded(ctx, in, &store.Wanted{Hashes: []int64{hash}})
			if err != nil || !set.HasVoucher(v.ID) {
				return false, err
			}
		}
		return true, nil
	},
}

// hashesOf gives the hashes that a voucher is found by.
func hashesOf(keys *secret.Keys, v *airtime.Voucher) (serial, pin int64, err error) {
	revealed, err := airtime.RevealPIN(keys, *v)
	if err != nil {
		return 0, 0, fmt.Errorf("voucher %d: %w", v.ID, err)
	}
	return keys.Found(v.World, secret.BySerial, v.Serial), keys.Found(v.World, secret.ByPIN, revealed.Reveal()), nil
}

var floats = kind[airtime.Float]{
	what: "floats",
	next: by(store.Whole.Floats, func(r *airtime.Float) ident.Account { return r.Account }),
	put: func(_ *writer, c *store.Changes, f *airtime.Float) error {
		c.Floats = append(c.Floats, f)
		return nil
	},
}

var messages = kind[txn.Message]{
	what: "messages",
	next: by(store.Whole.Messages, func(r *txn.Message) int64 { return r.Seq }),
	put: func(w *writer, c *store.Changes, m *txn.Message) error {
		c.Inserted = append(c.Inserted, &store.Inserted{Message: *m, Hash: w.keys.ID(m.World, m.ID)})
		return nil
	},
	found: func(ctx context.Context, in store.Whole, keys *secret.Keys, m *txn.Message) (bool, error) {
		key := store.IDKey{World: m.World, Hash: keys.ID(m.World, m.ID), ID: m.ID}
		set, err := loaded(ctx, in, &store.Wanted{IDs: []store.IDKey{key}})
		if err != nil || !set.HasMessage(m.Seq) || len(m.References) == 0 {
			return err == nil && set.HasMessage(m.Seq), err
		}
		with, err := in.MessagesByReference(ctx, m.World, m.References[0], m.Seq-1, 1)
		return len(with) == 1 && with[0].Seq == m.Seq, err
	},
}

var husks = kind[txn.Husk]{
	what: "pruned messages",
	next: by(store.Whole.Pruned, func(r *txn.Husk) int64 { return r.Seq }),
	put: func(_ *writer, c *store.Changes, h *txn.Husk) error {
		c.Husks = append(c.Husks, *h)
		return nil
	},
	found: func(ctx context.Context, in store.Whole, _ *secret.Keys, h *txn.Husk) (bool, error) {
		set, err := loaded(ctx, in, &store.Wanted{IDs: []store.IDKey{{World: h.World, Hash: h.Hash}}}) // its id is not known any more
		return err == nil && set.HasMessage(h.Seq), err
	},
}

var brought = kind[ledger.Brought]{
	what: "sums brought forward",
	next: by(store.Whole.Brought, func(r *ledger.Brought) ledger.BroughtKey { return r.BroughtKey }),
	put: func(_ *writer, c *store.Changes, b *ledger.Brought) error {
		c.Brought[b.BroughtKey] = *b
		return nil
	},
}

// horizon is the newest pruned message that was forgotten. There is one of it, or none.
type horizon struct{ Seq int64 }

var horizons = kind[horizon]{
	what: "horizons",
	next: func(ctx context.Context, from store.Whole, last *horizon) ([]horizon, error) {
		if last != nil {
			return nil, nil
		}
		seq, err := from.Forgotten(ctx)
		if err != nil || seq == 0 {
			return nil, err
		}
		return []horizon{{seq}}, nil
	},
	put: func(_ *writer, c *store.Changes, h *horizon) error {
		c.Forgotten = append(c.Forgotten, txn.Husk{Message: txn.Message{Seq: h.Seq}})
		return nil
	},
}

var tombstones = kind[store.Tombstone]{
	what: "remembered reversals",
	next: by(store.Whole.Tombstones, func(r *store.Tombstone) int64 { return r.Reversal }),
	put: func(w *writer, c *store.Changes, t *store.Tombstone) error {
		hashed := *t
		hashed.Request.Hash = w.keys.ID(t.Request.World, t.Request.ID)
		c.Tombstones = append(c.Tombstones, hashed)
		return nil
	},
	found: func(ctx context.Context, in store.Whole, keys *secret.Keys, t *store.Tombstone) (bool, error) {
		key := t.Request
		key.Hash = keys.ID(key.World, key.ID)
		set, err := loaded(ctx, in, &store.Wanted{IDs: []store.IDKey{key}})
		return err == nil && set.Remembers(key, t.Reversal), err
	},
}

var entries = kind[ledger.Entry]{
	what: "entries",
	next: by(store.Whole.Entries, func(r *ledger.Entry) int64 { return r.Message }),
	put: func(_ *writer, c *store.Changes, e *ledger.Entry) error {
		c.Entries = append(c.Entries, *e)
		return nil
	},
}

var items = kind[saf.Item]{
	what: "queued items",
	next: func(ctx context.Context, from store.Whole, last *saf.Item) ([]saf.Item, error) {
		after := int64(0)
		if last != nil {
			after = last.Seq
		}
		return from.Items(ctx, "", []saf.State{saf.Waiting, saf.Parked, saf.Attention}, after, pageSize)
	},
	put: func(_ *writer, c *store.Changes, i *saf.Item) error {
		c.NewItems = append(c.NewItems, i)
		return nil
	},
}

var counters = kind[store.Counted]{
	what: "velocity counters",
	next: by(store.Whole.Counters, func(r *store.Counted) txn.CounterKey { return r.Key }),
	put: func(_ *writer, c *store.Changes, k *store.Counted) error {
		c.Counters[k.Key] = k.Counter
		return nil
	},
	found: func(ctx context.Context, in store.Whole, _ *secret.Keys, k *store.Counted) (bool, error) {
		set, err := loaded(ctx, in, &store.Wanted{Counters: []txn.CounterKey{k.Key}})
		return err == nil && set.HasCounter(k.Key, k.Counter), err
	},
}

// loaded asks a store as messages do.
func loaded(ctx context.Context, in store.Whole, wanted *store.Wanted) (*store.Set, error) {
	view, err := in.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Rollback()
	set := store.NewSet()
	return set, view.Load(ctx, wanted, set)
}
