// Package bench measures a SCIM server: single requests beside a floor, the least that
// net/http and PostgreSQL must do for the same answers from the same tables, and whole
// cycles of identity systems. What any server at a URL answers can be measured, without
// the floor then. Pages of the console are fetched one after the other. Floods tell what a
// hostile client can do to the server's memory and to the requests of others.
//
// It owns the data that both sides work on, the requests, the floor's handler, the
// clock and the reading of CPU time and memory. That PostgreSQL and the two servers run,
// each in a process of its own, and that the data is in the tables, is its caller's
// business. It looks at no other package of the house: the server is only what answers
// at a URL.
package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Server is one of the two sides, as its client sees it.
type Server struct {
	URL   string // below which its endpoints are
	PID   int    // its process on this machine; 0 when CPU time is not to be had
	Token string // bearer token; empty for the floor, which asks for none
}

// Options say what is measured and how.
type Options struct {
	// Server is measured beside the Floor, or alone when that has no URL.
	Server, Floor Server
	// Postmaster is the first process of PostgreSQL, whose other processes are its
	// children; 0 when it is not on this machine.
	Postmaster int
	Data       Data
	// Connections is how many clients there are, each waiting for its answer before
	// it asks again.
	Connections int
	// Rounds is how often each line is run on each side, in turn; Run is how long.
	// Figures are the medians of the rounds.
	Rounds int
	Run    time.Duration
	// Only limits lines and cycles to those whose name contains it.
	Only string
	// Lines and Cycles say which of the two parts is measured.
	Lines, Cycles bool
	// CycleUsers is how many users a cycle brings; Rate is how many requests a second
	// it sends, 0 as many as are answered.
	CycleUsers int
	Rate       float64
	// Progress is told what begins.
	Progress func(Step)

	made *ledger // notes what is created, unless nil
}

// Step is how far something has come: Done of Total, which is 0 when it is not known.
type Step struct {
	What        string
	Done, Total int
}

// alone reports that there is no floor: the server is somebody's, and may answer in
// ways that end a line and not the benchmark.
func (o Options) alone() bool { return o.Floor.URL == "" }

// Run measures lines and cycles. Beside a floor, a request that is refused ends it with
// an error.
func Run(ctx context.Context, o Options) (Report, error) {
	server, err := newDriver(o.Server, o)
	if err != nil {
		return Report{}, err
	}
	defer server.close()
	floor := server
	if !o.alone() {
		if floor, err = newDriver(o.Floor, o); err != nil {
			return Report{}, err
		}
		defer floor.close()
	}
	report := Report{
		Data: o.Data.Shares(), Connections: o.Connections, Rounds: o.Rounds, Seconds: o.Run.Seconds(), Rate: o.Rate,
	}
	offered, err := server.discover(ctx)
	if err != nil {
		return report, err
	}
	ls, cs := o.chosen(offered)
	if len(ls)+len(cs) == 0 {
		return report, fmt.Errorf("no line and no cycle has %q in its name", o.Only)
	}
	if report.Lines, err = measureLines(ctx, ls, server, floor, o); err != nil {
		return report, err
	}
	for i, c := range cs {
		o.Progress(Step{c.name, i, len(cs)})
		result, err := c.measure(ctx, server, o)
		if err != nil {
			return report, fmt.Errorf("%s: %w", c.name, err)
		}
		report.Cycles = append(report.Cycles, result)
	}
	return report, nil
}

// chosen are the lines and cycles that are asked for.
func (o Options) chosen(offered features) (ls []line, cs []cycle) {
	if o.Lines {
		for _, l := range lines(o.Data, offered) {
			if strings.Contains(l.name, o.Only) {
				ls = append(ls, l)
			}
		}
	}
	if o.Cycles {
		for _, c := range cycles() {
			if strings.Contains(c.name, o.Only) {
				cs = append(cs, c)
			}
		}
	}
	return ls, cs
}

// A side is the requests of one row of a line, on one server.
type side struct {
	*driver
	requests
	sent    int // requests taken so far: none is sent twice
	figures []Figures
}

// measureLines measures all lines, and then those that only read once more: what a line costs
// should not depend on which lines came before it.
func measureLines(ctx context.Context, ls []line, server, floor *driver, o Options) ([]Line, error) {
	results, sides := make([]Line, len(ls)), make([][]*side, len(ls))
	for i, l := range ls {
		o.Progress(Step{l.name, i, len(ls)})
		sides[i] = l.sides(server, floor, o)
		var err error
		if results[i], err = l.measure(ctx, sides[i], o); err != nil {
			return results[:i], fmt.Errorf("%s: %w", l.name, err)
		}
	}
	for i, l := range ls {
		if len(ls) == 1 || results[i].Skipped != "" || !l.onlyReads() {
			continue
		}
		o.Progress(Step{l.name + ", again", i, len(ls)})
		again, err := l.measure(ctx, sides[i], o)
		if err != nil {
			return results, fmt.Errorf("%s, again: %w", l.name, err)
		}
		if again.Skipped == "" {
			results[i].Again = new(again.against(results[i]))
		}
	}
	return results, nil
}

// sides are the rows of the line, that of the server first.
func (l line) sides(server, floor *driver, o Options) []*side {
	sides := []*side{{driver: server, requests: l.server}}
	for _, b := range l.besides(o.alone()) {
		on := floor
		if b.onServer {
			on = server
		}
		sides = append(sides, &side{driver: on, requests: b.requests})
	}
	return sides
}

func (l line) measure(ctx context.Context, sides []*side, o Options) (Line, error) {
	result := Line{Name: l.name, Skipped: l.missing}
	if l.missing != "" {
		return result, nil
	}
	err := measure(ctx, sides, o)
	if refused := (*refusalError)(nil); o.alone() && errors.As(err, &refused) {
		result.Skipped = refused.Error()
		return result, nil
	}
	if err != nil {
		return result, err
	}
	result.Server = median(sides[0].figures)
	for _, b := range l.limits {
		result.Goals = append(result.Goals, b.target.goal(b.what, b.value(result.Server)))
	}
	for i, b := range l.besides(o.alone()) {
		s := sides[1+i]
		result.Beside = append(result.Beside, Beside{b.name, median(s.figures), b.target.ratio(sides[0].figures, s.figures)})
	}
	return result, nil
}

// measure runs each side once to warm up, then all in turn, round by round.
func measure(ctx context.Context, sides []*side, o Options) error {
	for _, s := range sides {
		first := max(s.before, 1) // the first shows whether it is answered at all
		if err := s.inTurn(ctx, first, s.requests); err != nil {
			return err
		}
		s.sent = max(s.sent, first)
		if err := s.measure(ctx, o.Run/warmUpShare); err != nil {
			return err
		}
		s.figures = nil
	}
	for range o.Rounds {
		for _, s := range sides {
			if err := s.measure(ctx, o.Run); err != nil {
				return err
			}
		}
	}
	return nil
}

// warmUpShare of a run's length warms up connections, statements and caches.
const warmUpShare = 4

// measure runs the side's requests for d and keeps the figures.
func (s *side) measure(ctx context.Context, d time.Duration) error {
	before := s.cpu()
	run, err := s.drive(ctx, s.requests, s.sent, d)
	if err != nil {
		return err
	}
	s.sent += run.taken
	s.figures = append(s.figures, run.figures(s.cpu().minus(before)))
	return nil
}
