package store_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
)

// watched is a driver that counts its views and tells a test what they are to load.
type watched struct {
	*memstore.Driver
	views atomic.Int32
	load  func(context.Context, *store.Wanted) error
}

func (w *watched) View(ctx context.Context) (store.Batch, error) {
	w.views.Add(1)
	b, err := w.Driver.View(ctx)
	return &watchedView{b, w}, err
}

type watchedView struct {
	store.Batch
	driver *watched
}

func (v *watchedView) Load(ctx context.Context, w *store.Wanted, s *store.Set) error {
	if v.driver.load != nil {
		if err := v.driver.load(ctx, w); err != nil {
			return err
		}
	}
	return v.Batch.Load(ctx, w, s)
}

// wants says whether something is to be loaded for an id.
func wants(w *store.Wanted, id ident.ID) bool {
	return slices.ContainsFunc(w.IDs, func(k store.IDKey) bool { return k.ID == id })
}

// crowd is a store whose readers are all busy, so that whoever asks has to wait and then shares a view.
type crowd struct {
	*testing.T
	store   *store.Store
	driver  *watched
	release []chan struct{} // one for each busy reader
	all     sync.WaitGroup
	mu      sync.Mutex
	told    map[ident.ID]error
}

func newCrowd(t *testing.T) *crowd {
	c := &crowd{T: t, driver: &watched{Driver: memstore.New()}, told: map[ident.ID]error{}}
	c.store = open(t, c.driver)
	for range store.MaxViews {
		release := make(chan struct{})
		c.release = append(c.release, release)
		c.all.Go(func() {
			err := c.store.Read(t.Context(), store.Keys{}, func(*store.Tx) error { <-release; return nil })
			if err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
	}
	if views := c.driver.views.Load(); views != store.MaxViews {
		t.Fatalf("%d views are open at once", views)
	}
	return c
}

// read has somebody ask for an id and returns while they wait.
func (c *crowd) read(ctx context.Context, id ident.ID, read func(*store.Tx) error) {
	c.all.Go(func() {
		err := c.store.Read(ctx, named(id), read)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.told[id] = err
	})
	synctest.Wait()
}

// answer gives what a reader was told.
func (c *crowd) answer(id ident.ID) error {
	c.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	err, answered := c.told[id]
	if !answered {
		c.Errorf("%s has no answer", id)
	}
	return err
}

// serve lets one reader go on, and ends when everybody has been answered.
func (c *crowd) serve() (views int32) {
	before := c.driver.views.Load()
	close(c.release[0])
	synctest.Wait()
	views = c.driver.views.Load() - before
	for _, release := range c.release[1:] {
		close(release)
	}
	c.all.Wait()
	return views
}

// neighbours are callers of whom nothing out of the ordinary is known.
var neighbours = []ident.ID{"m1", "m2", "m3"}

func (c *crowd) readNeighbours() {
	for _, id := range neighbours {
		c.read(c.Context(), id, func(tx *store.Tx) error { tx.Messages(id); return nil })
	}
}

func (c *crowd) neighboursAreWell() {
	c.Helper()
	for _, id := range neighbours {
		if err := c.answer(id); err != nil {
			c.Errorf("%s was told %v", id, err)
		}
	}
}

func TestCallersThatWaitShareAView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		c.readNeighbours()
		if views := c.serve(); views != 1 {
			t.Errorf("%d views", views)
		}
		c.neighboursAreWell()
	})
}

func TestACallerThatLeavesDoesNotWaitForTheView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		ctx, leave := context.WithCancel(t.Context())
		c.read(ctx, "leaver", func(*store.Tx) error { t.Error("read for one who has left"); return nil })
		c.readNeighbours()
		leave()
		synctest.Wait()
		if err := c.answer("leaver"); !isNotTaken(err, decline.Expired) {
			t.Errorf("told %v", err)
		}
		c.serve()
		c.neighboursAreWell()
	})
}

func TestACallerThatBreaksDownDoesNotSpoilTheView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		c.read(t.Context(), "broken", func(*store.Tx) error { panic("a mistake of ours") })
		c.readNeighbours()
		if views := c.serve(); views != 1 {
			t.Errorf("%d views", views)
		}
		if err := c.answer("broken"); err == nil || isNotTaken(err, decline.StoreDown) {
			t.Errorf("the broken one was told %v", err)
		}
		c.neighboursAreWell()
	})
}

