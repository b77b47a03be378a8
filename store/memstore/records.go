package memstore

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// records is everything that was saved.
type records struct {
	seq        int64 // last place given
	messages   table[int64, txn.Message]
	ids        map[worldID][]int64 // messages with an id, oldest first
	tombstones map[worldID][]store.Tombstone
	references map[worldHash][]int64 // messages with a third-party identifier, oldest first
	open       table[int64, struct{}]
	cards      table[int64, giftcard.Card]
	details    table[int64, giftcard.Detail]
	numbers    map[secret.Digest]int64
	holders    map[secret.Digest][]int64 // cards, oldest first
	counters   map[txn.CounterKey]txn.Counter
	entries    []ledger.Entry // by message and place
	rows       map[admin.Kind]*table[int64, admin.Row]
	names      map[rowName]int64
	working    table[int64, struct{}]
	stock      stock
	floats     table[ident.Account, airtime.Float]
	items      items
	past       past
}

type worldID struct {
	world ident.World
	id    ident.ID
}

type worldHash struct {
	world ident.World
	hash  int64
}

type rowName struct {
	kind  admin.Kind
	world ident.World
	name  string
}

func newRecords() *records {
	return &records{
		messages: newTable[int64, txn.Message](), open: newTable[int64, struct{}](),
		cards: newTable[int64, giftcard.Card](), details: newTable[int64, giftcard.Detail](),
		ids: map[worldID][]int64{}, tombstones: map[worldID][]store.Tombstone{}, references: map[worldHash][]int64{},
		numbers: map[secret.Digest]int64{}, holders: map[secret.Digest][]int64{},
		counters: map[txn.CounterKey]txn.Counter{},
		rows:     map[admin.Kind]*table[int64, admin.Row]{}, names: map[rowName]int64{},
		working: newTable[int64, struct{}](), stock: newStock(), floats: newTable[ident.Account, airtime.Float](),
		items: newItems(), past: newPast(),
	}
}

// load brings what is wanted into a set.
func (r *records) load(wanted *store.Wanted, set *store.Set) {
	for _, k := range wanted.IDs {
		if !set.HasID(k) {
			r.loadID(k, set)
		}
	}
	for _, seq := range wanted.Seqs {
		if m, found := r.message(seq); found {
			set.LoadedMessage(m)
		}
	}
	for _, key := range wanted.Numbers {
		r.loadNumber(key, set)
	}
	for _, id := range wanted.Cards {
		r.loadCard(id, set)
	}
	for _, id := range wanted.Details {
		if d, found := r.details.get(id); found {
			set.LoadedDetail(d)
		}
	}
	for _, d := range wanted.Holders {
		cards := r.holders[d]
		set.LoadedHolder(d, slices.Clone(cards[:min(len(cards), store.MaxCardsOfHolder)]))
	}
	for _, k := range wanted.Counters {
		set.LoadedCounter(k, r.counters[k])
	}
	r.loadStock(wanted, set)
	for _, account := range wanted.Floats {
		r.loadFloat(account, set)
	}
	for _, seq := range wanted.Items {
		r.items.load(seq, set)
	}
}

// loadID brings an id's messages with the cards, vouchers and floats they name, and its tombstones.
func (r *records) loadID(k store.IDKey, set *store.Set) {
	key := worldID{k.World, k.ID}
	var messages []txn.Message
	for _, seq := range slices.Sorted(slices.Values(slices.Concat(r.ids[key], r.past.hashes[worldHash{k.World, k.Hash}]))) {
		m, _ := r.message(seq)
		messages = append(messages, m)
		r.loadNamed(&m, set)
	}
	set.LoadedID(k, messages, slices.Clone(r.tombstones[key]))
}

// loadNamed brings what a message is about.
func (r *records) loadNamed(m *txn.Message, set *store.Set) {
	ofVouchers := m.Family.IsAirtime() || m.Voucher != 0
	for _, link := range m.Links {
		if ofVouchers {
			r.stock.loadVoucher(link.Card, set)
		} else {
			r.loadCard(link.Card, set)
		}
	}
	if m.Voucher != 0 {
		r.stock.loadVoucher(m.Voucher, set)
	}
	if m.Prepaid {
		r.loadFloat(m.Account, set)
	}
}

func (r *records) loadFloat(account ident.Account, set *store.Set) {
	if f, found := r.floats.get(account); found {
		set.LoadedFloat(account, &f)
	} else {
		set.LoadedFloat(account, nil)
	}
}

func (r *records) loadNumber(key giftcard.CardKey, set *store.Set) {
	for _, d := range key {
		id := r.numbers[d]
		set.LoadedNumber(d, id)
		r.loadCard(id, set)
	}
}

func (r *records) loadCard(id int64, set *store.Set) {
	if c, found := r.cards.get(id); found {
		set.LoadedCard(c)
	}
}

// check finds what a database would refuse: keys that are there already or twice, and names that are taken.
func (r *records) check(c *store.Changes) error {
	seqs := map[int64]bool{}
	for _, m := range c.Inserted {
		if _, found := r.messages.get(m.Seq); found || seqs[m.Seq] {
			return fmt.Errorf("%w: message %d is there already", store.ErrData, m.Seq)
		}
		seqs[m.Seq] = true
	}
	numbers := map[secret.Digest]bool{}
	for _, n := range c.NewCards {
		if _, found := r.cards.get(n.Card.ID); found || r.numbers[n.Number] != 0 || numbers[n.Number] {
			return fmt.Errorf("%w: card %d is there already", store.ErrData, n.Card.ID)
		}
		numbers[n.Number] = true
	}
	if err := r.stock.check(c.NewVouchers); err != nil {
		return err
	}
	if err := r.items.check(c.NewItems); err != nil {
		return err
	}
	if err := r.past.check(c.Brought); err != nil {
		return err
	}
	return r.checkRows(c.Rows)
}

