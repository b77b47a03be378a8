package postgres

import (
	"context"
	"errors"
)

// instant holds the connection whose transaction sees everything as it was at one instant, while nobody asks it.
type instant chan *conn

// errInstant says that the transaction is over: another one would see another instant.
var errInstant = errors.New("the connection that has read so far is lost, and what it saw with it; begin again")

// holdInstant begins the transaction in which everything is read.
func (d *Driver) holdInstant(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, d.options.Timeout)
	defer cancel()
	c, err := d.acquire(ctx, d.readers)
	if err != nil {
		return wrap("connect", err)
	}
	if err := c.Exec(ctx, beginView.text).Close(); err != nil {
		c.release()
		return wrap("begin to read", err)
	}
	d.instant = make(instant, 1)
	d.instant <- c
	return nil
}

// take gives the connection once nobody else has it, or nil when there is none to be held.
func (i instant) take(ctx context.Context) (*conn, error) {
	if i == nil {
		return nil, nil
	}
	select {
	case c := <-i:
		if c.IsClosed() {
			i <- c
			return nil, errInstant
		}
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// goOn leaves the transaction as it is for the next question, or hangs up when it is over: rolled back, the connection would see
// whatever is there by then.
func (c *conn) goOn() {
	if c.TxStatus() != 'T' {
		c.hangUp()
	}
}

// end gives the connection up. Nobody may have it.
func (i instant) end() {
	if i != nil {
		(<-i).release() // the pool closes one that is in a transaction
	}
}
