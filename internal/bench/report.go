package bench

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// Report is what a benchmark found.
type Report struct {
	Users       int     `json:"users"`
	Groups      int     `json:"groups"`
	Connections int     `json:"connections"`
	Rounds      int     `json:"rounds"`
	Seconds     float64 `json:"seconds_a_run"`
	Lines       []Line  `json:"lines"`
	// Authentication is a part of each line, and measured alone.
	Authentication Authentication `json:"authentication"`
}

// Line compares the two sides on one kind of request.
type Line struct {
	Name   string  `json:"name"`
	Server Figures `json:"server"`
	Floor  Figures `json:"floor"`
	// Ratio is the server's CPU time in that of the floor: the median of the rounds, of
	// which each compares two runs that the machine's other work disturbed alike. nil
	// when it is not known.
	Ratio *float64 `json:"cpu_ratio"`
	// AtMost is what the ratio should be.
	AtMost float64 `json:"cpu_ratio_at_most"`
}

// Figures are those of one kind of request on one side, the medians of its rounds.
type Figures struct {
	Requests  int     `json:"requests"` // in all rounds
	PerSecond float64 `json:"requests_a_second"`
	// Milliseconds until the answer was read, for half of the requests and for 99 of 100.
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
	// Microseconds a request: CPU is the sum of the server's process and of
	// PostgreSQL's. nil when they are not known.
	CPU         *float64 `json:"cpu_us"`
	ServerCPU   *float64 `json:"cpu_us_server"`
	DatabaseCPU *float64 `json:"cpu_us_postgresql"`
}

func (r run) figures(used cpuTime) Figures {
	slices.Sort(r.latencies)
	n := len(r.latencies)
	f := Figures{Requests: n}
	if n == 0 {
		return f
	}
	f.PerSecond = float64(n) / r.elapsed.Seconds()
	f.P50 = milliseconds(r.latencies[n/2])
	f.P99 = milliseconds(r.latencies[n*99/100])
	if used.known {
		each := func(d time.Duration) *float64 {
			us := float64(d.Microseconds()) / float64(n)
			return &us
		}
		f.CPU, f.ServerCPU, f.DatabaseCPU = each(used.server+used.database), each(used.server), each(used.database)
	}
	return f
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// median takes each figure's median over the rounds.
func median(rounds []Figures) Figures {
	var m Figures
	for _, f := range rounds {
		m.Requests += f.Requests
	}
	known := func(figure func(Figures) *float64) *float64 {
		values := make([]float64, 0, len(rounds))
		for _, f := range rounds {
			if v := figure(f); v != nil {
				values = append(values, *v)
			}
		}
		if len(values) < len(rounds) {
			return nil
		}
		v := middle(values)
		return &v
	}
	m.PerSecond = *known(func(f Figures) *float64 { return &f.PerSecond })
	m.P50 = *known(func(f Figures) *float64 { return &f.P50 })
	m.P99 = *known(func(f Figures) *float64 { return &f.P99 })
	m.CPU = known(func(f Figures) *float64 { return f.CPU })
	m.ServerCPU = known(func(f Figures) *float64 { return f.ServerCPU })
	m.DatabaseCPU = known(func(f Figures) *float64 { return f.DatabaseCPU })
	return m
}

// medianRatio compares the CPU time of the two sides round by round.
func medianRatio(server, floor []Figures) *float64 {
	ratios := make([]float64, len(server))
	for i := range server {
		a, b := server[i].CPU, floor[i].CPU
		if a == nil || b == nil || *b == 0 {
			return nil
		}
		ratios[i] = *a / *b
	}
	ratio := middle(ratios)
	return &ratio
}

// middle is the median of at least one value. It sorts them.
func middle(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// Print writes the report as a table for people.
func (r Report) Print(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d users, %d groups, %d connections; medians of %d runs of %g s on each side.\n"+
		"CPU is microseconds a request, of the server's process and of PostgreSQL's.\n\n",
		r.Users, r.Groups, r.Connections, r.Rounds, r.Seconds)
	fmt.Fprintf(&b, figureColumns+ratioColumns, "", "requests/s", "p50 ms", "p99 ms", "CPU", "server", "PostgreSQL", "ratio", "at most")
	for _, l := range r.Lines {
		l.Server.print(&b, l.Name)
		fmt.Fprintf(&b, ratioColumns, decimals(l.Ratio, 2), decimals(&l.AtMost, 1))
		l.Floor.print(&b, "  floor")
		b.WriteByte('\n')
	}
	r.Authentication.print(&b)
	_, err := w.Write(b.Bytes())
	return err
}

const (
	figureColumns = "%-25s%11s%8s%8s%8s%8s%12s"
	ratioColumns  = "%7s%9s\n"
)

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
