package app

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/adminhttp"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
)

// counted is a driver whose revision the test sets, and counts who asks for it.
type counted struct {
	store.Driver
	revision, asked atomic.Int64
}

func (c *counted) Revision(context.Context) (int64, error) {
	c.asked.Add(1)
	return c.revision.Load(), nil
}

func newCounted(t *testing.T) (*newer, *counted) {
	t.Helper()
	d := &counted{Driver: memstore.New()}
	r, err := admin.LoadRegister(t.Context(), d, adminhttp.Codec{})
	if err != nil {
		t.Fatal(err)
	}
	d.asked.Store(0)
	return &newer{register: r}, d
}

// Guessers cannot load the store, however many they are.
func TestGuessersShareTheirLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, d := newCounted(t)
		over := time.Now().Add(10 * time.Second)
		var guessers sync.WaitGroup
		for range 100 {
			guessers.Go(func() {
				for time.Now().Before(over) {
					if n.Newer(t.Context(), 0) {
						t.Error("something is new although nobody has set anything")
					}
				}
			})
		}
		guessers.Wait()
		if asked, most := d.asked.Load(), int64(10*time.Second/lookPause)+1; asked > most || asked < most/2 {
			t.Errorf("%d looks in ten seconds, want about %d and not more", asked, most)
		}
	})
}

// Whoever asks after something was set is told so, whoever else looks just then.
func TestALookSeesWhatWasSetBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, d := newCounted(t)
		for round := range int64(100) {
			var others sync.WaitGroup
			for range 5 {
				others.Go(func() { n.Newer(t.Context(), round) })
			}
			time.Sleep(time.Duration(round) * time.Millisecond) // at any instant of their look
			d.revision.Store(round + 1)
			if !n.Newer(t.Context(), round) || n.Revision() != round+1 {
				t.Fatalf("revision %d is not seen", round+1)
			}
			others.Wait()
		}
	})
}

// A store that does not answer holds nobody up for longer than he waits.
func TestALookEndsWithItsCaller(t *testing.T) {
	n, d := newCounted(t)
	d.revision.Store(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n.coming = &look{make(chan struct{})} // somebody's that does not end
	if n.Newer(ctx, 0) {
		t.Error("it was seen by nobody")
	}
}
