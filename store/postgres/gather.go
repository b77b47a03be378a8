package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/sqlstore"
)

// gatherer gathers the rows that sqlstore saves, by statement and column, so that each statement goes out once for all of
// them, in the order in which they were first used. A row that another one of its set has to be put before begins a new
// set: one with the same key, or one for a table from which rows were deleted meanwhile.
type gatherer struct {
	session *sqlstore.Session
	shapes  *shapes
	runs    []*run
	last    [sqlstore.Queries]*run
	spare   []*run
	row     bound
}

var _ sqlstore.Conn = (*gatherer)(nil)

// run is one set.
type run struct {
	*shape
	query   sqlstore.Query
	place   int // among the runs
	rows    int
	columns [][]byte // an array for each, without its beginning
	keys    map[string]struct{}
}

func (g *gatherer) init(s *shapes) {
	g.shapes, g.row.gatherer = s, g
	g.session = sqlstore.NewSession(g, nil, nil)
}

// reset forgets what was gathered and keeps its memory.
func (g *gatherer) reset() {
	g.spare = append(g.spare, g.runs...)
	clear(g.last[:])
	g.runs = g.runs[:0]
}

// Statement implements sqlstore.Conn.
func (g *gatherer) Statement(q sqlstore.Query) (sqlstore.Statement, error) {
	if g.shapes == nil || g.shapes[q] == nil {
		return nil, errors.New("postgres: a statement that cannot be gathered: " + q.Text())
	}
	g.row.begin(q, g.shapes[q])
	return &g.row, nil
}

// add puts a row that is bound into a set.
func (g *gatherer) add(b *bound) error {
	r := g.last[b.query]
	key := b.keyOf()
	if r == nil || r.has(key) || g.isBehind(r) {
		r = g.begin(b.query, b.shape)
	}
	for i, oid := range r.shape.columns {
		var err error
		if r.columns[i], err = appendCell(r.columns[i], oid, &b.cells[i+1]); err != nil {
			return err
		}
	}
	r.rows++
	if key != nil {
		r.keys[string(key)] = struct{}{}
	}
	return nil
}

func (r *run) has(key []byte) bool {
	if key == nil {
		return false
	}
	_, there := r.keys[string(key)]
	return there
}

// isBehind says whether rows of a run's table were gathered after it by a statement that must not come before what is
// added now: of the two one deletes.
func (g *gatherer) isBehind(r *run) bool {
	for _, later := range g.runs[r.place+1:] {
		if later.table == r.table && later.deletes != r.deletes {
			return true
		}
	}
	return false
}

func (g *gatherer) begin(q sqlstore.Query, s *shape) *run {
	var r *run
	if n := len(g.spare); n > 0 {
		r, g.spare = g.spare[n-1], g.spare[:n-1]
	} else {
		r = &run{keys: map[string]struct{}{}}
	}
	r.shape, r.query, r.place, r.rows = s, q, len(g.runs), 0
	clear(r.keys)
	for len(r.columns) < len(s.columns) {
		r.columns = append(r.columns, nil)
	}
	for i := range s.columns {
		r.columns[i] = append(r.columns[i][:0], make([]byte, arrayHead)...)
	}
	g.runs, g.last[q] = append(g.runs, r), r
	return r
}

// parameters gives what the run's statement is sent with.
func (r *run) parameters(node int32) [][]byte {
	values := make([][]byte, 0, len(r.shape.columns)+1)
	for i, oid := range r.shape.columns {
		values = append(values, finishArray(r.columns[i], oid, r.rows))
	}
	if r.node {
		values = append(values, int4(node))
	}
	return values
}

// bound is the row that is being bound.
type bound struct {
	row      // nothing is ever read
	gatherer *gatherer
	query    sqlstore.Query
	shape    *shape
	cells    []cell // by parameter
	key      []byte
}

var _ sqlstore.Statement = (*bound)(nil)

func (b *bound) begin(q sqlstore.Query, s *shape) {
	b.query, b.shape = q, s
	for len(b.cells) <= len(s.columns)+1 { // from 1 on, and one that only SQLite has
		b.cells = append(b.cells, cell{})
	}
	for i := range b.cells {
		b.cells[i].kind = unbound
	}
}

func (b *bound) BindInt64(param int, value int64) {
	b.cells[param].kind, b.cells[param].n = number, value
}

func (b *bound) BindBytes(param int, value []byte) {
	c := &b.cells[param]
	c.kind, c.bytes = octets, append(c.bytes[:0], value...)
}

func (b *bound) BindText(param int, value string) {
	c := &b.cells[param]
	c.kind, c.bytes = letters, append(c.bytes[:0], value...)
}

func (b *bound) BindNull(param int) { b.cells[param].kind = null }

// Step ends the row. It gives no rows.
func (b *bound) Step() (bool, error) {
	for i := range b.shape.columns {
		if b.cells[i+1].kind == unbound {
			return false, fmt.Errorf("%w: parameter %d of %s was not bound", store.ErrNotSaved, i+1, b.shape.name)
		}
	}
	return false, b.gatherer.add(b)
}

// keyOf gives the row's key; nil when rows of its statement never share one. It holds until the next row.
func (b *bound) keyOf() []byte {
	if b.shape.key == nil {
		return nil
	}
	b.key = b.key[:0]
	for _, at := range b.shape.key {
		c := &b.cells[at+1]
		if c.kind == number {
			b.key = binary.BigEndian.AppendUint64(b.key, uint64(c.n))
		} else {
			b.key = append(append(b.key, c.bytes...), 0)
		}
	}
	return b.key
}
