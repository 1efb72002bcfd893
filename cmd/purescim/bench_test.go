package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/bench"
	"github.com/purescim/purescim/internal/testdb"
)

// TestMain lets the benchmark start its sides, and a test servers that it can kill, or a
// command apart: they run their own program again, which is this one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		os.Exit(start())
	}
	os.Exit(m.Run())
}

// printed is what a program and those that it has started print at once.
type printed struct {
	mu   sync.Mutex
	text strings.Builder
}

func (p *printed) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(text)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// benchReport runs a benchmark too short for its figures to mean anything.
func benchReport(t *testing.T, args ...string) bench.Report {
	t.Helper()
	var out bytes.Buffer
	var errs printed
	args = append([]string{"bench", "--users=500", "--seconds=0.02", "--rounds=1", "--connections=4", "--cycle-users=150", "-o", "json"}, args...)
	if status := run(t.Context(), args, console{out: &out, err: &errs}); status != 0 || errs.String() != "" {
		t.Fatalf("exit status %d: %s", status, errs.String())
	}
	var report bench.Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	return report
}

// wantAnswers fails for a line that was left out though the server offers it, and for
// figures that cannot be.
func wantAnswers(t *testing.T, report bench.Report) {
	t.Helper()
	check := func(name string, f bench.Figures) {
		if f.Requests == 0 || f.PerSecond <= 0 || f.P99 < f.P50 {
			t.Errorf("%s: %+v", name, f)
		}
	}
	for _, l := range report.Lines {
		if l.Skipped != "" {
			if !strings.HasPrefix(l.Skipped, "the server says that it offers no") {
				t.Errorf("%s is left out: %s", l.Name, l.Skipped)
			}
			continue
		}
		check(l.Name, l.Server)
		for _, b := range l.Beside {
			check(l.Name+", "+b.Name, b.Figures)
		}
	}
	for _, c := range report.Cycles {
		check(c.Name, c.Figures)
		if c.Errors > 0 || c.Busy > 0 {
			t.Errorf("%s: %d errors, %d times 429; first %s", c.Name, c.Errors, c.Busy, c.FirstError)
		}
	}
}

// The whole benchmark fails on any request that is refused.
func TestBench_AnswersEverything(t *testing.T) {
	t.Parallel()
	report := benchReport(t, "--database-url="+testdb.New(t))
	wantAnswers(t, report)
	if len(report.Lines) != 22 || len(report.Cycles) != 5 {
		t.Errorf("%d lines and %d cycles", len(report.Lines), len(report.Cycles))
	}
	want := bench.Shares{Users: 500, InGroups: 100, Groups: 10, GroupSize: 10, BigGroup: 100}
	if report.Data != want {
		t.Errorf("the data is %+v, want %+v", report.Data, want)
	}
	// The first look up the token and its key; those of a slow machine look again each second.
	if a := report.Authentication; a == nil || a.Requests != 200_000 || a.CPU <= 0 || a.AtMost != 15 || a.LookUps < 2 || a.LookUps > 200 {
		t.Errorf("authentication: %+v", a)
	}
	if p := report.Program; p == nil || p.Starts != 5 || p.Start <= 0 || p.Size <= 0 || p.Memory <= 0 {
		t.Errorf("program: %+v", p)
	}
}

// A server at a URL is measured alone, and is as it was afterwards.
func TestBench_LeavesAServerAsItWas(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	var out bytes.Buffer
	for _, args := range [][]string{{"org", "create", "acme"}, {"org", "set", "acme", "--brake-users", "off", "--brake-members", "off"}} {
		if status := run(t.Context(), append(args, "--database-url="+db), console{out: &out, err: &out}); status != 0 {
			t.Fatal(out.String())
		}
	}
	token := administratorOf(t, db, "acme", time.Hour).AccessToken
	scim := serve(t, db, "--rate-limit=0").url + "/api/v2/scim/v2"
	before := [2]string{}
	for i, path := range []string{"/Users", "/Groups"} {
		_, before[i] = get(t, scim+path, token)
	}
	report := benchReport(t, "--url="+scim, "--token="+token)
	wantAnswers(t, report)
	for _, l := range report.Lines {
		for _, b := range l.Beside {
			if strings.HasPrefix(b.Name, "floor") {
				t.Errorf("%s is compared with a floor", l.Name)
			}
		}
	}
	if report.Data.Users != 500 || report.Data.Groups != 10 || report.Authentication != nil {
		t.Errorf("%+v", report)
	}
	for i, path := range []string{"/Users", "/Groups"} {
		if _, after := get(t, scim+path, token); after != before[i] {
			t.Errorf("%s was %s and is %s", path, before[i], after)
		}
	}
}