// A driver that fails for one caller is asked again for each of the others.
func TestACallerWhoseDriverFailsDoesNotSpoilTheOthers(t *testing.T) {
	for _, when := range []struct {
		name   string
		wanted ident.ID // in the course of the view
	}{{"load", "poison"}, {"load on demand", "poison on demand"}} {
		t.Run(when.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, onFire := newCrowd(t), errors.New("disk on fire")
				c.driver.load = func(_ context.Context, w *store.Wanted) error {
					if wants(w, when.wanted) {
						return onFire
					}
					return nil
				}
				c.read(t.Context(), "poison", func(tx *store.Tx) error { tx.Messages("poison on demand"); return nil })
				c.readNeighbours()
				c.serve()
				if err := c.answer("poison"); !isNotTaken(err, decline.StoreDown) || !errors.Is(err, onFire) {
					t.Errorf("told %v", err)
				}
				c.neighboursAreWell()
			})
		})
	}
}

// A driver that does not answer is left when its caller's time is over, and serves the others.
func TestALoadEndsWithItsCallersTime(t *testing.T) {
	for _, slow := range []ident.ID{"declared", "on demand"} {
		t.Run(string(slow), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				driver := &watched{Driver: memstore.New(), load: func(ctx context.Context, w *store.Wanted) error {
					if wants(w, slow) {
						<-ctx.Done()
					}
					return ctx.Err()
				}}
				s, began := open(t, driver), time.Now()
				for range 2 * store.MaxViews {
					ctx, leave := context.WithTimeout(t.Context(), time.Second)
					defer leave()
					err := s.Read(ctx, named("declared"), func(tx *store.Tx) error { tx.Messages("on demand"); return nil })
					if !isNotTaken(err, decline.Expired) {
						t.Errorf("told %v", err)
					}
				}
				if took := time.Since(began); took != 2*store.MaxViews*time.Second {
					t.Errorf("took %v", took)
				}
				if has(t, s, "other") {
					t.Error("a message that nobody sent")
				}
			})
		})
	}
}

func TestAStoreThatStopsAnswersItsCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		c.readNeighbours()
		closed := make(chan error)
		go func() { closed <- c.store.Close() }()
		synctest.Wait()
		err := c.store.Read(t.Context(), named("late"), func(*store.Tx) error { t.Error("read"); return nil })
		if !isNotTaken(err, decline.Stopping) {
			t.Errorf("told %v", err)
		}
		c.serve()
		if err := <-closed; err != nil {
			t.Error(err)
		}
		c.neighboursAreWell()
	})
}

// What somebody is going to read one by one is asked for once when it is said ahead.
func TestWhatIsToBeReadIsAskedForTogether(t *testing.T) {
	driver := &watched{Driver: memstore.New()}
	s := open(t, driver)
	all := []ident.ID{"m1", "m2", "m3"}
	var places []int64
	for _, id := range all {
		err := s.Do(t.Context(), named(id), func(tx *store.Tx) error {
			places = append(places, tx.NextSeq()+1) // the one that insert takes
			return insert(id)(tx)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	questions := 0
	driver.load = func(context.Context, *store.Wanted) error { questions++; return nil }
	read := func(ahead admin.Ahead) (asked int) {
		err := s.Read(t.Context(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
			questions = 0
			tx.Ahead(ahead)
			for i, seq := range places {
				if m, found := tx.MessageAt(seq); !found || m.ID != all[i] {
					t.Errorf("message %d is %v %v", seq, m.ID, found)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return questions
	}
	if one, each := read(admin.Ahead{Messages: places}), read(admin.Ahead{}); one != 1 || each <= one {
		t.Errorf("%d questions for what was said ahead, %d for what was not", one, each)
	}
	if one := read(admin.Ahead{IDs: all}); one != 1 {
		t.Errorf("%d questions for ids that were said ahead", one)
	}
}

// The chain of messages is asked for where it is not known, and nothing is asked for twice.
func TestWhatIsKnownIsNotAskedForAgain(t *testing.T) {
	driver := &watched{Driver: memstore.New()}
	s := open(t, driver)
	var place int64
	err := s.Do(t.Context(), named("m1"), func(tx *store.Tx) error {
		place = tx.NextSeq() + 1 // the one that insert takes
		return insert("m1")(tx)
	})
	if err != nil {
		t.Fatal(err)
	}
	var asked []store.Wanted
	driver.load = func(_ context.Context, w *store.Wanted) error { asked = append(asked, *w); return nil }
	err = s.Read(t.Context(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		for range 3 {
			tx.Ahead(admin.Ahead{Chains: []admin.Chain{{Of: 5, From: place, Most: 7}}})
			if m, _ := tx.MessageAt(place); m.ID != "m1" {
				t.Errorf("found %q", m.ID)
			}
			tx.Ahead(admin.Ahead{Messages: []int64{place}})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(asked) != 1 || len(asked[0].Seqs) != 1 || len(asked[0].Chains) != 1 {
		t.Errorf("asked for %+v", asked)
	}
}
