package airtimetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
)

var _ airtime.Catalogue = (*Catalogue)(nil)

// Catalogue is a list that grows, the same in all worlds. The zero value is ready.
type Catalogue struct {
	mu       sync.RWMutex
	editions []*airtime.Product
	newest   []*airtime.Product // by id
	networks []*airtime.Network
	prefixes airtime.Prefixes
}

// Sell puts a product on sale with its defaults filled in, or makes a new edition of the one with its id.
func (c *Catalogue) Sell(p airtime.Product) (*airtime.Product, error) {
	p = p.WithDefaults()
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("product: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p.World, p.Edition, p.Number = ident.Production, int32(len(c.editions)+1), int32(len(c.newest)+1)
	at, there := slices.BinarySearchFunc(c.newest, p.ID, func(q *airtime.Product, id string) int { return strings.Compare(q.ID, id) })
	c.newest = slices.Clone(c.newest)
	if there {
		p.Number = c.newest[at].Number
		c.newest[at] = &p
	} else {
		c.newest = slices.Insert(c.newest, at, &p)
	}
	c.editions = append(c.editions, &p)
	return &p, nil
}

// Connect makes a network known.
func (c *Catalogue) Connect(n airtime.Network) error {
	if err := n.Check(); err != nil {
		return fmt.Errorf("network: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n.World, n.Number = ident.Production, int32(len(c.networks)+1)
	c.networks = append(c.networks, &n)
	if c.prefixes == nil {
		c.prefixes = airtime.Prefixes{}
	}
	for _, prefix := range n.Prefixes {
		c.prefixes[prefix] = &n
	}
	return nil
}

// ProductByID implements airtime.Catalogue.
func (c *Catalogue) ProductByID(_ ident.World, id string) (*airtime.Product, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, p := range c.newest {
		if p.ID == id {
			return p, true
		}
	}
	return nil, false
}

// Edition implements airtime.Catalogue.
func (c *Catalogue) Edition(_ ident.World, edition int32) (*airtime.Product, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if edition < 1 || int(edition) > len(c.editions) {
		return nil, false
	}
	return c.editions[edition-1], true
}

// Products implements airtime.Catalogue.
func (c *Catalogue) Products(ident.World) []*airtime.Product {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.newest
}

// NetworkOf implements airtime.Catalogue.
func (c *Catalogue) NetworkOf(_ ident.World, m ident.MSISDN) (*airtime.Network, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.prefixes.Of(m)
}

// Network implements airtime.Catalogue.
func (c *Catalogue) Network(_ ident.World, id string) (*airtime.Network, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, n := range c.networks {
		if n.ID == id {
			return n, true
		}
	}
	return nil, false
}

// Deliver brings a batch of vouchers of a product into stock, and gives the batch's number. Serials and PINs follow
// from it.
func (v *Vendor) Deliver(ctx context.Context, p *airtime.Product, count int, expiry time.Time) (batch int32, err error) {
	v.mu.Lock()
	v.batches++
	batch = v.batches
	v.mu.Unlock()
	made := make([]airtime.NewVoucher, count)
	for i := range made {
		if made[i], err = v.voucher(batch, i); err != nil {
			return 0, err
		}
	}
	return batch, v.Store.Do(ctx, store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		tx.PutBatch(airtime.Batch{Number: batch, World: ident.Production, Product: p.Number, Name: fmt.Sprintf("B%d", batch), Expiry: expiry})
		for _, n := range made {
			n.ID = tx.NextSeq()
			tx.AddVoucher(n)
		}
		return nil
	})
}

func (v *Vendor) voucher(batch int32, i int) (n airtime.NewVoucher, err error) {
	w, serial := ident.Production, Serial(batch, i)
	pin, err := airtime.ParseVoucherPIN(fmt.Sprintf("77%06d%06d", batch, i))
	if err != nil {
		return n, err
	}
	n.Voucher = airtime.Voucher{World: w, Batch: batch, Status: airtime.InStock, Serial: serial}
	n.SerialHash, n.PINHash = v.Keys.Found(w, secret.BySerial, serial), v.Keys.Found(w, secret.ByPIN, pin.Reveal())
	n.SealedPIN, err = airtime.SealPIN(v.Keys, w, serial, pin)
	return n, err
}

// Serial is the serial of a voucher that was delivered: the one at a place of its batch.
func Serial(batch int32, place int) string { return fmt.Sprintf("S%dN%d", batch, place) }

// Vouchers gives all vouchers there are.
func (v *Vendor) Vouchers(ctx context.Context) ([]airtime.Voucher, error) {
	return v.Store.Driver().Vouchers(ctx, 0, 1<<20)
}

// InStock counts the vouchers of a product that can be sold now.
func (v *Vendor) InStock(ctx context.Context, p *airtime.Product) (count int64, err error) {
	all, err := v.Store.Driver().VoucherBatches(ctx, 0, 1<<20)
	for _, b := range all {
		if b.Product == p.Number && !b.Closed && (b.Expiry.IsZero() || b.Expiry.After(v.Now())) {
			count += b.InStock
		}
	}
	return count, err
}

// Float gives an account's float.
func (v *Vendor) Float(ctx context.Context, account ident.Account) (f airtime.Float, err error) {
	err = v.Store.Read(ctx, store.Keys{World: ident.Production, Float: account}, func(tx *store.Tx) error {
		f, _ = tx.Float(account)
		return nil
	})
	return f, err
}

// Deposit pays into an account's float.
func (v *Vendor) Deposit(ctx context.Context, account ident.Account, amount money.Amount) error {
	return v.Pay(ctx, airtime.Payment{
		World: ident.Production, Account: account, ID: secret.NewID(), At: v.Now(), Amount: amount,
		Note: func(airtime.Tx, int64, airtime.Float, airtime.Float) error { return nil },
	})
}
