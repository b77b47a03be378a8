package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/txn"
)

// faulty is a driver that fails where a test wants it to. An error of save is given instead of saving.
type faulty struct {
	*memstore.Driver
	begin, view, load error
	save              func(*store.Set) error
	saves             int
}

func (f *faulty) Begin(ctx context.Context) (store.Batch, error) {
	if f.begin != nil {
		return nil, f.begin
	}
	b, err := f.Driver.Begin(ctx)
	return &faultyBatch{b, f}, err
}

func (f *faulty) View(ctx context.Context) (store.Batch, error) {
	if f.view != nil {
		return nil, f.view
	}
	b, err := f.Driver.View(ctx)
	return &faultyBatch{b, f}, err
}

type faultyBatch struct {
	store.Batch
	driver *faulty
}

func (b *faultyBatch) Load(ctx context.Context, w *store.Wanted, s *store.Set) error {
	if b.driver.load != nil {
		return b.driver.load
	}
	return b.Batch.Load(ctx, w, s)
}

func (b *faultyBatch) Save(ctx context.Context, s *store.Set) error {
	b.driver.saves++
	if b.driver.save != nil {
		if err := b.driver.save(s); err != nil {
			b.Rollback()
			return err
		}
	}
	return b.Batch.Save(ctx, s)
}

var keys = sync.OnceValue(func() *secret.Keys {
	k, err := secret.Generate()
	if err != nil {
		panic(err)
	}
	return k
})

func open(t *testing.T, driver store.Driver) *store.Store {
	t.Helper()
	s := store.New(driver, store.Settings{Keys: keys(), Now: time.Now})
	t.Cleanup(func() { _ = s.Close() }) // its driver cannot fail to
	return s
}

func named(id ident.ID) store.Keys {
	return store.Keys{World: ident.Production, IDs: []ident.ID{id}}
}

// insert records a message under an id.
func insert(id ident.ID) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		tx.Insert(txn.Message{
			Seq: tx.NextSeq(), World: ident.Production, ID: id, Account: 1, Family: txn.LookUp, Role: txn.Request, State: txn.Answered,
		})
		return nil
	}
}

func has(t *testing.T, s *store.Store, id ident.ID) bool {
	t.Helper()
	found := false
	err := s.Read(t.Context(), named(id), func(tx *store.Tx) error {
		found = len(tx.Messages(id)) > 0
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// isNotTaken says whether an error promises, for this cause, that nothing was left behind (C13).
func isNotTaken(err error, cause decline.Cause) bool {
	var turned *decline.NotTaken
	return errors.As(err, &turned) && turned.Cause == cause
}

// What surely was not saved may be told as that; what may have been saved must not.
func TestAnErrorOfTheDiskIsUnknownUnlessTheDriverIsSure(t *testing.T) {
	onFire := errors.New("disk on fire")
	for _, c := range []struct {
		name   string
		driver *faulty
		sure   bool
	}{
		{"begin", &faulty{begin: onFire}, true},
		{"load", &faulty{load: onFire}, true},
		{"save, surely not", &faulty{save: func(*store.Set) error { return errors.Join(store.ErrNotSaved, onFire) }}, true},
		{"save, a value refused", &faulty{save: func(*store.Set) error { return store.ErrData }}, true},
		{"save, unknown", &faulty{save: func(*store.Set) error { return onFire }}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.driver.Driver = memstore.New()
			s := open(t, c.driver)
			err := s.Do(t.Context(), named("m1"), insert("m1"))
			if err == nil || isNotTaken(err, decline.StoreDown) != c.sure {
				t.Errorf("told %v", err)
			}
			if s.Health() == nil {
				t.Error("the store says that it is well")
			}
			c.driver.begin, c.driver.load, c.driver.save = nil, nil, nil
			if has(t, s, "m1") {
				t.Error("the message was saved")
			}
			if err := s.Do(t.Context(), named("m1"), insert("m1")); err != nil || s.Health() != nil {
				t.Errorf("once the disk is well again: %v, %v", err, s.Health())
			}
		})
	}
}

// Why nothing was saved reaches whoever logs it, also when other writers were the cause once too often.
func TestWhyABatchWasNotSavedIsKept(t *testing.T) {
	for what, why := range map[string]error{"the disk": errors.New("disk on fire"), "another writer": store.Deadlock} {
		driver := &faulty{Driver: memstore.New(), save: func(*store.Set) error {
			if errors.Is(why, store.ErrConflict) {
				return why
			}
			return errors.Join(store.ErrNotSaved, why)
		}}
		err := open(t, driver).Do(t.Context(), named("m1"), insert("m1"))
		if !isNotTaken(err, decline.StoreDown) || !errors.Is(err, why) || !strings.Contains(err.Error(), why.Error()) {
			t.Errorf("%s: told %v", what, err)
		}
	}
}

// Each time that a batch meets another writer is told, and why.
func TestConflictsAreTold(t *testing.T) {
	var told []store.Conflict
	will := []error{store.Deadlock, fmt.Errorf("%w: a number", store.OtherNumber), store.ErrConflict, nil}
	driver := &faulty{Driver: memstore.New(), save: func(*store.Set) (err error) {
		err, will = will[0], will[1:]
		return err
	}}
	s := store.New(driver, store.Settings{Keys: keys(), Conflict: func(why store.Conflict) { told = append(told, why) }})
	err := s.Do(t.Context(), named("m1"), insert("m1"))
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	if want := []store.Conflict{store.Deadlock, store.OtherNumber, store.OtherConflict}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

func TestABatchThatMetAnotherWriterRunsAgain(t *testing.T) {
	left := 3
	driver := &faulty{Driver: memstore.New(), save: func(*store.Set) error {
		if left--; left >= 0 {
			return store.ErrConflict
		}
		return nil
	}}
	s, runs := open(t, driver), 0
	err := s.Do(t.Context(), named("m1"), func(tx *store.Tx) error {
		runs++
		return insert("m1")(tx)
	})
	if err != nil || runs != 4 || !has(t, s, "m1") {
		t.Errorf("%d runs: %v", runs, err)
	}
}

// A batch that always meets another writer is given up, and its messages hear so at once.
func TestABatchDoesNotRunForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var last time.Time
		driver := &faulty{Driver: memstore.New(), save: func(*store.Set) error { last = time.Now(); return store.ErrConflict }}
		s := open(t, driver)
		if err := s.Do(t.Context(), named("m1"), insert("m1")); !isNotTaken(err, decline.StoreDown) {
			t.Errorf("told %v", err)
		}
		if driver.saves < 2 || driver.saves > 100 {
			t.Errorf("tried %d times", driver.saves)
		}
		if rested := time.Since(last); rested > 0 {
			t.Errorf("told %v after the last try", rested)
		}
	})
}

