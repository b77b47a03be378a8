package app_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// Migrations of releases to come, as they must be: they add, each takes a lock of a table that is in use for a moment alone, and
// an index is built beside the messages. What has to go is taken away once no release serves that needs it. All of these releases
// have the code of this one, so what goes is what no code knows.
var (
	additive = map[string]string{
		"00002_further.sql": `-- +goose Up
ALTER TABLE message ADD COLUMN further text NOT NULL DEFAULT 'nothing';
ALTER TABLE card ADD COLUMN further bigint;
CREATE TABLE further (message bigint PRIMARY KEY, told text NOT NULL);
`,
		"00003_further_found.sql": `-- +goose NO TRANSACTION
-- +goose Up
SET lock_timeout = 0;
DROP INDEX IF EXISTS message_further;
CREATE INDEX CONCURRENTLY message_further ON message (further) WHERE further <> 'nothing';
`,
	}
	contracting = map[string]string{
		"00004_less.sql": `-- +goose Up
DROP INDEX message_further;
ALTER TABLE card DROP COLUMN further;
UPDATE serving SET oldest = 3;
`,
	}
)

// release builds the command with further migrations, and gives its path.
func release(t *testing.T, name string, further ...map[string]string) string {
	t.Helper()
	dir, path := t.TempDir(), filepath.Join(workshopOf(t), name)
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for _, scripts := range further {
		for script, text := range scripts {
			place, err := filepath.Abs(filepath.Join("..", "store", "postgres", "migration", script))
			must(t, err)
			overlay.Replace[place] = filepath.Join(dir, script)
			must(t, os.WriteFile(overlay.Replace[place], []byte(text), 0o600))
		}
	}
	list, err := json.Marshal(overlay)
	must(t, err)
	listed := filepath.Join(dir, "overlay.json")
	must(t, os.WriteFile(listed, list, 0o600))
	if out, err := exec.Command("go", "build", "-overlay", listed, "-o", path, "../cmd/scrip").CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return path
}

// failedNothing expects that every request, advice and look-up was answered for good, save what had no answer because it was
// sent to a server that was killed.
func (c *cluster) failedNothing(t *testing.T, killed ...*process) {
	t.Helper()
	looked := 0
	for _, s := range c.sellers {
		looked += s.looked
		for _, m := range s.missed {
			dead := slices.ContainsFunc(killed, func(p *process) bool { return p.house == m.at })
			if !dead || m.answer.status != 0 {
				t.Errorf("%s failed: %v", m.message, m.answer)
			}
		}
	}
	if looked == 0 {
		t.Error("no look-up was answered, so nothing was proved of them")
	}
}

// of makes a server of another release ready to be started on the cluster's database.
func (c *cluster) of(t *testing.T, release string) *process {
	t.Helper()
	p := prepare(t, c.data, c.flags...)
	p.command.Path, p.command.Args[0] = release, release
	return p
}

// joins has a server that was spawned serve with the others.
func (c *cluster) joins(t *testing.T, p *process) {
	t.Helper()
	p.awaitReady(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes = append(c.nodes, p)
}

// leaves has a server stop as the operator of a rolling restart does.
func (c *cluster) leaves(t *testing.T, p *process) {
	t.Helper()
	c.left(t, p, p.stop(t))
}

// left expects that a server stopped as it should, and forgets it.
func (c *cluster) left(t *testing.T, p *process, code int) {
	t.Helper()
	if code != 0 {
		t.Errorf("a server stopped with exit code %d\n%s", code, p.log)
	}
	c.remove(p)
}

// beside is a connection to the database that no server has.
func (c *cluster) beside(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.dsn)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) }) // it may be closed
	return conn
}

// awaitTrue waits until the database says yes.
func awaitTrue(t *testing.T, conn *pgx.Conn, question string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(lookEvery) {
		var yes bool
		must(t, conn.QueryRow(t.Context(), question).Scan(&yes))
		if yes {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it never becomes true: %s", question)
		}
	}
}

// expanding is how many servers of the next release start at once.
const expanding = 2

