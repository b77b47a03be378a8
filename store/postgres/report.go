package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store/sqlstore"
	"github.com/scripworks/scrip/txn"
)

// asking runs sqlstore's questions one at a time, as they are.
type asking struct {
	conn    *conn
	session *sqlstore.Session
	ctx     context.Context // of the question that is being asked
	reply   reply
}

var _ sqlstore.Conn = (*asking)(nil)

func (a *asking) init(c *conn) {
	a.conn, a.reply.asking = c, a
	a.session = sqlstore.NewSession(a, nil, nil)
}

// questions are sqlstore's statements that ask; limited are those without a limit of their own, with one as their last
// parameter.
var questions, limited = func() (all, limited [sqlstore.Queries]*statement) {
	for q := range sqlstore.Query(sqlstore.Queries) {
		text := q.Text()
		if writes(text) || ofPlaces(text) {
			continue
		}
		all[q] = asks("q", q, text)
		if !strings.Contains(text, "LIMIT") {
			limited[q] = asks("l", q, text+" LIMIT $"+strconv.Itoa(1+lastParameter(text)))
		}
	}
	return all, limited
}()

// asks makes a statement that asks. A parameter that it passes over has some type, and is null.
func asks(name string, q sqlstore.Query, text string) *statement {
	s := &statement{name: name + strconv.Itoa(int(q)), text: text, params: make([]uint32, lastParameter(text))}
	for i := range s.params {
		if !strings.Contains(text, "$"+strconv.Itoa(i+1)) {
			s.params[i] = pgtype.Int8OID
		}
	}
	return s
}

// Statement implements sqlstore.Conn.
func (a *asking) Statement(q sqlstore.Query) (sqlstore.Statement, error) {
	s := questions[q]
	if s == nil {
		return nil, errors.New("postgres: a report cannot write")
	}
	if err := a.settle(); err != nil {
		return nil, err
	}
	return a.begin(s, limited[q]), nil
}

func (a *asking) begin(s, limited *statement) *reply {
	a.reply.statement, a.reply.limited = s, limited
	for i := range a.reply.cells {
		a.reply.cells[i].kind = unbound
	}
	return &a.reply
}

// settle ends what is being read.
func (a *asking) settle() error {
	if a.reply.result == nil {
		return nil
	}
	_, err := a.reply.result.Close()
	a.reply.result = nil
	return err
}

// reply is one question and its rows.
type reply struct {
	row
	asking    *asking
	statement *statement
	limited   *statement // nil when it has a limit of its own
	cells     []cell
	result    *pgconn.ResultReader
}

var (
	_ sqlstore.Statement = (*reply)(nil)
	_ sqlstore.Limiter   = (*reply)(nil)
)

func (r *reply) cell(param int) *cell {
	for len(r.cells) <= param {
		r.cells = append(r.cells, cell{})
	}
	return &r.cells[param]
}

func (r *reply) BindInt64(param int, value int64) { *r.cell(param) = cell{kind: number, n: value} }
func (r *reply) BindBytes(param int, value []byte) {
	*r.cell(param) = cell{kind: octets, bytes: slices.Clone(value)}
}
func (r *reply) BindText(param int, value string) {
	*r.cell(param) = cell{kind: letters, bytes: []byte(value)}
}
func (r *reply) BindNull(param int) { *r.cell(param) = cell{kind: null} }

// Limit implements sqlstore.Limiter. Without it a server would send everything there is.
func (r *reply) Limit(rows int) {
	if r.limited == nil || int64(rows) != limit(rows) {
		return
	}
	r.statement, r.limited = r.limited, nil
	r.BindInt64(lastParameter(r.statement.text), int64(rows))
}

// lastParameter gives the greatest number of a statement's parameters.
func lastParameter(text string) (last int) {
	for _, p := range parameters.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(p[1])
		last = max(last, n)
	}
	return last
}

// Step implements sqlstore.Statement.
func (r *reply) Step() (bool, error) {
	if r.result == nil {
		if err := r.send(); err != nil {
			return false, err
		}
	}
	if r.result.NextRow() {
		r.values = r.result.Values()
		return true, nil
	}
	return false, r.asking.settle()
}