// A value that the database refuses fails its own message only, in a batch of many.
func TestARefusedValueIsFoundByRunningOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		driver := &faulty{Driver: memstore.New(), save: func(set *store.Set) error {
			for _, m := range set.Changes().Inserted {
				if m.ID == "poison" {
					return store.ErrData
				}
			}
			return nil
		}}
		s := open(t, driver)
		told := map[ident.ID]error{}
		var mu sync.Mutex
		var all sync.WaitGroup
		for _, id := range []ident.ID{"m1", "m2", "poison", "m3"} {
			all.Go(func() {
				err := s.Do(t.Context(), named(id), insert(id))
				mu.Lock()
				defer mu.Unlock()
				told[id] = err
			})
		}
		all.Wait()
		for id, err := range told {
			if (id == "poison") != isNotTaken(err, decline.StoreDown) || has(t, s, id) == (id == "poison") {
				t.Errorf("%s: %v", id, err)
			}
		}
	})
}

// A read leaves nothing behind, so its failure is never an unknown outcome.
func TestAViewThatFailsIsNotTaken(t *testing.T) {
	onFire := errors.New("disk on fire")
	for _, driver := range []*faulty{{view: onFire}, {load: onFire}} {
		driver.Driver = memstore.New()
		s := open(t, driver)
		err := s.Read(t.Context(), named("m1"), func(*store.Tx) error { return nil })
		if !isNotTaken(err, decline.StoreDown) || !errors.Is(err, onFire) {
			t.Errorf("told %v", err)
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		if err := s.Read(gone, named("m1"), func(*store.Tx) error { return nil }); !isNotTaken(err, decline.Expired) {
			t.Errorf("to one who has left: %v", err)
		}
	}
}

// What is asked for only in the course of a view may fail as well.
func TestAViewThatFailsMidwayIsNotTaken(t *testing.T) {
	driver := &faulty{Driver: memstore.New()}
	s := open(t, driver)
	err := s.Read(t.Context(), named("m1"), func(tx *store.Tx) error {
		driver.load = errors.New("disk on fire")
		tx.Messages("m2")
		return nil
	})
	if !isNotTaken(err, decline.StoreDown) {
		t.Errorf("told %v", err)
	}
}

// A view that writes is a fault of ours.
func TestAWriteInAViewIsAnError(t *testing.T) {
	s := open(t, memstore.New())
	err := s.Read(t.Context(), named("m1"), func(tx *store.Tx) error {
		tx.PutCard(giftcard.Card{ID: 1})
		return nil
	})
	if err == nil || isNotTaken(err, decline.StoreDown) {
		t.Errorf("told %v", err)
	}
}

// A decision that breaks down is undone by itself: neither its neighbours nor the process end with it.
func TestADecisionThatBreaksDownEndsNothingElse(t *testing.T) {
	s := open(t, memstore.New())
	insert := func(id ident.ID) func(*store.Tx) error {
		return func(tx *store.Tx) error {
			tx.Insert(txn.Message{Seq: tx.NextSeq(), World: 1, ID: id, Account: 1, Family: txn.Void, Role: txn.Request, State: txn.Declined, Reason: "X"})
			return nil
		}
	}
	err := s.Do(t.Context(), store.Keys{World: 1}, func(tx *store.Tx) error {
		_ = insert("broken")(tx)
		panic("a mistake of ours")
	})
	var turnedAway *decline.NotTaken
	if err == nil || errors.As(err, &turnedAway) {
		t.Errorf("the broken message: %v", err)
	}
	if err := s.Do(t.Context(), store.Keys{World: 1}, insert("next")); err != nil {
		t.Errorf("the next message: %v", err)
	}
	messages, err := s.Driver().Messages(t.Context(), 0, 10)
	if err != nil || len(messages) != 1 || messages[0].ID != "next" {
		t.Errorf("saved: %v, %v", messages, err)
	}
}
