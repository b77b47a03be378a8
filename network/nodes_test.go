package network_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/network"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
	"github.com/scripworks/scrip/store/storetest"
)

// two are two processes with the network over one store.
type two struct {
	*testing.T
	nodes [2]*network.Network
}

func newTwo(t *testing.T) *two {
	cluster := storetest.NewCluster(memstore.New(), nil)
	return openTwo(t, func() store.Driver { return cluster.Node() })
}

// everyStore runs a test of two processes on every kind of store that can be shared.
func everyStore(t *testing.T, test func(n *two)) {
	t.Run("in memory", func(t *testing.T) { test(newTwo(t)) })
	t.Run("PostgreSQL", func(t *testing.T) {
		dsn := pgtest.Shared(t).Database(t)
		test(openTwo(t, func() store.Driver {
			driver, err := postgres.Open(context.Background(), dsn, postgres.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return driver
		}))
	})
}

func openTwo(t *testing.T, open func() store.Driver) *two {
	keys, err := secret.Generate()
	if err != nil {
		t.Fatal(err)
	}
	n := &two{T: t}
	for i := range n.nodes {
		driver := open()
		s := store.New(driver, store.Settings{Keys: keys})
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		n.nodes[i], err = network.New(store.Admin(s), driver, keys, newShop(), network.Settings{Shared: true})
		if err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// race has so many callers at each node do something at once.
func (n *two) race(callers int, do func(at *network.Network, caller int)) {
	start := make(chan struct{})
	var all sync.WaitGroup
	for i, at := range n.nodes {
		for c := range callers {
			all.Go(func() { <-start; do(at, 2*c+i) })
		}
	}
	close(start)
	all.Wait()
}

// balance gives what both nodes say that a subscriber has.
func (n *two) balance(number string) money.Minor {
	n.Helper()
	var seen [2]money.Minor
	for i, at := range n.nodes {
		credit, _ := at.Subscriber(n.Context(), world, msisdn(number))
		seen[i] = credit.Balance.Book
	}
	if seen[0] != seen[1] {
		n.Errorf("the nodes see %d and %d", seen[0], seen[1])
	}
	return seen[0]
}

func TestOrdersOfTwoNodesAddUp(t *testing.T) { everyStore(t, ordersAddUp) }

func ordersAddUp(n *two) {
	const callers = 10
	t := n.T
	n.race(callers, func(at *network.Network, caller int) {
		if _, err := at.TopUp(t.Context(), order(fmt.Sprint("o", caller), anna)); err != nil {
			t.Errorf("order %d: %v", caller, err)
		}
	})
	if got := n.balance(anna); got != 2*callers*100_00 {
		t.Errorf("%d orders came to %d", 2*callers, got)
	}
}

func TestAnOrderToTwoNodesIsCreditedOnce(t *testing.T) {
	for range 20 {
		n := newTwo(t)
		n.race(2, func(at *network.Network, _ int) {
			if _, err := at.TopUp(t.Context(), order("o", anna)); err != nil {
				t.Error(err)
			}
		})
		if got := n.balance(anna); got != 100_00 {
			t.Errorf("one order came to %d", got)
		}
	}
}

// An order and its reversal race, and the reversal comes twice. Whatever the order of things, nothing is credited for good,
// and nothing is taken twice.
func TestReversalsOnTwoNodes(t *testing.T) { everyStore(t, reversals) }

func reversals(n *two) {
	t := n.T
	if _, err := n.nodes[0].TopUp(t.Context(), order("before", anna)); err != nil {
		t.Fatal(err)
	}
	for round := range 10 {
		o := order(fmt.Sprint("o", round), anna)
		n.race(2, func(at *network.Network, caller int) {
			if caller == round%2 {
				_, err := at.TopUp(t.Context(), o)
				var no *decline.Error
				if err != nil && !errors.As(err, &no) {
					t.Errorf("top-up: %v", err)
				}
				return
			}
			if err := at.Reverse(t.Context(), named(o)); err != nil {
				t.Errorf("reversal: %v", err)
			}
		})
		if got := n.balance(anna); got != 100_00 {
			t.Errorf("round %d: %d are left", round, got)
		}
		for _, at := range n.nodes {
			if p, err := at.Status(t.Context(), named(o)); err != nil || p.Stage != airtime.Failed {
				t.Errorf("round %d: the order stands as %+v, %v", round, p, err)
			}
		}
	}
}

func TestSpendingOnTwoNodes(t *testing.T) { everyStore(t, spending) }

func spending(n *two) {
	t := n.T
	if _, err := n.nodes[0].TopUp(t.Context(), order("o", anna)); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	spent := 0
	n.race(10, func(at *network.Network, _ int) {
		err := at.Spend(t.Context(), world, msisdn(anna), money.Amount{Minor: 10_00, Currency: rand})
		var no *decline.Error
		switch {
		case err == nil:
			mu.Lock()
			defer mu.Unlock()
			spent++
		case !errors.As(err, &no):
			t.Error(err)
		}
	})
	if spent != 10 || n.balance(anna) != 0 {
		t.Errorf("of ten tenths %d were spent, and %d are left", spent, n.balance(anna))
	}
}

// faster is a store at which another node places an order just before each commit.
type faster struct {
	admin.Store
	place func()
}

func (s faster) Update(ctx context.Context, keys giftcard.Keys, decide func(admin.Tx) error) error {
	s.place()
	return s.Store.Update(ctx, keys, decide)
}

func TestWhoIsNeverFastEnoughGivesUp(t *testing.T) {
	for times, done := range map[int]bool{0: true, 5: true, 1000: false} {
		keys, err := secret.Generate()
		if err != nil {
			t.Fatal(err)
		}
		cluster := storetest.NewCluster(memstore.New(), nil)
		driver := cluster.Node()
		s := store.New(driver, store.Settings{Keys: keys})
		other, err := network.New(store.Admin(s), driver, keys, newShop(), network.Settings{Shared: true})
		if err != nil {
			t.Fatal(err)
		}
		placed := 0
		slow, err := network.New(faster{store.Admin(s), func() {
			if placed < times {
				placed++
				if _, err := other.TopUp(t.Context(), order(fmt.Sprint("other", placed), anna)); err != nil {
					t.Error(err)
				}
			}
		}}, driver, keys, newShop(), network.Settings{Shared: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = slow.TopUp(t.Context(), order("slow", anna))
		if (err == nil) != done {
			t.Errorf("%d were faster: %v", times, err)
		}
		want := money.Minor(placed) * 100_00
		if done {
			want += 100_00
		}
		if credit, _ := slow.Subscriber(t.Context(), world, msisdn(anna)); credit.Balance.Book != want {
			t.Errorf("%d were faster: the balance is %d, want %d", times, credit.Balance.Book, want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
