package app_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/invariant"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
	"github.com/scripworks/scrip/txn"
)

// Bounds of the tests of several servers on one database.
const (
	clusterNodes   = 2
	clusterSellers = 12
	nodeAnswers    = 150                   // so many come between two deaths, or two restarts
	nodeDrain      = time.Second           // how long a server that stops goes on serving
	lookEvery      = 20 * time.Millisecond // how often a balancer asks who is ready
	nodeCrashes    = 3                     // so many rounds of the other crash tests take about as long as one death
)

// cluster is a market whose issuer and vendor are several servers on one database.
type cluster struct {
	*market
	dsn   string
	data  string // a directory with the keys
	flags []string

	mu    sync.Mutex
	nodes []*process
}

// startCluster starts servers on a database, of whom each knows the accounts that furnish makes.
func startCluster(t *testing.T, dsn string, nodes int, flags []string, furnish func(c *cluster)) *cluster {
	t.Helper()
	c := &cluster{dsn: dsn, data: t.TempDir(), flags: append([]string{"--database", dsn}, flags...)} // the first one makes new keys
	for range nodes {
		c.add(t)
	}
	c.market = &market{house: c.nodes[0].house}
	furnish(c)
	for _, p := range c.nodes {
		c.awaitKnown(t, p)
	}
	return c
}

// openCluster starts servers on a database, and brings in what is sold there.
func openCluster(t *testing.T, dsn string, nodes int, flags ...string) *cluster {
	t.Helper()
	c := startCluster(t, dsn, nodes, flags, func(c *cluster) { c.furnish(t) })
	c.wishes = []string{"redemptions", "redemptions", "redemptions", "loads", "purchases", "purchases", refusable}
	c.shelf = []sale{{product: seen, amount: faceValue}, {product: unseen, amount: faceValue}}
	c.curious = true
	c.open(t, func(d *postgres.Driver) { c.opened = newest(t, d) })
	return c
}

// awaitKnown waits until a server knows the accounts that were made at another one.
func (c *cluster) awaitKnown(t *testing.T, p *process) {
	t.Helper()
	for _, l := range c.tills {
		for deadline := time.Now().Add(patience); p.at(l).status(newID()).status == http.StatusUnauthorized; time.Sleep(lookEvery) {
			if time.Now().After(deadline) {
				t.Fatal("an account is not known everywhere")
			}
		}
	}
}

// add starts one more server.
func (c *cluster) add(t *testing.T) {
	t.Helper()
	p := serve(t, c.data, c.flags...)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes = append(c.nodes, p)
}

// remove takes a server out, which nobody sends to any more.
func (c *cluster) remove(p *process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes = slices.DeleteFunc(c.nodes, func(q *process) bool { return p == q })
}

// dies has a server end as in a power cut, and forgets it.
func (c *cluster) dies(p *process) {
	p.kill()
	c.remove(p)
}

// open opens the store beside the servers.
func (c *cluster) open(t *testing.T, visit func(d *postgres.Driver)) {
	t.Helper()
	d, err := postgres.Open(t.Context(), c.dsn, postgres.Options{ReadOnly: true})
	must(t, err)
	visit(d)
	must(t, d.Close())
}

// atOnce is when another server is there for one that has died.
var atOnce = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// anyNode sends each message to any of the servers, an advice perhaps to another one than its request.
func (c *cluster) anyNode() (h *house, gone, next <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.nodes[rand.IntN(len(c.nodes))]
	return p.house, p.exited, atOnce
}

// balancer sends messages only to servers that say that they are ready.
type balancer struct {
	*cluster
	ready []*process // at the last look; guarded by the cluster's mu
}

// look asks all servers, again and again, until the test has ended.
func (b *balancer) look(t *testing.T) {
	for tick := time.Tick(lookEvery); t.Context().Err() == nil; <-tick {
		b.mu.Lock()
		all := slices.Clone(b.nodes)
		b.mu.Unlock()
		all = slices.DeleteFunc(all, func(p *process) bool { return !p.isReady() })
		b.mu.Lock()
		b.ready = all
		b.mu.Unlock()
	}
}

