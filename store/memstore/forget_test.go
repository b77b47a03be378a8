package memstore_test

import (
	"testing"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/store/storetest"
)

func TestForget(t *testing.T) {
	open := func(testing.TB) store.Driver { return memstore.New() }
	reopen := func(_ testing.TB, d store.Driver) store.Driver { return d }
	storetest.Forget(t, open, reopen)
}
