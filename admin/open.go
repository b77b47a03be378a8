package admin

import (
	"context"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// OpenTotal is what an account has open in a currency.
type OpenTotal struct {
	Account  string
	Currency money.Currency
	Count    int64
	Value    money.Sum
	Oldest   time.Time
}

// OpenTotals counts and adds up open requests by account and currency, in the order in which they came first. It
// is what the metrics show, too.
func (o *Office) OpenTotals(ctx context.Context, by By, q OpenQuery) ([]OpenTotal, error) {
	if err := by.may(SeeTransactions); err != nil {
		return nil, err
	}
	account, latest, err := o.openWanted(by, q)
	if err != nil {
		return nil, err
	}
	sums, err := o.reports.OpenSums(ctx, by.World, account, latest)
	if err != nil {
		return nil, err
	}
	var totals []OpenTotal
	for _, s := range sums {
		totals = addOpen(totals, o.accountName(s.Account), s)
	}
	return totals, nil
}

// addOpen adds a sum to the total of its name: accounts that are not known here, or not yet, have none and are one.
func addOpen(totals []OpenTotal, name string, s OpenSum) []OpenTotal {
	for i := range totals {
		t := &totals[i]
		if t.Account != name || t.Currency != s.Currency {
			continue
		}
		if t.Count, t.Value = t.Count+s.Count, t.Value.Plus(s.Value); s.Oldest.Before(t.Oldest) {
			t.Oldest = s.Oldest
		}
		return totals
	}
	return append(totals, OpenTotal{Account: name, Currency: s.Currency, Count: s.Count, Value: s.Value, Oldest: s.Oldest})
}

// OpenSum is what an account has open in a currency, as a store adds it up.
type OpenSum struct {
	Account  ident.Account
	Currency money.Currency
	Count    int64
	Value    money.Sum
	Oldest   time.Time // when the one was received that was received first
	First    int64     // the least seq of them
}

// OpenTally adds open requests up as they come by. The zero value is empty. Its memory grows with the sums, not with the
// requests.
type OpenTally struct {
	sums  []OpenSum
	place map[openKey]int // of a sum
}

type openKey struct {
	account  ident.Account
	currency money.Currency
}

// Add counts a request: Seq, Account, Currency, Amount and At of it. They come in the order of their seqs.
func (t *OpenTally) Add(m *txn.Message) {
	key := openKey{m.Account, m.Currency}
	at, known := t.place[key]
	if !known {
		if t.place == nil {
			t.place = map[openKey]int{}
		}
		at = len(t.sums)
		t.place[key] = at
		t.sums = append(t.sums, OpenSum{Account: m.Account, Currency: m.Currency, Oldest: m.At, First: m.Seq})
	}
	s := &t.sums[at]
	if s.Count, s.Value = s.Count+1, s.Value.Add(m.Amount); m.At.Before(s.Oldest) {
		s.Oldest = m.At
	}
}

// Sums gives what was counted, in the order of First.
func (t *OpenTally) Sums() []OpenSum { return t.sums }
