package bench

import (
	"os"
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
	got := r.figures(cpuTime{server: 30 * time.Millisecond, database: 10 * time.Millisecond, known: true, both: true})
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

func TestRatio_ComparesRoundByRound(t *testing.T) {
	t.Parallel()
	server := []Figures{{CPU: new(20.0), PerSecond: 1}, {CPU: new(90.0), PerSecond: 1}, {CPU: new(60.0), PerSecond: 1}}
	other := []Figures{{CPU: new(10.0), PerSecond: 2}, {CPU: new(30.0), PerSecond: 1}, {CPU: new(15.0), PerSecond: 4}}
	if got := (target{}).ratio(server, other); got.Value == nil || *got.Value != 3 {
		t.Errorf("ratio is %+v, want the median of 2, 3 and 4", got)
	}
	if got := (target{rate: true}).ratio(server, other); got.Value == nil || *got.Value != 0.5 {
		t.Errorf("ratio is %+v, want the median of 1/2, 1 and 1/4", got)
	}
	other[1].CPU = nil
	if got := (target{}).ratio(server, other); got.Value != nil {
		t.Errorf("ratio is %v where one time is not known", *got.Value)
	}
}

// A line is compared with itself by what it is compared with anyway, which the machine's other
// work disturbs alike; without that, by its CPU time.
func TestAgain_TellsWhatDependsOnOthers(t *testing.T) {
	t.Parallel()
	beside := func(ratio *float64) []Beside {
		return []Beside{{Ratio: Goal{Value: new(9.0)}}, {Ratio: Goal{Value: ratio}}}
	}
	for name, test := range map[string]struct {
		first, again Line
		depends      bool
	}{
		"as before":              {Line{Beside: beside(new(1.4))}, Line{Beside: beside(new(1.7))}, false},
		"dearer":                 {Line{Beside: beside(new(1.4))}, Line{Beside: beside(new(1.9))}, true},
		"cheaper":                {Line{Beside: beside(new(1.4))}, Line{Beside: beside(new(1.0))}, true},
		"not known":              {Line{Beside: beside(nil)}, Line{Beside: beside(new(1.9))}, false},
		"a machine that is busy": {Line{Server: Figures{CPU: new(100.0)}, Beside: beside(new(1.4))}, Line{Server: Figures{CPU: new(200.0)}, Beside: beside(new(1.4))}, false},
		"dearer, alone":          {Line{Server: Figures{CPU: new(100.0)}}, Line{Server: Figures{CPU: new(200.0)}}, true},
	} {
		if got := test.again.against(test.first).dependsOnOthers(); got != test.depends {
			t.Errorf("%s: depends on others: %t", name, got)
		}
	}
}

func TestReport_Print(t *testing.T) {
	t.Parallel()
	report := Report{
		Data:        Shares{Users: 10000, InGroups: 2000, Groups: 200, GroupSize: 10, BigGroup: 2000},
		Connections: 16, Rounds: 3, Seconds: 2, Loading: new(1.25),
		Lines: []Line{
			{
				Name:   "GET by id",
				Server: Figures{PerSecond: 9876.5, P50: 1.234, P99: 10, CPU: new(161.0), ServerCPU: new(99.6), DatabaseCPU: new(61.4)},
				Beside: []Beside{{
					Name:    "floor: the document",
					Figures: Figures{PerSecond: 12345, P50: 0.5, P99: 9.999, CPU: new(125.4), ServerCPU: new(80.0), DatabaseCPU: new(45.4)},
					Ratio:   Goal{What: "CPU time", Value: new(1.284), AtMost: 1.35},
				}},
				Again: &Again{Server: Figures{PerSecond: 9800, P50: 1.2, P99: 10, CPU: new(200.0)}, Ratio: new(1.7), Times: new(1.324)},
			},
			{
				Name:   "add or remove 1 member, all on one group",
				Beside: []Beside{{Name: "the server, on many groups", Ratio: Goal{What: "requests/s", AtLeast: 0.6}}},
				Goals:  []Goal{{What: "CPU us a member", Value: new(12.345), AtMost: 30}},
			},
			{Name: "Bulk of 1000 creates", Skipped: "the server says that it offers no Bulk"},
		},
		Rate: 25,
		Cycles: []Cycle{{
			Name: "Entra, delta", Does: "a look-up and a PATCH", Seconds: 12.34, Errors: 1, FirstError: "status 500", Busy: 2,
			Figures: Figures{Requests: 300, PerSecond: 24.3, P50: 1, P99: 2},
		}},
		Console: &Pages{Times: 20, MedianAtMost: 50, SlowestAtMost: 300, BytesAtMost: 60 << 10, Pages: []Page{
			{Name: "Overview", Best: 4.25, Median: 6, Slowest: 31.7, Bytes: 23<<10 + 1},
			{Name: "People", Best: 49, Median: 51, Slowest: 299, Bytes: 61 << 10, Above: "KB, median"},
		}},
		Authentication: &Authentication{Requests: 200000, CPU: 0.72, AtMost: 15, LookUps: 2},
		Program:        new(NewProgram(33<<20, []float64{80, 40, 60}, 27<<20)),
	}
	text, err := os.ReadFile("testdata/report.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := report.Print(&out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), out.String()); diff != "" {
		t.Errorf("report (-want +got):\n%s\n%s", diff, out.String())
	}
}
