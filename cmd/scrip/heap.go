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
const leastHeap = 40 << 20

// usualGrowth is the runtime's own percentage: at twice what lives.
const usualGrowth = 100

// spareSmallHeap has the garbage of a heap below leastHeap left alone, for the rest of the process. Whoever has set GOGC is heeded.
// A relay does without: what it holds in line for a dead upstream leaves it no memory to spare.
func spareSmallHeap() {
	if os.Getenv("GOGC") == "" {
		afterCollection(usualGrowth)
	}
}

// afterCollection sets the growth that the next collection waits for, and does so again after it. percent is what is set now.
func afterCollection(percent int) {
	if next := growthOf(lastFound()); next != percent {
		debug.SetGCPercent(next)
		percent = next
	}
	runtime.AddCleanup(new([1]*byte), afterCollection, percent) // the collector finds it left by everybody
}

// growthOf gives the growth, in percent, at which the heap has leastHeap bytes, or is twice as large when that is more. It is a share
// of what lives and of what else the collector has to look at, such as stacks; and of mostEmpty when there is less.
func growthOf(live, besides uint64) int {
	room := (leastHeap - int64(live)) * 100 / int64(max(live+besides, mostEmpty))
	return int(max(usualGrowth, room))
}

// mostEmpty is what the runtime takes a heap for in which less lives: it never collects sooner than at 4 MB, times the growth.
const mostEmpty = 4 << 20

// lastFound gives how much of the heap the last collection has found to live, and what it looked at besides.
func lastFound() (live, besides uint64) {
	found := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(found)
	return found[0].Value.Uint64(), found[1].Value.Uint64() + found[2].Value.Uint64()
}
