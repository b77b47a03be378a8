package ledger

import (
	"cmp"
	"fmt"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
)

// Period is a calendar month (UTC): months since January 1970.
type Period int32

// PeriodOf gives the month of an instant.
func PeriodOf(at time.Time) Period {
	at = at.UTC()
	return Period((at.Year()-1970)*12 + int(at.Month()) - 1)
}

// String gives the month as in 2026-07.
func (p Period) String() string {
	return time.Date(1970, time.Month(p)+1, 1, 0, 0, 0, 0, time.UTC).Format("2006-01")
}

// BroughtKey is what an amount that was brought forward is kept by.
type BroughtKey struct {
	World         ident.World
	Period        Period // in which what was folded was settled
	Debit, Credit Account
	Currency      money.Currency
}

// Compare orders keys.
func (k BroughtKey) Compare(o BroughtKey) int {
	return cmp.Or(cmp.Compare(k.Period, o.Period), cmp.Compare(k.Debit, o.Debit), cmp.Compare(k.Credit, o.Credit),
		cmp.Compare(k.Currency, o.Currency), cmp.Compare(k.World, o.World))
}

// Brought is what is left of the entries of messages that were pruned: all that moved from one account to another in a
// period, as one direct entry (docs/decisions/0021).
type Brought struct {
	BroughtKey
	Amount money.Minor // above zero
	Upto   int64       // seq of the newest message whose entries are in it
}

// Entry gives what was brought forward as the entry that it stands for.
func (b Brought) Entry() Entry {
	return Entry{
		Message: b.Upto, Request: b.Upto, Debit: b.Debit, Credit: b.Credit, Amount: b.Amount, Currency: b.Currency, Phase: Direct,
	}
}

// maxFolded bounds the amount of an entry that is folded: a million of them, between the same two accounts in the same
// month, still fit. What is larger is not pruned.
const maxFolded money.Minor = 1 << 43

// Fold gives what the entries of one transaction, all of them, come to. It fails when the transaction is not settled, so
// that its entries are not what direct ones can stand for, or when an amount is too large to be added up.
func Fold(world ident.World, period Period, entries []Entry) (brought []Brought, err error) {
	pending := make([]money.Minor, 0, len(entries)) // of each of brought: neither posted nor released yet
	at := func(e Entry) int {
		key := BroughtKey{world, period, e.Debit, e.Credit, e.Currency}
		for i := range brought {
			if brought[i].BroughtKey == key {
				return i
			}
		}
		brought, pending = append(brought, Brought{BroughtKey: key}), append(pending, 0)
		return len(brought) - 1
	}
	for _, e := range entries {
		if e.Check() != nil || e.Amount > maxFolded {
			return nil, fmt.Errorf("entry %d/%d cannot be folded", e.Message, e.N)
		}
		i := at(e)
		b := &brought[i]
		b.Upto = max(b.Upto, e.Message)
		switch e.Phase {
		case Pending:
			pending[i] += e.Amount
		case Posted:
			pending[i] -= e.Amount
			b.Amount += e.Amount
		case Released:
			pending[i] -= e.Amount
		case Direct:
			b.Amount += e.Amount
		}
	}
	kept := brought[:0]
	for i, b := range brought {
		if pending[i] != 0 {
			return nil, fmt.Errorf("of what moves from %s to %s, %d is not settled", b.Debit, b.Credit, pending[i])
		}
		if b.Amount > 0 {
			kept = append(kept, b)
		}
	}
	return kept, nil
}
