package sqlite

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/scripworks/scrip/store/sqlstore"
)

// Ids are random, so that an index of them has a page of its own to write for each message: half of what a commit
// would write. Therefore the newest ids stand in memory and, for a start after a crash, in one short row for each
// commit. A full bucket of them is sorted and goes into the index in the order of its keys, a few with each commit,
// so that neighbours share a page. The same holds of the hashes by which vouchers are found, of which an import brings
// two for each voucher.

// bucketSize is how many ids fill a bucket; two of them may be in memory, about 3 MB. The more ids the index has, the fewer
// of a bucket share a page of it, so that a long history would have half of what a commit writes be its pages: a bucket grows
// with it, up to four times the size. Tests make it small.
var bucketSize = 64 << 10

// late is what comes into its index late.
type late struct {
	table   string // where its rows stand
	buckets int    // how many buckets of ids one of its own holds
	most    int    // how many it may grow to, as its index does
	index   func(o *sqlstore.Session, hash, seq int64) error
}

// The hashes of vouchers come in large numbers and seldom, into an index that may have millions: the larger a bucket,
// the more of them share a page. While vouchers are imported, two of theirs may be in memory, about 12 MB.
var (
	lateIDs    = late{table: "recent_id", buckets: 1, most: 4, index: (*sqlstore.Session).IndexID}
	lateHashes = late{table: "recent_hash", buckets: 4, most: 4, index: (*sqlstore.Session).IndexHash}
)

const (
	indexShare   = 64  // a bucket grows once it is less than one in so many of the ids that there are
	mergeSurplus = 4   // one id more for so many is merged than come in, so that a bucket is merged before the next is full
	mergeAtOnce  = 256 // ids that are merged in one commit: fewer commits balance the index, which costs each of them
	forgetRows   = 16  // rows of merged ids that a commit deletes
	idBytes      = 8   // of a hash in a row, before its seq
)

// recent is the ids that are not in the index yet, and for a moment some that are. The writer alone changes it.
type recent struct {
	late
	mu         sync.RWMutex // views read what the writer changes
	active     *bucket
	merging    *bucket // full, on its way into the index; nil when none is
	generation int     // how many buckets have left memory

	fresh     []idPlace // of the transaction in hand
	published int       // how many of them are in active already
	newest    int64     // greatest seq, which is about how many there are
	due       int       // how many more ids should be merged by now
	merged    int       // of the merging bucket's ids, how many are in the index
	place     int64     // of the newest row
	forgotten int64     // rows up to this one are deleted
	mergedAll int64     // rows up to this one may be deleted

	nextMerged          int // what counts once the transaction in hand is committed
	nextPlace, nextGone int64
	sorting             sync.WaitGroup
	row                 []byte
}

// idPlace is an id's hash and its message's seq, or a tombstone's below zero.
type idPlace struct{ hash, seq int64 }

// bucket is some ids, in the order in which they came, and a hash table of them: a map would take three times the room,
// and hashes need no other hash.
type bucket struct {
	places []idPlace
	table  []int32        // of places, counted from 1; 0 is free. Its length is a power of two, at least twice that of places
	last   int64          // newest row that has ids of the bucket
	sorted chan []idPlace // a full bucket's ids in order, once
	inHand []idPlace      // what has come out of sorted; the others are empty then
}

// smallestTable is the length of a bucket's first table.
const smallestTable = 256

func newBucket() *bucket { return &bucket{} }

func (b *bucket) add(p idPlace) {
	b.places = append(b.places, p)
	if 2*len(b.places) <= len(b.table) {
		b.enter(len(b.places))
		return
	}
	b.table = make([]int32, max(smallestTable, 2*len(b.table)))
	for number := range b.places {
		b.enter(number + 1)
	}
}

// enter has the table lead to a place, counted from 1: in the slot of its hash, or in the next one after it that is free.
func (b *bucket) enter(number int) { b.table[b.slot(b.places[number-1].hash, 0)] = int32(number) }

// slot gives the first slot, beginning with that of a hash, which has a number.
func (b *bucket) slot(hash int64, number int32) int {
	last := len(b.table) - 1
	at := int(hash) & last
	for b.table[at] != number {
		at = (at + 1) & last
	}
	return at
}

// drop takes the newest one out again. Nobody came after it who would have gone past its slot, so that is free again.
func (b *bucket) drop() {
	last := len(b.places) - 1
	b.table[b.slot(b.places[last].hash, int32(last+1))] = 0
	b.places = b.places[:last]
}

