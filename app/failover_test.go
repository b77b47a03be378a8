package app_test

import (
	"os/exec"
	"testing"
	"time"

	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// Bounds of the tests of a primary that fails.
const (
	clusterAnswers = 300 // so many come at most before a primary fails, and at least between two failures
	clusterCrashes = 5   // so many rounds of the other crash tests take about as long as one failure
	hangEvery      = 4   // of so many primaries one hangs instead of dying
)

// openPair starts servers on a database that has a synchronous standby.
func openPair(t *testing.T, nodes int) (*cluster, *pgtest.Pair) {
	t.Helper()
	pair := pgtest.StartPair(t, nil)
	return openCluster(t, pair.Database(t), nodes), pair
}

// fixed sends each message to one server.
func (p *process) fixed() (h *house, gone, next <-chan struct{}) { return p.house, p.exited, nil }

// While a primary is killed, or hangs, and its standby is promoted, servers stay up and come back by themselves. Whatever
// they have acknowledged is there, and what they left unknown is as its senders ended it.
func TestCrashOfThePrimaryUnderLoad(t *testing.T) {
	besideOthers(t)
	random, seed := crashRandom(t)
	c, pair := openPair(t, clusterNodes)
	c.hire(t, seed, clusterSellers, c.anyNode)
	probes := c.probes(seed)
	for round := range max(fromEnvironment(t, crashRoundsEnv, crashRounds)/clusterCrashes, 1) {
		c.awaitAnswers(t, 1+random.Int64N(clusterAnswers))
		c.failOver(t, pair, probes, round%hangEvery == hangEvery-1)
		c.awaitAnswers(t, clusterAnswers)
		must(t, pair.Rejoin(t.Context()))
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
func (c *cluster) failOver(t *testing.T, pair *pgtest.Pair, probes []*seller, hangs bool) {
	t.Helper()
	began := time.Now()
	if hangs {
		pair.Primary.Freeze()
	} else {
		pair.Primary.Kill()
	}
	must(t, pair.FailOver(t.Context()))
	promoted := time.Since(began).Round(time.Millisecond)
	for n, s := range probes {
		s.redeems(t)
		t.Logf("hangs %t: promoted after %s; server %d serves again after %s", hangs, promoted, n, time.Since(began).Round(time.Millisecond))
	}
	if hangs { // whoever promotes another one sees to it that the old one does not come back
		pair.Standby.Kill()
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
