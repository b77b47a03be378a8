package relay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// ailing is a store that cannot write at all, or not one message.
type ailing struct {
	saf.Store
	mu   sync.Mutex
	down bool
	ill  int64
}

var errIll = errors.New("the store is ill")

// Update implements saf.Store.
func (a *ailing) Update(ctx context.Context, keys saf.Keys, decide func(saf.Tx) error) error {
	a.mu.Lock()
	ill := a.down || slices.Contains(keys.Seqs, a.ill)
	a.mu.Unlock()
	if ill {
		return errIll
	}
	return a.Store.Update(ctx, keys, decide)
}

func (a *ailing) is(down bool, ill int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down, a.ill = down, ill
}

// A request whose end cannot be written down holds up none of the others.
func TestOneStrayHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 100
		up, answer := held(nil)
		a := &ailing{}
		b := newSwitchboardOn(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}}}, func(s saf.Store) saf.Store {
			a.Store = s
			return a
		})
		var all sync.WaitGroup
		for n := range many {
			all.Go(func() {
				_, err := b.Giftcard("up").Request(t.Context(), redemption(ident.ID(fmt.Sprint("r", n))))
				if outcome(err) != "unknown GENERAL_ERROR" {
					t.Errorf("its sender hears %v", err)
				}
			})
		}
		synctest.Wait()
		a.is(true, 0)
		answer()
		all.Wait()
		ill := b.stands(t, "r7").Seq
		a.is(false, ill)
		time.Sleep(8 * time.Second)
		left := 0
		for n := range many {
			if b.stands(t, ident.ID(fmt.Sprint("r", n))).State == txn.Working {
				left++
			}
		}
		if left != 1 {
			t.Errorf("%d are not undone", left)
		}
		a.is(false, 0)
		time.Sleep(8 * time.Second)
		if m := b.stands(t, "r7"); m.State != txn.Reversed {
			t.Errorf("the last one stands as %s", m.State)
		}
		b.booksAreRight()
	})
}
