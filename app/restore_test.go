package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// Restored to an instant, a database is the store that everybody knew then. What came later is not there: a request of
// then is new when it is repeated, and one that is reversed never takes place (docs/operations.md, "What a restore takes
// back").
func TestRestoreToAnInstant(t *testing.T) {
	workshopOf(t) // which skips in a short run
	_, seed := crashRandom(t)
	server := pgtest.Start(t, pgtest.Archiving())
	c := openCluster(t, server.Database(t), clusterNodes)
	c.hire(t, seed, clusterSellers, c.anyNode)
	c.awaitAnswers(t, clusterAnswers)
	backup, err := server.BaseBackup(t.Context()) // in the midst of it
	must(t, err)
	c.awaitAnswers(t, clusterAnswers)
	c.close(t)
	at, err := server.Instant(t.Context())
	must(t, err)
	later := redeemLater(t, c.tills["rich"], c.cards[0])
	_, err = server.Instant(t.Context()) // has the archive reach to here
	must(t, err)

	restored := pgtest.StartRestored(t, server, backup, at)
	server.Kill() // so that nothing can be asked of it any more
	c.moveTo(t, restored)
	c.agree(t)
	l := c.tills["rich"]
	l.reverse("redemptions", later[0], newID()).must(t, http.StatusNotFound, "UNABLE_TO_LOCATE_RECORD")
	l.ask("redemptions", later[0], c.cards[0], 1).must(t, http.StatusBadRequest, "GENERAL_ERROR")
	for _, id := range later[1:] {
		l.ask("redemptions", id, c.cards[0], 1).must(t, http.StatusCreated, "")
		l.ask("redemptions", id, c.cards[0], 1).must(t, http.StatusBadRequest, "DUPLICATE_RECORD")
	}
}

// redeemLater makes redemptions that a restore is to take back, and gives their ids.
func redeemLater(t *testing.T, l *till, from card) (ids []string) {
	t.Helper()
	for range 5 {
		id := newID()
		l.ask("redemptions", id, from, 1).must(t, http.StatusCreated, "")
		ids = append(ids, id)
	}
	return ids
}

// moveTo starts servers on the same database as another server of PostgreSQL has it, with the same keys, in place of those
// that there are.
func (c *cluster) moveTo(t *testing.T, server *pgtest.Server) {
	t.Helper()
	address, err := url.Parse(c.dsn)
	must(t, err)
	for _, p := range c.nodes {
		p.kill()
	}
	c.nodes, c.dsn = nil, server.DSN(strings.TrimPrefix(address.Path, "/"))
	c.flags = []string{"--database", c.dsn}
	for range clusterNodes {
		c.add(t)
	}
}
