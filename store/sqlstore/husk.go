package sqlstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

var errHusk = errors.New("a husk that cannot be read")

// day is the unit of time that a husk knows.
const day = 24 * time.Hour

// appendHusk writes what a husk has beside its columns in few bytes: kind, sender, request and amounts, each as a short
// number, then the two texts that hardly any has, each before its length.
func appendHusk(b []byte, h *txn.Husk) []byte {
	m := &h.Message
	b = append(b, byte(m.Family), byte(m.Role)<<4|byte(m.State))
	for _, n := range [...]int64{
		int64(m.Account), distance(m.Seq, m.Request), m.Card, m.Names, int64(m.Amount), int64(m.Amount - m.Requested),
		int64(m.Amount - m.Final), int64(m.Currency),
	} {
		b = binary.AppendVarint(b, n)
	}
	if m.Reason == "" && m.Upstream == "" {
		return b
	}
	for _, text := range [...]string{string(m.Reason), m.Upstream} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	return b
}

// readHusk reads what appendHusk wrote into a message whose Seq is known.
func readHusk(b []byte, m *txn.Message) error {
	if len(b) < 2 {
		return errHusk
	}
	m.Family, m.Role, m.State = txn.Family(b[0]), txn.Role(b[1]>>4), txn.State(b[1]&15)
	b = b[2:]
	var numbers [8]int64
	for i := range numbers {
		n, size := binary.Varint(b)
		if size <= 0 {
			return errHusk
		}
		numbers[i], b = n, b[size:]
	}
	m.Account, m.Request, m.Card, m.Names = ident.Account(numbers[0]), distance(m.Seq, numbers[1]), numbers[2], numbers[3]
	m.Amount = money.Minor(numbers[4])
	m.Requested, m.Final = m.Amount-money.Minor(numbers[5]), m.Amount-money.Minor(numbers[6])
	m.Currency = money.Currency(numbers[7])
	if len(b) == 0 {
		return nil
	}
	var texts [2]string
	for i := range texts {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return errHusk
		}
		texts[i], b = string(b[size:size+int(n)]), b[size+int(n):]
	}
	if len(b) > 0 {
		return errHusk
	}
	m.Reason, m.Upstream = decline.Reason(texts[0]), texts[1]
	return nil
}

// ScanPruned reads PrunedColumns.
func ScanPruned(s Row) (h txn.Husk, err error) {
	h.Seq, h.Hash, h.World = s.ColumnInt64(0), s.ColumnInt64(1), ident.World(s.ColumnInt64(2))
	h.At, h.Pruned = time.Unix(s.ColumnInt64(3)*int64(day/time.Second), 0).UTC(), true
	if err := readHusk(blob(s, 4), &h.Message); err != nil {
		return h, fmt.Errorf("pruned message %d: %w", h.Seq, err)
	}
	return h, nil
}

// messageOrHusk reads the message at a place, or what is left of it when it was pruned.
func (o *Session) messageOrHusk(seq int64) (m txn.Message, found bool, err error) {
	if m, found, err = o.message(seq); found || err != nil {
		return m, found, err
	}
	husks, err := list(o, lookUpPruned, func(s Statement) { s.BindInt64(1, seq) }, ScanPruned)
	if err != nil || len(husks) == 0 {
		return m, false, err
	}
	return husks[0].Message, true, nil
}

