package network_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/network"
)

// The model says in a few words what the network should do: it knows no store, no lock and no hash.
type model struct {
	orders   map[ident.ID]*modelOrder
	balances map[string]money.Minor
}

type modelOrder struct {
	what   string // number and amount; empty when it was taken back before it came
	number string
	amount money.Minor
	state  string // credited, kept, or why nothing is credited
}

const (
	most       = 150
	unservable = "27830000000" // of a network that is not set up
)

func (m *model) topUp(id ident.ID, number string, amount money.Minor) string {
	what := fmt.Sprint(number, "/", amount)
	o := m.orders[id]
	if o == nil {
		o = &modelOrder{what: what, number: number, amount: amount, state: "credited"}
		switch {
		case number == unservable:
			o.state = string(decline.InvalidMSISDN)
		case m.balances[number]+amount > most:
			o.state = string(decline.LimitExceeded)
		default:
			m.balances[number] += amount
		}
		m.orders[id] = o
	}
	switch {
	case o.what != "" && o.what != what:
		return "other"
	case o.state == "credited" || o.state == "kept":
		return ""
	}
	return o.state
}

func (m *model) reverse(id ident.ID) string {
	switch o := m.orders[id]; {
	case o == nil:
		m.orders[id] = &modelOrder{state: string(decline.DeclinedByMNO)}
	case o.state == "kept" || o.state == "credited" && m.balances[o.number] < o.amount:
		o.state = "kept"
		return string(decline.TransactionNotSupported)
	case o.state == "credited":
		o.state = string(decline.DeclinedByMNO)
		m.balances[o.number] -= o.amount
	}
	return ""
}

func (m *model) status(id ident.ID) airtime.Stage {
	switch o := m.orders[id]; {
	case o == nil:
		return airtime.NeverReceived
	case o.state == "credited" || o.state == "kept":
		return airtime.Done
	}
	return airtime.Failed
}

// said puts an error into the model's words.
func said(err error) string {
	var no *decline.Error
	switch {
	case err == nil:
		return ""
	case errors.Is(err, network.ErrOtherOrder):
		return "other"
	case errors.As(err, &no):
		return string(no.Reason)
	}
	return err.Error()
}

// Random sequences of few orders for few subscribers, so that they meet, with restarts in between.
func TestTheNetworkDoesWhatTheModelDoes(t *testing.T) {
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		h := inMemory(t, network.Settings{MaxBalance: most, Networks: []string{"one"}})
		m := &model{orders: map[ident.ID]*modelOrder{}, balances: map[string]money.Minor{}}
		number := rapid.SampledFrom([]string{anna, ben, unservable})
		id := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
		amount := rapid.SampledFrom([]money.Minor{60, 100, 100, 100})
		ctx := context.Background()
		check := func(what string, got, want any) {
			seen[fmt.Sprint(what, " ", want)]++
			if got != want {
				rt.Fatalf("%s: got %v, want %v", what, got, want)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) {
				for _, n := range []string{anna, ben, unservable} {
					if got := h.balance(n); got != m.balances[n] {
						rt.Fatalf("%s has %d, want %d", n, got, m.balances[n])
					}
				}
			},
			"top up": func(t *rapid.T) {
				o := order(id.Draw(t, "id"), number.Draw(t, "number"))
				o.Amount.Minor = amount.Draw(t, "amount")
				_, err := h.TopUp(ctx, o)
				check("top-up", said(err), m.topUp(o.ID, o.Recipient.Reveal(), o.Amount.Minor))
			},
			"reverse": func(t *rapid.T) {
				o := order(id.Draw(t, "id"), anna)
				check("reversal", said(h.Reverse(ctx, named(o))), m.reverse(o.ID))
			},
			"status": func(t *rapid.T) {
				o := order(id.Draw(t, "id"), anna)
				progress, err := h.Status(ctx, named(o))
				check("status", progress.Stage, m.status(o.ID))
				check("status", said(err), "")
			},
			"spend": func(t *rapid.T) {
				who, spent := number.Draw(t, "number"), amount.Draw(t, "amount")/2
				want := string(decline.InsufficientFunds)
				if m.balances[who] >= spent {
					want, m.balances[who] = "", m.balances[who]-spent
				}
				check("spending", said(h.Spend(ctx, world, msisdn(who), money.Amount{Minor: spent, Currency: rand})), want)
			},
			"restart": func(*rapid.T) { h.restart() },
		})
	})
	t.Log(seen)
	if testing.Short() {
		return // too few sequences to have met everything
	}
	for _, must := range []string{
		"top-up ", "top-up other", "top-up LIMIT_EXCEEDED", "top-up INVALID_MSISDN", "top-up DECLINED_BY_MNO",
		"reversal ", "reversal TRANSACTION_NOT_SUPPORTED", "status 2", "status 3", "status 4", "spending ", "spending INSUFFICIENT_FUNDS",
	} {
		if seen[must] == 0 {
			t.Errorf("it never came to %q", must)
		}
	}
}
