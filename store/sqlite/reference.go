package sqlite

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/scripworks/scrip/store"
)

// Third-party identifiers are searched for, but an index of them would dirty a page for each message. So they are
// kept in sealed runs: what messages bring is gathered in memory, and a full bucket is sorted and written in order,
// a few rows with each commit. Many runs are merged into one, at the same pace (merge.go). A search probes every run, of
// which it reads one row as a rule, and looks through what is in memory; after a start what was in memory is gathered again
// from the newest messages. Twenty million messages make some 500 runs, which are merged into some 15. Runs may be smaller,
// as releases before made them.
const (
	runMessages     = 64 << 10 // or messages: what a start has to read again is bounded
	maxDirectories  = 16 << 20 // bytes of runs' directories in memory, which is those of some 25,000 runs before they are merged
	messagesPerPart = 12       // a commit of so many writes one row more: faster than they come, whatever they carry
)

// runReferences is how many fill a bucket, of 1 MiB. Tests make it small.
var runReferences = 64 << 10

// reference is one identifier of one message.
type reference struct {
	hash uint64
	seq  int64
}

// compareReferences gives the order of a run: by as much of the hash as it keeps, and then as the messages came.
func compareReferences(a, b reference) int {
	return cmp.Or(cmp.Compare(a.hash>>droppedBits, b.hash>>droppedBits), cmp.Compare(a.seq, b.seq))
}

// references is the part of the runs that is in memory.
type references struct {
	mu       sync.Mutex
	tail     []reference // of the messages after every run, in no order of hash; only ever appended to
	messages int         // how many messages the tail is of
	upto     int64       // newest message of the tail
	sealing  *sealing    // full bucket that is being written; nil when none is
	shelf    *shelf      // the complete runs; nil is an empty one
	kept     int         // bytes of directories in memory
	sorting  sync.WaitGroup

	// Only the writer looks at these.
	next       int64  // number that the next run gets
	merging    *merge // of the oldest runs that are not merged; nil when there are not enough of them
	damaged    bool   // a row of them cannot be read: nothing is merged until the next start
	superseded *shelf // what searches may still look through, and is deleted when none does; nil when nothing is left of it
}

// shelf is the complete runs that searches look through, those of the oldest messages first.
type shelf struct {
	runs     []run // only ever appended to
	searches int   // how many look
}

// completed adds a run, and keeps its directory in memory as long as there is room.
func (r *references) completed(full run) {
	if r.shelf == nil {
		r.shelf = &shelf{}
	}
	r.shelf.runs = append(r.shelf.runs, r.bounded(full))
}

// bounded is a run whose directory is in memory only if there is room.
func (r *references) bounded(full run) run {
	if r.kept+len(full.firsts) > maxDirectories {
		full.firsts = nil
	}
	r.kept += len(full.firsts)
	return full
}

// sealing is a full bucket on its way into the database.
type sealing struct {
	run
	tail    []reference      // as they came; a search looks through these
	inOrder chan []reference // gives them in order, once
	sorted  []reference      // what inOrder has given; only the writer looks
	base    int64            // its smallest seq
	written int              // references in rows that are committed
	parts   int              // rows that are committed

	// What the transaction in hand has added, which counts once it is committed.
	nextWritten, nextParts int
	nextFirsts             []byte
}

// noted adds a committed batch's references to the tail and, when that is full, begins a run.
func (r *references) noted(inserted []*store.Inserted) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range inserted {
		r.add(m.Seq, m.References)
	}
	r.turn()
}

func (r *references) add(seq int64, hashes []int64) {
	for _, hash := range hashes {
		r.tail = append(r.tail, reference{uint64(hash), seq})
	}
	r.messages++
	r.upto = max(r.upto, seq)
}

// turn makes the tail a run to be written once it is full and the run before is complete. It is sorted beside the
// writer, for whom that would take longer than many a commit.
func (r *references) turn() {
	if r.sealing != nil || (len(r.tail) < runReferences && r.messages < runMessages) {
		return
	}
	full := &sealing{run: run{number: r.next, upto: r.upto}, tail: r.tail, inOrder: make(chan []reference, 1)}
	for i, ref := range full.tail {
		if i == 0 || ref.seq < full.base {
			full.base = ref.seq
		}
	}
	r.sorting.Go(func() {
		sorted := slices.Clone(full.tail) // a search may be reading the tail
		slices.SortFunc(sorted, compareReferences)
		full.inOrder <- sorted
	})
	r.sealing, r.tail, r.messages, r.next = full, make([]reference, 0, runReferences), 0, r.next+1
}

// ready says whether a run has been sorted.
func (s *sealing) ready() bool {
	if s.sorted == nil {
		select {
		case s.sorted = <-s.inOrder:
		default:
			return false
		}
	}
	return true
}

// committed makes what write has added count.
func (r *references) committed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.sealing; s != nil {
		s.written, s.parts, s.firsts = s.nextWritten, s.nextParts, s.nextFirsts
		if s.parts == directoryPart {
			r.sealing = nil
			r.completed(s.run)
			r.turn()
		}
	}
	r.mergeCommitted()
}

