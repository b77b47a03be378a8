package move

import (
	"context"
	"crypto/sha256"
	"encoding/gob"
	"fmt"
	"hash"

	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
)

// pageSize is how many records are read at once, and saved in one commit. Tests make it small.
var pageSize = 2000

// ahead is how many pages are read while another is written.
const ahead = 2

// kind is one kind of record: how it is read in order, and how it is written.
type kind[T any] struct {
	what string // in the plural, for people
	// next reads the page after a record; nil is before the first.
	next func(ctx context.Context, from store.Whole, last *T) ([]T, error)
	// put adds a record to what is saved.
	put func(w *writer, c *store.Changes, record *T) error
	// skip leaves out what is a store's own; nil leaves nothing out.
	skip func(record *T) bool
	// found says whether a store finds a record by its keys; nil when it is read by them anyway. One of each page is asked for.
	found func(ctx context.Context, in store.Whole, keys *secret.Keys, record *T) (bool, error)
}

// movable is a kind of whatever type.
type movable interface {
	name() string
	copy(ctx context.Context, from store.Whole, w *writer, told func(string, int64, bool)) (Tally, error)
	tally(ctx context.Context, in store.Whole, keys *secret.Keys) (Tally, error)
}

func (k kind[T]) name() string { return k.what }

// writer saves records in another store.
type writer struct {
	to   store.Whole
	keys *secret.Keys
}

// copy copies all records of the kind, and counts them.
func (k kind[T]) copy(ctx context.Context, from store.Whole, w *writer, told func(string, int64, bool)) (Tally, error) {
	count := newCount[T](k.what)
	err := k.each(ctx, from, func(page []T) error {
		if err := count.add(page); err != nil {
			return err
		}
		err := save(ctx, w.to, func(c *store.Changes) error {
			for i := range page {
				if err := k.put(w, c, &page[i]); err != nil {
					return err
				}
			}
			return nil
		})
		told(k.what, count.Records, false)
		return err
	})
	told(k.what, count.Records, true)
	return count.sum(), err
}

// tally counts the records of the kind in a store, and asks for one of each page by its keys.
func (k kind[T]) tally(ctx context.Context, in store.Whole, keys *secret.Keys) (Tally, error) {
	count := newCount[T](k.what)
	err := k.each(ctx, in, func(page []T) error {
		if err := k.ask(ctx, in, keys, page); err != nil {
			return err
		}
		return count.add(page)
	})
	return count.sum(), err
}

// ask asks for one record of a page by its keys.
func (k kind[T]) ask(ctx context.Context, in store.Whole, keys *secret.Keys, page []T) error {
	if k.found == nil {
		return nil
	}
	switch found, err := k.found(ctx, in, keys, &page[len(page)/2]); {
	case err != nil:
		return fmt.Errorf("look for one by its keys: %w", err)
	case !found:
		return fmt.Errorf("%w: one is not found by its keys", ErrDiffers)
	}
	return nil
}

// each gives all records of the kind in order, page by page. Pages are read ahead.
func (k kind[T]) each(ctx context.Context, from store.Whole, do func(page []T) error) error {
	ctx, leave := context.WithCancel(ctx)
	pages, failed := make(chan []T, ahead), make(chan error, 1)
	go func() {
		defer close(pages)
		failed <- k.read(ctx, from, pages)
	}()
	var err error
	for page := range pages {
		if err == nil {
			if err = do(page); err != nil {
				leave()
			}
		}
	}
	leave()
	if reading := <-failed; err == nil {
		err = reading
	}
	return err
}

// read sends all pages.
func (k kind[T]) read(ctx context.Context, from store.Whole, pages chan<- []T) error {
	var last *T
	for {
		page, err := k.next(ctx, from, last)
		if err != nil || len(page) == 0 {
			return err
		}
		last = &page[len(page)-1]
		if page = k.own(page); len(page) == 0 {
			continue
		}
		select {
		case pages <- page:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// own leaves out what is to be skipped.
func (k kind[T]) own(page []T) []T {
	if k.skip == nil {
		return page
	}
	var left []T
	for _, record := range page {
		if !k.skip(&record) {
			left = append(left, record)
		}
	}
	return left
}

// count is a tally in the making.
type count[T any] struct {
	Tally
	hash    hash.Hash
	encoder *gob.Encoder
}

func newCount[T any](what string) *count[T] {
	h := sha256.New()
	return &count[T]{Tally: Tally{Kind: what}, hash: h, encoder: gob.NewEncoder(h)}
}

// add counts records with every field that they have.
func (c *count[T]) add(page []T) error {
	for i := range page {
		if err := c.encoder.Encode(&page[i]); err != nil {
			return err
		}
	}
	c.Records += int64(len(page))
	return nil
}

func (c *count[T]) sum() Tally {
	c.hash.Sum(c.Digest[:0])
	return c.Tally
}
