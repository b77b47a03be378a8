package sqlstore

import (
	"fmt"
	"math"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// Reports ask the questions of admin.Reports, in the same words.
//
// list runs a query bound by bind and reads each row by scan.
func list[T any](o *Session, q Query, bind func(Statement), scan func(Row) (T, error)) ([]T, error) {
	return first(o, math.MaxInt, q, bind, scan)
}

// first is list for the first rows only, at most so many. On the path of every message that is better than a LIMIT that
// is bound: SQLite plans a statement anew whenever a bound limit may have changed, which costs as much as running it.
func first[T any](o *Session, most int, q Query, bind func(Statement), scan func(Row) (T, error)) (found []T, err error) {
	s, err := o.conn.Statement(q)
	if err != nil {
		return nil, err
	}
	bind(s)
	if l, limited := s.(Limiter); limited {
		l.Limit(most)
	}
	for len(found) < most {
		row, err := s.Step()
		if err != nil || !row {
			return found, err
		}
		one, err := scan(s)
		if err != nil {
			return found, err
		}
		found = append(found, one)
	}
	return found, nil
}

// page binds where a report goes on and how far.
func page(after int64, limit int) func(Statement) {
	return func(s Statement) {
		s.BindInt64(1, after)
		s.BindInt64(2, int64(max(limit, 0)))
	}
}

func (o *Session) putRow(r *admin.Row) error {
	q := putRow
	if r.Content == nil {
		q = deleteRow
	}
	s, err := o.conn.Statement(q)
	if err != nil {
		return err
	}
	s.BindText(1, string(r.Kind))
	s.BindInt64(2, r.Number)
	if r.Content != nil {
		s.BindInt64(3, int64(r.World))
		s.BindText(4, r.Name)
		s.BindBytes(5, r.Content)
	}
	if err := run(s); err != nil {
		return fmt.Errorf("put %s %d: %w", r.Kind, r.Number, err)
	}
	return nil
}

func scanRow(s Row) (admin.Row, error) {
	r := admin.Row{
		Kind: admin.Kind(s.ColumnText(0)), Number: s.ColumnInt64(1), World: ident.World(s.ColumnInt64(2)),
		Name: s.ColumnText(3), Content: make([]byte, s.ColumnLen(4)),
	}
	s.ColumnBytes(4, r.Content)
	return r, nil
}

// Rows answers admin.Reports.
func (o *Session) Rows(kind admin.Kind, after int64, limit int) ([]admin.Row, error) {
	return list(o, reportRows, func(s Statement) {
		s.BindText(1, string(kind))
		s.BindInt64(2, after)
		s.BindInt64(3, int64(max(limit, 0)))
	}, scanRow)
}

// RowByName answers admin.Reports.
func (o *Session) RowByName(kind admin.Kind, world ident.World, name string) (admin.Row, bool, error) {
	rows, err := list(o, reportRowByName, func(s Statement) {
		s.BindText(1, string(kind))
		s.BindInt64(2, int64(world))
		s.BindText(3, name)
	}, scanRow)
	if err != nil || len(rows) == 0 {
		return admin.Row{}, false, err
	}
	return rows[0], true, nil
}

// Open answers admin.Reports.
func (o *Session) Open(after int64, limit int) ([]txn.Message, error) {
	return list(o, reportOpen, page(after, limit), o.ScanMessage)
}

// OpenSums answers admin.Reports. It reads the numbers of every open request, which stand before the body in its row.
func (o *Session) OpenSums(world ident.World, account ident.Account, upto time.Time) ([]admin.OpenSum, error) {
	s, err := o.conn.Statement(reportOpenSums)
	if err != nil {
		return nil, err
	}
	s.BindInt64(1, int64(world))
	s.BindInt64(2, upto.UnixMilli())
	s.BindInt64(3, int64(account))
	var tally admin.OpenTally
	var m txn.Message
	err = each(s, func() error {
		m.Seq, m.Account, m.Currency = s.ColumnInt64(0), ident.Account(s.ColumnInt64(1)), money.Currency(s.ColumnInt64(2))
		m.Amount, m.At = money.Minor(s.ColumnInt64(3)), time.UnixMilli(s.ColumnInt64(4)).UTC()
		tally.Add(&m)
		return nil
	})
	return tally.Sums(), err
}

// Working answers airtime.Unsettled.
func (o *Session) Working(after int64, limit int) ([]txn.Message, error) {
	return list(o, reportWorking, page(after, limit), o.ScanMessage)
}

// Messages answers admin.Reports.
func (o *Session) Messages(after int64, limit int) ([]txn.Message, error) {
	return list(o, reportMessages, page(after, limit), o.ScanMessage)
}

// Entries answers admin.Reports.
func (o *Session) Entries(after int64, limit int) ([]ledger.Entry, error) {
	if limit <= 0 {
		return nil, nil
	}
	return list(o, reportEntries, page(after, limit-1), ScanEntry)
}

// EntriesOf answers admin.Reports.
func (o *Session) EntriesOf(messages []int64) (all []ledger.Entry, err error) {
	for _, message := range messages {
		entries, err := list(o, reportEntriesOf, func(s Statement) { s.BindInt64(1, message) }, ScanEntry)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	return all, nil
}

// Cards answers admin.Reports.
func (o *Session) Cards(after int64, limit int) ([]giftcard.Card, error) {
	return list(o, reportCards, page(after, limit), func(s Row) (giftcard.Card, error) { return ScanCard(s), nil })
}

// Details answers admin.Reports.
func (o *Session) Details(after int64, limit int) ([]giftcard.Detail, error) {
	return list(o, reportDetails, page(after, limit), o.ScanDetail)
}

// HasNumbers answers admin.Reports.
func (o *Session) HasNumbers(key uint32) (bool, error) {
	first, last := secret.Digest{Key: key}, secret.Digest{Key: key}
	for i := range last.Sum {
		last.Sum[i] = math.MaxUint8
	}
	found, err := list(o, reportNumbers, func(s Statement) {
		o.bindDigest(s, 1, first)
		o.bindDigest(s, 2, last)
	}, func(s Row) (int64, error) { return s.ColumnInt64(0), nil })
	return len(found) > 0, err
}

// Message gives the message at a place.
func (o *Session) Message(seq int64) (txn.Message, bool, error) { return o.message(seq) }

// EachReference calls a function for every message above a seq, in order, with its third-party identifiers.
func (o *Session) EachReference(after int64, tell func(seq int64, hashes []int64) error) error {
	s, err := o.conn.Statement(reportTrails)
	if err != nil {
		return err
	}
	s.BindInt64(1, after)
	return each(s, func() error {
		m := txn.Message{Seq: s.ColumnInt64(0)}
		if err := o.scanTrail(s, 1, &m); err != nil {
			return err
		}
		return tell(m.Seq, m.References)
	})
}
