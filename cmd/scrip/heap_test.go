package main

import (
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"
	"time"
)

func TestHowFarAHeapMayGrow(t *testing.T) {
	for _, c := range []struct {
		live, besides uint64
		want          int
	}{
		{0, 0, 1000}, {4 << 20, 0, 900}, {4 << 20, 4 << 20, 450}, {10 << 20, 0, 300}, {10 << 20, 5 << 20, 200}, {20 << 20, 0, 100},
		{15 << 20, 10 << 20, 100}, {21 << 20, 0, 100}, {1 << 40, 1 << 20, 100},
	} {
		if got := growthOf(c.live, c.besides); got != c.want {
			t.Errorf("with %d bytes and %d besides it may grow by %d %%, want %d", c.live, c.besides, got, c.want)
		}
	}
}

// The garbage of a small heap is left alone, that of a large one is collected as ever, and so on from one collection to the next.
func TestASmallHeapIsSpared(t *testing.T) {
	t.Setenv("GOGC", "")
	spareSmallHeap()
	collectUntil(t, "of a small heap", func(percent, goal uint64) bool { return percent > usualGrowth && isAbout(goal, leastHeap) })
	deep := withDeepStacks(t)
	collectUntil(t, "of a small heap with deep stacks", func(percent, goal uint64) bool { return percent > usualGrowth && isAbout(goal, leastHeap) })
	deep()
	large := make([]byte, leastHeap)
	collectUntil(t, "of a large heap", func(percent, goal uint64) bool { return percent == usualGrowth && goal > 2*leastHeap })
	runtime.KeepAlive(large)
	collectUntil(t, "of a heap that is small again", func(percent, goal uint64) bool { return percent > usualGrowth && isAbout(goal, leastHeap) })
}

func isAbout(got, want uint64) bool { return got > want*9/10 && got < want*11/10 }

// withDeepStacks has goroutines hold 8 MB of stacks until it is told that they may go.
func withDeepStacks(t *testing.T) (letGo func()) {
	t.Helper()
	const each, all = 64 << 10, 128
	var deep, gone sync.WaitGroup
	hold := make(chan struct{})
	deep.Add(all)
	for range all {
		gone.Go(func() {
			var here [each]byte
			deep.Done()
			<-hold
			runtime.KeepAlive(&here)
		})
	}
	deep.Wait()
	return func() { close(hold); gone.Wait() }
}

// collectUntil collects garbage until the collector's settings fit: what sets them comes a little later.
func collectUntil(t *testing.T, what string, fit func(percent, goal uint64) bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		runtime.GC()
		percent, goal := growth()
		if fit(percent, goal) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: it grows by %d %% to %d bytes", what, percent, goal)
		}
	}
}

// growth gives by how much the heap may grow, in percent, and how large it may become.
func growth() (percent, goal uint64) {
	found := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/heap/goal:bytes"}}
	metrics.Read(found)
	return found[0].Value.Uint64(), found[1].Value.Uint64()
}
