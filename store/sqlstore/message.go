package sqlstore

import (
	"fmt"
	"slices"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// insertMessage adds a message and its id to the index.
func (o *Session) insertMessage(m *store.Inserted) error {
	s, err := o.conn.Statement(insertMessage)
	if err != nil {
		return err
	}
	o.bindMessage(s, &m.Message)
	if err := run(s); err != nil {
		return fmt.Errorf("insert message %d: %w", m.Seq, err)
	}
	return o.noteID(m.Hash, m.Seq)
}

// noteID makes a place findable by its id's hash: in the index, unless the driver has somewhere else.
func (o *Session) noteID(hash, seq int64) error {
	if o.ids == nil {
		return o.IndexID(hash, seq)
	}
	o.ids.Add(hash, seq)
	return nil
}

// IndexID puts a place into the index of ids. One that is there already stays.
func (o *Session) IndexID(hash, seq int64) error { return o.index(insertID, hash, seq) }

func (o *Session) index(q Query, hash, place int64) error {
	s, err := o.conn.Statement(q)
	if err != nil {
		return err
	}
	s.BindInt64(1, hash)
	s.BindInt64(2, place)
	if err := run(s); err != nil {
		return fmt.Errorf("index %d: %w", place, err)
	}
	return nil
}

// bindMessage binds a whole message in the order of MessageColumns.
func (o *Session) bindMessage(s Statement, m *txn.Message) {
	s.BindInt64(1, m.Seq)
	s.BindInt64(2, int64(m.World))
	o.bindID(s, 3, m.ID)
	s.BindInt64(4, int64(m.Account))
	s.BindInt64(5, int64(m.Family))
	s.BindInt64(6, int64(m.Role))
	s.BindInt64(7, int64(m.State))
	bindText(s, 8, string(m.Reason))
	s.BindInt64(9, m.At.UnixMilli())
	s.BindInt64(10, distance(m.Seq, m.Request))
	s.BindInt64(11, m.Ended-m.Seq)
	s.BindInt64(12, m.Card)
	s.BindInt64(13, m.Target)
	s.BindInt64(14, int64(m.Product))
	s.BindInt64(15, m.Names)
	s.BindInt64(16, int64(m.Amount))
	s.BindInt64(17, int64(m.Amount-m.Requested))
	s.BindInt64(18, int64(m.Amount-m.Final))
	s.BindInt64(19, int64(m.Currency))
	o.trail = appendTrail(o.trail[:0], m)
	bindBlob(s, 20, o.trail)
	bindBlob(s, 21, m.Body)
	s.BindInt64(22, m.Voucher)
	bindBool(s, 23, m.Prepaid)
	bindText(s, 24, m.ProviderRef)
	bindText(s, 25, m.Upstream)
	if m.Upstream != "" && m.State == txn.Working {
		s.BindBytes(26, relayedRoom[:])
	} else {
		s.BindNull(26)
	}
}

// relayedRoom is how much the row of a request that is passed on grows by when it is answered: what was approved, how
// the upstream calls it or why it declined.
var relayedRoom [32]byte

// bindText binds an empty text as null.
func bindText(s Statement, param int, text string) {
	if text == "" {
		s.BindNull(param)
		return
	}
	s.BindText(param, text)
}

// text reads what bindText bound.
func text(s Row, column int) string {
	if s.ColumnIsNull(column) {
		return ""
	}
	return s.ColumnText(column)
}

// ScanMessage reads MessageColumns.
func (o *Session) ScanMessage(s Row) (m txn.Message, err error) {
	m.Seq = s.ColumnInt64(0)
	m.World = ident.World(s.ColumnInt64(1))
	if m.ID, err = o.ScanID(s, 2); err != nil {
		return m, fmt.Errorf("message %d: %w", m.Seq, err)
	}
	m.Account = ident.Account(s.ColumnInt64(3))
	m.Family, m.Role, m.State = txn.Family(s.ColumnInt64(4)), txn.Role(s.ColumnInt64(5)), txn.State(s.ColumnInt64(6))
	m.Reason = decline.Reason(text(s, 7))
	m.At = time.UnixMilli(s.ColumnInt64(8)).UTC()
	m.Request = distance(m.Seq, s.ColumnInt64(9))
	m.Ended = s.ColumnInt64(10) + m.Seq
	m.Card, m.Target = s.ColumnInt64(11), s.ColumnInt64(12)
	m.Product, m.Names = int32(s.ColumnInt64(13)), s.ColumnInt64(14)
	m.Amount = money.Minor(s.ColumnInt64(15))
	m.Requested = m.Amount - money.Minor(s.ColumnInt64(16))
	m.Final = m.Amount - money.Minor(s.ColumnInt64(17))
	m.Currency = money.Currency(s.ColumnInt64(18))
	m.Body = blob(s, 20)
	m.Voucher, m.Prepaid, m.ProviderRef, m.Upstream = s.ColumnInt64(21), s.ColumnInt64(22) != 0, text(s, 23), text(s, 24)
	return m, o.scanTrail(s, 19, &m)
}

func (o *Session) scanTrail(s Row, column int, m *txn.Message) error {
	o.trail = slices.Grow(o.trail[:0], s.ColumnLen(column))[:s.ColumnLen(column)]
	s.ColumnBytes(column, o.trail)
	if err := readTrail(o.trail, m); err != nil {
		return fmt.Errorf("message %d: %w", m.Seq, err)
	}
	return nil
}

// amendMessage changes what may change about a message. What was approved of one of our own never does.
func (o *Session) amendMessage(m *txn.Message) error {
	q := amendMessage
	if m.Upstream != "" {
		q = amendRelayed
	}
	s, err := o.conn.Statement(q)
	if err != nil {
		return err
	}
	s.BindInt64(1, int64(m.State))
	s.BindInt64(2, m.Ended-m.Seq)
	s.BindInt64(3, int64(m.Amount-m.Final))
	s.BindInt64(4, m.Seq)
	bindText(s, 5, string(m.Reason))
	bindText(s, 6, m.ProviderRef)
	if q == amendRelayed {
		s.BindText(7, m.Upstream)
		s.BindInt64(8, int64(m.Amount))
		s.BindInt64(9, int64(m.Amount-m.Requested))
		s.BindInt64(10, int64(m.Currency))
	}
	if err := run(s); err != nil {
		return fmt.Errorf("amend message %d: %w", m.Seq, err)
	}
	return nil
}

// loadID brings an id's messages, with the cards, vouchers and floats they name, and its tombstones.
func (o *Session) loadID(k store.IDKey, set *store.Set) error {
	if err := o.probe(lookUpID, o.ids, k.Hash); err != nil { // negative places are tombstones
		return fmt.Errorf("look up an id: %w", err)
	}
	var messages []txn.Message
	var tombstones []store.Tombstone
	for _, seq := range o.seqs {
		if seq < 0 {
			t, ours, err := o.tombstone(k, -seq)
			if err != nil {
				return err
			}
			if ours {
				tombstones = append(tombstones, t)
			}
			continue
		}
		m, found, err := o.messageOrHusk(seq)
		if err != nil {
			return err
		}
		if found && m.World == k.World && (m.ID == k.ID || m.Pruned) { // hashes may collide; of what was pruned nothing else is left
			messages = append(messages, m)
		}
	}
	set.LoadedID(k, messages, tombstones)
	for i := range messages {
		if err := o.loadNamed(&messages[i], set); err != nil {
			return err
		}
	}
	return nil
}

// probe finds the places that a hash leads to, in the index and among those that are not in it yet, in order. They hold
// until the next probe.
func (o *Session) probe(q Query, recent Recent, hash int64) error {
	o.seqs = o.seqs[:0]
	s, err := o.conn.Statement(q)
	if err != nil {
		return err
	}
	s.BindInt64(1, hash)
	err = each(s, func() error {
		o.seqs = append(o.seqs, s.ColumnInt64(0))
		return nil
	})
	if err != nil || recent == nil {
		return err
	}
	if o.seqs, err = recent.Find(o, hash, o.seqs); len(o.seqs) > 1 {
		slices.Sort(o.seqs)
		o.seqs = slices.Compact(o.seqs)
	}
	return err
}

// message reads the message at a place.
func (o *Session) message(seq int64) (m txn.Message, found bool, err error) {
	s, err := o.conn.Statement(lookUpMessage)
	if err != nil {
		return m, false, err
	}
	s.BindInt64(1, seq)
	if found, err = s.Step(); err != nil || !found {
		return m, false, err
	}
	m, err = o.ScanMessage(s)
	return m, true, err
}

func (o *Session) tombstone(k store.IDKey, reversal int64) (t store.Tombstone, ours bool, err error) {
	s, err := o.conn.Statement(lookUpTombstone)
	if err != nil {
		return t, false, err
	}
	s.BindInt64(1, reversal)
	row, err := s.Step()
	if err != nil || !row {
		return t, false, err
	}
	id, err := o.ScanID(s, 1)
	if err != nil {
		return t, false, fmt.Errorf("tombstone %d: %w", reversal, err)
	}
	t = store.Tombstone{Request: k, Account: ident.Account(s.ColumnInt64(2)), Reversal: reversal}
	return t, id == k.ID && ident.World(s.ColumnInt64(0)) == k.World, nil
}

// insertTombstone remembers a reversal, found by the id of the request that was never seen.
func (o *Session) insertTombstone(t store.Tombstone) error {
	s, err := o.conn.Statement(insertTombstone)
	if err != nil {
		return err
	}
	s.BindInt64(1, t.Reversal)
	s.BindInt64(2, int64(t.Request.World))
	o.bindID(s, 3, t.Request.ID)
	s.BindInt64(4, int64(t.Account))
	if err := run(s); err != nil {
		return fmt.Errorf("remember reversal %d: %w", t.Reversal, err)
	}
	return o.noteID(t.Request.Hash, -t.Reversal)
}

// loadNamed brings what a message is about, which an advice needs and does not name itself.
func (o *Session) loadNamed(m *txn.Message, set *store.Set) error {
	load := o.loadCard
	if m.Family.IsAirtime() || m.Voucher != 0 {
		load = o.loadVoucher
	}
	for _, link := range m.Links {
		if err := load(link.Card, set); err != nil {
			return err
		}
	}
	if m.Voucher != 0 {
		if err := o.loadVoucher(m.Voucher, set); err != nil {
			return err
		}
	}
	if m.Prepaid {
		return o.loadFloat(m.Account, set)
	}
	return nil
}
