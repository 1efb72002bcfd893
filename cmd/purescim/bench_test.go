package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/bench"
	"github.com/purescim/purescim/internal/testdb"
)

// TestMain lets the benchmark start its sides: it runs its own program again, which
// is this one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "bench-side" {
		os.Exit(run(context.Background(), os.Args[1:], console{out: os.Stdout, err: os.Stderr}))
	}
	os.Exit(m.Run())
}

// TestBench_AnswersEveryLine runs the whole benchmark, too short for its figures to mean
// anything: it fails on any status that a line does not expect.
func TestBench_AnswersEveryLine(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	status := run(t.Context(), []string{
		"bench", "--users=500", "--seconds=0.05", "--rounds=1", "--connections=4",
		"--database-url=" + testdb.New(t), "-o", "json",
	}, console{out: &out, err: &errs})
	if status != 0 || errs.Len() > 0 {
		t.Fatalf("exit status %d: %s", status, errs.String())
	}
	var report bench.Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	var names []string
	for _, l := range report.Lines {
		names = append(names, l.Name)
		for side, figures := range map[string]bench.Figures{"server": l.Server, "floor": l.Floor} {
			if figures.Requests == 0 || figures.PerSecond <= 0 || figures.P99 < figures.P50 {
				t.Errorf("%s, %s: %+v", l.Name, side, figures)
			}
		}
	}
	// The first look up the token and its key; those of a slow machine look again each second.
	if a := report.Authentication; a.Requests != 200_000 || a.CPU <= 0 || a.AtMost != 15 || a.LookUps < 2 || a.LookUps > 200 {
		t.Errorf("authentication: %+v", a)
	}
	const want = "GET by id, GET by id, in groups, filter userName eq, list of 100 at the start, list of 100, in groups, list of 100 at the end, PATCH title, group member add, POST user"
	if got := strings.Join(names, ", "); got != want {
		t.Errorf("lines: %s\nwant: %s", got, want)
	}
}

func TestBench_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ args, want string }{
		{"--users=10", "--users: at least 500"},
		{"--rounds=0", "must be positive"},
		{"--only=nothing --users=500 --connections=1 --database-url=" + testdb.New(t), `no line has "nothing"`},
		{"--database-url=localhost:5432", "--database-url is not of the form"},
	} {
		var out bytes.Buffer
		status := run(t.Context(), append([]string{"bench"}, strings.Fields(test.args)...), console{out: &out, err: &out})
		if status == 0 || !strings.Contains(out.String(), test.want) {
			t.Errorf("bench %s: exit status %d, want %q in:\n%s", test.args, status, test.want, out.String())
		}
	}
}
