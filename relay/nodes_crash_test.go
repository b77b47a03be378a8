package relay_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
	"github.com/scripworks/scrip/store/storetest"
)

// Several nodes serve one store, tills send to any of them, the network is bad, nodes are killed and others begin, and
// operators pause and resume the queues.
func TestKillsOfManyNodes(t *testing.T) {
	for name, asks := range map[string]bool{"with reversals": false, "where nothing is taken back": true} {
		for seed := range seeds() / 2 {
			t.Run(fmt.Sprint(name, " seed ", seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newCluster(t, seed, 3)
					s.asks = asks
					s.breaks(0.4)
					defer s.operate(seed)()
					s.run(5, 6)
				})
			})
		}
	}
}

// A node that hangs is taken for dead, and what it had in hand is taken over, while it still works on.
func TestNodesThatAreTakenForDead(t *testing.T) {
	for seed := range seeds() / 2 {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newCluster(t, seed, 3)
				if seed%2 == 0 {
					s.addNetwork(seed)
				}
				s.breaks(0.4)
				defer s.declareDead(seed)()
				s.run(5, 6)
			})
		})
	}
}

// The same on PostgreSQL, in real time.
func TestKillsOfManyNodesOnPostgreSQL(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes its time, which is the real one")
	}
	dsn := pgtest.Shared(t).Database(t)
	open := func() store.Driver {
		d, err := postgres.Open(context.Background(), dsn, postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	s := newSimulation(t, 1)
	s.driver, s.node, s.nodes = open(), open, 3
	defer func() {
		if err := s.driver.Close(); err != nil {
			t.Error(err)
		}
	}()
	s.wait, s.often = 300*time.Millisecond, 200*time.Millisecond
	s.breaks(0.3)
	s.nets[0].slowest = time.Second
	s.deaths = []int{50}
	s.run(6, 8)
	if s.died == 0 {
		t.Error("no node has died")
	}
}

// newCluster makes a simulation with several nodes.
func newCluster(t *testing.T, seed uint64, nodes int) *simulation {
	s := newSimulation(t, seed)
	cluster := storetest.NewCluster(s.driver, nil)
	s.node, s.nodes = func() store.Driver { return cluster.Node() }, nodes
	return s
}

// now and then does something until stop is called.
func nowAndThen(chance *rand.Rand, most time.Duration, do func()) (stop func()) {
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-time.After(time.Duration(chance.Int64N(int64(most)))):
				do()
			case <-over:
				return
			}
		}
	}()
	return func() {
		close(over)
		<-done
	}
}

// operate has operators pause and resume, which all nodes hear of.
func (s *simulation) operate(seed uint64) (stop func()) {
	chance := rand.New(rand.NewPCG(seed, 11))
	return nowAndThen(chance, time.Minute, func() {
		paused := chance.IntN(3) == 0
		for _, i := range s.living() {
			if i != nil {
				i.Pause("up0", paused)
			}
		}
	})
}

// declareDead has the store take nodes for dead, which die only later.
func (s *simulation) declareDead(seed uint64) (stop func()) {
	chance := rand.New(rand.NewPCG(seed, 12))
	return nowAndThen(chance, time.Minute, func() {
		all := s.living()
		i := all[chance.IntN(len(all))]
		if i == nil {
			return
		}
		if err := i.driver.Close(); err != nil {
			s.t.Error(err)
		}
		time.Sleep(time.Duration(chance.Int64N(int64(10 * time.Second))))
		i.kill()
	})
}