const (
	altering    = `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE message ADD%')`
	migrating   = `SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database d ON d.oid = database WHERE datname = current_database() AND locktype = 'advisory' AND granted AND objid = 1399026288)`
	contracted  = `SELECT EXISTS (SELECT FROM goose_db_version WHERE version_id = 4)`
	overtaken   = `SELECT EXISTS (SELECT FROM goose_db_version WHERE version_id = 4) AND EXISTS (SELECT FROM node WHERE until > clock_timestamp() AND knows < 3)`
	expanded    = `SELECT max(version_id) = 3 AND EXISTS (SELECT FROM pg_index WHERE indexrelid = 'message_further'::regclass AND indisvalid) FROM goose_db_version`
	notExpanded = `SELECT max(version_id) = 1 FROM goose_db_version`
)

// A release with further migrations comes in beside the one before it, under load, while a backup reads the tables. No message
// fails, save those to a server that is killed; both serve together, and the one before can still be started. What takes from it
// waits until it is gone.
func TestReleaseAfterRelease(t *testing.T) {
	workshopOf(t) // which skips in a short run
	_, seed := crashRandom(t)
	next, last := release(t, "next", additive), release(t, "last", additive, contracting)
	c := openCluster(t, pgtest.Shared(t).Database(t), clusterNodes, "--drain-delay", nodeDrain.String())
	b := &balancer{cluster: c, ready: slices.Clone(c.nodes)}
	go b.look(t)
	c.hire(t, seed, clusterSellers, b.at)
	c.awaitAnswers(t, nodeAnswers)

	c.expand(t, next)
	c.awaitAnswers(t, nodeAnswers)
	first, second := c.nodes[0], c.nodes[1]
	for _, ends := range []func(){func() { c.dies(first) }, func() { c.leaves(t, second) }} {
		ends()
		c.awaitAnswers(t, nodeAnswers)
		c.add(t) // as it was
		c.awaitAnswers(t, nodeAnswers)
	}
	c.close(t)
	c.failedNothing(t, first)
	c.agree(t)
	c.contract(t, last)
}

// expand starts two servers of the next release while somebody reads for long what its migration changes. One of them migrates,
// and the other one, which waits for that, must not be in its way.
func (c *cluster) expand(t *testing.T, next string) {
	t.Helper()
	reader, looker := c.beside(t), c.beside(t)
	tx, err := reader.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), `SELECT FROM message LIMIT 1`)
	must(t, err)
	var fresh [expanding]*process
	for i := range fresh {
		fresh[i] = c.of(t, next)
		fresh[i].spawn(t)
	}
	awaitTrue(t, looker, altering)
	c.awaitAnswers(t, nodeAnswers)
	awaitTrue(t, looker, notExpanded)
	must(t, tx.Rollback(t.Context()))
	for _, p := range fresh {
		c.joins(t, p)
	}
	awaitTrue(t, looker, expanded)
}

// leavesInTime has the last server of the first release leave, which takes longer than a try of the migration does.
func (c *cluster) leavesInTime(t *testing.T, last *process, looker *pgx.Conn) {
	t.Helper()
	must(t, last.command.Process.Signal(syscall.SIGTERM))
	for deadline, left := time.Now().Add(patience), false; !left && time.Now().Before(deadline); {
		var early bool
		must(t, looker.QueryRow(t.Context(), overtaken).Scan(&early))
		if early {
			t.Fatal("what a server needs was taken away while it serves")
		}
		select {
		case <-last.exited:
			left = true
		case <-time.After(lookEvery):
		}
	}
	c.left(t, last, last.exitCode(t))
}

// contract starts a server of a release whose migration takes away what the first one needs. It waits until the last server of
// the first one is gone, and from then on this one is refused.
func (c *cluster) contract(t *testing.T, last string) {
	t.Helper()
	looker := c.beside(t)
	old := slices.Clone(c.nodes[expanding:]) // without those of the next release
	for _, p := range old[1:] {
		c.leaves(t, p) // before anybody waits, which is not for long: under load a server takes its time
	}
	p := c.of(t, last)
	p.spawn(t)
	awaitTrue(t, looker, migrating)
	c.leavesInTime(t, old[0], looker)
	c.joins(t, p)
	awaitTrue(t, looker, contracted)
	late := prepare(t, c.data, c.flags...)
	late.spawn(t)
	if code := late.exitCode(t); code == 0 || !strings.Contains(late.log.String(), "newer release") {
		t.Errorf("a server of a release that is past ended with %d\n%s", code, late.log)
	}
	for _, p := range c.nodes {
		if !p.isReady() {
			t.Error("a server is not ready any more")
		}
	}
}
