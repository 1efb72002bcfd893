package bench

import (
	"bytes"
	"fmt"
)

// Program is what the server is before anybody asks it for something.
type Program struct {
	// Size is that of the executable, in bytes.
	Size int64 `json:"executable_bytes"`
	// Start is how many milliseconds pass from the start of the process until it
	// listens, with the database up and migrated: the median of Starts.
	Start  float64 `json:"start_ms"`
	Starts int     `json:"starts"`
	// StartAtMost is what Start should be.
	StartAtMost float64 `json:"start_ms_at_most"`
	// Memory is what the process has of the machine's memory when it has started, in
	// bytes; 0 when that is not known.
	Memory int64 `json:"idle_memory_bytes"`
}

const startAtMost = 300 // milliseconds

// NewProgram takes the median of what was measured of several starts, at least one.
func NewProgram(size int64, starts []float64, memory int64) Program {
	return Program{Size: size, Start: middle(starts), Starts: len(starts), StartAtMost: startAtMost, Memory: memory}
}

func (p Program) print(b *bytes.Buffer) {
	const mega = 1 << 20
	size, memory := float64(p.Size)/mega, float64(p.Memory)/mega
	fmt.Fprintf(b, "\nstart until listening: %s ms (at most %s), median of %d; executable %s MiB, idle memory %s MiB\n",
		decimals(&p.Start, 0), decimals(&p.StartAtMost, 0), p.Starts, decimals(&size, 1), decimals(&memory, 1))
}
