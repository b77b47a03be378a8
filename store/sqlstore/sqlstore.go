// Package sqlstore is the one body of SQL: what is asked of a database for each thing a store loads, saves and
// reports, and how records stand in columns. A driver supplies a connection that runs the statements.
//
// It promises that a record comes back field by field as it was saved, that a statement is run once per record
// over parameters that are bound in place, and that nothing is decided here.
package sqlstore

import (
	"encoding/binary"
	"fmt"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
)

// Conn runs prepared statements, one at a time, for one user at a time.
type Conn interface {
	// Statement gives the prepared statement of a query, reset and ready to be bound. Parameters of the
	// last use are kept until they are bound again.
	Statement(q Query) (Statement, error)
}

// Statement is one run of a prepared statement. Parameters count from 1, columns from 0.
type Statement interface {
	BindInt64(param int, value int64)
	BindBytes(param int, value []byte) // an empty value stays distinct from null
	BindText(param int, value string)
	BindNull(param int)
	// Step runs the statement up to its next row and says whether there is one. It reports what Bind
	// could not do.
	Step() (bool, error)
	Row
}

// Limiter is a Statement that wants to know how many of its rows are asked for at most before it is run. SQLite's are not:
// its rows are made one by one.
type Limiter interface{ Limit(rows int) }

// Row is one row that a statement gave.
type Row interface {
	ColumnInt64(column int) int64
	ColumnLen(column int) int // bytes; 0 for null
	ColumnBytes(column int, into []byte) int
	ColumnText(column int) string
	ColumnIsNull(column int) bool
	ColumnIsText(column int) bool
}

// Session is what a driver's batch and reports are made of: the mapping between records and statements over one
// connection, with memory of its own that is used again and again. It is for one user at a time.
type Session struct {
	conn    Conn
	ids     Recent   // nil when all of them are in the index
	hashes  Recent   // of vouchers, likewise
	scratch [64]byte // for what is bound; a Statement copies
	trail   []byte
	seqs    []int64
}

// Recent keeps the ids, or the hashes of vouchers, that a driver does not put into their index at once.
type Recent interface {
	// Add notes the id of a message, of a tombstone below zero, or of a voucher, instead of the index.
	Add(hash, seq int64)
	// Find adds the places that it has for a hash. The index may have some of them as well.
	Find(o *Session, hash int64, seqs []int64) ([]int64, error)
}

// NewSession makes a session over a connection. ids and hashes may be nil.
func NewSession(conn Conn, ids, hashes Recent) *Session {
	return &Session{conn: conn, ids: ids, hashes: hashes}
}

// A driver that loads many records at once asks its own questions, and reads their rows by the Scan functions. It saves
// through Save, which asks nothing: what its connection's statements gather may go out later, the statements in the order
// in which they were first used.

// run runs a statement that gives no rows.
func run(s Statement) error {
	_, err := s.Step()
	return err
}

// each calls a function for every row of a bound statement.
func each(s Statement, scan func() error) error {
	for {
		row, err := s.Step()
		if err != nil || !row {
			return err
		}
		if err := scan(); err != nil {
			return err
		}
	}
}

func blob(s Row, column int) []byte {
	n := s.ColumnLen(column)
	if n == 0 {
		return nil
	}
	value := make([]byte, n)
	s.ColumnBytes(column, value)
	return value
}

func bindBlob(s Statement, param int, value []byte) {
	if len(value) == 0 {
		s.BindNull(param)
		return
	}
	s.BindBytes(param, value)
}

func bindBool(s Statement, param int, value bool) {
	var n int64
	if value {
		n = 1
	}
	s.BindInt64(param, n)
}

// bindID binds a canonical UUID as its 16 bytes and any other id as its text.
func (o *Session) bindID(s Statement, param int, id ident.ID) {
	if u, ok := id.UUID(); ok {
		s.BindBytes(param, o.scratch[:copy(o.scratch[:], u[:])])
		return
	}
	s.BindText(param, string(id))
}

// ScanID reads what bindID bound.
func (o *Session) ScanID(s Row, column int) (ident.ID, error) {
	if s.ColumnIsText(column) {
		return ident.ID(s.ColumnText(column)), nil
	}
	var u [16]byte
	if s.ColumnLen(column) != len(u) {
		return "", fmt.Errorf("an id of %d bytes", s.ColumnLen(column))
	}
	s.ColumnBytes(column, o.scratch[:len(u)])
	return ident.FromUUID([16]byte(o.scratch[:len(u)])), nil
}

// digestSize is a key's number and the hash it made.
const digestSize = 4 + len(secret.Digest{}.Sum)

// bindDigest binds the zero digest as null.
func (o *Session) bindDigest(s Statement, param int, d secret.Digest) {
	if d.IsZero() {
		s.BindNull(param)
		return
	}
	s.BindBytes(param, AppendDigest(o.scratch[:0], d))
}

// AppendDigest appends a digest as it stands in a column.
func AppendDigest(b []byte, d secret.Digest) []byte {
	return append(binary.BigEndian.AppendUint32(b, d.Key), d.Sum[:]...)
}

// ScanDigest reads what bindDigest bound.
func (o *Session) ScanDigest(s Row, column int) (d secret.Digest, err error) {
	if s.ColumnIsNull(column) {
		return d, nil
	}
	if s.ColumnLen(column) != digestSize {
		return d, fmt.Errorf("a digest of %d bytes", s.ColumnLen(column))
	}
	s.ColumnBytes(column, o.scratch[:digestSize])
	d.Key = binary.BigEndian.Uint32(o.scratch[:])
	copy(d.Sum[:], o.scratch[4:])
	return d, nil
}

// distance turns a seq that lies near another into a small number, and back: distance(from, distance(from, to))
// is to, for any two numbers. 0, which stands for none, stays 0.
func distance(from, to int64) int64 {
	if to == 0 || to == from {
		return to
	}
	return from - to
}
