package main

import (
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

func TestHowFarAHeapMayGrow(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{
		{0, leastHeap * 100 >> 20}, {1 << 20, 6300}, {8 << 20, 700}, {16 << 20, 300}, {32 << 20, 100}, {33 << 20, 100}, {1 << 40, 100},
	} {
		if got := growthOf(c.live); got != c.want {
			t.Errorf("with %d bytes it may grow by %d %%, want %d", c.live, got, c.want)
		}
	}
}

// The garbage of a small heap is left alone, that of a large one is collected as ever, and so on from one collection to the next.
func TestASmallHeapIsSpared(t *testing.T) {
	t.Setenv("GOGC", "")
	spareSmallHeap()
	collectUntil(t, "of a small heap", func(percent, goal uint64) bool { return percent > usualGrowth && goal > leastHeap*9/10 })
	large := make([]byte, leastHeap)
	collectUntil(t, "of a large heap", func(percent, goal uint64) bool { return percent == usualGrowth && goal > 2*leastHeap })
	runtime.KeepAlive(large)
	collectUntil(t, "of a heap that is small again", func(percent, goal uint64) bool { return percent > usualGrowth && goal < 2*leastHeap })
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
