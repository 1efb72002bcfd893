package bench

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
)

// Report is what a benchmark found. Parts that were not measured are not there.
type Report struct {
	Data        Shares  `json:"data"`
	Connections int     `json:"connections"`
	Rounds      int     `json:"rounds"`
	Seconds     float64 `json:"seconds_a_run"`
	Lines       []Line  `json:"lines,omitempty"`
	// Rate is how many requests a second the cycles sent, 0 as many as were answered.
	Rate   float64 `json:"cycle_requests_a_second,omitempty"`
	Cycles []Cycle `json:"cycles,omitempty"`
	// Console is what pages of the console take.
	Console *Pages `json:"console,omitempty"`
	// Hostile is what floods did.
	Hostile []Attacked `json:"hostile,omitempty"`
	// Authentication is a part of each line, and measured alone.
	Authentication *Authentication `json:"authentication,omitempty"`
	Program        *Program        `json:"program,omitempty"`
	// Loading is how long it took to fill the tables.
	Loading *float64 `json:"loading_seconds,omitempty"`
}

// Line is what one kind of request costs, beside others.
type Line struct {
	Name   string   `json:"name"`
	Server Figures  `json:"server"`
	Beside []Beside `json:"beside,omitempty"`
	// Goals are those of the server alone.
	Goals []Goal `json:"goals,omitempty"`
	// Again is the line after all others; nil where it was not measured again.
	Again *Again `json:"again,omitempty"`
	// Skipped says why there are no figures.
	Skipped string `json:"skipped,omitempty"`
}

// Again is what a line costs after all others.
type Again struct {
	Server Figures `json:"server"`
	// Ratio is that to the last that the line is compared with, nil where there is none.
	Ratio *float64 `json:"ratio,omitempty"`
	// Times is how many times the first figure that is, the ratio or else the CPU time; nil
	// when it is not known.
	Times *float64 `json:"times,omitempty"`
}

// moved is how many times a figure another run of the line finds, more or less, although
// nothing has changed.
const moved = 1.25

// against compares a line with what it was at first.
func (l Line) against(first Line) Again {
	a := Again{Server: l.Server}
	was, is := first.Server.CPU, l.Server.CPU
	if n := len(l.Beside); n > 0 {
		was, is = first.Beside[n-1].Ratio.Value, l.Beside[n-1].Ratio.Value
		a.Ratio = is
	}
	if was != nil && is != nil && *was > 0 {
		a.Times = new(*is / *was)
	}
	return a
}

// dependsOnOthers reports whether the line costs more, or less, after others.
func (a Again) dependsOnOthers() bool {
	return a.Times != nil && (*a.Times > moved || *a.Times < 1/moved)
}

// Beside is what the server is compared with.
type Beside struct {
	Name string `json:"name"`
	Figures
	// Ratio is the server's figure in this one, the median of the rounds.
	Ratio Goal `json:"ratio"`
}

// Goal is a figure that should not be more, or less, than another; 0 is no target.
type Goal struct {
	What    string   `json:"of"`
	Value   *float64 `json:"value"` // nil when it is not known
	AtMost  float64  `json:"at_most,omitempty"`
	AtLeast float64  `json:"at_least,omitempty"`
}