// isReady asks a server as a balancer does.
func (p *process) isReady() bool {
	response, err := p.client.Get(p.operators + "/readyz")
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// at sends a message to any server that was ready at the last look.
func (b *balancer) at() (h *house, gone, next <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.ready[rand.IntN(len(b.ready))]
	return p.house, p.exited, atOnce
}

// Servers that are replaced one after the other, under load, fail no message of clients that follow /readyz.
func TestARollingRestartFailsNothing(t *testing.T) {
	workshopOf(t) // which skips in a short run
	_, seed := crashRandom(t)
	c := openCluster(t, pgtest.Shared(t).Database(t), clusterNodes, "--drain-delay", nodeDrain.String())
	b := &balancer{cluster: c, ready: slices.Clone(c.nodes)}
	go b.look(t)
	c.hire(t, seed, clusterSellers, b.at)
	for _, old := range slices.Clone(c.nodes) {
		c.awaitAnswers(t, nodeAnswers)
		c.add(t)
		c.leaves(t, old)
	}
	c.awaitAnswers(t, nodeAnswers)
	c.close(t)
	c.failedNothing(t)
	c.agree(t)
}

// Servers are killed at any instant, and others come in their place. What was acknowledged by one of them is known to all,
// what was left unknown is as its sender ended it, and nothing is spent or sold twice.
func TestCrashOfNodesUnderLoad(t *testing.T) {
	besideOthers(t)
	for _, nodes := range []int{clusterNodes, clusterNodes + 1} {
		t.Run(fmt.Sprintf("%d servers", nodes), func(t *testing.T) {
			t.Parallel()
			crashNodes(t, nodes)
		})
	}
}

func crashNodes(t *testing.T, nodes int) {
	random, seed := crashRandom(t)
	c := openCluster(t, pgtest.Shared(t).Database(t), nodes)
	c.hire(t, seed, clusterSellers, c.anyNode)
	for range max(fromEnvironment(t, crashRoundsEnv, crashRounds)/nodeCrashes, 1) {
		c.awaitAnswers(t, 1+random.Int64N(nodeAnswers))
		c.dies(c.nodes[random.IntN(len(c.nodes))])
		c.add(t)
	}
	c.awaitAnswers(t, nodeAnswers)
	c.close(t)
	c.agree(t)
}

// agree asks that the store tells of each deal what its seller knows, that a purchase that stands is told as it was at
// first, and that cards, vouchers and floats have what follows from that.
func (c *cluster) agree(t *testing.T) {
	t.Helper()
	c.house = c.nodes[0].house // the first one may be gone
	for name, l := range c.tills {
		c.tills[name] = c.house.at(l)
	}
	c.open(t, func(d *postgres.Driver) {
		states := c.compare(t, []books{booksOf(messagesOf(t, d), c.opened)})
		for _, state := range []txn.State{txn.Open, txn.Confirmed, txn.Reversed} {
			if states[state] == 0 {
				t.Errorf("nothing was %s in the end, so nothing was proved of that", state)
			}
		}
		report, err := invariant.Check(t.Context(), d)
		must(t, err)
		for _, fault := range report.Faults {
			t.Error(fault)
		}
	})
	c.countCards(t)
	c.countAirtime(t)
	for _, s := range c.sellers {
		for _, d := range s.made {
			if d.product != "" && d.stands() {
				told := c.nodes[1].at(c.tills[d.account]).status(d.id).must(t, http.StatusOK, "")
				if serial, pin := told.voucherSold(); serial == "" || !sameVoucher(d.answer, serial, pin) {
					t.Errorf("%s: it was answered %v, and its status is %v", d, d.answer, told)
				}
			}
		}
	}
}

func sameVoucher(a answer, serial, pin string) bool {
	firstSerial, firstPIN := a.voucherSold()
	return serial == firstSerial && pin == firstPIN
}