// A flood is told with what it did to the server and to the requests beside it.
func TestBench_TellsOfFloods(t *testing.T) {
	t.Parallel()
	report := benchReport(t, "--database-url="+testdb.New(t), "--part=hostile", "--only=200,000 members", "--scale=0.001")
	if len(report.Hostile) != 1 || len(report.Lines)+len(report.Cycles) != 0 {
		t.Fatalf("%+v", report)
	}
	a := report.Hostile[0]
	if a.Idle < 1<<20 || a.Memory < 1<<20 || a.MemoryAtMost <= 0 || a.Beside.Requests == 0 || a.Slowest < a.Beside.P50 || a.Statuses[404] != 1 {
		t.Errorf("%+v", a)
	}
}

// Every page of the console answers, and is told with its bounds.
func TestBench_TellsOfPages(t *testing.T) {
	t.Parallel()
	report := benchReport(t, "--database-url="+testdb.New(t), "--part=console")
	if report.Console == nil || len(report.Lines)+len(report.Cycles) != 0 || report.Data.Users != 500 || report.Loading == nil {
		t.Fatalf("%+v", report)
	}
	known := map[string]bool{}
	for _, p := range report.Console.Pages {
		known[p.Name] = true
		if p.Best <= 0 || p.Median < p.Best || p.Slowest < p.Median || p.Bytes == 0 {
			t.Errorf("%+v", p)
		}
	}
	for _, name := range []string{"Overview", "Activity: older", "Activity: an entry", "People: the next page", "The big group: the next page of members", "A guide"} {
		if !known[name] {
			t.Errorf("%s was not measured", name)
		}
	}
}

// What is loaded for the benchmark is as true as what clients create.
func TestLoadBench_IsVerified(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	db := testdb.New(t)
	err := database{DatabaseURL: db, LogLevel: "error"}.with(t.Context(), console{out: &out, err: &out}, reads, func(p *parts) error {
		o, _, err := newBenchOrg(t.Context(), p, "bench")
		if err != nil {
			return err
		}
		data, err := loadBench(t.Context(), p, o, 2*usersAtOnce+1, func(bench.Step) {})
		if err != nil {
			return err
		}
		big, err := p.directory.Group(t.Context(), o, data.Big)
		if want := len(data.Group(len(data.Groups)).Members); err != nil || big.MemberCount != want || want == 0 {
			t.Errorf("the big group has %d members, want %d (%v)", big.MemberCount, want, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	status := run(t.Context(), []string{"verify", "--database-url=" + db}, console{out: &out, err: &out})
	if status != 0 || out.String() != "1 organisations verified, no difference\n" {
		t.Errorf("exit status %d: %s", status, out.String())
	}
}

func TestBench_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ args, want string }{
		{"--users=10", "--users: at least 500"},
		{"--rounds=0", "must be positive"},
		{"--only=nothing --users=500 --connections=1 --database-url=" + testdb.New(t), `no line and no cycle has "nothing"`},
		{"--database-url=localhost:5432", "--database-url is not of the form"},
		{"--url=localhost --token=t", "not of the form https://host/path"},
		{"--url=http://127.0.0.1:1 --part=startup", "of this program"},
		{"--url=http://127.0.0.1:1 --part=hostile", "of this program"},
		{"--url=http://127.0.0.1:1 --part=console", "of this program"},
		{"--part=hostile --only=nothing", `no flood has "nothing"`},
	} {
		var out printed
		status := run(t.Context(), append([]string{"bench"}, strings.Fields(test.args)...), console{out: &out, err: &out})
		if status == 0 || !strings.Contains(out.String(), test.want) {
			t.Errorf("bench %s: exit status %d, want %q in:\n%s", test.args, status, test.want, out.String())
		}
	}
}

func TestProgressLine(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]bench.Step{
		"starting PostgreSQL":                {What: "starting PostgreSQL"},
		"[............] 0/10 a":              {What: "a", Total: 10},
		"[######......] 5/10 b":              {What: "b", Done: 5, Total: 10},
		"[############] 10/10 loading users": {What: "loading users", Done: 10, Total: 10},
	} {
		if got := progressLine(s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
