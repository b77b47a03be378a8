package postgres_test

import (
	"testing"

	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// People compare what each node serves, and so they do with what is only read.
func TestAStoreSaysInWhichSchemaItIs(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	served := open(t, dsn, postgres.Options{})
	_, latest, err := served.Schema(ctx)
	if err != nil || latest < 1 {
		t.Fatalf("it is at migration %d, %v", latest, err)
	}
	for how, d := range map[string]*postgres.Driver{"served": served, "only read": open(t, dsn, onlyRead), "at one instant": open(t, dsn, atOneInstant)} {
		if name, migration, err := d.Schema(ctx); name != "public" || migration != latest || err != nil {
			t.Errorf("%s: it is schema %q at migration %d, %v, want public at %d", how, name, migration, err, latest)
		}
	}
}