// Print writes the report as tables for people.
func (r Report) Print(w io.Writer) error {
	var b bytes.Buffer
	if r.Data.Users > 0 {
		fmt.Fprintf(&b, "%s.\n", r.Data)
	}
	if r.Loading != nil {
		fmt.Fprintf(&b, "Loaded in %s s.\n", decimals(r.Loading, 1))
	}
	if len(r.Lines) > 0 {
		fmt.Fprintf(&b, "\n%d connections; medians of %d runs of %g s on each side. CPU is microseconds a request,\n"+
			"of the server's process and of PostgreSQL's; ratios are of CPU time, or of requests/s where that is said.\n\n",
			r.Connections, r.Rounds, r.Seconds)
		fmt.Fprintf(&b, figureColumns+ratioColumns, "", "requests/s", "p50 ms", "p99 ms", "CPU", "server", "PostgreSQL", "ratio", "target")
		for _, l := range r.Lines {
			l.print(&b)
		}
	}
	if len(r.Cycles) > 0 {
		r.printCycles(&b)
	}
	if r.Console != nil {
		r.Console.print(&b)
	}
	if len(r.Hostile) > 0 {
		r.printHostile(&b)
	}
	if r.Authentication != nil {
		r.Authentication.print(&b)
	}
	if r.Program != nil {
		r.Program.print(&b)
	}
	_, err := w.Write(b.Bytes())
	return err
}

const (
	figureColumns = "%-42s%11s%9s%9s%9s%9s%12s"
	ratioColumns  = "%8s  %s\n"
)

func (l Line) print(b *bytes.Buffer) {
	if l.Skipped != "" {
		fmt.Fprintf(b, "%-42s  left out: %s\n", l.Name, l.Skipped)
		return
	}
	l.Server.print(b, l.Name)
	b.WriteByte('\n')
	for _, beside := range l.Beside {
		beside.print(b, "  "+beside.Name)
		fmt.Fprintf(b, ratioColumns, decimals(beside.Ratio.Value, 2), beside.Ratio.target(2))
	}
	for _, g := range l.Goals {
		fmt.Fprintf(b, "%-101s%8s  %s\n", "  "+g.What, decimals(g.Value, 2), g.target(0))
	}
	if a := l.Again; a != nil {
		a.Server.print(b, "  again, after all lines")
		said := ""
		if a.dependsOnOthers() {
			said = decimals(a.Times, 2) + " times: depends on what ran before"
		}
		fmt.Fprintf(b, ratioColumns, decimals(a.Ratio, 2), said)
	}
}

// target says what the figure should be.
func (g Goal) target(n int) string {
	text := ""
	switch {
	case g.AtMost > 0:
		text = "at most " + decimals(&g.AtMost, n)
	case g.AtLeast > 0:
		text = "at least " + decimals(&g.AtLeast, n)
	}
	if g.What == "requests/s" {
		text += ", of requests/s"
	}
	return text
}

func (f Figures) print(b *bytes.Buffer, name string) {
	fmt.Fprintf(b, figureColumns, name, decimals(&f.PerSecond, 0), decimals(&f.P50, 2), decimals(&f.P99, 2),
		decimals(f.CPU, 0), decimals(f.ServerCPU, 0), decimals(f.DatabaseCPU, 0))
}

// decimals spells a figure, "-" when it is not known.
func decimals(v *float64, n int) string {
	if v == nil {
		return "-"
	}
	return strconv.FormatFloat(*v, 'f', n, 64)
}

func (r Report) printCycles(b *bytes.Buffer) {
	pace := "as fast as they are answered"
	if r.Rate > 0 {
		pace = fmt.Sprintf("%g requests a second", r.Rate)
	}
	fmt.Fprintf(b, "\nCycles of identity systems, %s; CPU as above.\n\n", pace)
	fmt.Fprintf(b, figureColumns+cycleColumns, "", "requests/s", "p50 ms", "p99 ms", "CPU", "server", "PostgreSQL", "requests", "seconds", "errors", "429s")
	for _, c := range r.Cycles {
		c.print(b, c.Name)
		fmt.Fprintf(b, cycleColumns, strconv.Itoa(c.Requests), decimals(&c.Seconds, 1), strconv.Itoa(c.Errors), strconv.Itoa(c.Busy))
		fmt.Fprintf(b, "  %s\n", c.Does)
		if c.FirstError != "" {
			fmt.Fprintf(b, "  first error: %s\n", c.FirstError)
		}
	}
}

const cycleColumns = "%10s%9s%8s%6s\n"
