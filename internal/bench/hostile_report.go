package bench

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// printHostile writes a line for each flood.
func (r Report) printHostile(b *bytes.Buffer) {
	fmt.Fprint(b, "\nFloods of one organisation, and small requests of another beside them; memory is MiB above idle.\n\n")
	const columns = "%-42s%9s  %-13s%9s%9s%9s  %-14s%8s  %s\n"
	fmt.Fprintf(b, columns, "", "memory", "", "p50 ms", "p99 ms", "slowest", "", "seconds", "answers")
	for _, a := range r.Hostile {
		const mega = 1 << 20
		memory, most := float64(a.Memory)/mega, float64(a.MemoryAtMost)/mega
		fmt.Fprintf(b, columns, a.Name, decimals(&memory, 0), Goal{AtMost: most}.target(0),
			decimals(&a.Beside.P50, 1), decimals(&a.Beside.P99, 1), decimals(&a.Slowest, 1),
			Goal{AtMost: a.BesideAtMost}.target(0), decimals(&a.Seconds, 1), a.answers())
	}
}

// answers tells how many answers of each status there were.
func (a Attacked) answers() string {
	var list []string
	for _, status := range slices.Sorted(maps.Keys(a.Statuses)) {
		what := fmt.Sprint(status)
		if status == 0 {
			what = "broken off"
		}
		list = append(list, fmt.Sprintf("%d x %s", a.Statuses[status], what))
	}
	return strings.Join(list, ", ")
}
