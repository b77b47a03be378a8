package storetest

import (
	"context"
	"errors"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/store"
)

// ErrDoubt is what a Doubtful driver says of what it did, or might have done.
var ErrDoubt = errors.New("storetest: the disk did not answer")

// Doubtful is a driver whose commits may report an error although they have taken place, as after a failed sync. Its
// fields are set between the commits, by whoever has them made.
type Doubtful struct {
	store.Driver
	Doubt int  // of the commits from now on, the one at this place takes place and reports ErrDoubt; 0 is none
	Blind bool // rows cannot be read
}

// Begin implements store.Driver.
func (d *Doubtful) Begin(ctx context.Context) (store.Batch, error) {
	b, err := d.Driver.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return doubtful{b, d}, nil
}

// Rows implements admin.Reports.
func (d *Doubtful) Rows(ctx context.Context, kind admin.Kind, after int64, limit int) ([]admin.Row, error) {
	if d.Blind {
		return nil, ErrDoubt
	}
	return d.Driver.Rows(ctx, kind, after, limit)
}

type doubtful struct {
	store.Batch
	driver *Doubtful
}

// Save implements store.Batch.
func (b doubtful) Save(ctx context.Context, set *store.Set) error {
	if err := b.Batch.Save(ctx, set); err != nil || b.driver.Doubt == 0 {
		return err
	}
	if b.driver.Doubt--; b.driver.Doubt > 0 {
		return nil
	}
	return ErrDoubt
}
