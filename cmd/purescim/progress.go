package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/purescim/purescim/internal/bench"
)

// progressOf shows on a terminal how far a command has come, in one line with a bar; the
// zero step clears it. Elsewhere it shows nothing.
func progressOf(c console) func(bench.Step) {
	file, ok := c.err.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return func(bench.Step) {}
	}
	return func(s bench.Step) {
		const clearLine = "\r\x1b[K"
		_, _ = io.WriteString(file, clearLine+progressLine(s))
	}
}

// progressLine is a step in a line: the bar, the numbers, and what is being done.
func progressLine(s bench.Step) string {
	const width = 12
	if s.Total == 0 {
		return s.What
	}
	full := width * min(s.Done, s.Total) / s.Total
	return fmt.Sprintf("[%s%s] %d/%d %s", strings.Repeat("#", full), strings.Repeat(".", width-full), s.Done, s.Total, s.What)
}
