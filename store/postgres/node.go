package postgres

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scripworks/scrip/store"
)

// renewEvery is how often a node says that it lives. It is believed for store.LeaseTime.
const renewEvery = time.Second

// node is this process among those that serve the store (docs/decisions/0020).
type node struct {
	number  atomic.Int32
	airtime atomic.Bool // there are vouchers or floats
	end     context.CancelFunc
	working sync.WaitGroup
}

// startNode takes a number and renews it until the driver is closed.
func (d *Driver) startNode(ctx context.Context) error {
	if err := d.renew(ctx); err != nil {
		return err
	}
	if err := d.lookForAirtime(ctx); err != nil {
		return err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	d.node.end = end
	d.node.working.Go(func() {
		tick := time.NewTicker(renewEvery)
		defer tick.Stop()
		for {
			select {
			case <-life.Done():
				return
			case <-tick.C:
				_ = d.lookForAirtime(life)
				_ = d.renew(life) // what could not be renewed ends, and batches say so until it could
			}
		}
	})
	return nil
}

// stopNode gives the number up at once, and with it the leases.
func (d *Driver) stopNode() error {
	if d.node.end == nil {
		return nil
	}
	d.node.end()
	d.node.working.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), store.LeaseTime)
	defer cancel()
	// A server that cannot be reached takes the node for dead in a moment anyway.
	_ = d.softly(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM node WHERE number = $1`, d.node.number.Load())
		return err
	})
	return nil
}

// renew has the node live on. When its time is over, or it has no number yet, it takes a new one: what stands under the old
// one may have been taken over.
func (d *Driver) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, store.LeaseTime)
	defer cancel()
	before := d.node.number.Load()
	lives := false
	err := d.softly(ctx, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, `UPDATE node SET until = clock_timestamp() + $2 WHERE number = $1 AND until > clock_timestamp()`, before, store.LeaseTime)
		lives = err == nil && done.RowsAffected() > 0
		return err
	})
	if err != nil || lives {
		return wrap("renew the node", err)
	}
	var number int32
	err = d.side.QueryRow(ctx, `WITH gone AS (DELETE FROM node WHERE until < clock_timestamp() - interval '1 hour')
		INSERT INTO node (name, until) VALUES ($1, clock_timestamp() + $2) RETURNING number`, d.options.Name, store.LeaseTime).Scan(&number)
	if err == nil {
		d.node.number.Store(number)
	}
	return wrap("take a number for the node", err)
}

// softly does something whose loss in a crash would do no harm, and which must not wait for a standby.
func (d *Driver) softly(ctx context.Context, do func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, d.side, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL synchronous_commit = off`); err != nil {
			return err
		}
		return do(tx)
	})
}

// lookForAirtime notes whether messages may name vouchers or floats. While there are none, loads need not ask whether they do;
// what a load has left out is loaded when it is asked for.
func (d *Driver) lookForAirtime(ctx context.Context) error {
	if d.node.airtime.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, store.LeaseTime)
	defer cancel()
	var found bool
	err := d.side.QueryRow(ctx, `SELECT EXISTS (SELECT FROM voucher_batch) OR EXISTS (SELECT FROM float)`).Scan(&found)
	d.node.airtime.Store(found)
	return wrap("look for airtime", err)
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("postgres: %s: %w", doing, err)
}

// Lease implements store.Leases. A lease ends when its node does, or store.LeaseTime after it was last taken.
func (d *Driver) Lease(ctx context.Context, name string) (held bool, err error) {
	if err := d.mayServe(); err != nil {
		return false, err
	}
	defer d.open.RUnlock()
	ctx, cancel := context.WithTimeout(ctx, store.LeaseTime)
	defer cancel()
	err = d.softly(ctx, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, takeLease, name, d.node.number.Load(), store.LeaseTime)
		held = err == nil && done.RowsAffected() > 0
		return err
	})
	return held && err == nil, wrap("take the lease "+name, err)
}

const takeLease = `INSERT INTO lease (name, node, until)
	SELECT $1, number, clock_timestamp() + $3 FROM node WHERE number = $2 AND until > clock_timestamp()
	ON CONFLICT (name) DO UPDATE SET node = excluded.node, until = excluded.until
	WHERE lease.node = excluded.node OR lease.until <= clock_timestamp()
	OR NOT EXISTS (SELECT FROM node n WHERE n.number = lease.node AND n.until > clock_timestamp())`

// Release implements store.Leases.
func (d *Driver) Release(ctx context.Context, name string) error {
	if err := d.mayServe(); err != nil {
		return err
	}
	defer d.open.RUnlock()
	ctx, cancel := context.WithTimeout(ctx, store.LeaseTime)
	defer cancel()
	return wrap("release the lease "+name, d.softly(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM lease WHERE name = $1 AND node = $2`, name, d.node.number.Load())
		return err
	}))
}

// mayServe holds the driver open. The caller lets go of it when there is no error.
func (d *Driver) mayServe() error {
	if d.options.ReadOnly {
		return ErrReadOnly
	}
	if d.open.RLock(); d.closed {
		d.open.RUnlock()
		return errClosed
	}
	return nil
}

// Shared implements store.Leases: other processes may serve the store as well.
func (*Driver) Shared() bool { return true }