// write adds a few rows to the transaction in hand: of the run in hand, or else of what is merged. Only the writer calls it.
func (r *references) write(c *conn, rows int) error {
	if r.merging != nil {
		r.merging.sent = false
	}
	if s := r.sealing; s != nil && s.ready() {
		return s.write(c, rows)
	}
	return r.writeMerged(c, rows)
}

func (s *sealing) write(c *conn, rows int) error {
	s.nextWritten, s.nextParts, s.nextFirsts = s.written, s.parts, s.firsts
	for ; rows > 0 && s.nextWritten < len(s.sorted); rows-- {
		if err := s.writePart(c); err != nil {
			return err
		}
	}
	if s.nextWritten < len(s.sorted) {
		return nil
	}
	s.nextParts = directoryPart
	return s.insert(c, directoryPart, s.nextFirsts)
}

func (s *sealing) writePart(c *conn) error {
	var p partWriter
	p.begin(s.base)
	s.nextFirsts = append(s.nextFirsts[:len(s.nextFirsts):len(s.nextFirsts)], prefix(s.sorted[s.nextWritten].hash)...)
	for ; s.nextWritten < len(s.sorted) && p.hasRoom(); s.nextWritten++ {
		p.add(s.sorted[s.nextWritten])
	}
	s.nextParts++
	return s.insert(c, s.nextParts-1, p.data)
}

// recover finds the complete runs, drops what is not complete if it may, and gathers the messages after them. A damaged
// directory is for the searches to report, as damaged parts are, unless it is the last one's.
func (r *references) recover(c *conn, drop bool) error {
	merged, err := countRuns(c, true, drop)
	if err != nil {
		return err
	}
	if r.next, err = countRuns(c, false, drop); err != nil {
		return err
	}
	above := merged * mergedRuns // what lies below was merged, and deleted if there was time
	r.next = max(r.next, above)
	r.tail, r.shelf = make([]reference, 0, runReferences), &shelf{}
	r.superseded = &shelf{}
	for number := range merged {
		if err := r.found(c, run{number: number, merged: true}, number == merged-1 && r.next == above); err != nil {
			return err
		}
	}
	for number := above; number < r.next; number++ {
		if err := r.found(c, run{number: number}, number == r.next-1); err != nil {
			return err
		}
	}
	return c.session.EachReference(r.upto, func(seq int64, hashes []int64) error {
		r.add(seq, hashes)
		return nil
	})
}

// found reads the directory of a complete run.
func (r *references) found(c *conn, full run, last bool) error {
	err := full.readDirectory(c)
	switch {
	case err != nil && last:
		return err // what to gather again is not known
	case err != nil:
		full.firsts, full.upto = nil, math.MaxInt64 // a search that comes here reads it again, and fails
	default:
		r.upto = full.upto
	}
	r.completed(full)
	return nil
}

// countRuns gives how many runs of a kind are complete, and drops the one that is not if it may.
func countRuns(c *conn, merged, drop bool) (runs int64, err error) {
	table := run{merged: merged}.table()
	s, err := c.Prepare(`SELECT place FROM ` + table + ` ORDER BY place DESC LIMIT 1`)
	if err != nil {
		return 0, err
	}
	row, err := s.Step()
	if err != nil {
		return 0, err
	}
	if row {
		place := s.ColumnInt64(0)
		if runs = place >> partBits; place&directoryPart == directoryPart {
			runs++
		}
	}
	if err := s.Reset(); err != nil || !drop {
		return runs, err
	}
	return runs, c.exec(fmt.Sprintf("DELETE FROM %s WHERE place >= %d", table, runs<<partBits))
}

// erased forgets everything, after every run and every message was deleted.
func (r *references) erased() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tail, r.messages, r.upto, r.sealing = make([]reference, 0, runReferences), 0, 0, nil
	r.shelf, r.kept, r.next = nil, 0, 0
	r.merging, r.damaged, r.superseded = nil, false, nil
}

// search gives the messages after one that may carry a hash, oldest first, until found says that it is enough.
func (r *references) search(c *conn, hash uint64, after int64, found func(seq int64) (enough bool, err error)) error {
	runs, memory, done := r.look()
	defer done()
	seen := after
	tell := func(seq int64) (enough bool, err error) {
		if seq <= seen {
			return false, nil
		}
		seen = seq
		return found(seq)
	}
	for i := range runs {
		if runs[i].upto <= after {
			continue
		}
		if enough, err := runs[i].probe(c, hash, after, tell); enough || err != nil {
			return err
		}
	}
	for _, part := range memory {
		for _, seq := range in(part, hash) {
			if enough, err := tell(seq); enough || err != nil {
				return err
			}
		}
	}
	return nil
}

// look gives all that there is to be searched, until done is called.
func (r *references) look() (runs []run, memory [2][]reference, done func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sealing != nil {
		memory[0] = r.sealing.tail
	}
	memory[1] = r.tail
	on := r.shelf
	if on == nil {
		return nil, memory, func() {}
	}
	on.searches++
	return on.runs, memory, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		on.searches--
	}
}

// in gives the messages that have a hash among references that came in any order.
func in(references []reference, hash uint64) (seqs []int64) {
	for _, ref := range references {
		if ref.hash == hash {
			seqs = append(seqs, ref.seq)
		}
	}
	slices.Sort(seqs)
	return seqs
}
