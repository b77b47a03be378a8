package plain

import (
	"testing"

	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// database makes a database for a test, or skips the test aloud where there is no PostgreSQL.
func database(t *testing.T) string { return pgtest.Shared(t).Database(t) }
