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
	if os.Getenv("GOGC") == "" {
		collectSeldom()
	}
	limit := debug.SetMemoryLimit(-1)
	if allowed, ok := cgroup.MemoryLimit(); ok && os.Getenv("GOMEMLIMIT") == "" {
		limit = allowed / 10 * 9 // the rest is for what Go does not count
		debug.SetMemoryLimit(limit)
	}
	return min(httpapi.DefaultBodyMemory, limit/2)
}

// collectSeldom lets the program take five times the memory that is in use, some 10 MB, and
// not twice, before it collects what is not: each request leaves much for its size. When
// much is in use it is much less than that: what may lie about is bounded in bytes.
func collectSeldom() {
	const seldom, leastOften = 400, 20 // percent of what is in use
	const mayLie = 64 << 20            // bytes
	debug.SetGCPercent(seldom)
	live, now := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}, seldom
	afterCollections(func() {
		metrics.Read(live)
		wanted := min(seldom, max(leastOften, int(mayLie*100/max(1, live[0].Value.Uint64()))))
		if wanted*10 < now*9 || wanted*9 > now*10 || wanted == seldom && now != seldom {
			debug.SetGCPercent(wanted)
			now = wanted
		}
	})
}

// afterCollections calls do after each collection, as long as the program runs.
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
