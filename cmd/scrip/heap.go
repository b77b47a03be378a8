package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// leastHeap is how far a server's heap may grow before garbage is collected, in bytes. The runtime collects whenever the heap has
// doubled, which one of which 10 MB live does many times a second under load: a tenth of what a node on PostgreSQL does
// (docs/performance.md). One of which more lives than half of this is collected as ever.
const leastHeap = 64 << 20

// usualGrowth is the runtime's own percentage: at twice what lives.
const usualGrowth = 100

// spareSmallHeap has the garbage of a heap below leastHeap left alone, for the rest of the process. Whoever has set GOGC is heeded.
func spareSmallHeap() {
	if os.Getenv("GOGC") == "" {
		afterCollection(usualGrowth)
	}
}

// afterCollection sets the growth that the next collection waits for, and does so again after it. percent is what is set now.
func afterCollection(percent int) {
	if next := growthOf(liveBytes()); next != percent {
		debug.SetGCPercent(next)
		percent = next
	}
	runtime.AddCleanup(new([1]*byte), afterCollection, percent) // the collector finds it left by everybody
}

// growthOf gives the growth, in percent of what lives, at which the heap has leastHeap bytes, or is twice as large when that is more.
func growthOf(live uint64) int {
	return int(max(usualGrowth, (leastHeap-int64(live))*100/max(int64(live), 1<<20)))
}

// liveBytes is how much of the heap lived at the end of the last collection.
func liveBytes() uint64 {
	found := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(found)
	return found[0].Value.Uint64()
}
