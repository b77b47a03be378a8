package sqlite

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"sync"

	"github.com/scripworks/scrip/store"
)

// Third-party identifiers are searched for, but an index of them would dirty a page for each message. So they are
// kept in sealed runs: what messages bring is gathered in memory, and a full bucket is sorted and written in order,
// a few rows with each commit. A search probes every run, of which it reads one row as a rule, and looks through what is
// in memory; after a start what was in memory is gathered again from the newest messages. Twenty million messages make
// some 500 runs; releases before made runs of a quarter of the size, which are read as they are.
const (
	runReferences   = 64 << 10  // references that fill a bucket, of 1 MiB
	runMessages     = 64 << 10  // or messages: what a start has to read again is bounded
	maxDirectories  = 16 << 20  // bytes of runs' directories in memory, which is those of some 25,000 runs
	partBytes       = 4000      // of a part's row, which fills a page
	prefixBytes     = 5         // of a hash that are kept; the message itself has the rest
	partBits        = 16        // a row's place is its run's number and, in so many bits, its part's
	messagesPerPart = 12        // a commit of so many writes one row more: faster than they come, whatever they carry
	directoryPart   = 1<<16 - 1 // the part that is written last and says where the others begin
)

// reference is one identifier of one message.
type reference struct {
	hash uint64
	seq  int64
}

func compareReferences(a, b reference) int {
	return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.seq, b.seq))
}

// references is the part of the runs that is in memory.
type references struct {
	mu       sync.Mutex
	bucket   int         // references that fill a bucket; 0 is runReferences
	tail     []reference // of the messages after every run, in no order of hash; only ever appended to
	messages int         // how many messages the tail is of
	upto     int64       // newest message of the tail
	sealing  *run        // full bucket that is being written; nil when none is
	complete []directory // of the runs that are, by their number; only ever appended to
	kept     int         // bytes of directories in memory
	sorting  sync.WaitGroup
}

// directory says what is in a complete run.
type directory struct {
	firsts []byte // with what hash each part begins; nil when it has to be read from its row
	upto   int64  // newest message that the run covers
}

// completed adds the directory of a run, and keeps it in memory as long as there is room.
func (r *references) completed(d directory) {
	if r.kept+len(d.firsts) > maxDirectories {
		d.firsts = nil
	}
	r.kept += len(d.firsts)
	r.complete = append(r.complete, d)
}

// run is a full bucket on its way into the database.
type run struct {
	number  int64
	tail    []reference      // as they came; a search looks through these
	inOrder chan []reference // gives them in order, once
	sorted  []reference      // what inOrder has given; only the writer looks
	base    int64            // its smallest seq
	upto    int64            // newest message that it covers
	written int              // references in rows that are committed
	parts   int              // rows that are committed
	firsts  []byte

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
	if r.sealing != nil || (len(r.tail) < cmp.Or(r.bucket, runReferences) && r.messages < runMessages) {
		return
	}
	full := &run{number: int64(len(r.complete)), tail: r.tail, inOrder: make(chan []reference, 1), upto: r.upto}
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
	r.sealing, r.tail, r.messages = full, make([]reference, 0, runReferences), 0
}

// ready says whether a run has been sorted.
func (s *run) ready() bool {
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
	s := r.sealing
	if s == nil {
		return
	}
	s.written, s.parts, s.firsts = s.nextWritten, s.nextParts, s.nextFirsts
	if s.parts == directoryPart {
		r.sealing = nil
		r.completed(directory{firsts: s.firsts, upto: s.upto})
		r.turn()
	}
}

const insertRun = `INSERT INTO reference_run (place, upto, data) VALUES (?, ?, ?)`

// write adds a few rows of the run in hand to the transaction in hand. Only the writer calls it.
func (r *references) write(c *conn, rows int) error {
	s := r.sealing
	if s == nil || !s.ready() {
		return nil
	}
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

// writePart adds one row. Its references are a hash's first bytes and how far above the run's base the message lies.
func (s *run) writePart(c *conn) error {
	s.nextFirsts = append(s.nextFirsts[:len(s.nextFirsts):len(s.nextFirsts)], prefix(s.sorted[s.nextWritten].hash)...)
	data := binary.AppendVarint(make([]byte, 0, partBytes), s.base)
	for s.nextWritten < len(s.sorted) && len(data) < partBytes-prefixBytes-binary.MaxVarintLen64 {
		ref := s.sorted[s.nextWritten]
		data = append(data, prefix(ref.hash)...)
		data = binary.AppendUvarint(data, uint64(ref.seq-s.base))
		s.nextWritten++
	}
	s.nextParts++
	return s.insert(c, s.nextParts-1, data)
}

func (s *run) insert(c *conn, part int, data []byte) error {
	statement, err := c.Prepare(insertRun)
	if err != nil {
		return err
	}
	statement.BindInt64(1, s.number<<partBits|int64(part))
	statement.BindInt64(2, s.upto)
	statement.BindBytes(3, data)
	if err := step(statement); err != nil {
		return fmt.Errorf("write run %d of references: %w", s.number, err)
	}
	return nil
}

func prefix(hash uint64) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], hash)
	return b[:prefixBytes]
}

