package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scripworks/scrip/store"
)

// renewEvery is how often a node says that it lives. It is believed for store.LeaseTime.
const renewEvery = time.Second

// node is this process among those that serve the store (docs/decisions/0020).
type node struct {
	number  atomic.Int32
	airtime atomic.Bool             // there are vouchers or floats
	keys    atomic.Pointer[[]int64] // that this process holds; nil until it has read them
	trouble atomic.Pointer[error]   // why it could not be renewed the last time; nil when it could
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
				_ = d.renew(life) // what could not be renewed ends, and batches say so, and why, until it could
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

// isOver says that nothing is saved until the node has a new number, and why it has none if that is known.
func (d *Driver) isOver() error {
	if why := d.node.trouble.Load(); why != nil {
		return fmt.Errorf("%w: %w", errNode, *why)
	}
	return errNode
}

// renew has the node live on, and remembers why it could not.
func (d *Driver) renew(ctx context.Context) error {
	err := d.liveOn(ctx)
	if err == nil {
		d.node.trouble.Store(nil)
		return nil
	}
	d.node.trouble.Store(&err)
	return err
}

// liveOn prolongs the node's time. When that is over, or the node has no number yet, it takes a new one: what stands under the
// old one may have been taken over.
func (d *Driver) liveOn(ctx context.Context) error {
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
	return d.takeNumber(ctx)
}

// takeNumber takes a number, if a process of this release with our keys may serve the store: ErrNewer, store.ErrKey.
func (d *Driver) takeNumber(ctx context.Context) error {
	var keys []int64
	if held := d.node.keys.Load(); held != nil {
		keys = *held
	}
	var number int32
	err := d.side.QueryRow(ctx, takeNumber, d.options.Name, store.LeaseTime, d.known, keys).Scan(&number)
	switch {
	case err == nil:
		d.node.number.Store(number)
	case errors.Is(err, pgx.ErrNoRows):
		return d.whyNot(ctx)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("%w (does the server wait for a synchronous standby?)", err)
	}
	return wrap("take a number for the node", err)
}

// Whoever changes the row of serving looks for nodes once it is locked, so one that has seen it as it was is seen.
const takeNumber = `WITH gone AS (DELETE FROM node WHERE until < clock_timestamp() - interval '1 hour'),
	may AS (SELECT oldest, key FROM serving FOR SHARE)
	INSERT INTO node (name, until, knows, keys) SELECT $1, clock_timestamp() + $2, $3, $4::bigint[] FROM may
	WHERE oldest <= $3 AND ($4 IS NULL OR key IS NULL OR key = ANY ($4)) RETURNING number`

// whyNot says why this process got no number.
func (d *Driver) whyNot(ctx context.Context) error {
	var oldest int64
	err := d.side.QueryRow(ctx, `SELECT oldest FROM serving`).Scan(&oldest)
	switch {
	case err != nil:
		return wrap("ask who may serve", err)
	case oldest > d.known:
		return fmt.Errorf("%w: it is for releases that know migration %d; this one knows %d", ErrNewer, oldest, d.known)
	}
	return store.ErrKey
}

// Others names the processes that serve the store beside this one, or did until store.LeaseTime ago, for people.
func (d *Driver) Others(ctx context.Context) ([]string, error) {
	if err := d.mayServe(); err != nil {
		return nil, err
	}
	defer d.open.RUnlock()
	ctx, cancel := context.WithTimeout(ctx, d.options.Timeout)
	defer cancel()
	rows, err := d.side.Query(ctx, `SELECT name || ' (' || number || ')' FROM node WHERE until > clock_timestamp() AND number <> $1 ORDER BY number`,
		d.node.number.Load())
	if err != nil {
		return nil, wrap("ask for the other nodes", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return names, wrap("ask for the other nodes", err)
}

// HoldKeys implements store.Keyring.
func (d *Driver) HoldKeys(ctx context.Context, keys []uint32, primary uint32) error {
	if err := d.mayServe(); err != nil {
		return err
	}
	defer d.open.RUnlock()
	ctx, cancel := context.WithTimeout(ctx, d.options.Timeout)
	defer cancel()
	held := make([]int64, len(keys))
	for i, k := range keys {
		held[i] = int64(k)
	}
	d.node.keys.Store(&held) // before others can know: should this node take a new number at any time, that holds them too
	err := pgx.BeginFunc(ctx, d.side, func(tx pgx.Tx) error { return d.holdKeys(ctx, tx, held, int64(primary)) })
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) && refusal.Code == objectInUse {
		return fmt.Errorf("%w: %s", store.ErrKeyAhead, refusal.Message)
	}
	return wrap("say which keys this node holds", err)
}

func (d *Driver) holdKeys(ctx context.Context, tx pgx.Tx, held []int64, primary int64) error {
	var used *int64
	if err := tx.QueryRow(ctx, `SELECT key FROM serving FOR UPDATE`).Scan(&used); err != nil {
		return err
	}
	if used != nil && !slices.Contains(held, *used) {
		return store.ErrKey
	}
	done, err := tx.Exec(ctx, `UPDATE node SET keys = $2 WHERE number = $1 AND until > clock_timestamp()`, d.node.number.Load(), held)
	switch {
	case err != nil:
		return err
	case done.RowsAffected() == 0:
		return d.isOver()
	case used != nil && slices.Index(held, *used) >= slices.Index(held, primary):
		return nil // another node is ahead of us, and we can follow
	}
	_, err = tx.Exec(ctx, `UPDATE serving SET key = $1`, primary)
	return err
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
	return fmt.Errorf("postgres: %s: %w", doing, inOneLine(err))
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