func (r *reply) send() error {
	c, ctx := r.asking.conn, r.asking.ctx
	if err := c.prepare(ctx, r.statement); err != nil {
		return err
	}
	described := c.prepared[r.statement.name]
	values := make([][]byte, len(described.ParamOIDs))
	for i, oid := range described.ParamOIDs {
		b, err := appendCell(nil, oid, r.cell(i+1))
		if err != nil {
			return err
		}
		if r.cells[i+1].kind > null {
			values[i] = b[4:] // behind its length
		}
	}
	r.result = c.ExecStatement(ctx, described, values, formats, formats)
	r.fields = r.result.FieldDescriptions()
	return nil
}

// ask runs one question on a reader's connection.
func ask[T any](ctx context.Context, d *Driver, question func(*sqlstore.Session) (T, error)) (T, error) {
	return reading(ctx, d, func(a *asking) (T, error) { return question(a.session) })
}

// reading has a reader's connection ask. One that is found dead, as after a fail-over, is replaced.
func reading[T any](ctx context.Context, d *Driver, question func(*asking) (T, error)) (answer T, err error) {
	again := true
	for n := mostDead; n >= 0 && again; n-- {
		answer, again, err = readOnce(ctx, d, question)
	}
	return answer, err
}

func readOnce[T any](ctx context.Context, d *Driver, question func(*asking) (T, error)) (answer T, again bool, err error) {
	c, err := d.take(ctx, readers)
	if err != nil {
		return answer, false, err
	}
	defer c.giveBack()
	ctx, cancel := context.WithTimeout(ctx, d.options.Timeout)
	defer cancel()
	c.asking.ctx = ctx
	answer, err = question(&c.asking)
	if err = errors.Join(err, c.asking.settle()); err != nil {
		var none T
		return none, d.instant == nil && isLost(ctx, err), fmt.Errorf("postgres: %w", c.judge(err))
	}
	return answer, false, nil
}

// Rows implements admin.Reports.
func (d *Driver) Rows(ctx context.Context, kind admin.Kind, after int64, limit int) ([]admin.Row, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]admin.Row, error) { return s.Rows(kind, after, limit) })
}

// Open implements admin.Reports.
func (d *Driver) Open(ctx context.Context, after int64, limit int) ([]txn.Message, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]txn.Message, error) { return s.Open(after, limit) })
}

// OpenSums implements admin.Reports. The server adds up, and sends a row for each sum.
func (d *Driver) OpenSums(ctx context.Context, world ident.World, account ident.Account, upto time.Time) ([]admin.OpenSum, error) {
	found, err := list(ctx, d, &openSums, []int64{int64(world), upto.UnixMilli(), int64(account)}, func(_ *sqlstore.Session, r sqlstore.Row) (admin.OpenSum, error) {
		return admin.OpenSum{
			Account: ident.Account(r.ColumnInt64(0)), Currency: money.Currency(r.ColumnInt64(1)), Count: r.ColumnInt64(2),
			Value: money.SumOfHalves(r.ColumnInt64(3), r.ColumnInt64(4)), Oldest: time.UnixMilli(r.ColumnInt64(5)).UTC(), First: r.ColumnInt64(6),
		}, nil
	})
	slices.SortFunc(found, func(a, b admin.OpenSum) int { return cmp.Compare(a.First, b.First) })
	return found, err
}

// Working implements airtime.Unsettled.
func (d *Driver) Working(ctx context.Context, after int64, limit int) ([]txn.Message, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]txn.Message, error) { return s.Working(after, limit) })
}

// Items implements saf.Reports.
func (d *Driver) Items(ctx context.Context, upstream string, states []saf.State, after int64, limit int) ([]saf.Item, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]saf.Item, error) { return s.Items(upstream, states, after, limit) })
}

// Messages implements admin.Reports.
func (d *Driver) Messages(ctx context.Context, after int64, limit int) ([]txn.Message, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]txn.Message, error) { return s.Messages(after, limit) })
}

// Entries implements admin.Reports.
func (d *Driver) Entries(ctx context.Context, after int64, limit int) ([]ledger.Entry, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]ledger.Entry, error) { return s.Entries(after, limit) })
}