func (r *records) checkRows(rows []admin.Row) error {
	taken := map[rowName]int64{} // by the batch itself; 0 is free again
	owner := func(n rowName) int64 {
		if number, known := taken[n]; known {
			return number
		}
		return r.names[n]
	}
	current := map[rowKey]rowName{}
	for _, row := range rows {
		name, key := rowName{row.Kind, row.World, row.Name}, rowKey{row.Kind, row.Number}
		before, known := current[key]
		if !known {
			kept := r.row(row.Kind, row.Number)
			before = rowName{kept.Kind, kept.World, kept.Name}
		}
		taken[before] = 0
		current[key] = rowName{}
		if row.Content == nil || row.Name == "" {
			continue
		}
		if at := owner(name); at != 0 && at != row.Number {
			return fmt.Errorf("%w: the name of %s %d is taken", store.ErrData, row.Kind, row.Number)
		}
		taken[name], current[key] = row.Number, name
	}
	return nil
}

type rowKey struct {
	kind   admin.Kind
	number int64
}

// save keeps changes that check has passed.
func (r *records) save(c *store.Changes) {
	for _, m := range c.Inserted {
		r.insert(m.Message)
	}
	for _, m := range c.Amended {
		kept, _ := r.messages.get(m.Seq)
		kept.Amend(*m)
		r.messages.put(m.Seq, kept)
		r.noteState(kept)
	}
	for _, t := range c.Tombstones {
		key := worldID{t.Request.World, t.Request.ID}
		r.tombstones[key] = append(r.tombstones[key], t)
	}
	for _, n := range c.NewCards {
		r.cards.put(n.Card.ID, n.Card)
		r.numbers[n.Number] = n.Card.ID
		r.putDetail(n.Detail)
	}
	for _, n := range c.Renumbered {
		for _, old := range n.Old {
			delete(r.numbers, old)
		}
		r.numbers[n.Number] = n.Card
	}
	for _, card := range c.Cards {
		r.cards.put(card.ID, *card)
	}
	for _, d := range c.Details {
		r.putDetail(*d)
	}
	for k, counter := range c.Counters {
		r.counters[k] = counter
	}
	for _, e := range c.Entries {
		r.enter(e)
	}
	for _, row := range c.Rows {
		r.putRow(row)
	}
	r.stock.save(c)
	for _, f := range c.Floats {
		r.floats.put(f.Account, *f)
	}
	r.items.save(c)
	r.prune(c)
}

func (r *records) insert(m txn.Message) {
	m.Links, m.References, m.Body = slices.Clone(m.Links), slices.Clone(m.References), bytes.Clone(m.Body)
	m.ID = ident.ID(strings.Clone(string(m.ID)))
	r.messages.put(m.Seq, m)
	r.noteState(m)
	key := worldID{m.World, m.ID}
	r.ids[key] = insertSorted(r.ids[key], m.Seq)
	for _, hash := range m.References {
		key := worldHash{m.World, hash}
		r.references[key] = insertSorted(r.references[key], m.Seq)
	}
}

// noteState keeps the requests that are open, and those that a provider is at work on.
func (r *records) noteState(m txn.Message) {
	r.open.keep(m.Seq, m.Role == txn.Request && m.State == txn.Open)
	r.working.keep(m.Seq, m.Role == txn.Request && (m.State == txn.Working || m.State == txn.Reversing))
}

func (r *records) putDetail(d giftcard.Detail) {
	before, _ := r.details.get(d.Card)
	for _, digest := range digests(before.Holder) {
		r.holders[digest] = slices.DeleteFunc(r.holders[digest], func(card int64) bool { return card == d.Card })
		if len(r.holders[digest]) == 0 {
			delete(r.holders, digest)
		}
	}
	for _, digest := range digests(d.Holder) {
		r.holders[digest] = insertSorted(r.holders[digest], d.Card)
	}
	d.SealedPAN = bytes.Clone(d.SealedPAN)
	r.details.put(d.Card, d)
}

// digests gives what is known of a holder.
func digests(h giftcard.HolderDigests) []secret.Digest {
	known := []secret.Digest{h.ProfileID, h.MSISDN, h.EmailAddress}
	return slices.DeleteFunc(known, secret.Digest.IsZero)
}

func (r *records) enter(e ledger.Entry) {
	at, _ := slices.BinarySearchFunc(r.entries, e, compareEntries)
	r.entries = slices.Insert(r.entries, at, e)
}

func compareEntries(a, b ledger.Entry) int {
	return cmp.Or(cmp.Compare(a.Message, b.Message), cmp.Compare(a.N, b.N))
}

func (r *records) row(kind admin.Kind, number int64) admin.Row {
	if r.rows[kind] == nil {
		return admin.Row{}
	}
	row, _ := r.rows[kind].get(number)
	return row
}

func (r *records) putRow(row admin.Row) {
	if r.rows[row.Kind] == nil {
		t := newTable[int64, admin.Row]()
		r.rows[row.Kind] = &t
	}
	before := r.row(row.Kind, row.Number)
	if before.Name != "" {
		delete(r.names, rowName{before.Kind, before.World, before.Name})
	}
	if row.Content == nil {
		r.rows[row.Kind].remove(row.Number)
		return
	}
	row.Content = bytes.Clone(row.Content)
	r.rows[row.Kind].put(row.Number, row)
	if row.Name != "" {
		r.names[rowName{row.Kind, row.World, row.Name}] = row.Number
	}
}