// recover finds the complete runs, drops one that is not if it may, and gathers the messages after them. A damaged
// directory is for the searches to report, as damaged parts are, unless it is the last one's.
func (r *references) recover(c *conn, drop bool) error {
	r.tail = make([]reference, 0, runReferences)
	s, err := c.Prepare(`SELECT place, upto FROM reference_run ORDER BY place DESC LIMIT 1`)
	if err != nil {
		return err
	}
	row, err := s.Step()
	if err != nil {
		return err
	}
	runs := int64(0)
	if row {
		place := s.ColumnInt64(0)
		if runs = place >> partBits; place&directoryPart == directoryPart {
			runs++
		}
	}
	if err := s.Reset(); err != nil {
		return err
	}
	if drop {
		if err := c.exec(fmt.Sprintf("DELETE FROM reference_run WHERE place >= %d", runs<<partBits)); err != nil {
			return err
		}
	}
	for number := range runs {
		d, err := readDirectory(c, number)
		switch {
		case err != nil && number == runs-1:
			return err // what to gather again is not known
		case err != nil:
			d = directory{upto: math.MaxInt64} // a search that comes here reads it again, and fails
		}
		r.completed(d)
		r.upto = d.upto
	}
	return c.session.EachReference(r.upto, func(seq int64, hashes []int64) error {
		r.add(seq, hashes)
		return nil
	})
}

// erased forgets everything, after every run and every message was deleted.
func (r *references) erased() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tail, r.messages, r.upto, r.sealing = make([]reference, 0, runReferences), 0, 0, nil
	r.complete, r.kept = nil, 0
}

// search gives the messages after one that may carry a hash, oldest first, until found says that it is enough.
func (r *references) search(c *conn, hash uint64, after int64, found func(seq int64) (enough bool, err error)) error {
	r.mu.Lock()
	complete, sealing, tail := r.complete, r.sealing, r.tail
	r.mu.Unlock()
	seen := after
	tell := func(seqs []int64) (enough bool, err error) {
		slices.Sort(seqs)
		for _, seq := range seqs {
			if seq <= seen {
				continue
			}
			seen = seq
			if enough, err := found(seq); enough || err != nil {
				return true, err
			}
		}
		return false, nil
	}
	for number, d := range complete {
		if d.upto <= after {
			continue
		}
		seqs, err := probe(c, int64(number), d, hash)
		if err != nil {
			return err
		}
		if enough, err := tell(seqs); enough || err != nil {
			return err
		}
	}
	if sealing != nil {
		if enough, err := tell(in(sealing.tail, hash)); enough || err != nil {
			return err
		}
	}
	_, err := tell(in(tail, hash))
	return err
}

func in(references []reference, hash uint64) (seqs []int64) {
	for _, ref := range references {
		if ref.hash == hash {
			seqs = append(seqs, ref.seq)
		}
	}
	return seqs
}

var errRun = errors.New("a run of references that cannot be read")

// probe gives the messages in a run that may carry a hash.
func probe(c *conn, number int64, d directory, hash uint64) (seqs []int64, err error) {
	if d.firsts == nil {
		if d, err = readDirectory(c, number); err != nil {
			return nil, err
		}
	}
	if len(d.firsts)%prefixBytes != 0 {
		return nil, fmt.Errorf("directory of run %d of references: %w", number, errRun)
	}
	wanted, firsts := string(prefix(hash)), d.firsts
	parts := len(firsts) / prefixBytes
	first := func(part int) string { return string(firsts[part*prefixBytes:][:prefixBytes]) }
	part := max(sort.Search(parts, func(part int) bool { return first(part) >= wanted })-1, 0) // the hash may begin in the part before
	for ; part < parts && first(part) <= wanted; part++ {
		data, _, err := runRow(c, number, part)
		if err != nil {
			return nil, err
		}
		if seqs, err = scanPart(data, wanted, seqs); err != nil {
			return nil, err
		}
	}
	return seqs, nil
}

// scanPart adds the messages of a part whose hash begins like this. What follows them is not looked at.
func scanPart(data []byte, wanted string, seqs []int64) ([]int64, error) {
	base, n := binary.Varint(data)
	if n <= 0 {
		return nil, errRun
	}
	for data = data[n:]; len(data) > 0; data = data[n:] {
		if len(data) <= prefixBytes {
			return nil, errRun
		}
		first := string(data[:prefixBytes])
		if first > wanted {
			break
		}
		data = data[prefixBytes:]
		above, k := binary.Uvarint(data)
		if n = k; k <= 0 {
			return nil, errRun
		}
		if first == wanted {
			seqs = append(seqs, base+int64(above))
		}
	}
	return seqs, nil
}

func readDirectory(c *conn, number int64) (d directory, err error) {
	d.firsts, d.upto, err = runRow(c, number, directoryPart)
	return d, err
}

func runRow(c *conn, number int64, part int) (data []byte, upto int64, err error) {
	s, err := c.Prepare(`SELECT data, upto FROM reference_run WHERE place = ?`)
	if err != nil {
		return nil, 0, err
	}
	s.BindInt64(1, number<<partBits|int64(part))
	row, err := s.Step()
	if err == nil && !row {
		err = errRun
	}
	if err != nil {
		return nil, 0, fmt.Errorf("run %d of references, part %d: %w", number, part, err)
	}
	data = make([]byte, s.ColumnLen(0))
	s.ColumnBytes(0, data)
	upto = s.ColumnInt64(1)
	return data, upto, s.Reset()
}
