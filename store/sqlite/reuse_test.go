package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/storetest"
)

// Bounds of the test of freed room.
const (
	reuseFill    = 1000 // transactions that a file is filled with at a time,
	reuseRefills = 3    // and how often once more
	reuseCallers = 64
)

// What was pruned, forgotten, or was a world's of a sandbox leaves room that is used again: the file stays as large as it was,
// but for the husks while there are any.
func TestFreedRoomIsUsedAgain(t *testing.T) {
	smallBuckets(t, 500) // so that ids stand in the index, as nearly all of a large store do
	for _, c := range []struct {
		name        string
		free        func(*testing.T, *store.Store, *Driver)
		least, most float64 // size after all refills, in terms of that after the first filling
	}{
		{"nothing", func(*testing.T, *store.Store, *Driver) {}, reuseRefills, 2 + reuseRefills}, // the measure works
		{"pruned", freeByPruning, 0, 1 + 0.2*reuseRefills},
		{"forgotten", freeByForgetting, 0, 1.1},
		{"world", freeWorld, 0, 1.1},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "scrip.db")
			first := filled(t, path, func(*testing.T, *store.Store, *Driver) {})
			last := first
			for range reuseRefills {
				last = filled(t, path, c.free)
			}
			ratio := float64(last) / float64(first)
			t.Logf("%d bytes, and %d after %d refills: %.2f times", first, last, reuseRefills, ratio)
			if ratio < c.least || ratio > c.most {
				t.Errorf("the file is %.2f times as large as it was, want %.2f to %.2f", ratio, c.least, c.most)
			}
		})
	}
}

// filled frees what it can, fills a store, and gives the size of its file.
func filled(t *testing.T, path string, free func(*testing.T, *store.Store, *Driver)) int64 {
	t.Helper()
	s, d := openStore(t, path)
	free(t, s, d)
	err := stockCards(s, d)
	if err == nil {
		err = fillWithSpent(s, d)
	}
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	file, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return file.Size()
}

// fillWithSpent makes redemptions, and confirms all of them.
func fillWithSpent(s *store.Store, d *Driver) error {
	cards, err := d.Cards(context.Background(), 0, crashCards)
	if err != nil {
		return err
	}
	var left atomic.Int64
	left.Store(reuseFill)
	failed := make([]error, reuseCallers)
	var all sync.WaitGroup
	for n := range reuseCallers {
		all.Go(func() {
			for failed[n] == nil && left.Add(-1) >= 0 {
				failed[n] = spendWhole(s, cards[n%len(cards)].ID)
			}
		})
	}
	all.Wait()
	return errors.Join(failed...)
}

func spendWhole(s *store.Store, card int64) error {
	keys := store.Keys{World: ident.Production, IDs: []ident.ID{newID(), newID()}, Cards: []giftcard.CardKey{{crashNumber(card)}}}
	for n := range keys.IDs {
		if err := s.Do(context.Background(), keys, func(tx *store.Tx) error { return spendPart(tx, keys, n) }); err != nil {
			return err
		}
	}
	return nil
}

func freeByPruning(t *testing.T, s *store.Store, _ *Driver) {
	t.Helper()
	gone, err := storetest.PruneAll(t.Context(), s, longAgo.Add(time.Hour))
	if err != nil || gone != 2*reuseFill {
		t.Fatalf("%d messages were pruned, %v", gone, err)
	}
}

func freeByForgetting(t *testing.T, s *store.Store, d *Driver) {
	t.Helper()
	freeByPruning(t, s, d)
	forgotten := 0
	for gone := 1; gone > 0; forgotten += gone {
		var err error
		if gone, err = s.ForgetPruned(t.Context(), longAgo.Add(72*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if forgotten != 2*reuseFill {
		t.Fatalf("%d were forgotten", forgotten)
	}
}

func freeWorld(t *testing.T, _ *store.Store, d *Driver) {
	t.Helper()
	keyed := func(id ident.ID) int64 { return testKeys().ID(ident.Production, id) }
	if err := d.Forget(t.Context(), ident.Production, 0, keyed); err != nil {
		t.Fatal(err)
	}
	if left, err := d.Messages(t.Context(), 0, 1); err != nil || len(left) > 0 {
		t.Fatalf("of a world that was forgotten there is %+v, %v", left, err)
	}
}