// savePast writes what has been pruned, brought forward and forgotten.
func (o *Session) savePast(c *store.Changes) error {
	for i := range c.Pruned {
		if err := o.prune(&c.Pruned[i]); err != nil {
			return fmt.Errorf("prune message %d: %w", c.Pruned[i].Seq, err)
		}
	}
	for i := range c.Husks {
		h := &c.Husks[i]
		if err := errors.Join(o.insertPruned(h), o.noteID(h.Hash, h.Seq)); err != nil {
			return fmt.Errorf("insert husk %d: %w", h.Seq, err)
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(c.Brought), ledger.BroughtKey.Compare) { // neighbours share a page
		if err := o.bringForward(c.Brought[k]); err != nil {
			return fmt.Errorf("bring %s to %s forward: %w", k.Debit, k.Credit, err)
		}
	}
	return o.forgetHusks(c.Forgotten)
}

func (o *Session) forgetHusks(husks []txn.Husk) error {
	if len(husks) == 0 {
		return nil
	}
	last := int64(0)
	for i := range husks {
		if err := o.forgetHusk(&husks[i]); err != nil {
			return fmt.Errorf("forget message %d: %w", husks[i].Seq, err)
		}
		last = max(last, husks[i].Seq)
	}
	return o.runWith(putForgotten, last)
}

func (o *Session) prune(h *txn.Husk) error {
	for _, q := range [...]Query{deleteEntries, deleteMessage} {
		if err := o.runWith(q, h.Seq); err != nil {
			return err
		}
	}
	return o.insertPruned(h)
}

// runWith runs a statement that gives no rows.
func (o *Session) runWith(q Query, parameters ...int64) error {
	s, err := o.conn.Statement(q)
	if err != nil {
		return err
	}
	for i, p := range parameters {
		s.BindInt64(1+i, p)
	}
	return run(s)
}

func (o *Session) insertPruned(h *txn.Husk) error {
	s, err := o.conn.Statement(insertPruned)
	if err != nil {
		return err
	}
	s.BindInt64(1, h.Seq)
	s.BindInt64(2, h.Hash)
	s.BindInt64(3, int64(h.World))
	s.BindInt64(4, h.At.Unix()/int64(day/time.Second))
	o.trail = appendHusk(o.trail[:0], h)
	s.BindBytes(5, o.trail)
	return run(s)
}

func (o *Session) bringForward(b ledger.Brought) error {
	return o.runWith(bringForward, int64(b.Period), int64(b.Debit), int64(b.Credit), int64(b.Currency), int64(b.World), int64(b.Amount), b.Upto)
}

func (o *Session) forgetHusk(h *txn.Husk) error {
	return errors.Join(
		o.runWith(deletePruned, h.Seq), o.runWith(deleteID, h.Hash, h.Seq),
		o.runWith(deleteTombstone, h.Seq), o.runWith(deleteID, h.Names, -h.Seq),
	)
}

// Pruned answers admin.Reports.
func (o *Session) Pruned(after int64, limit int) ([]txn.Husk, error) {
	return list(o, reportPruned, page(after, limit), ScanPruned)
}

// Brought answers admin.Reports.
func (o *Session) Brought(after ledger.BroughtKey, limit int) ([]ledger.Brought, error) {
	return list(o, reportBrought, func(s Statement) {
		s.BindInt64(1, int64(after.Period))
		s.BindInt64(2, int64(after.Debit))
		s.BindInt64(3, int64(after.Credit))
		s.BindInt64(4, int64(after.Currency))
		s.BindInt64(5, int64(after.World))
		s.BindInt64(6, int64(max(limit, 0)))
	}, scanBrought)
}

// scanBrought reads broughtColumns.
func scanBrought(s Row) (ledger.Brought, error) {
	return ledger.Brought{
		BroughtKey: ledger.BroughtKey{
			Period: ledger.Period(s.ColumnInt64(0)), Debit: ledger.Account(s.ColumnInt64(1)), Credit: ledger.Account(s.ColumnInt64(2)),
			Currency: money.Currency(s.ColumnInt64(3)), World: ident.World(s.ColumnInt64(4)),
		},
		Amount: money.Minor(s.ColumnInt64(5)), Upto: s.ColumnInt64(6),
	}, nil
}

// Forgotten answers admin.Reports.
func (o *Session) Forgotten() (int64, error) {
	found, err := list(o, reportForgotten, func(Statement) {}, func(s Row) (int64, error) { return s.ColumnInt64(0), nil })
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return found[0], nil
}
