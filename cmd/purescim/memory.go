package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	"github.com/purescim/purescim/internal/cgroup"
	"github.com/purescim/purescim/internal/httpapi"
)

// boundMemory fits the program into what it may take: it collects what it does not use
// any more in time, and gives the bodies of requests their part. GOMEMLIMIT and GOGC win.
// It returns how many bytes bodies may take.
func boundMemory() (bodies int64) {
	limit := debug.SetMemoryLimit(-1)
	if allowed, ok := cgroup.MemoryLimit(); ok && os.Getenv("GOMEMLIMIT") == "" {
		limit = allowed / 10 * 9 // the rest is for what Go does not count
		debug.SetMemoryLimit(limit)
	}
	if os.Getenv("GOGC") == "" {
		collectSeldom(limit)
	}
	return min(httpapi.DefaultBodyMemory, limit/2)
}

// collectSeldom lets the program take five times the memory that is in use, some 10 MB, and
// not twice, before it collects what is not: each request leaves much for its size. When
// much is in use it is less than that: what may lie about is bounded in bytes, by a limit
// that follows what is in use, up to the one of the program. A percentage that follows would
// come too late: Go tells of a collection as late as when it needs the memory again. Until
// then a limit holds what came before, and a percentage lets go of five times as much.
func collectSeldom(most int64) {
	const seldom = 400         // percent of what is in use
	const hysteresis = 4 << 20 // bytes that are no reason to stop the program for
	debug.SetGCPercent(seldom)
	now := most
	read := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	follow := func() {
		metrics.Read(read)
		size := func(i int) int64 { return int64(read[i].Value.Uint64()) }
		besides := size(1) - size(2) - size(3) - size(4) // stacks, and what is between objects
		wanted := limitFor(size(0), besides, most)
		if wanted < now-hysteresis || wanted > now+hysteresis {
			debug.SetMemoryLimit(wanted)
			now = wanted
		}
	}
	follow()
	afterCollections(follow)
}

// limitFor is the limit of a program that has so many bytes in use, so many besides, and
// may have most.
func limitFor(used, besides, most int64) int64 {
	const mayLie = 64 << 20 // bytes
	const mayLiePart = 5    // of what is in use, where that is more
	return min(most, used+max(used/mayLiePart, mayLie)+besides)
}

// afterCollections calls do after each collection, as long as the program runs. It is not
// called while it runs.
func afterCollections(do func()) {
	type unused struct{ _ *unused } // a pointer, so that it is in no block with others
	var watch func()
	watch = func() {
		runtime.AddCleanup(new(unused), func(struct{}) {
			do()
			watch()
		}, struct{}{})
	}
	watch()
}
