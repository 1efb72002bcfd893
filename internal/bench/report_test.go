package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFigures(t *testing.T) {
	t.Parallel()
	r := run{elapsed: 2 * time.Second}
	for i := range 200 { // the last first: figures sorts
		r.latencies = append(r.latencies, time.Duration(200-i)*time.Millisecond)
	}
	got := r.figures(cpuTime{server: 30 * time.Millisecond, database: 10 * time.Millisecond, known: true})
	want := Figures{
		Requests: 200, PerSecond: 100, P50: 101, P99: 199,
		CPU: new(200.0), ServerCPU: new(150.0), DatabaseCPU: new(50.0),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
	if unknown := r.figures(cpuTime{}); unknown.CPU != nil {
		t.Errorf("CPU time is %v where nothing is known of it", *unknown.CPU)
	}
	if diff := cmp.Diff(Figures{}, run{}.figures(cpuTime{known: true})); diff != "" {
		t.Errorf("figures of no request:\n%s", diff)
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	got := median([]Figures{
		{Requests: 1, PerSecond: 9, P50: 1, P99: 5, CPU: new(30.0), ServerCPU: new(1.0)},
		{Requests: 2, PerSecond: 1, P50: 3, P99: 4, CPU: new(10.0), ServerCPU: new(1.0)},
		{Requests: 3, PerSecond: 5, P50: 2, P99: 6, CPU: new(20.0)},
	})
	want := Figures{Requests: 6, PerSecond: 5, P50: 2, P99: 5, CPU: new(20.0)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("median (-want +got):\n%s", diff)
	}
}

func TestMedianRatio_ComparesRoundByRound(t *testing.T) {
	t.Parallel()
	server := []Figures{{CPU: new(20.0)}, {CPU: new(90.0)}, {CPU: new(60.0)}}
	floor := []Figures{{CPU: new(10.0)}, {CPU: new(30.0)}, {CPU: new(15.0)}}
	if got := medianRatio(server, floor); got == nil || *got != 3 {
		t.Errorf("ratio is %v, want the median of 2, 3 and 4", got)
	}
	floor[1].CPU = nil
	if got := medianRatio(server, floor); got != nil {
		t.Errorf("ratio is %v where one time is not known", *got)
	}
}

func TestReport_Print(t *testing.T) {
	t.Parallel()
	report := Report{
		Users: 10000, Groups: 501, Connections: 16, Rounds: 3, Seconds: 2,
		Lines: []Line{
			{
				Name: "GET by id", AtMost: 1.8, Ratio: new(1.284),
				Server: Figures{PerSecond: 9876.5, P50: 1.234, P99: 10, CPU: new(161.0), ServerCPU: new(99.6), DatabaseCPU: new(61.4)},
				Floor:  Figures{PerSecond: 12345, P50: 0.5, P99: 9.999, CPU: new(125.4), ServerCPU: new(80.0), DatabaseCPU: new(45.4)},
			},
			{Name: "list of 100 at the start", AtMost: 1.5},
		},
		Authentication: Authentication{Requests: 200000, CPU: 0.72, AtMost: 15, LookUps: 2},
	}
	const want = `
10000 users, 501 groups, 16 connections; medians of 3 runs of 2 s on each side.
CPU is microseconds a request, of the server's process and of PostgreSQL's.

                          requests/s  p50 ms  p99 ms     CPU  server  PostgreSQL  ratio  at most
GET by id                       9876    1.23   10.00     161     100          61   1.28      1.8
  floor                        12345    0.50   10.00     125      80          45
list of 100 at the start           0    0.00    0.00       -       -           -      -      1.5
  floor                            0    0.00    0.00       -       -           -

access token, warm: 0.7 us CPU a request (at most 15), 2 store look-ups in 200000
`
	var out strings.Builder
	if err := report.Print(&out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}