func (b *bucket) find(hash int64, seqs []int64) []int64 {
	if b == nil {
		return seqs
	}
	if last := len(b.table) - 1; last >= 0 {
		for at := int(hash) & last; b.table[at] != 0; at = (at + 1) & last {
			if p := b.places[b.table[at]-1]; p.hash == hash {
				seqs = append(seqs, p.seq)
			}
		}
	}
	at, _ := slices.BinarySearchFunc(b.inHand, hash, func(p idPlace, hash int64) int { return cmp.Compare(p.hash, hash) })
	for ; at < len(b.inHand) && b.inHand[at].hash == hash; at++ {
		seqs = append(seqs, b.inHand[at].seq)
	}
	return seqs
}

var _ sqlstore.Recent = (*recent)(nil)

// Find implements sqlstore.Recent for the writer, who needs no lock to read.
func (r *recent) Find(_ *sqlstore.Session, hash int64, seqs []int64) ([]int64, error) {
	return r.merging.find(hash, r.active.find(hash, seqs)), nil
}

// Add implements sqlstore.Recent.
func (r *recent) Add(hash, seq int64) { r.fresh = append(r.fresh, idPlace{hash, seq}) }

// seenBy is the ids as a view sees them, on its connection.
type seenBy struct {
	recent     *recent
	conn       *conn
	generation int // when the view began
}

// Find implements sqlstore.Recent. When a bucket has left memory since the view began, the view's index may not have
// its ids yet; its rows do.
func (v *seenBy) Find(_ *sqlstore.Session, hash int64, seqs []int64) ([]int64, error) {
	v.recent.mu.RLock()
	seqs = v.recent.merging.find(hash, v.recent.active.find(hash, seqs))
	left := v.recent.generation != v.generation
	v.recent.mu.RUnlock()
	if !left {
		return seqs, nil
	}
	err := v.conn.eachRecent(v.recent.table, func(_ int64, p idPlace) {
		if p.hash == hash {
			seqs = append(seqs, p.seq)
		}
	})
	return seqs, err
}

// Add implements sqlstore.Recent: a view adds nothing.
func (v *seenBy) Add(int64, int64) {}

// began notes that a view begins.
func (v *seenBy) began() {
	v.recent.mu.RLock()
	v.generation = v.recent.generation
	v.recent.mu.RUnlock()
}

// write saves the transaction's ids in a row, shows them to views, to whom they mean nothing before the commit,
// and moves some older ones into the index.
func (r *recent) write(c *conn) error {
	if len(r.fresh) > 0 {
		r.publish()
		if err := r.writeRow(c); err != nil {
			return err
		}
	}
	if r.due += 1 + len(r.fresh) + len(r.fresh)/mergeSurplus; r.due >= mergeAtOnce {
		if err := r.merge(c); err != nil {
			return err
		}
	}
	return r.forget(c)
}

func (r *recent) publish() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.fresh {
		r.active.add(p)
		r.newest = max(r.newest, p.seq)
	}
	r.published = len(r.fresh)
}

func (r *recent) writeRow(c *conn) error {
	r.row = r.row[:0]
	for _, p := range r.fresh {
		r.row = binary.BigEndian.AppendUint64(r.row, uint64(p.hash))
		r.row = binary.AppendVarint(r.row, p.seq)
	}
	s, err := c.Prepare(`INSERT INTO ` + r.table + ` (place, data) VALUES (?, ?)`)
	if err != nil {
		return err
	}
	r.nextPlace++
	s.BindInt64(1, r.nextPlace)
	s.BindBytes(2, r.row)
	if err := step(s); err != nil {
		return fmt.Errorf("note the ids of a batch: %w", err)
	}
	return nil
}

// merge moves the ids of the full bucket that are due into the index.
func (r *recent) merge(c *conn) error {
	count := r.due
	r.due = 0
	if r.merging == nil {
		return nil
	}
	if r.merging.inHand == nil {
		select {
		case sorted := <-r.merging.sorted:
			r.shrink(sorted)
		default:
			return nil // still being sorted
		}
	}
	rest := r.merging.inHand[r.nextMerged:]
	for _, p := range rest[:min(count, len(rest))] {
		if err := r.index(c.session, p.hash, p.seq); err != nil {
			return err
		}
		r.nextMerged++
	}
	return nil
}

// shrink has the merging bucket keep its ids in order only, which need no table.
func (r *recent) shrink(sorted []idPlace) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.merging
	b.inHand, b.places, b.table = sorted, nil, nil
}

// forget deletes a few rows whose ids are all in the index.
func (r *recent) forget(c *conn) error {
	if r.forgotten >= r.mergedAll {
		return nil
	}
	s, err := c.Prepare(`DELETE FROM ` + r.table + ` WHERE place > ? AND place <= ?`)
	if err != nil {
		return err
	}
	r.nextGone = min(r.forgotten+forgetRows, r.mergedAll)
	s.BindInt64(1, r.forgotten)
	s.BindInt64(2, r.nextGone)
	if err := step(s); err != nil {
		return fmt.Errorf("forget merged ids: %w", err)
	}
	return nil
}

