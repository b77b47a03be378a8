package postgres_test

import (
	"testing"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/storetest"
)

func TestNodes(t *testing.T) {
	storetest.RunNodes(t, func(t testing.TB) (a, b store.Driver) {
		dsn := emptyDatabase(t)
		first := openAt(t, dsn).(closing)
		return first.Driver, openAt(t, dsn) // the second one gives the database back
	})
}
