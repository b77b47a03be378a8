package app_test

import (
	"math/rand/v2"
	"net/http"
	"os/exec"
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
	clusterAnswers = 300 // so many come at most before a primary fails, and at least between two failures
	clusterCrashes = 5   // so many rounds of the other crash tests take about as long as one failure
	hangEvery      = 4   // of so many primaries one hangs instead of dying
)

// cluster is a market whose issuer and vendor are several servers on one database, which has a synchronous standby.
type cluster struct {
	*market
	pair  *pgtest.Pair
	dsn   string
	nodes []*process
}

// openCluster starts servers, and brings in what is sold there.
func openCluster(t *testing.T, nodes int) *cluster {
	t.Helper()
	c := &cluster{pair: pgtest.StartPair(t, nil)}
	c.dsn = c.pair.Database(t)
	data := t.TempDir() // which holds the keys alone, of which the first one makes new ones
	for range nodes {
		c.nodes = append(c.nodes, serve(t, data, "--database", c.dsn))
	}
	c.market = &market{
		house:  c.nodes[0].house,
		wishes: []string{"redemptions", "redemptions", "redemptions", "loads", "purchases", "purchases", refusable},
		shelf:  []sale{{product: seen, amount: faceValue}, {product: unseen, amount: faceValue}},
	}
	c.furnish(t)
	c.open(t, func(d *postgres.Driver) { c.opened = newest(t, d) })
	return c
}

// open opens the store beside the servers.
func (c *cluster) open(t *testing.T, visit func(d *postgres.Driver)) {
	t.Helper()
	d, err := postgres.Open(t.Context(), c.dsn, postgres.Options{ReadOnly: true})
	must(t, err)
	visit(d)
	must(t, d.Close())
}

// anyNode sends each message to any of the servers, an advice perhaps to another one than its request.
func (c *cluster) anyNode() (h *house, gone, next <-chan struct{}) {
	p := c.nodes[rand.IntN(len(c.nodes))]
	return p.house, p.exited, nil // none of them comes back
}

// fixed sends each message to one server.
func (p *process) fixed() (h *house, gone, next <-chan struct{}) { return p.house, p.exited, nil }

// While a primary is killed, or hangs, and its standby is promoted, servers stay up and come back by themselves. Whatever
// they have acknowledged is there, and what they left unknown is as its senders ended it.
func TestCrashOfThePrimaryUnderLoad(t *testing.T) {
	workshopOf(t) // which skips in a short run
	random, seed := crashRandom(t)
	c := openCluster(t, clusterNodes)
	c.hire(t, seed, clusterSellers, c.anyNode)
	probes := c.probes(seed)
	for round := range max(fromEnvironment(t, crashRoundsEnv, crashRounds)/clusterCrashes, 1) {
		c.awaitAnswers(t, 1+random.Int64N(clusterAnswers))
		c.failOver(t, probes, round%hangEvery == hangEvery-1)
		c.awaitAnswers(t, clusterAnswers)
		must(t, c.pair.Rejoin(t.Context()))
	}
	for _, s := range probes {
		c.works(t, s) // to end what they have begun
	}
	c.close(t)
	c.agree(t)
	for n, p := range c.nodes {
		if code := p.stop(t); code != 0 {
			t.Errorf("server %d stopped with exit code %d", n, code)
		}
	}
	if out, err := exec.Command(binary(t), "verify", c.dsn).CombinedOutput(); err != nil {
		t.Errorf("scrip verify: %v\n%s", err, out)
	}
}

// probes are sellers of whom each sends to one server, and sells only what he is told.
func (c *cluster) probes(seed uint64) (probes []*seller) {
	for n, w := range workers(seed+1, len(c.nodes)) {
		s := &seller{worker: w, market: c.market, at: c.nodes[n].fixed, account: "rich"}
		c.sellers, probes = append(c.sellers, s), append(probes, s)
	}
	return probes
}

// failOver has the primary die, or hang, and its standby promoted. It tells how long each server was without service.
func (c *cluster) failOver(t *testing.T, probes []*seller, hangs bool) {
	t.Helper()
	began := time.Now()
	if hangs {
		c.pair.Primary.Freeze()
	} else {
		c.pair.Primary.Kill()
	}
	must(t, c.pair.FailOver(t.Context()))
	promoted := time.Since(began).Round(time.Millisecond)
	for n, s := range probes {
		s.redeems(t)
		t.Logf("hangs %t: promoted after %s; server %d serves again after %s", hangs, promoted, n, time.Since(began).Round(time.Millisecond))
	}
	if hangs { // whoever promotes another one sees to it that the old one does not come back
		c.pair.Standby.Kill()
	}
}

// redeems asks for redemptions until one is approved.
func (s *seller) redeems(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		d := s.begin(t, "redemptions")
		if s.ask(t, d); d.approved() {
			return
		}
		if time.Now().After(deadline) || t.Failed() {
			t.Fatalf("no redemption is approved: %s", d)
		}
	}
}

// agree asks that the store tells of each deal what its seller knows, that a purchase that stands is told as it was at
// first, and that cards, vouchers and floats have what follows from that.
func (c *cluster) agree(t *testing.T) {
	t.Helper()
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
