package app_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// turnKeys has the command change the servers' keyset: prepare, or rotate.
func (c *cluster) turnKeys(t *testing.T, how string) {
	t.Helper()
	if out, err := exec.Command(binary(t), "keys", how, c.keys()).CombinedOutput(); err != nil {
		t.Fatalf("scrip keys %s: %v\n%s", how, err, out)
	}
}

func (c *cluster) keys() string { return filepath.Join(c.data, "keys.json") }

// roll stops each server and starts another one in its place.
func (c *cluster) roll(t *testing.T) {
	t.Helper()
	for _, old := range slices.Clone(c.nodes) {
		c.awaitAnswers(t, nodeAnswers/3)
		c.add(t)
		c.leaves(t, old)
	}
}

// refusesToStart expects that a server does not start with the keyset as it is, and says why.
func (c *cluster) refusesToStart(t *testing.T, why string) {
	t.Helper()
	p := prepare(t, c.data, c.flags...)
	p.spawn(t)
	if code := p.exitCode(t); code == 0 || !strings.Contains(p.log.String(), why) {
		t.Errorf("the server ended with %d, and does not say %q\n%s", code, why, p.log)
	}
}

// New keys come in under load, one server after the other, and no message fails. They are not used while a server does not hold
// them, and whoever does not hold them does not start any more.
func TestNewKeysComeInServerByServer(t *testing.T) {
	workshopOf(t) // which skips in a short run
	_, seed := crashRandom(t)
	c := openCluster(t, pgtest.Shared(t).Database(t), clusterNodes, "--drain-delay", nodeDrain.String())
	first, err := os.ReadFile(c.keys())
	must(t, err)
	b := &balancer{cluster: c, ready: slices.Clone(c.nodes)}
	go b.look(t)
	c.hire(t, seed, clusterSellers, b.at)

	c.turnKeys(t, "rotate")
	c.refusesToStart(t, "do not hold the key")
	must(t, os.WriteFile(c.keys(), first, 0o600))
	c.roll(t) // which that attempt has not kept from coming back

	c.turnKeys(t, "prepare")
	c.roll(t)
	prepared, err := os.ReadFile(c.keys())
	must(t, err)
	c.turnKeys(t, "rotate")
	rotated, err := os.ReadFile(c.keys())
	must(t, err)
	c.add(t)
	must(t, os.WriteFile(c.keys(), first, 0o600))
	c.refusesToStart(t, "older than the last rotation")
	must(t, os.WriteFile(c.keys(), prepared, 0o600))
	c.add(t) // one that has died meanwhile comes back as it was
	must(t, os.WriteFile(c.keys(), rotated, 0o600))
	c.roll(t)
	c.awaitAnswers(t, nodeAnswers)
	c.close(t)
	c.failedNothing(t)
	c.agree(t)
}
