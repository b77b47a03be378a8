package airtime_test

import (
	"context"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"testing"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// atOnce runs what is given from a common start, and counts the answers.
func atOnce(tasks ...func() string) map[string]int {
	var mu sync.Mutex
	var all sync.WaitGroup
	got, start := map[string]int{}, make(chan struct{})
	for _, task := range tasks {
		all.Go(func() {
			<-start
			answer := task()
			mu.Lock()
			defer mu.Unlock()
			got[answer]++
		})
	}
	close(start)
	all.Wait()
	return got
}

// rounds is how often a race is run.
func rounds(full int) int {
	if testing.Short() {
		return full / 10
	}
	return full
}

// Many tills buy from a stock that is too small: each voucher is sold once, all are sold, and the rest hear of it.
func TestNoVoucherIsSoldTwice(t *testing.T) {
	const stock, tills = 200, 16
	s := newShop(t, airtimetest.Settings{})
	s.deliver(s.voucher, stock/2)
	s.deliver(s.voucher, stock/2)
	var mu sync.Mutex
	sold, answers := map[string]int{}, map[string]int{}
	var all sync.WaitGroup
	for till := range tills {
		all.Go(func() {
			for n := range stock/tills + 5 {
				response, err := s.Request(context.Background(), s.purchase(fmt.Sprintf("%d-%d", till, n), s.voucher))
				mu.Lock()
				answers[word(err)]++
				if err == nil {
					sold[response.Voucher.Serial]++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(sold) != stock || answers[good] != stock || answers["OUT_OF_STOCK"] != tills*(stock/tills+5)-stock {
		t.Errorf("%d vouchers; %v", len(sold), answers)
	}
	for serial, times := range sold {
		if times != 1 {
			t.Errorf("%s was sold %d times", serial, times)
		}
	}
	s.booksAreRight()
}

func TestAFloatIsNotOverdrawn(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	s.deliver(s.voucher, 50)
	s.prepaid(900*7 + 899)
	var tasks []func() string
	for n := range 20 {
		tasks = append(tasks, func() string { return s.buy(s.purchase(fmt.Sprint(n), s.voucher)) })
	}
	if got := atOnce(tasks...); got[good] != 7 || got["INSUFFICIENT_FUNDS"] != 13 {
		t.Errorf("%v", got)
	}
	s.wants("the float", s.float(), "book 899 available 899")
	s.booksAreRight()
}

func TestOneIDIsAnsweredOnce(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	s.deliver(s.voucher, 1000)
	for n := range rounds(200) {
		id := fmt.Sprint(n)
		for _, p := range []*airtime.Product{s.voucher, s.topUp} {
			id := p.ID + id
			buy := func() string { return s.buy(s.purchase(id, p)) }
			if got := atOnce(buy, buy, buy); got[good] != 1 || got["DUPLICATE_RECORD"] != 2 {
				t.Fatalf("%s: %v", id, got)
			}
		}
		s.credits("topup"+id, 1)
	}
	s.booksAreRight()
}

// A reversal that races its purchase either undoes it or declines it, and nothing is left of either.
func TestReversalThatRacesItsPurchase(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	s.deliver(s.voucher, 2000)
	s.prepaid(10_000)
	for n := range rounds(300) {
		for _, p := range []*airtime.Product{s.voucher, s.topUp} {
			id := fmt.Sprint(p.ID, n)
			got := fmt.Sprint(atOnce(
				func() string { return s.buy(s.purchase(id, p)) },
				func() string { return s.reverse(id) },
			))
			switch got {
			case "map[good:2]": // applied, and reversed
			case "map[ACCOUNT_ALREADY_SETTLED:1 UNABLE_TO_LOCATE_RECORD:1]": // remembered, and declined as late
			default:
				t.Fatalf("%s: %s", id, got)
			}
			if s.Provider.Credited(ident.ID(id)) != 0 {
				t.Fatalf("%s stayed credited", id)
			}
		}
	}
	s.wants("the float", s.float(), untouched)
	s.booksAreRight()
}

// Of a confirmation and reversals at once one kind wins, and provider, stock and float follow it.
func TestOneEndingWins(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	s.deliver(s.voucher, 2000)
	for n := range rounds(200) {
		for _, p := range []*airtime.Product{s.voucher, s.topUp} {
			id := fmt.Sprint(p.ID, n)
			s.bought(s.purchase(id, p))
			end := func(role txn.Role, suffix string) func() string {
				return func() string { return advised(s.Advise(context.Background(), s.advice(role, id+suffix, id))) }
			}
			got := atOnce(end(txn.Confirmation, "-k"), end(txn.Confirmation, "-l"), end(txn.Reversal, "-w"), end(txn.Reversal, "-x"))
			if got[good] != 2 || got["ACCOUNT_ALREADY_SETTLED"] != 2 {
				t.Fatalf("%s: %v", id, got)
			}
			reversed := s.state(id).State == txn.Reversed
			if credited := s.Provider.Credited(ident.ID(id)); p.TopUp && (credited == 0) != reversed {
				t.Fatalf("%s is credited %d times", id, credited)
			}
		}
	}
	s.booksAreRight()
}

// Top-ups that were left open are resolved, reversed, confirmed, settled and asked for all at once. Each ends once.
func TestEverybodyResolvesAtOnce(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	s.prepaid(1_000_000)
	s.Provider.Behave(airtimetest.Breaks, 0)
	random := mathrand.New(mathrand.NewPCG(1, 2))
	for n := range rounds(200) {
		s.Provider.Able(airtime.Capabilities{Status: random.IntN(3) > 0, Reverses: random.IntN(3) > 0})
		id, noted := fmt.Sprint(n), 0
		s.wants("the purchase", s.buy(s.purchase(id, s.topUp)), unknown)
		if random.IntN(2) == 0 {
			s.Advance(longAfter)
		}
		got := atOnce(
			func() string { return s.confirm(id) },
			func() string { return s.reverse(id) },
			func() string { return advised(s.Advise(context.Background(), s.advice(txn.Reversal, id+"-x", id))) },
			func() string { s.resolve(); return "swept" },
			func() string { return s.status(id) },
			func() string {
				if n%2 == 0 {
					return "not settled"
				}
				return s.settle(txn.Confirmation, id, &noted)
			},
		)
		m := s.state(id)
		credited := s.Provider.Credited(ident.ID(id))
		stands := m.State == txn.Open || m.State == txn.Confirmed || m.State == txn.Working
		if (credited == 1) != stands || s.Provider.Asked(ident.ID(id)) != 1 {
			t.Fatalf("round %d: %s, credited %d times, asked %d times; %v", n, m.State, credited, s.Provider.Asked(ident.ID(id)), got)
		}
	}
	s.booksAreRight()
}

// longAfter is when an order that is unknown to its provider counts as never received.
const longAfter = 2*airtime.DefaultProviderTimeout + 1

// Tills that share an account buy, confirm and reverse as they like: what they were told adds up to what the float has.
func TestManyTillsShareAFloat(t *testing.T) {
	const start = 1_000_000
	s := newShop(t, airtimetest.Settings{})
	s.deliver(s.voucher, 3000)
	s.prepaid(start)
	var mu sync.Mutex
	var spent money.Minor
	var all sync.WaitGroup
	for till := range 8 {
		all.Go(func() {
			random := mathrand.New(mathrand.NewPCG(3, uint64(till)))
			for n := range rounds(100) {
				p, price := s.voucher, money.Minor(900)
				if random.IntN(2) == 0 {
					p, price = s.topUp, 975
				}
				id := fmt.Sprintf("%d-%d", till, n)
				answer := s.buy(s.purchase(id, p))
				switch end := random.IntN(3); {
				case answer != good:
					s.t.Errorf("%s: %s", id, answer)
				case end == 0:
					s.wants(id, s.confirm(id), good)
				case end == 1:
					s.wants(id, s.reverse(id), good)
					price = 0
				}
				mu.Lock()
				spent += price
				mu.Unlock()
			}
		})
	}
	all.Wait()
	left := start - spent
	s.wants("the float", s.float(), fmt.Sprintf("book %d available %d", left, left))
	s.booksAreRight()
}
