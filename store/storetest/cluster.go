package storetest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

var _ store.Driver = (*Node)(nil)

// Cluster has one driver of a single process serve as the store of several, for tests of what many nodes do. A node that
// has ended holds no leases for longer than store.LeaseTime, and what it was at work on is lost.
type Cluster struct {
	driver store.Driver
	now    func() time.Time
	mu     sync.Mutex
	leases map[string]lease
	blocks []block
	living int
}

// lease is who holds a lease, and until when.
type lease struct {
	node  *Node
	until time.Time
}

// block is a row of places that a node has taken.
type block struct {
	first, end int64
	node       *Node
}

// NewCluster makes a cluster over a driver, with a clock for its leases; nil is the computer's.
func NewCluster(d store.Driver, now func() time.Time) *Cluster {
	if now == nil {
		now = time.Now
	}
	return &Cluster{driver: d, now: now, leases: map[string]lease{}}
}

// Node opens the store for one more process.
func (c *Cluster) Node() *Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.living++
	return &Node{Driver: c.driver, cluster: c}
}

// Node is the store as one of the processes has it.
type Node struct {
	store.Driver
	cluster *Cluster
	over    bool // guarded by cluster.mu
}

// Shared implements store.Leases.
func (n *Node) Shared() bool { return true }

// Lease implements store.Leases.
func (n *Node) Lease(ctx context.Context, name string) (bool, error) {
	c := n.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if held := c.leases[name]; held.node != nil && held.node != n && now.Before(held.until) {
		return false, ctx.Err()
	}
	c.leases[name] = lease{n, now.Add(store.LeaseTime)}
	return true, ctx.Err()
}

// Release implements store.Leases.
func (n *Node) Release(ctx context.Context, name string) error {
	n.cluster.mu.Lock()
	defer n.cluster.mu.Unlock()
	if n.cluster.leases[name].node == n {
		delete(n.cluster.leases, name)
	}
	return ctx.Err()
}

// Lost implements airtime.Unsettled.
func (n *Node) Lost(ctx context.Context, after int64, limit int) (lost []txn.Message, err error) {
	for len(lost) < limit {
		page, err := n.Working(ctx, after, limit)
		if err != nil {
			return nil, err
		}
		for _, m := range page {
			if after = m.Seq; n.cluster.lost(m.Seq) && len(lost) < limit {
				lost = append(lost, m)
			}
		}
		if len(page) < limit {
			break
		}
	}
	return lost, nil
}

func (c *Cluster) lost(seq int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.blocks, func(b block) bool { return b.first <= seq && seq < b.end && b.node.over })
}

// Begin implements store.Driver.
func (n *Node) Begin(ctx context.Context) (store.Batch, error) {
	b, err := n.Driver.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return noting{b, n}, nil
}

// noting is a batch that notes who takes its places.
type noting struct {
	store.Batch
	node *Node
}

// Seqs implements store.Batch.
func (b noting) Seqs(n int) (int64, error) {
	first, err := b.Batch.Seqs(n)
	c := b.node.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blocks = append(c.blocks, block{first, first + int64(n), b.node})
	return first, err
}

// Close implements store.Driver. With the last node the driver is closed.
func (n *Node) Close() error {
	c := n.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	if n.over {
		return nil
	}
	n.over = true
	for name, held := range c.leases {
		if held.node == n {
			delete(c.leases, name)
		}
	}
	if c.living--; c.living > 0 {
		return nil
	}
	return c.driver.Close()
}
