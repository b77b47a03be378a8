package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
)

var (
	errView = fmt.Errorf("%w: a view cannot save", store.ErrNotSaved)
	errNode = fmt.Errorf("%w: this node's time is over until it has a new number", store.ErrNotSaved)
)

// batch is one transaction of a writer or of a view.
type batch struct {
	driver  *Driver
	conn    *conn
	writing bool
	begun   bool // BEGIN has been sent, by whomever
	again   bool // the first load found a dead connection
	node    int32
	absent  map[secret.Digest]bool // numbers of cards that were looked for and not there
}

// Begin implements store.Driver. It waits while as many batches are open as Options allow.
func (d *Driver) Begin(ctx context.Context) (store.Batch, error) {
	if d.options.ReadOnly {
		return nil, ErrReadOnly
	}
	c, err := d.take(ctx, writers)
	if err != nil {
		return nil, err
	}
	return &batch{driver: d, conn: c, writing: true, node: d.node.number.Load()}, nil
}

// View implements store.Driver.
func (d *Driver) View(ctx context.Context) (store.Batch, error) {
	c, err := d.take(ctx, readers)
	if err != nil {
		return nil, err
	}
	return &batch{driver: d, conn: c, begun: d.instant != nil}, nil
}

// Load implements store.Batch. The batch begins with its first load: locks first, so that what the questions see is what
// the transactions before have left. A first load that finds its connection dead, as after a fail-over, takes another one.
func (b *batch) Load(ctx context.Context, wanted *store.Wanted, set *store.Set) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.conn == nil {
		return errClosed
	}
	ctx, cancel := context.WithTimeout(ctx, b.driver.options.Timeout)
	defer cancel()
	err := b.load(ctx, wanted, set)
	for n := mostDead; n > 0 && b.again; n-- {
		if err := b.reconnect(ctx); err != nil {
			return err
		}
		err = b.load(ctx, wanted, set)
	}
	return err
}

// mostDead is how many dead connections one load, or one report, puts up with: a pool may be full of them.
const mostDead = 16

// from gives the pool that the batch has its connection of.
func (b *batch) from() func(*Driver) *pgxpool.Pool {
	if b.writing {
		return writers
	}
	return readers
}

// reconnect takes another connection instead of one that is dead.
func (b *batch) reconnect(ctx context.Context) (err error) {
	b.conn.giveBack()
	b.begun = false
	b.conn, err = b.driver.take(ctx, b.from())
	return err
}

func (b *batch) load(ctx context.Context, wanted *store.Wanted, set *store.Set) error {
	first, l := !b.begun, &b.conn.loading
	l.reset(set, b.writing)
	l.airtime = b.driver.node.airtime.Load()
	lives := b.lead(l, wanted)
	if wanted.Register {
		l.ask(loadRegister, func(r *row) error { set.LoadedRevision(r.ColumnInt64(0)); return nil })
	}
	l.want(wanted)
	err := b.conn.load(ctx)
	b.again = first && l.rows == 0 && isLost(ctx, err)
	if err != nil {
		return fmt.Errorf("postgres: load: %w", b.conn.judge(err))
	}
	if !*lives {
		return b.driver.isOver()
	}
	b.noteAbsent()
	return nil
}

// isLost says whether an error is that of a connection, which another one need not have.
func isLost(ctx context.Context, err error) bool {
	var told *pgconn.PgError
	return err != nil && ctx.Err() == nil && !(errors.As(err, &told) && told.SeverityUnlocalized == "ERROR")
}

// lead puts what begins a batch, and its locks, before the questions. lives is told whether our node's time is not over.
func (b *batch) lead(l *loading, wanted *store.Wanted) (lives *bool) {
	lives = new(bool)
	*lives = true
	first := !b.begun
	if first {
		b.begun = true
		l.tell(b.beginning())
	}
	if !b.writing {
		return lives
	}
	if l.wantLocks(wanted); first || len(l.locks) > 0 {
		l.ask(lockAll, func(r *row) error { *lives = r.ColumnInt64(0) != 0; return nil }, int8s(l.locks), int4(b.node))
	}
	return lives
}

func (b *batch) beginning() *statement {
	if b.writing {
		return &begin
	}
	return &beginView
}

// noteAbsent remembers the numbers of cards that were not there: should one be there when it is saved, another writer has
// been quicker.
func (b *batch) noteAbsent() {
	l := &b.conn.loading
	if !b.writing || len(l.found) == len(l.digests) {
		return
	}
	if b.absent == nil {
		b.absent = map[secret.Digest]bool{}
	}
	for _, d := range l.digests {
		b.absent[d] = true
	}
	for _, d := range l.found {
		delete(b.absent, d)
	}
}

