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
	takes           atomic.Int64 // to answer, in ns, whatever becomes of the context
}

func (c *counted) Revision(context.Context) (int64, error) {
	c.asked.Add(1)
	time.Sleep(time.Duration(c.takes.Load())) // by the bubble's clock
	return c.revision.Load(), nil
}

// newCounted gives a newer that looks until the test ends, in the test's bubble.
func newCounted(t *testing.T) (*newer, *counted) {
	t.Helper()
	d := &counted{Driver: memstore.New()}
	r, err := admin.LoadRegister(t.Context(), d, adminhttp.Codec{})
	if err != nil {
		t.Fatal(err)
	}
	d.asked.Store(0)
	n := newNewer(r)
	looks := sync.WaitGroup{}
	looks.Go(func() { n.look(t.Context()) })
	t.Cleanup(looks.Wait)
	return n, d
}

// guess has many ask for something that nobody has set, for a while.
func guess(t *testing.T, n *newer, during time.Duration) {
	over := time.Now().Add(during)
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
}

// Guessers cannot load the store, however many they are, and the less the longer it takes to answer.
func TestGuessersShareTheirLooks(t *testing.T) {
	for name, test := range map[string]struct{ takes, each time.Duration }{
		"a quick store": {0, lookPause},
		"a slow store":  {300 * time.Millisecond, 600 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, d := newCounted(t)
				d.takes.Store(int64(test.takes))
				guess(t, n, 10*time.Second)
				if asked, most := d.asked.Load(), int64(10*time.Second/test.each)+2; asked > most || asked < most/2 {
					t.Errorf("%d looks in ten seconds, want about %d and not more", asked, most)
				}
			})
		})
	}
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

// A store that does not answer, to whatever context, holds nobody up for longer than he waits, and nobody for longer than lookWait:
// neither the first, for whom it is asked, nor who joins him, nor who comes while it is asked.
func TestALookEndsWithItsCaller(t *testing.T) {
	for name, test := range map[string]struct{ patience, want time.Duration }{
		"who leaves":        {10 * time.Millisecond, 10 * time.Millisecond},
		"who would not":     {time.Hour, lookWait},
		"who has left":      {0, 0},
		"who leaves before": {lookWait - 1, lookWait - 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, d := newCounted(t)
				d.takes.Store(int64(time.Minute))
				for _, who := range []string{"the first", "one who comes later", "one who joins him"} {
					ctx, cancel := context.WithTimeout(t.Context(), test.patience)
					began := time.Now()
					if n.Newer(ctx, 0) {
						t.Errorf("%s was told of something that nobody has set", who)
					}
					if waited := time.Since(began); waited != test.want {
						t.Errorf("%s waited %s, want %s", who, waited, test.want)
					}
					cancel()
				}
			})
		})
	}
}

// However long a look took, the rest after it has its bound.
func TestAfterALongLookThereIsAnotherSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, d := newCounted(t)
		d.takes.Store(int64(time.Minute))
		if n.Newer(t.Context(), 0) {
			t.Error("something is new although nobody has set anything")
		}
		time.Sleep(time.Minute)
		d.takes.Store(0)
		d.revision.Store(1)
		time.Sleep(lookTimeout)
		if !n.Newer(t.Context(), 0) {
			t.Error("nobody looks again")
		}
	})
}

// While a process doubts what it knows, since nobody has told it what became of a commit, it may be that something is new.
func TestInDoubtSomethingMayBeNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, d := newCounted(t)
		const unsure = -1
		d.revision.Store(unsure)
		if _, err := n.register.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !n.Newer(t.Context(), unsure) {
			t.Error("somebody is refused for what nobody knows")
		}
	})
}

// Nobody looks any more once the program has stopped, and it does not stop before.
func TestNobodyLooksAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		n, ended := newNewer(nil), false
		go func() {
			n.look(ctx)
			ended = true
		}()
		synctest.Wait()
		if ended {
			t.Error("nobody looks")
		}
		cancel()
		synctest.Wait()
		if !ended {
			t.Error("somebody looks on")
		}
	})
}
