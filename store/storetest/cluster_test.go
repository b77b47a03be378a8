package storetest_test

import (
	"testing"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/store/storetest"
)

// The suite is tried on a cluster in memory before databases are judged by it, and the cluster by the suite.
func TestCluster(t *testing.T) {
	storetest.RunNodes(t, func(testing.TB) (a, b store.Driver) {
		c := storetest.NewCluster(memstore.New(), nil)
		return c.Node(), c.Node()
	})
}

func TestNodeOfACluster(t *testing.T) {
	open := func(testing.TB) store.Driver { return storetest.NewCluster(memstore.New(), nil).Node() }
	reopen := func(_ testing.TB, d store.Driver) store.Driver { return d }
	storetest.Run(t, open, reopen)
}
