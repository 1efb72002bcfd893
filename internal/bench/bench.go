// Package bench measures a SCIM server beside a floor: the least that net/http and
// PostgreSQL must do for the same answers from the same tables. The check of an access
// token, which the floor does without, it measures alone too.
//
// It owns the data that both sides work on, the requests, the floor's handler, the
// clock and the reading of CPU time. That PostgreSQL and the two servers run, each in
// a process of its own, is its caller's business. It looks at no other package of the
// house: the server is only what answers at a URL.
package bench

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Server is one of the two sides, as its client sees it.
type Server struct {
	Addr  string // host:port, plain HTTP
	PID   int    // its process on this machine; 0 when CPU time is not to be had
	Token string // bearer token; empty for the floor, which asks for none
}

// Options say what is measured and how.
type Options struct {
	Server, Floor Server
	// Postmaster is the first process of PostgreSQL, whose other processes are its
	// children; 0 when it is not on this machine.
	Postmaster int
	Data       Data
	// Authentication was measured before, where the server's parts are at hand.
	Authentication Authentication
	// Connections is how many clients there are, each waiting for its answer before
	// it asks again.
	Connections int
	// Rounds is how often each line is run on each side, in turn; Run is how long.
	// Figures are the medians of the rounds.
	Rounds int
	Run    time.Duration
	// Only limits the lines to those whose name contains it.
	Only string
	// Progress is told what begins.
	Progress func(what string)
}

// Run measures each line on both sides. A status that the line does not expect ends it
// with an error.
func Run(ctx context.Context, o Options) (Report, error) {
	server, err := newDriver(ctx, o.Server, o)
	if err != nil {
		return Report{}, err
	}
	defer server.close()
	floor, err := newDriver(ctx, o.Floor, o)
	if err != nil {
		return Report{}, err
	}
	defer floor.close()
	report := Report{
		Users: len(o.Data.Users), Groups: len(o.Data.Groups) + 1,
		Connections: o.Connections, Rounds: o.Rounds, Seconds: o.Run.Seconds(),
		Authentication: o.Authentication,
	}
	for _, l := range lines(o.Data) {
		if !strings.Contains(l.name, o.Only) {
			continue
		}
		o.Progress(l.name)
		result, err := l.measure(ctx, server, floor, o)
		if err != nil {
			return report, fmt.Errorf("%s: %w", l.name, err)
		}
		report.Lines = append(report.Lines, result)
	}
	if len(report.Lines) == 0 {
		return report, fmt.Errorf("no line has %q in its name", o.Only)
	}
	return report, nil
}

// A side is one line on one server.
type side struct {
	*driver
	requests
	sent    int // requests taken so far: none is sent twice
	figures []Figures
}

func (l line) measure(ctx context.Context, server, floor *driver, o Options) (Line, error) {
	sides := [2]*side{{driver: server, requests: l.server}, {driver: floor, requests: l.floor}}
	for _, s := range sides {
		if err := s.inTurn(s.before, s.requests); err != nil {
			return Line{}, err
		}
		s.sent = s.before
		if err := s.measure(ctx, o.Run/warmUpShare); err != nil {
			return Line{}, err
		}
		s.figures = nil
	}
	for range o.Rounds {
		for _, s := range sides {
			if err := s.measure(ctx, o.Run); err != nil {
				return Line{}, err
			}
		}
	}
	result := Line{Name: l.name, Server: median(sides[0].figures), Floor: median(sides[1].figures), AtMost: l.atMost}
	result.Ratio = medianRatio(sides[0].figures, sides[1].figures)
	return result, nil
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
