package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
)

// held is a driver whose batches begin when a test lets them. It counts those that want to.
type held struct {
	*memstore.Driver
	gate chan struct{}

	mu     sync.Mutex
	wanted int
}

func (h *held) Begin(ctx context.Context) (store.Batch, error) {
	h.mu.Lock()
	h.wanted++
	h.mu.Unlock()
	<-h.gate
	return h.Driver.Begin(ctx)
}

// atWork gives how many batches have been begun, or wait to.
func (h *held) atWork() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.wanted
}

// While a batch is at work, others wait for the next one, until they are enough for a full one: that the second committer takes,
// and then no further one comes.
func TestASecondCommitterTakesFullBatchesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &held{Driver: memstore.New(), gate: make(chan struct{})}
		var mu sync.Mutex
		var sizes []int
		observe := func(messages int, _ time.Duration, _ error) {
			mu.Lock()
			defer mu.Unlock()
			sizes = append(sizes, messages)
		}
		s := store.New(h, store.Settings{Keys: keys(), Committers: 2, Observe: observe})
		sent := 0
		send := func(messages int) {
			for range messages {
				id := ident.ID(fmt.Sprint("m", sent))
				sent++
				go func() {
					if err := s.Do(context.Background(), named(id), insert(id)); err != nil {
						t.Errorf("%s: %v", id, err)
					}
				}()
			}
			synctest.Wait()
		}
		for _, c := range []struct {
			more, want int
			what       string
		}{
			{1, 1, "the first message is taken at once"},
			{store.MaxBatch - 1, 1, "fewer than a full batch wait"},
			{1, 2, "a full batch is taken"},
			{1, 2, "one more waits"},
			{store.MaxBatch, 2, "there is no third committer"},
		} {
			if send(c.more); h.atWork() != c.want {
				t.Errorf("%s: %d batches are at work, want %d", c.what, h.atWork(), c.want)
			}
		}
		close(h.gate)
		synctest.Wait()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		taken := 0
		for _, messages := range sizes {
			taken += messages
		}
		if taken != sent || !slices.Contains(sizes, store.MaxBatch) {
			t.Errorf("batches of %v messages, of %d that were sent", sizes, sent)
		}
	})
}