// EntriesOf implements admin.Reports.
func (d *Driver) EntriesOf(ctx context.Context, messages []int64) ([]ledger.Entry, error) {
	return reading(ctx, d, func(a *asking) (found []ledger.Entry, err error) {
		l := &a.conn.loading
		l.reset(nil, false)
		l.ask(loadEntries, func(r *row) error {
			e, err := sqlstore.ScanEntry(r)
			found = append(found, e)
			return err
		}, int8s(messages))
		if err := a.conn.load(ctx); err != nil {
			return nil, err
		}
		slices.SortFunc(found, func(e, o ledger.Entry) int { return cmp.Or(cmp.Compare(e.Message, o.Message), cmp.Compare(e.N, o.N)) })
		return found, nil
	})
}

// Cards implements admin.Reports.
func (d *Driver) Cards(ctx context.Context, after int64, limit int) ([]giftcard.Card, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]giftcard.Card, error) { return s.Cards(after, limit) })
}

// Details implements admin.Reports.
func (d *Driver) Details(ctx context.Context, after int64, limit int) ([]giftcard.Detail, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]giftcard.Detail, error) { return s.Details(after, limit) })
}

// HasNumbers implements admin.Reports.
func (d *Driver) HasNumbers(ctx context.Context, key uint32) (bool, error) {
	return ask(ctx, d, func(s *sqlstore.Session) (bool, error) { return s.HasNumbers(key) })
}

// Vouchers implements admin.Reports.
func (d *Driver) Vouchers(ctx context.Context, after int64, limit int) ([]airtime.Voucher, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]airtime.Voucher, error) { return s.Vouchers(after, limit) })
}

// VouchersOf implements admin.Reports.
func (d *Driver) VouchersOf(ctx context.Context, batch int32, status airtime.VoucherStatus, after int64, limit int) ([]airtime.Voucher, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]airtime.Voucher, error) { return s.VouchersOf(batch, status, after, limit) })
}

// VoucherBatches implements admin.Reports.
func (d *Driver) VoucherBatches(ctx context.Context, after int32, limit int) ([]airtime.Batch, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]airtime.Batch, error) { return s.VoucherBatches(after, limit) })
}

// Floats implements admin.Reports.
func (d *Driver) Floats(ctx context.Context, after ident.Account, limit int) ([]airtime.Float, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]airtime.Float, error) { return s.Floats(after, limit) })
}

// Pruned implements admin.Reports.
func (d *Driver) Pruned(ctx context.Context, after int64, limit int) ([]txn.Husk, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]txn.Husk, error) { return s.Pruned(after, limit) })
}

// Brought implements admin.Reports.
func (d *Driver) Brought(ctx context.Context, after ledger.BroughtKey, limit int) ([]ledger.Brought, error) {
	return ask(ctx, d, func(s *sqlstore.Session) ([]ledger.Brought, error) { return s.Brought(after, limit) })
}

// Forgotten implements admin.Reports.
func (d *Driver) Forgotten(ctx context.Context) (int64, error) {
	return ask(ctx, d, (*sqlstore.Session).Forgotten)
}

// Levels implements saf.Reports. The server counts: it reads the whole queue, and sends a row for each level.
func (d *Driver) Levels(ctx context.Context) ([]saf.Level, error) {
	found, err := list(ctx, d, &levels, nil, func(_ *sqlstore.Session, r sqlstore.Row) (saf.Level, error) {
		return saf.Level{
			Upstream: r.ColumnText(0), Account: ident.Account(r.ColumnInt64(1)), State: saf.State(r.ColumnInt64(2)),
			Currency: money.Currency(r.ColumnInt64(3)), Count: int(r.ColumnInt64(4)), Value: money.Minor(r.ColumnInt64(5)),
			Oldest: time.UnixMilli(r.ColumnInt64(6)).UTC(),
		}, nil
	})
	slices.SortFunc(found, func(a, b saf.Level) int { // not the server: its order of letters is its own
		return cmp.Or(cmp.Compare(a.Upstream, b.Upstream), cmp.Compare(a.Account, b.Account), cmp.Compare(a.State, b.State), cmp.Compare(a.Currency, b.Currency))
	})
	return found, err
}

