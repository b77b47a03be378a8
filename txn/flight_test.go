package txn_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

func TestWaitIsOverWhenTheLastHasLanded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f txn.Flights
		first, _ := f.TakeOff(ident.Production, "r1")
		second, _ := f.TakeOff(ident.Production, "r1")
		var over atomic.Bool
		go func() {
			if err := f.Wait(t.Context(), ident.Production, "r1"); err != nil {
				t.Error(err)
			}
			over.Store(true)
		}()
		first()
		synctest.Wait()
		if over.Load() {
			t.Error("the wait was over while one was in flight")
		}
		second()
		synctest.Wait()
		if !over.Load() {
			t.Error("the wait was not over after both had landed")
		}
	})
}

func TestWaitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f txn.Flights
		land, _ := f.TakeOff(ident.Production, "r1")
		defer land()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.Wait(ctx, ident.Production, "r1"); err != context.DeadlineExceeded {
			t.Errorf("waiting for what does not land: %v", err)
		}
	})
}

func TestNobodyWaitsForAnotherWorldOrID(t *testing.T) {
	var f txn.Flights
	land, _ := f.TakeOff(ident.Production, "r1")
	defer land()
	for _, other := range []struct {
		world ident.World
		id    ident.ID
	}{{ident.Production + 1, "r1"}, {ident.Production, "r2"}, {ident.Production, "R1"}} {
		if err := f.Wait(t.Context(), other.world, other.id); err != nil {
			t.Errorf("%v: %v", other, err)
		}
		if _, ok := f.TakeOffAlone(other.world, other.id); !ok {
			t.Errorf("%v may not fly alone", other)
		}
	}
}

func TestAloneMeansThatNobodyElseFlies(t *testing.T) {
	var f txn.Flights
	land, _ := f.TakeOff(ident.Production, "r1")
	if _, ok := f.TakeOffAlone(ident.Production, "r1"); ok {
		t.Error("one took off alone beside another")
	}
	land()
	land, ok := f.TakeOffAlone(ident.Production, "r1")
	if !ok {
		t.Error("the id was not free after landing")
	}
	if _, ok := f.TakeOff(ident.Production, "r1"); ok {
		t.Error("one took off beside one that flies alone")
	}
	if _, ok := f.TakeOffAlone(ident.Production, "r1"); ok {
		t.Error("two flew alone")
	}
	land()
	if _, ok := f.TakeOff(ident.Production, "r1"); !ok {
		t.Error("the id was not free after the lonely one had landed")
	}
}

func TestOfManyAtOnceOneFliesAlone(t *testing.T) {
	var f txn.Flights
	var alone atomic.Int32
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if _, ok := f.TakeOffAlone(ident.Production, "r1"); ok {
				alone.Add(1)
			}
		})
	}
	all.Wait()
	if got := alone.Load(); got != 1 {
		t.Errorf("%d flew alone", got)
	}
}
