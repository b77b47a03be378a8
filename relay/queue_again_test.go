package relay

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scripworks/scrip/saf"
)

// failingStore is a store that fails so often.
type failingStore struct {
	saf.Store
	left atomic.Int32
}

func (f *failingStore) Update(ctx context.Context, k saf.Keys, decide func(saf.Tx) error) error {
	if f.left.Add(-1) >= 0 {
		return errors.New("the store is away")
	}
	return f.Store.Update(ctx, k, decide)
}

func TestItemsGoBackInLineAlsoAfterAFailureOfTheStore(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.say(always(errNoSecret))
		r.commit(10, 1)
		r.start()
		r.holds(0, 0, 10)
		r.queue.close(t.Context())
		r.renew(saf.Pace{})
		away := &failingStore{Store: r.saf}
		away.left.Store(1)
		r.queue.store = away
		r.say(always(nil)) // there is a credential now
		r.start()
		time.Sleep(time.Hour)
		r.holds(0, 0, 0)
	})
}
