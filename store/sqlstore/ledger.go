package sqlstore

import (
	"fmt"

	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

func (o *Session) insertEntry(e *ledger.Entry) error {
	s, err := o.conn.Statement(insertEntry)
	if err != nil {
		return err
	}
	s.BindInt64(1, e.Message)
	s.BindInt64(2, int64(e.N))
	s.BindInt64(3, e.Message-e.Request)
	s.BindInt64(4, int64(e.Debit))
	s.BindInt64(5, int64(e.Credit))
	s.BindInt64(6, int64(e.Amount))
	s.BindInt64(7, int64(e.Currency))
	s.BindInt64(8, int64(e.Phase))
	if err := run(s); err != nil {
		return fmt.Errorf("insert entry %d/%d: %w", e.Message, e.N, err)
	}
	return nil
}

// ScanEntry reads EntryColumns and refuses an entry that must not be.
func ScanEntry(s Row) (ledger.Entry, error) {
	e := ledger.Entry{
		Message: s.ColumnInt64(0), N: int(s.ColumnInt64(1)),
		Debit: ledger.Account(s.ColumnInt64(3)), Credit: ledger.Account(s.ColumnInt64(4)),
		Amount: money.Minor(s.ColumnInt64(5)), Currency: money.Currency(s.ColumnInt64(6)), Phase: ledger.Phase(s.ColumnInt64(7)),
	}
	e.Request = e.Message - s.ColumnInt64(2)
	return e, nil
}

func bindCounterKey(s Statement, k txn.CounterKey) {
	bindBool(s, 1, k.PerAccount)
	s.BindInt64(2, k.Owner)
	s.BindInt64(3, int64(k.Family))
	s.BindInt64(4, int64(k.Window))
	s.BindInt64(5, k.Start.UnixMilli())
}

func (o *Session) putCounter(k txn.CounterKey, c txn.Counter) error {
	s, err := o.conn.Statement(putCounter)
	if err != nil {
		return err
	}
	bindCounterKey(s, k)
	s.BindInt64(6, c.Count)
	s.BindInt64(7, int64(c.Amount))
	if err := run(s); err != nil {
		return fmt.Errorf("put a counter of %d: %w", k.Owner, err)
	}
	return nil
}

func (o *Session) loadCounter(k txn.CounterKey, set *store.Set) error {
	s, err := o.conn.Statement(lookUpCounter)
	if err != nil {
		return err
	}
	bindCounterKey(s, k)
	row, err := s.Step()
	if err != nil {
		return fmt.Errorf("look up a counter of %d: %w", k.Owner, err)
	}
	var c txn.Counter
	if row {
		c.Count, c.Amount = s.ColumnInt64(0), money.Minor(s.ColumnInt64(1))
	}
	set.LoadedCounter(k, c)
	return nil
}