// committed makes what write has done count, and turns to the next bucket when one is full.
func (r *recent) committed() {
	r.merged, r.place, r.forgotten = r.nextMerged, r.nextPlace, r.nextGone
	r.active.last = r.place
	if m := r.merging; m != nil && m.inHand != nil && r.merged == len(m.inHand) {
		r.mu.Lock()
		r.merging = nil
		r.generation++
		r.mu.Unlock()
		r.mergedAll, r.merged = m.last, 0
	}
	r.nothingNew()
	r.turn(r.full())
}

// full is how many fill a bucket.
func (r *recent) full() int {
	return min(max(r.buckets*bucketSize, int(r.newest/indexShare)), r.most*bucketSize)
}

// nothingNew is how every transaction begins.
func (r *recent) nothingNew() {
	r.nextMerged, r.nextPlace, r.nextGone = r.merged, r.place, r.forgotten
	r.fresh, r.published = r.fresh[:0], 0
}

// turn makes the active bucket the one to be merged once it is full and the one before is merged.
func (r *recent) turn(size int) {
	if r.merging != nil || len(r.active.places) < size {
		return
	}
	full := r.active
	full.sorted = make(chan []idPlace, 1)
	r.sorting.Go(func() { full.sorted <- sortedPlaces(full.places) })
	r.mu.Lock()
	r.merging, r.active = full, newBucket()
	r.mu.Unlock()
}

func sortedPlaces(places []idPlace) []idPlace {
	sorted := slices.Clone(places)
	slices.SortFunc(sorted, func(a, b idPlace) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.seq, b.seq)) })
	return sorted
}

// undone takes back what the transaction in hand has shown.
func (r *recent) undone() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range r.published {
		r.active.drop()
	}
	r.nothingNew()
}

// recover gathers the ids of all rows. Some may be in the index already; there they are merged once more.
func (r *recent) recover(c *conn) error {
	r.active = newBucket()
	first := true
	err := c.eachRecent(r.table, func(place int64, p idPlace) {
		if first {
			r.forgotten, r.mergedAll, first = place-1, place-1, false
		}
		r.active.add(p)
		r.newest = max(r.newest, p.seq)
		r.place, r.active.last = place, place
	})
	if err != nil {
		return err
	}
	r.nothingNew()
	r.turn(r.full())
	return nil
}

// mergeAll moves everything that is there now into the index, in commits between the batches of messages.
func (d *Driver) mergeAll(ctx context.Context, r *recent) error {
	for upto, more := int64(0), true; more; {
		err := d.inCommit(ctx, func(c *conn) error {
			if upto == 0 {
				upto = r.place
			}
			more = r.forgotten < upto
			r.turn(1)
			r.sorting.Wait()
			r.due += mergeAtOnce
			return r.write(c)
		})
		if err != nil {
			return fmt.Errorf("sqlite: merge %s: %w", r.table, err)
		}
	}
	return nil
}

// erased forgets everything, after every row was deleted.
func (r *recent) erased() {
	r.sorting.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active, r.merging = newBucket(), nil
	r.generation++
	r.newest, r.due, r.merged, r.forgotten, r.mergedAll = 0, 0, 0, r.place, r.place
	r.nothingNew()
}

var errRecent = errors.New("a row of recent ids that cannot be read")

// eachRecent calls a function for each id that stands in a row, oldest first.
func (c *conn) eachRecent(table string, tell func(place int64, p idPlace)) error {
	s, err := c.Prepare(`SELECT place, data FROM ` + table + ` ORDER BY place`)
	if err != nil {
		return err
	}
	var data []byte
	for {
		row, err := s.Step()
		if err != nil || !row {
			return errors.Join(err, s.Reset())
		}
		data = slices.Grow(data[:0], s.ColumnLen(1))[:s.ColumnLen(1)]
		s.ColumnBytes(1, data)
		place := s.ColumnInt64(0)
		if err := eachPlace(data, func(p idPlace) { tell(place, p) }); err != nil {
			return errors.Join(fmt.Errorf("row %d: %w", place, err), s.Reset())
		}
	}
}

// eachPlace reads what writeRow wrote.
func eachPlace(data []byte, tell func(idPlace)) error {
	for len(data) > 0 {
		if len(data) <= idBytes {
			return errRecent
		}
		hash := int64(binary.BigEndian.Uint64(data))
		seq, n := binary.Varint(data[idBytes:])
		if n <= 0 {
			return errRecent
		}
		tell(idPlace{hash, seq})
		data = data[idBytes+n:]
	}
	return nil
}
