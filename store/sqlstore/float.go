package sqlstore

import (
	"fmt"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/store"
)

// ScanFloat reads FloatColumns.
func ScanFloat(s Row) (airtime.Float, error) {
	f := airtime.Float{
		Account: ident.Account(s.ColumnInt64(0)), World: ident.World(s.ColumnInt64(1)), Currency: money.Currency(s.ColumnInt64(2)),
		LastMessage: s.ColumnInt64(5),
	}
	f.Balance.Book, f.Balance.Available = money.Minor(s.ColumnInt64(3)), money.Minor(s.ColumnInt64(4))
	return f, nil
}

func (o *Session) loadFloat(account ident.Account, set *store.Set) error {
	if set.HasFloat(account) {
		return nil
	}
	found, err := list(o, lookUpFloat, func(s Statement) { s.BindInt64(1, int64(account)) }, ScanFloat)
	if err != nil {
		return fmt.Errorf("look up the float of account %d: %w", account, err)
	}
	if len(found) == 0 {
		set.LoadedFloat(account, nil)
		return nil
	}
	set.LoadedFloat(account, &found[0])
	return nil
}

func (o *Session) putFloat(f *airtime.Float) error {
	s, err := o.conn.Statement(putFloat)
	if err != nil {
		return err
	}
	s.BindInt64(1, int64(f.Account))
	s.BindInt64(2, int64(f.World))
	s.BindInt64(3, int64(f.Currency))
	s.BindInt64(4, int64(f.Balance.Book))
	s.BindInt64(5, int64(f.Balance.Available))
	s.BindInt64(6, f.LastMessage)
	if err := run(s); err != nil {
		return fmt.Errorf("put the float of account %d: %w", f.Account, err)
	}
	return nil
}

// Floats answers admin.Reports.
func (o *Session) Floats(after ident.Account, limit int) ([]airtime.Float, error) {
	return list(o, reportFloats, page(int64(after), limit), ScanFloat)
}
