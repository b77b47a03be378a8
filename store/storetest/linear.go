package storetest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/store"
)

// operation is what a caller did to a card: added to its balance, or looked at it when add is 0.
type operation struct {
	card int64
	add  money.Minor
}

// registers is the law: a card's balance is the sum of what was added, and everybody sees it in one order.
var registers = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byCard := map[int64][]porcupine.Operation{}
		for _, o := range history {
			card := o.Input.(operation).card
			byCard[card] = append(byCard[card], o)
		}
		return ordered(byCard)
	},
	Init: func() any { return money.Minor(0) },
	Step: func(state, input, output any) (bool, any) {
		after := state.(money.Minor) + input.(operation).add
		return output.(money.Minor) == after, after
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %d", input, output) },
}

// testLinear lets callers meet on two cards and asks whether some order explains all that they saw.
func testLinear(t *testing.T, h *harness) {
	const callers, operations, cards = 8, 60, 2
	r := h.start(t)
	r.add(newCard(1), newCard(2))
	began := time.Now()
	var mu sync.Mutex
	var history []porcupine.Operation
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(caller), 1))
			for range operations {
				o := operation{card: 1 + random.Int64N(cards), add: money.Minor(random.IntN(3))}
				call := time.Since(began)
				seen := r.operate(o)
				mu.Lock()
				history = append(history, porcupine.Operation{
					ClientId: caller, Input: o, Output: seen, Call: int64(call), Return: int64(time.Since(began)),
				})
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(history) != callers*operations {
		t.Fatalf("%d operations", len(history))
	}
	if verdict := porcupine.CheckOperationsTimeout(registers, history, 30*time.Second); verdict != porcupine.Ok {
		t.Errorf("no order explains what was seen: %s", verdict)
	}
}

func (r *room) operate(o operation) (seen money.Minor) {
	if o.add == 0 {
		r.read(func(tx *store.Tx) { seen = tx.Card(o.card).Balance.Book })
		return seen
	}
	r.do(func(tx *store.Tx) {
		c := tx.Card(o.card)
		c.Balance = ledger.Balance{Book: c.Balance.Book + o.add, Available: 0}
		tx.PutCard(c)
		seen = c.Balance.Book
	})
	return seen
}
