package store

import (
	"fmt"
	"slices"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// Set is what a batch has loaded and what its messages have changed. Drivers fill it with the Loaded methods
// and read Changes; only Tx changes it. What is in the set already is never overwritten by a load.
type Set struct {
	ids      map[worldID]*idRecord
	messages map[int64]*txn.Message
	numbers  map[secret.Digest]int64
	cards    map[int64]*giftcard.Card
	details  map[int64]*giftcard.Detail
	holders  map[secret.Digest][]int64
	counters map[txn.CounterKey]txn.Counter
	stock    stock
	floats   map[ident.Account]*airtime.Float // nil when there is none
	items    map[int64]*saf.Item              // nil when there is none
	revision int64                            // of what operators set; -1 while it is not known
	newest   int64                            // place of the newest message that was loaded, or named by what was
	changes  Changes
	dirty    map[any]bool // records already among the changes
}

type worldID struct {
	world ident.World
	id    ident.ID
}

type idRecord struct {
	hash       int64
	seqs       []int64
	tombstones []Tombstone
}

// NewSet makes an empty set.
func NewSet() *Set {
	return &Set{
		ids: map[worldID]*idRecord{}, messages: map[int64]*txn.Message{}, numbers: map[secret.Digest]int64{},
		cards: map[int64]*giftcard.Card{}, details: map[int64]*giftcard.Detail{}, holders: map[secret.Digest][]int64{},
		counters: map[txn.CounterKey]txn.Counter{}, dirty: map[any]bool{}, stock: newStock(), floats: map[ident.Account]*airtime.Float{}, items: map[int64]*saf.Item{},
		changes: Changes{Counters: map[txn.CounterKey]txn.Counter{}, Brought: map[ledger.BroughtKey]ledger.Brought{}}, revision: unknownRevision,
	}
}

// Reset empties the set and keeps its memory.
func (s *Set) Reset() {
	clear(s.ids)
	clear(s.messages)
	clear(s.numbers)
	clear(s.cards)
	clear(s.details)
	clear(s.holders)
	clear(s.counters)
	s.stock.reset()
	clear(s.floats)
	clear(s.items)
	clear(s.dirty)
	s.revision, s.newest = unknownRevision, 0
	s.changes.reset()
}

// Changes gives what has to be saved.
func (s *Set) Changes() *Changes { return &s.changes }

// saw notes the place of a message that is there before whatever this batch decides.
func (s *Set) saw(seq int64) { s.newest = max(s.newest, seq) }

// LoadedID brings what the store has for an id: its messages, oldest first, and its tombstones.
func (s *Set) LoadedID(k IDKey, messages []txn.Message, tombstones []Tombstone) {
	key := worldID{k.World, k.ID}
	if s.ids[key] != nil {
		return
	}
	r := &idRecord{hash: k.Hash, tombstones: tombstones}
	for _, m := range messages {
		s.LoadedMessage(m)
		r.seqs = append(r.seqs, m.Seq)
	}
	s.ids[key] = r
}

// LoadedMessage brings a message.
func (s *Set) LoadedMessage(m txn.Message) {
	s.saw(max(m.Seq, m.Ended))
	if !s.HasMessage(m.Seq) {
		s.messages[m.Seq] = &m
	}
}

// LoadedNumber brings the card that a number's digest leads to; 0 when there is none.
func (s *Set) LoadedNumber(d secret.Digest, card int64) {
	if _, known := s.numbers[d]; !known {
		s.numbers[d] = card
	}
}

// LoadedCard brings a card.
func (s *Set) LoadedCard(c giftcard.Card) {
	s.saw(c.LastMessage)
	if s.cards[c.ID] == nil {
		s.cards[c.ID] = &c
	}
}

// LoadedDetail brings a card's detail.
func (s *Set) LoadedDetail(d giftcard.Detail) {
	if s.details[d.Card] == nil {
		s.details[d.Card] = &d
	}
}

// LoadedHolder brings the ids of the cards, oldest first and at most MaxCardsOfHolder, whose holder has a digest.
func (s *Set) LoadedHolder(d secret.Digest, cards []int64) {
	if _, known := s.holders[d]; !known {
		s.holders[d] = cards
	}
}

// LoadedCounter brings a counter; the zero counter when there is none.
func (s *Set) LoadedCounter(k txn.CounterKey, c txn.Counter) {
	if _, known := s.counters[k]; !known {
		s.counters[k] = c
	}
}

// unknownRevision stands for a revision that was not asked for.
const unknownRevision = -1

// LoadedRevision brings the revision of what operators have set.
func (s *Set) LoadedRevision(revision int64) {
	if s.revision == unknownRevision {
		s.revision = revision
	}
}

// HasID says whether an id has been looked for.
func (s *Set) HasID(k IDKey) bool { return s.ids[worldID{k.World, k.ID}] != nil }

// HasMessage says whether a message is in the set.
func (s *Set) HasMessage(seq int64) bool { return s.messages[seq] != nil }

// HasNumber says whether a number's digest has been looked for.
func (s *Set) HasNumber(d secret.Digest) bool {
	_, known := s.numbers[d]
	return known
}

// HasCard says whether a card is in the set.
func (s *Set) HasCard(id int64) bool { return s.cards[id] != nil }

// Tx is one message's turn in a batch. It undoes its own changes when the message fails.
type Tx struct {
	batch  Batch
	set    *Set
	store  *Store
	world  ident.World
	wanted Wanted // for what was not declared
	places *places
	first  int64 // place that this message was given first; 0 while it has none
	undo   []func()
	frozen bool // only reading
}

// begin makes the Tx the next message's.
func (t *Tx) begin(b Batch, w ident.World) {
	t.batch, t.world, t.first = b, w, 0
	clear(t.undo)
	t.undo = t.undo[:0]
	t.wanted.Reset()
}

// failure is the private panic by which a Tx leaves a decision when the driver fails.
type failure struct{ err error }

func (t *Tx) load() {
	if err := t.batch.Load(t.store.life, &t.wanted, t.set); err != nil {
		panic(failure{fmt.Errorf("%w: %w", errDriver, err)})
	}
	t.wanted.Reset()
	if t.first != 0 && t.set.newest >= t.first && t.places.follow(t.set.newest) { // the next time the place comes after it
		panic(failure{fmt.Errorf("%w: %w", errDriver, OtherOrder)})
	}
}

func (t *Tx) key(id ident.ID) IDKey {
	return IDKey{World: t.world, Hash: t.store.keys.ID(t.world, id), ID: id}
}

func (t *Tx) record(id ident.ID) *idRecord {
	r := t.set.ids[worldID{t.world, id}]
	if r == nil {
		t.wanted.IDs = append(t.wanted.IDs, t.key(id))
		t.load()
		r = t.set.ids[worldID{t.world, id}]
	}
	return r
}

// Messages implements txn.Tx.
func (t *Tx) Messages(id ident.ID) []txn.Message {
	r := t.record(id)
	if len(r.seqs) == 0 {
		return nil
	}
	found := make([]txn.Message, 0, len(r.seqs))
	for _, seq := range r.seqs {
		if m := t.set.messages[seq]; m.State != txn.Withdrawn {
			found = append(found, *m)
			found[len(found)-1].ID = id // what was pruned has none of its own
		}
	}
	return found
}

// MessageAt implements txn.Tx.
func (t *Tx) MessageAt(seq int64) (txn.Message, bool) {
	if !t.set.HasMessage(seq) {
		t.wanted.Seqs = append(t.wanted.Seqs, seq)
		t.load()
	}
	m := t.set.messages[seq]
	if m == nil || m.World != t.world {
		return txn.Message{}, false
	}
	return *m, true
}

// Ahead implements admin.Tx.
func (t *Tx) Ahead(a admin.Ahead) {
	w := &t.wanted
	w.Seqs = appendUnknown(w.Seqs, a.Messages, t.set.HasMessage)
	w.Details = appendUnknown(w.Details, a.Details, func(card int64) bool { return t.set.details[card] != nil })
	w.Vouchers = appendUnknown(w.Vouchers, a.Vouchers, t.set.HasVoucher)
	w.Items = appendUnknown(w.Items, a.Items, t.set.HasItem)
	for _, id := range a.IDs {
		w.IDs = append(w.IDs, t.key(id))
	}
	for _, chain := range a.Chains {
		if !t.set.HasMessage(chain.From) {
			w.Seqs, w.Chains = append(w.Seqs, chain.From), append(w.Chains, chain)
		}
	}
	if !w.isEmpty() {
		t.load()
	}
}

// appendUnknown adds those numbers of which nothing is known: drivers ask for what they are told, again too.
func appendUnknown(to, numbers []int64, known func(int64) bool) []int64 {
	for _, number := range numbers {
		if !known(number) {
			to = append(to, number)
		}
	}
	return to
}

// Remembered implements txn.Tx.
func (t *Tx) Remembered(account ident.Account, request ident.ID) (reversals []int64) {
	for _, tomb := range t.record(request).tombstones {
		if tomb.Account == account {
			reversals = append(reversals, tomb.Reversal)
		}
	}
	slices.Sort(reversals) // oldest first
	return reversals
}

// CardByNumber implements giftcard.Tx. A card of an import that is not complete is not there yet.
func (t *Tx) CardByNumber(key giftcard.CardKey) (giftcard.Card, bool) {
	c, found := t.AnyCardByNumber(key)
	if !found || t.hidden(c) {
		return giftcard.Card{}, false
	}
	return c, true
}

// hidden says whether a card came with an import that is not complete.
func (t *Tx) hidden(c giftcard.Card) bool { return c.Import != 0 && t.store.unfinished(c.Import) }

// AnyCardByNumber gives the card with a number, also of an import that is not complete.
func (t *Tx) AnyCardByNumber(key giftcard.CardKey) (giftcard.Card, bool) {
	for _, d := range key {
		if !t.set.HasNumber(d) {
			t.wanted.Numbers = append(t.wanted.Numbers, key)
			t.load()
			break
		}
	}
	for _, d := range key {
		if id := t.set.numbers[d]; id != 0 {
			return t.Card(id), true
		}
	}
	return giftcard.Card{}, false
}

// Card implements giftcard.Tx.
func (t *Tx) Card(id int64) giftcard.Card {
	if t.set.cards[id] == nil {
		t.wanted.Cards = append(t.wanted.Cards, id)
		t.load()
	}
	c := t.set.cards[id]
	if c == nil {
		panic(failure{missing("card", id)})
	}
	return *c
}

// Detail implements giftcard.Tx.
func (t *Tx) Detail(id int64) giftcard.Detail {
	if t.set.details[id] == nil {
		t.wanted.Details = append(t.wanted.Details, id)
		t.load()
	}
	d := t.set.details[id]
	if d == nil {
		panic(failure{missing("card detail", id)})
	}
	return *d
}

// CardsOf implements giftcard.Tx.
func (t *Tx) CardsOf(digest secret.Digest, limit int) []int64 {
	if _, known := t.set.holders[digest]; !known {
		t.wanted.Holders = append(t.wanted.Holders, digest)
		t.load()
	}
	var cards []int64
	for _, id := range t.set.holders[digest] {
		if c := t.Card(id); len(cards) < limit && !t.hidden(c) {
			cards = append(cards, id)
		}
	}
	return cards
}

// Counter implements txn.Tx.
func (t *Tx) Counter(key txn.CounterKey) txn.Counter {
	key = instant(key)
	if _, known := t.set.counters[key]; !known {
		t.wanted.Counters = append(t.wanted.Counters, key)
		t.load()
	}
	return t.set.counters[key]
}

// instant makes equal instants equal keys, whatever zone they are told in.
func instant(key txn.CounterKey) txn.CounterKey {
	key.Start = time.UnixMilli(key.Start.UnixMilli()).UTC()
	return key
}

// NextSeq implements txn.Tx.
func (t *Tx) NextSeq() int64 {
	t.places.follow(t.set.newest)
	seq, err := t.places.take(t.batch)
	if err != nil {
		panic(failure{fmt.Errorf("%w: %w", errDriver, err)})
	}
	if t.first == 0 {
		t.first = seq
	}
	return seq
}

// Insert implements txn.Tx.
func (t *Tx) Insert(m txn.Message) {
	t.mustWrite()
	s, r := t.set, t.record(m.ID)
	kept := &Inserted{Message: m, Hash: r.hash}
	seq := m.Seq // so that undo does not keep all of m
	s.messages[seq] = &kept.Message
	s.dirty[&kept.Message] = true
	r.seqs = append(r.seqs, seq)
	s.changes.Inserted = append(s.changes.Inserted, kept)
	t.undo = append(t.undo, func() {
		delete(s.messages, seq)
		r.seqs = r.seqs[:len(r.seqs)-1]
		s.changes.Inserted = s.changes.Inserted[:len(s.changes.Inserted)-1]
	})
}

// Amend implements txn.Tx.
func (t *Tx) Amend(m txn.Message) {
	t.mustWrite()
	kept := t.set.messages[m.Seq]
	if kept == nil {
		panic(failure{missing("message", m.Seq)})
	}
	if kept.Pruned {
		panic(failure{fmt.Errorf("store: message %d was pruned, and cannot be changed", m.Seq)})
	}
	listed := t.touch(kept)
	before := *kept
	kept.Amend(m)
	if listed {
		t.set.changes.Amended = append(t.set.changes.Amended, kept)
	}
	t.undo = append(t.undo, func() {
		*kept = before
		if listed {
			delete(t.set.dirty, kept)
			t.set.changes.Amended = t.set.changes.Amended[:len(t.set.changes.Amended)-1]
		}
	})
}

// touch marks a record as changed and says whether it was not so before.
func (t *Tx) touch(record any) bool {
	if t.set.dirty[record] {
		return false
	}
	t.set.dirty[record] = true
	return true
}

// Remember implements txn.Tx.
func (t *Tx) Remember(account ident.Account, request ident.ID, reversal int64) {
	t.mustWrite()
	s, r := t.set, t.record(request)
	tomb := Tombstone{Request: t.key(request), Account: account, Reversal: reversal}
	r.tombstones = append(r.tombstones, tomb)
	s.changes.Tombstones = append(s.changes.Tombstones, tomb)
	t.undo = append(t.undo, func() {
		r.tombstones = r.tombstones[:len(r.tombstones)-1]
		s.changes.Tombstones = s.changes.Tombstones[:len(s.changes.Tombstones)-1]
	})
}

// PutCard implements giftcard.Tx.
func (t *Tx) PutCard(c giftcard.Card) {
	t.mustWrite()
	if err := c.Balance.Check(); err != nil {
		panic(failure{err})
	}
	kept := t.set.cards[c.ID]
	if kept == nil {
		panic(failure{missing("card", c.ID)})
	}
	before, listed := *kept, t.touch(kept)
	*kept = c
	if listed {
		t.set.changes.Cards = append(t.set.changes.Cards, kept)
	}
	t.undo = append(t.undo, func() {
		*kept = before
		if listed {
			delete(t.set.dirty, kept)
			t.set.changes.Cards = t.set.changes.Cards[:len(t.set.changes.Cards)-1]
		}
	})
}

// PutDetail implements giftcard.Tx. A look-up by holder in the same batch sees it.
func (t *Tx) PutDetail(d giftcard.Detail) {
	t.mustWrite()
	kept := t.set.details[d.Card]
	if kept == nil {
		panic(failure{missing("card detail", d.Card)})
	}
	before, listed := *kept, t.touch(kept)
	*kept = d
	if listed {
		t.set.changes.Details = append(t.set.changes.Details, kept)
	}
	if before.Holder != d.Holder {
		t.rehold(before.Holder, d.Holder, d.Card)
	}
	t.undo = append(t.undo, func() {
		*kept = before
		if listed {
			delete(t.set.dirty, kept)
			t.set.changes.Details = t.set.changes.Details[:len(t.set.changes.Details)-1]
		}
	})
}

// rehold keeps the set's holder index true when a card's holder changes.
func (t *Tx) rehold(before, after giftcard.HolderDigests, card int64) {
	old := []secret.Digest{before.ProfileID, before.MSISDN, before.EmailAddress}
	fresh := []secret.Digest{after.ProfileID, after.MSISDN, after.EmailAddress}
	for _, d := range old {
		t.hold(d, card, false)
	}
	for _, d := range fresh {
		t.hold(d, card, true)
	}
}

func (t *Tx) hold(d secret.Digest, card int64, add bool) {
	if d.IsZero() {
		return
	}
	t.CardsOf(d, 0)
	before := t.set.holders[d]
	after := make([]int64, 0, len(before)+1)
	for _, id := range before {
		if id != card {
			after = append(after, id)
		}
	}
	if add {
		after = append(after, card)
		slices.Sort(after) // oldest first, as a driver brings them
	}
	t.set.holders[d] = after
	t.undo = append(t.undo, func() { t.set.holders[d] = before })
}

// PutCounter implements txn.Tx.
func (t *Tx) PutCounter(key txn.CounterKey, c txn.Counter) {
	t.mustWrite()
	s := t.set
	key = instant(key)
	before := t.Counter(key)
	_, listed := s.changes.Counters[key]
	s.counters[key], s.changes.Counters[key] = c, c
	t.undo = append(t.undo, func() {
		s.counters[key] = before
		if listed {
			s.changes.Counters[key] = before
		} else {
			delete(s.changes.Counters, key)
		}
	})
}

// Enter implements giftcard.Tx and airtime.Tx.
func (t *Tx) Enter(e ledger.Entry) {
	t.mustWrite()
	if err := e.Check(); err != nil {
		panic(failure{err})
	}
	s := t.set
	s.changes.Entries = append(s.changes.Entries, e)
	t.undo = append(t.undo, func() { s.changes.Entries = s.changes.Entries[:len(s.changes.Entries)-1] })
}

// AddCard adds a card that was not there before. While keys roll, two processes keep one number under different digests, and no
// driver sees that they are one: whoever may be one of several looks for the number, and adds the card, in an act that declares
// Keys.Register.
func (t *Tx) AddCard(n giftcard.NewCard) {
	t.mustWrite()
	s := t.set
	c, d := n.Card, n.Detail
	s.cards[c.ID], s.details[c.ID], s.numbers[n.Number] = &c, &d, c.ID
	s.changes.NewCards = append(s.changes.NewCards, n)
	t.rehold(giftcard.HolderDigests{}, d.Holder, c.ID)
	t.undo = append(t.undo, func() {
		delete(s.cards, c.ID)
		delete(s.details, c.ID)
		s.numbers[n.Number] = 0
		s.changes.NewCards = s.changes.NewCards[:len(s.changes.NewCards)-1]
	})
}

// Renumber has a card found under the first digest of its number from now on, instead of under the others.
func (t *Tx) Renumber(card int64, number giftcard.CardKey) {
	t.mustWrite()
	s := t.set
	t.AnyCardByNumber(number) // loads what the digests lead to
	before := make([]int64, len(number))
	for i, d := range number {
		before[i] = s.numbers[d]
		s.numbers[d] = 0
	}
	s.numbers[number[0]] = card
	s.changes.Renumbered = append(s.changes.Renumbered, Renumbered{Card: card, Old: number[1:], Number: number[0]})
	t.undo = append(t.undo, func() {
		for i, d := range number {
			s.numbers[d] = before[i]
		}
		s.changes.Renumbered = s.changes.Renumbered[:len(s.changes.Renumbered)-1]
	})
}

// Revision implements admin.Tx.
func (t *Tx) Revision() int64 {
	if t.set.revision == unknownRevision {
		t.wanted.Register = true
		t.load()
	}
	if slices.ContainsFunc(t.set.changes.Rows, func(r admin.Row) bool { return r.Kind.IsRegister() }) {
		return t.set.revision + 1
	}
	return t.set.revision
}

// PutRow adds, replaces or deletes a row of the operators.
func (t *Tx) PutRow(r admin.Row) {
	t.mustWrite()
	s := t.set
	s.changes.Rows = append(s.changes.Rows, r)
	t.undo = append(t.undo, func() { s.changes.Rows = s.changes.Rows[:len(s.changes.Rows)-1] })
}

func (t *Tx) mustWrite() {
	if t.frozen {
		panic(failure{errReadOnly})
	}
}

// rollback undoes this message's changes, newest first.
func (t *Tx) rollback() {
	for i := len(t.undo) - 1; i >= 0; i-- {
		t.undo[i]()
	}
	t.undo = t.undo[:0]
}