// Statements that only this driver saves with.
var (
	insertReferences = statement{name: "references", params: []uint32{pgtype.Int8ArrayOID, pgtype.Int8ArrayOID},
		text: `INSERT INTO message_reference (hash, seq) SELECT u.hash, u.seq FROM unnest($1, $2) AS u(hash, seq)`}
	lowerHeads = statement{name: "heads", params: []uint32{pgtype.Int4ArrayOID, pgtype.Int8ArrayOID},
		text: `UPDATE voucher_batch SET head = u.id FROM unnest($1, $2) AS u(batch, id) WHERE number = u.batch AND head > u.id`}
	// Nothing is scanned by bitmap (settings) but what stands between these two. A transaction that fails takes the first back.
	scanByBitmap = statement{name: "bitmap", text: `SET enable_bitmapscan = on`}
	scanByIndex  = statement{name: "index", text: `SET enable_bitmapscan = off`}
	// The index by place is one that only a scan by bitmap can use.
	deleteReferences = statement{name: "unreference", params: []uint32{pgtype.Int8OID, pgtype.Int8OID, pgtype.Int8ArrayOID}, byBitmap: true,
		text: `DELETE FROM message_reference WHERE seq BETWEEN $1 AND $2 AND seq = ANY($3)`}
	raiseRevision = statement{name: "revise", text: `UPDATE register SET revision = revision + 1`}
)

// sending is what a save sends.
type sending struct {
	statements []*statement
	values     [][][]byte
}

func (s *sending) add(what *statement, values ...[]byte) {
	if what.byBitmap {
		s.add(&scanByBitmap)
		defer s.add(&scanByIndex)
	}
	s.statements, s.values = append(s.statements, what), append(s.values, values)
}

// Save implements store.Batch.
func (b *batch) Save(ctx context.Context, set *store.Set) error {
	switch {
	case !b.writing:
		return errView
	case b.conn == nil:
		return fmt.Errorf("%w: %w", store.ErrNotSaved, errClosed)
	}
	defer b.Rollback()
	ctx, cancel := context.WithTimeout(ctx, b.driver.options.Timeout)
	defer cancel()
	changes := set.Changes()
	s, err := b.gather(changes)
	if err == nil {
		err = b.conn.prepare(ctx, s.statements...)
	}
	if err != nil {
		return b.refused(err, changes)
	}
	return b.commit(ctx, s, changes)
}

// gather makes the statements that a batch is saved with.
func (b *batch) gather(changes *store.Changes) (*sending, error) {
	g := &b.conn.gathered
	g.reset()
	if err := g.session.Save(changes); err != nil {
		return nil, err
	}
	s := &sending{}
	if !b.begun {
		b.begun = true
		s.add(&begin)
	}
	if batches, ids := lowest(changes); len(batches) > 0 {
		s.add(&lowerHeads, int4s(batches), int8s(ids))
	}
	for _, r := range g.runs {
		s.add(&r.shape.statement, r.parameters(b.node)...)
	}
	if hashes, seqs := references(changes); len(hashes) > 0 {
		s.add(&insertReferences, int8s(hashes), int8s(seqs))
	}
	if seqs := pruned(changes); len(seqs) > 0 {
		s.add(&deleteReferences, int8(slices.Min(seqs)), int8(slices.Max(seqs)), int8s(seqs))
	}
	if slices.ContainsFunc(changes.Rows, func(r admin.Row) bool { return r.Kind.IsRegister() }) {
		s.add(&raiseRevision)
	}
	s.add(&commit)
	return s, nil
}

// references gives what messages are found by, each of it once.
func references(c *store.Changes) (hashes, seqs []int64) {
	for _, m := range c.Inserted {
		for i, hash := range m.References {
			if !slices.Contains(m.References[:i], hash) {
				hashes, seqs = append(hashes, hash), append(seqs, m.Seq)
			}
		}
	}
	return hashes, seqs
}

func pruned(c *store.Changes) (seqs []int64) {
	for i := range c.Pruned {
		seqs = append(seqs, c.Pruned[i].Seq)
	}
	return seqs
}

// lowest gives the lowest voucher that is put on the shelf of each batch.
func lowest(c *store.Changes) (batches []int32, ids []int64) {
	low := func(v *airtime.Voucher) {
		if v.Status != airtime.InStock {
			return
		}
		at := slices.Index(batches, v.Batch)
		if at < 0 {
			batches, ids = append(batches, v.Batch), append(ids, v.ID)
			return
		}
		ids[at] = min(ids[at], v.ID)
	}
	for i := range c.NewVouchers {
		low(&c.NewVouchers[i].Voucher)
	}
	for _, v := range c.Vouchers {
		low(v)
	}
	return batches, ids
}

