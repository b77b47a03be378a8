package ledger_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
)

func TestAccountKeepsClassAndOwner(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		class := ledger.Class(rapid.IntRange(1, 7).Draw(t, "class"))
		owner := rapid.Int64Range(0, 1<<58).Draw(t, "owner")
		a := ledger.AccountOf(class, owner)
		if a.Class() != class || a.Owner() != owner {
			t.Fatalf("%d/%d came back as %s", class, owner, a)
		}
	})
}

// A plain model: what is on the card, what waits to come in. Pending, posted and released entries in any
// allowed order must always add up to it.
func TestBalancesAgreeWithAPlainModel(t *testing.T) {
	type open struct {
		in     bool
		amount money.Minor
	}
	rapid.Check(t, func(t *rapid.T) {
		var spendable, incoming money.Minor
		var waiting []open
		var balance ledger.Balance
		card, other := ledger.AccountOf(ledger.Card, 1), ledger.AccountOf(ledger.Funding, 1)
		enter := func(in bool, phase ledger.Phase, amount money.Minor) {
			e := ledger.Entry{Debit: other, Credit: card, Amount: amount, Phase: phase}
			apply := balance.Credited
			if !in {
				e.Debit, e.Credit = card, ledger.AccountOf(ledger.Redeemed, 1)
				apply = balance.Debited
			}
			if err := e.Check(); err != nil {
				t.Fatal(err)
			}
			after, err := apply(e)
			if err != nil {
				t.Fatal(err)
			}
			balance = after
		}
		t.Repeat(map[string]func(*rapid.T){
			"load": func(t *rapid.T) {
				amount := money.Minor(rapid.Int64Range(1, 1000).Draw(t, "amount"))
				enter(true, ledger.Pending, amount)
				waiting, incoming = append(waiting, open{true, amount}), incoming+amount
			},
			"redeem": func(t *rapid.T) {
				if spendable == 0 {
					t.Skip("nothing to spend")
				}
				amount := money.Minor(rapid.Int64Range(1, int64(spendable)).Draw(t, "amount"))
				enter(false, ledger.Pending, amount)
				waiting, spendable = append(waiting, open{false, amount}), spendable-amount
			},
			"end": func(t *rapid.T) {
				if len(waiting) == 0 {
					t.Skip("nothing is open")
				}
				at := rapid.IntRange(0, len(waiting)-1).Draw(t, "which")
				o := waiting[at]
				waiting = append(waiting[:at], waiting[at+1:]...)
				final := money.Minor(rapid.Int64Range(0, int64(o.amount)).Draw(t, "final"))
				if final > 0 {
					enter(o.in, ledger.Posted, final)
				}
				if final < o.amount {
					enter(o.in, ledger.Released, o.amount-final)
				}
				if o.in {
					incoming, spendable = incoming-o.amount, spendable+final
				} else {
					spendable += o.amount - final
				}
			},
			"": func(t *rapid.T) {
				want := ledger.Balance{Book: spendable + incoming, Available: spendable}
				if balance != want {
					t.Fatalf("balance %+v, want %+v", balance, want)
				}
				if err := balance.Check(); err != nil {
					t.Fatal(err)
				}
			},
		})
	})
}

func TestOverflowIsRefused(t *testing.T) {
	full := ledger.Balance{Book: 1<<63 - 1, Available: 0}
	if _, err := full.Credited(ledger.Entry{Amount: 1, Phase: ledger.Pending}); err == nil {
		t.Error("a book balance wrapped around")
	}
}
