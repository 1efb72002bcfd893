package bench

import (
	"slices"
	"time"
)

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
	each := func(d time.Duration) *float64 {
		us := float64(d.Microseconds()) / float64(n)
		return &us
	}
	if used.known {
		f.CPU, f.ServerCPU = each(used.server+used.database), each(used.server)
		if used.both {
			f.DatabaseCPU = each(used.database)
		}
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

// middle is the median of at least one value. It sorts them.
func middle(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// target is what a figure should be; 0 is no target.
type target struct {
	atMost, atLeast float64
	rate            bool // a ratio is that of requests a second, not of CPU time
}

// goal is the target with what was reached, which is nil when it is not known.
func (t target) goal(what string, value *float64) Goal {
	return Goal{What: what, Value: value, AtMost: t.atMost, AtLeast: t.atLeast}
}

// ratio compares the server with what is beside it round by round: the two runs of a
// round were disturbed alike by the machine's other work.
func (t target) ratio(server, other []Figures) Goal {
	what, figure := "CPU time", func(f Figures) *float64 { return f.CPU }
	if t.rate {
		what, figure = "requests/s", func(f Figures) *float64 { return &f.PerSecond }
	}
	ratios := make([]float64, len(server))
	for i := range server {
		a, b := figure(server[i]), figure(other[i])
		if a == nil || b == nil || *b == 0 {
			return t.goal(what, nil)
		}
		ratios[i] = *a / *b
	}
	ratio := middle(ratios)
	return t.goal(what, &ratio)
}
