package ledger_test

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
)

var (
	funding  = ledger.AccountOf(ledger.Funding, 3)
	card     = ledger.AccountOf(ledger.Card, 7)
	heir     = ledger.AccountOf(ledger.Card, 9)
	redeemed = ledger.AccountOf(ledger.Redeemed, 3)
)

func entry(message int64, phase ledger.Phase, debit, credit ledger.Account, amount money.Minor) ledger.Entry {
	return ledger.Entry{Message: message, Request: 1, Debit: debit, Credit: credit, Amount: amount, Currency: 710, Phase: phase}
}

func TestPeriods(t *testing.T) {
	for _, c := range []struct{ at, want string }{
		{"1970-01-01T00:00:00Z", "1970-01"}, {"2026-07-31T23:59:59Z", "2026-07"}, {"2026-12-31T23:30:00-01:00", "2027-01"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if got := ledger.PeriodOf(at).String(); err != nil || got != c.want {
			t.Errorf("%s is in %s, want %s", c.at, got, c.want)
		}
	}
}

func TestFold(t *testing.T) {
	const period ledger.Period = 678
	brought := func(debit, credit ledger.Account, amount money.Minor, upto int64) ledger.Brought {
		key := ledger.BroughtKey{World: 2, Period: period, Debit: debit, Credit: credit, Currency: 710}
		return ledger.Brought{BroughtKey: key, Amount: amount, Upto: upto}
	}
	for _, c := range []struct {
		name    string
		entries []ledger.Entry
		want    []ledger.Brought
	}{
		{"nothing", nil, nil},
		{"confirmed", []ledger.Entry{entry(1, ledger.Pending, funding, card, 50), entry(2, ledger.Posted, funding, card, 50)},
			[]ledger.Brought{brought(funding, card, 50, 2)}},
		{"confirmed for less", []ledger.Entry{
			entry(1, ledger.Pending, card, redeemed, 50), entry(4, ledger.Posted, card, redeemed, 30), entry(4, ledger.Released, card, redeemed, 20),
		}, []ledger.Brought{brought(card, redeemed, 30, 4)}},
		{"reversed", []ledger.Entry{entry(1, ledger.Pending, card, redeemed, 50), entry(2, ledger.Released, card, redeemed, 50)}, nil},
		{"followed to the card that took over", []ledger.Entry{
			entry(1, ledger.Pending, funding, card, 50), entry(2, ledger.Posted, funding, card, 50), entry(2, ledger.Direct, card, heir, 50),
		}, []ledger.Brought{brought(funding, card, 50, 2), brought(card, heir, 50, 2)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ledger.Fold(2, period, c.entries)
			if err != nil || len(got) != len(c.want) || len(got) > 0 && !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}

func TestFoldRefuses(t *testing.T) {
	for name, entries := range map[string][]ledger.Entry{
		"what is open":             {entry(1, ledger.Pending, funding, card, 50)},
		"what is ended twice":      {entry(1, ledger.Pending, funding, card, 50), entry(2, ledger.Posted, funding, card, 60)},
		"what cannot be an entry":  {entry(1, ledger.Direct, card, card, 50)},
		"what may not be added up": {entry(1, ledger.Direct, funding, card, 1<<44)},
	} {
		if got, err := ledger.Fold(1, 0, entries); err == nil {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// Whatever is settled, what is brought forward leaves each account with the balance that its entries did.
func TestFoldKeepsBalances(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := money.Minor(rapid.Int64Range(1, 1000).Draw(t, "amount"))
		final := money.Minor(rapid.Int64Range(0, int64(amount)).Draw(t, "final"))
		sides := rapid.SampledFrom([][2]ledger.Account{{funding, card}, {card, redeemed}, {card, heir}}).Draw(t, "sides")
		all := []ledger.Entry{entry(1, ledger.Pending, sides[0], sides[1], amount)}
		if final > 0 {
			all = append(all, entry(2, ledger.Posted, sides[0], sides[1], final))
		}
		if final < amount {
			all = append(all, entry(2, ledger.Released, sides[0], sides[1], amount-final))
		}
		brought, err := ledger.Fold(1, 0, all)
		if err != nil {
			t.Fatal(err)
		}
		var folded []ledger.Entry
		for _, b := range brought {
			folded = append(folded, b.Entry())
		}
		for _, account := range sides {
			if got, want := balance(t, account, folded), balance(t, account, all); got != want {
				t.Errorf("%s has %+v, and had %+v", account, got, want)
			}
		}
	})
}

func balance(t *rapid.T, of ledger.Account, entries []ledger.Entry) (b ledger.Balance) {
	for _, e := range entries {
		var err error
		if e.Debit == of {
			if b, err = b.Debited(e); err != nil {
				t.Fatal(err)
			}
		}
		if e.Credit == of {
			if b, err = b.Credited(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b
}