// RowByName implements admin.Reports.
func (d *Driver) RowByName(ctx context.Context, kind admin.Kind, world ident.World, name string) (admin.Row, bool, error) {
	var found bool
	row, err := ask(ctx, d, func(s *sqlstore.Session) (row admin.Row, err error) {
		row, found, err = s.RowByName(kind, world, name)
		return row, err
	})
	return row, found, err
}

// Questions that only this driver asks.
var (
	revision = statement{name: "revision", text: `SELECT revision FROM register`}
	levels   = statement{name: "levels", text: `SELECT upstream, account, state - 1, currency, count(*), least(sum(amount), 9223372036854775807)::bigint, min(at) ` +
		`FROM item GROUP BY upstream, account, state, currency`}
	openSums = statement{name: "opensums", text: `SELECT account, currency, count(*), sum(amount >> 32)::bigint, sum(amount & 4294967295)::bigint, min(at), min(seq) ` +
		`FROM message WHERE state = 1 AND role = 1 AND seq > 0 AND world = $1 AND at <= $2 AND ($3 = 0 OR account = $3) GROUP BY account, currency`}
	lost = statement{name: "lost", text: `SELECT ` + sqlstore.MessageColumns + ` FROM message WHERE state IN (7, 8) AND role = 1 AND seq > $1 ` +
		`AND NOT EXISTS (SELECT FROM node WHERE number = message.node AND until > clock_timestamp()) ORDER BY seq LIMIT $2`}
	// Of each stretch of the index (migration/00001_initial.sql) the first are enough.
	byReference = statement{name: "byreference", text: `SELECT ` + sqlstore.MessageColumns + ` FROM message JOIN ` +
		`(SELECT found_at FROM generate_series($2 >> 26, (SELECT seq FROM message ORDER BY seq DESC LIMIT 1) >> 26) stretch CROSS JOIN LATERAL ` +
		`(SELECT r.seq AS found_at FROM message_reference r JOIN message m ON m.seq = r.seq ` +
		`WHERE r.seq >> 26 = stretch AND r.hash = $1 AND r.seq > $2 AND m.world = $3 ORDER BY r.seq LIMIT $4) r ` +
		`ORDER BY found_at LIMIT $4) found ON seq = found_at ORDER BY seq`}
)

// Revision implements admin.Reports.
func (d *Driver) Revision(ctx context.Context) (int64, error) {
	found, err := list(ctx, d, &revision, nil, func(_ *sqlstore.Session, r sqlstore.Row) (int64, error) { return r.ColumnInt64(0), nil })
	if err != nil {
		return 0, err
	}
	return found[0], nil
}

// Lost implements airtime.Unsettled: requests in the hands of nodes that live no longer.
func (d *Driver) Lost(ctx context.Context, after int64, most int) ([]txn.Message, error) {
	return list(ctx, d, &lost, []int64{after, limit(most)}, (*sqlstore.Session).ScanMessage)
}

// MessagesByReference implements admin.Reports.
func (d *Driver) MessagesByReference(ctx context.Context, world ident.World, hash, after int64, most int) ([]txn.Message, error) {
	return list(ctx, d, &byReference, []int64{hash, after, int64(world), limit(most)}, (*sqlstore.Session).ScanMessage)
}

// list asks a question of our own, whose parameters are numbers.
func list[T any](ctx context.Context, d *Driver, what *statement, values []int64, scan func(*sqlstore.Session, sqlstore.Row) (T, error)) ([]T, error) {
	bind := func(r *reply) {
		for i, value := range values {
			r.BindInt64(i+1, value)
		}
	}
	return answers(ctx, d, what, bind, scan)
}

// answers asks a question of our own and gives all rows.
func answers[T any](ctx context.Context, d *Driver, what *statement, bind func(*reply), scan func(*sqlstore.Session, sqlstore.Row) (T, error)) ([]T, error) {
	return reading(ctx, d, func(a *asking) (found []T, err error) {
		r := a.begin(what, nil)
		bind(r)
		for {
			more, err := r.Step()
			if err != nil || !more {
				return found, err
			}
			one, err := scan(a.session, r)
			if err != nil {
				return nil, err
			}
			found = append(found, one)
		}
	})
}
