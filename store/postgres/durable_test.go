package postgres

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// Commits wait for the disk and for the standby whatever a role, a database or a file of settings say, and when they say it.
func TestCommitsWaitWhateverIsSet(t *testing.T) {
	ctx, server := t.Context(), pgtest.Start(t, nil)
	dsn := server.Database(t)
	for _, text := range []string{
		"alter role all set synchronous_commit = remote_write",
		"alter role scrip set synchronous_commit = local",
	} {
		must(t, server.Exec(ctx, text))
	}
	d, err := Open(ctx, dsn, Options{})
	must(t, err)
	defer func() { must(t, d.Close()) }()
	c, err := d.writers.Acquire(ctx)
	must(t, err)
	defer c.Release()
	if got := setting(t, c.Conn(), "synchronous_commit"); got != "on" {
		t.Errorf("of a connection that was made it is %s", got)
	}
	must(t, server.Exec(ctx, "alter role all reset all"))
	must(t, server.Exec(ctx, "alter role scrip reset all"))
	for _, text := range []string{"alter system set work_mem = '5MB'", "alter system set synchronous_commit = off", "select pg_reload_conf()"} {
		must(t, server.Exec(ctx, text))
	}
	for late := time.Now().Add(time.Minute); setting(t, c.Conn(), "work_mem") != "5MB"; time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal("the reload does not come through")
		}
	}
	if got := setting(t, c.Conn(), "synchronous_commit"); got != "on" {
		t.Errorf("after a reload it is %s", got)
	}
}

func setting(t *testing.T, c *pgx.Conn, name string) (value string) {
	t.Helper()
	must(t, c.QueryRow(t.Context(), "select current_setting($1)", name).Scan(&value))
	return value
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
