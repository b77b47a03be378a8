package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
)

// A run is rows of references in order, and one row that says where the others begin.
const (
	partBytes     = 4000 // of a part's row, which fills a page
	prefixBytes   = 5    // of a hash that are kept; the message itself has the rest
	droppedBits   = 64 - 8*prefixBytes
	partBits      = 16        // a row's place is its run's number and, in so many bits, its part's
	directoryPart = 1<<16 - 1 // the part that is written last and says where the others begin
)

var errRun = errors.New("a run of references that cannot be read")

// run is what has to be known of a run to find something in it.
type run struct {
	number int64  // among the runs of its kind
	merged bool   // out of others
	firsts []byte // with what hash each part begins; nil when it has to be read from its row
	upto   int64  // newest message that the run covers
}

func (r run) table() string {
	if r.merged {
		return "merged_run"
	}
	return "reference_run"
}

func prefix(hash uint64) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], hash)
	return b[:prefixBytes]
}

// partWriter composes the row of a part. Its references are a hash's first bytes and how far above a base the message lies.
type partWriter struct {
	data []byte
	base int64
}

func (p *partWriter) begin(base int64) {
	p.data, p.base = binary.AppendVarint(make([]byte, 0, partBytes), base), base
}

func (p *partWriter) hasRoom() bool { return len(p.data) < partBytes-prefixBytes-binary.MaxVarintLen64 }

func (p *partWriter) add(ref reference) {
	p.data = append(p.data, prefix(ref.hash)...)
	p.data = binary.AppendUvarint(p.data, uint64(ref.seq-p.base))
}

// partReader reads the references of a part, one after the other.
type partReader struct {
	data []byte
	base int64
	ref  reference // whose hash is its first bytes alone, and zeroes
}

// begin takes up a part's row.
func (p *partReader) begin(data []byte) error {
	base, n := binary.Varint(data)
	if n <= 0 {
		return errRun
	}
	p.base, p.data = base, data[n:]
	return nil
}

// next reads one more into ref; it gives false at the end.
func (p *partReader) next() (more bool, err error) {
	if len(p.data) == 0 {
		return false, nil
	}
	if len(p.data) <= prefixBytes {
		return false, errRun
	}
	above, n := binary.Uvarint(p.data[prefixBytes:])
	if n <= 0 {
		return false, errRun
	}
	var hash [8]byte
	copy(hash[:], p.data[:prefixBytes])
	p.ref = reference{hash: binary.BigEndian.Uint64(hash[:]), seq: p.base + int64(above)}
	p.data = p.data[prefixBytes+n:]
	return true, nil
}

// insert adds a row, which may stand there already: of a commit of which nothing was known, or of a merge that began anew.
func (r run) insert(c *conn, part int, data []byte) error {
	statement, err := c.Prepare(`INSERT OR REPLACE INTO ` + r.table() + ` (place, upto, data) VALUES (?, ?, ?)`)
	if err != nil {
		return err
	}
	statement.BindInt64(1, r.number<<partBits|int64(part))
	statement.BindInt64(2, r.upto)
	statement.BindBytes(3, data)
	if err := step(statement); err != nil {
		return fmt.Errorf("write run %d of references: %w", r.number, err)
	}
	return nil
}

// row reads a part, or the directory.
func (r run) row(c *conn, part int) (data []byte, upto int64, err error) {
	s, err := c.Prepare(`SELECT data, upto FROM ` + r.table() + ` WHERE place = ?`)
	if err != nil {
		return nil, 0, err
	}
	s.BindInt64(1, r.number<<partBits|int64(part))
	row, err := s.Step()
	if err == nil && !row {
		err = errRun
	}
	if err != nil {
		return nil, 0, fmt.Errorf("run %d of references, part %d: %w", r.number, part, err)
	}
	data = make([]byte, s.ColumnLen(0))
	s.ColumnBytes(0, data)
	upto = s.ColumnInt64(1)
	return data, upto, s.Reset()
}

func (r *run) readDirectory(c *conn) (err error) {
	r.firsts, r.upto, err = r.row(c, directoryPart)
	if err == nil && len(r.firsts)%prefixBytes != 0 {
		err = fmt.Errorf("directory of run %d of references: %w", r.number, errRun)
	}
	return err
}

// probe gives the messages after one in a run that may carry a hash, oldest first, until tell says that it is enough.
func (r run) probe(c *conn, hash uint64, after int64, tell func(seq int64) (enough bool, err error)) (enough bool, err error) {
	if r.firsts == nil {
		if err := r.readDirectory(c); err != nil {
			return false, err
		}
	}
	wanted, parts := string(prefix(hash)), len(r.firsts)/prefixBytes
	first := func(part int) string { return string(r.firsts[part*prefixBytes:][:prefixBytes]) }
	begin := sort.Search(parts, func(part int) bool { return first(part) >= wanted })
	end := begin + sort.Search(parts-begin, func(n int) bool { return first(begin+n) > wanted })
	part, err := r.skip(c, begin, end, after)
	if err != nil {
		return false, err
	}
	for ; part < end; part++ {
		data, _, err := r.row(c, part)
		if err != nil {
			return false, err
		}
		if enough, err := eachIn(data, hash, tell); enough || err != nil {
			return enough, err
		}
	}
	return false, nil
}

// skip gives the part in which the messages after one begin, of parts that begin with a hash: it may be the part before.
func (r run) skip(c *conn, begin, end int, after int64) (part int, err error) {
	if after <= 0 {
		end = begin // whoever looks for all begins where they do
	}
	n := sort.Search(end-begin, func(n int) bool {
		var seq int64
		if err == nil {
			seq, err = r.firstIn(c, begin+n)
		}
		return err != nil || seq > after
	})
	return max(begin+n-1, 0), err
}

// firstIn gives the first message of a part.
func (r run) firstIn(c *conn, part int) (seq int64, err error) {
	data, _, err := r.row(c, part)
	if err != nil {
		return 0, err
	}
	var p partReader
	if err := p.begin(data); err != nil {
		return 0, err
	}
	_, err = p.next()
	return p.ref.seq, err
}

// eachIn gives the messages of a part whose hash begins like this. What follows them is not looked at.
func eachIn(data []byte, hash uint64, tell func(seq int64) (enough bool, err error)) (enough bool, err error) {
	var p partReader
	if err := p.begin(data); err != nil {
		return false, err
	}
	wanted := hash >> droppedBits
	for {
		more, err := p.next()
		if !more || err != nil || p.ref.hash>>droppedBits > wanted {
			return false, err
		}
		if p.ref.hash>>droppedBits != wanted {
			continue
		}
		if enough, err := tell(p.ref.seq); enough || err != nil {
			return enough, err
		}
	}
}
