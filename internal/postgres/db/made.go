package db

import (
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Made is a statement and where it was made: a file of the module, and a line.
type Made struct {
	Statement
	File string
	Line int
}

var made struct {
	sync.Mutex
	all []Made
}

// All lists the statements that New has made, for tests of the rules that all keep.
func All() []Made {
	made.Lock()
	defer made.Unlock()
	return slices.Clone(made.all)
}

// note notes where the variable of a package is declared that a statement is for; others are
// those of tests.
func note(s Statement) {
	callers := make([]uintptr, 8)
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)])
	for more := true; more; {
		var f runtime.Frame
		if f, more = frames.Next(); strings.HasSuffix(f.Function, ".init") {
			made.Lock()
			defer made.Unlock()
			made.all = append(made.all, Made{s, f.File, f.Line})
			return
		}
	}
}