// commit sends everything with the COMMIT behind it. From the moment when that may have been read by the server, only an
// answer of it says what has become of the batch.
func (b *batch) commit(ctx context.Context, s *sending, changes *store.Changes) error {
	c := b.conn
	c.warning = nil
	p := c.StartPipeline(ctx)
	for i, what := range s.statements {
		p.SendQueryStatement(c.prepared[what.name], s.values[i], formats, formats)
	}
	err := p.Sync()
	var tag pgconn.CommandTag
	for i := 0; i < len(s.statements) && err == nil; i++ {
		var got any
		if got, err = p.GetResults(); err == nil {
			tag, err = got.(*pgconn.ResultReader).Close()
		}
	}
	closed := p.Close()
	var told *pgconn.PgError
	switch {
	case errors.As(err, &told) && told.SeverityUnlocalized == "ERROR":
		return b.refused(err, changes)
	case pgconn.SafeToRetry(err):
		return fmt.Errorf("%w: %w", store.ErrNotSaved, err)
	case err != nil:
		c.hangUp()
		return fmt.Errorf("postgres: commit: %w", err)
	case tag.String() == "ROLLBACK":
		return fmt.Errorf("%w: the server rolled back", store.ErrNotSaved)
	case c.warning != nil: // such as that the wait for the standby was cancelled
		return fmt.Errorf("postgres: commit: %w", c.warning)
	case closed != nil:
		c.hangUp() // after the commit was told
	}
	return nil
}

// refused says what an error means that surely kept the batch from being saved.
func (b *batch) refused(err error, changes *store.Changes) error {
	var told *pgconn.PgError
	switch err = b.conn.judge(err); {
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrData):
		return err
	case !errors.As(err, &told):
	case told.Code == uniqueViolation && told.ConstraintName == "card_number_pkey" && b.metAnother(changes):
		return fmt.Errorf("%w: %w", store.OtherNumber, err)
	case strings.HasPrefix(told.Code, "22") || strings.HasPrefix(told.Code, "23"):
		return fmt.Errorf("%w: %w", store.ErrData, err)
	}
	return fmt.Errorf("%w: %w", store.ErrNotSaved, err)
}

// metAnother says whether the batch adds a card under a number that was not there when it looked. A batch that did not
// look is refused; so is one that looks again, and finds it.
func (b *batch) metAnother(c *store.Changes) bool {
	return slices.ContainsFunc(c.NewCards, func(n giftcard.NewCard) bool { return b.absent[n.Number] })
}

const uniqueViolation = "23505"

// conflicts are what goes away when a batch runs again, by the server's code.
var conflicts = map[string]store.Conflict{"40001": store.Serialization, deadlock: store.Deadlock, "53200": store.LockRoom}

// refusedValue is an error about a value, which the server's text may quote, and ours does not.
type refusedValue struct{ told *pgconn.PgError }

// Error gives the code alone.
func (r refusedValue) Error() string {
	return "the server refused a value (SQLSTATE " + r.told.Code + ")"
}

// Unwrap gives what the server has told.
func (r refusedValue) Unwrap() error { return r.told }

// judge adds store.ErrConflict to what goes away when the batch runs again, and closes a connection that has an error of
// another kind than that of a value.
func (c *conn) judge(err error) error {
	var told *pgconn.PgError
	if errors.As(err, &told) && told.SeverityUnlocalized == "ERROR" {
		if why, is := conflicts[told.Code]; is {
			return fmt.Errorf("%w: %w", why, err)
		}
		switch {
		case strings.HasPrefix(told.Code, "22"):
			return refusedValue{told}
		case strings.HasPrefix(told.Code, "23"):
			return err
		}
	}
	if !errors.Is(err, store.ErrData) {
		c.hangUp()
	}
	return err
}

// rollbackTime bounds the end of a batch that was given up.
const rollbackTime = 5 * time.Second

// Rollback implements store.Batch.
func (b *batch) Rollback() {
	c := b.conn
	if c == nil {
		return
	}
	b.conn = nil
	defer c.giveBack()
	if b.driver.instant != nil {
		c.goOn()
		return
	}
	if c.IsClosed() || c.TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
	defer cancel()
	if err := c.Exec(ctx, rollback.text).Close(); err != nil {
		c.hangUp()
	}
}

// maxPlaces is how many places a block has (migration/00001_initial.sql).
const maxPlaces = 1024

// Seqs implements store.Batch. A block is taken in a commit of its own, so that it is taken for good before anything stands
// in it.
func (b *batch) Seqs(n int) (int64, error) {
	if !b.writing {
		return 0, errView
	}
	if n > maxPlaces {
		return 0, fmt.Errorf("postgres: %d places were asked for, %d can be had at once", n, maxPlaces)
	}
	ctx, cancel := context.WithTimeout(context.Background(), b.driver.options.Timeout)
	defer cancel()
	var last int64
	if err := b.driver.side.QueryRow(ctx, `SELECT nextval('place')`).Scan(&last); err != nil {
		return 0, fmt.Errorf("postgres: take places: %w", err)
	}
	return last + 1, nil
}
