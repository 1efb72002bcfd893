package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/purescim/purescim/internal/bench"
	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

// benchCommand ignores DATABASE_URL, so that no real database is put under load by accident.
type benchCommand struct {
	output
	URL         string `placeholder:"URL" help:"Measure the SCIM server whose endpoints are below this URL, alone. Users and groups are made there whose names begin with purescim-bench-, and deleted at the end."`
	Token       string `env:"PURESCIM_BENCH_TOKEN" placeholder:"T" help:"Bearer token for --url."`
	PID         int    `placeholder:"N" help:"Process of the server of --url, if it runs on this machine: then its CPU time is told."`
	DatabaseURL string `placeholder:"URL" help:"A PostgreSQL to make a database on, which is dropped at the end. Without it a private one is started, and removed at the end."`

	Part        string  `enum:"all,requests,cycles,startup,console,hostile" default:"all" help:"What is measured: ${enum}; pages of the console (console) and floods of a hostile client (hostile) are no part of all."`
	Only        string  `placeholder:"TEXT" help:"Measure only the requests, cycles, pages and floods that have this in their name."`
	Users       int     `default:"10000" placeholder:"N" help:"Users that are loaded first (${default})."`
	Seconds     float64 `default:"2" placeholder:"S" help:"Length of each run (${default})."`
	Rounds      int     `default:"3" placeholder:"N" help:"Runs of each kind of request on each side, in turn (${default})."`
	Connections int     `default:"16" placeholder:"N" help:"Clients at once (${default})."`
	CycleUsers  int     `default:"1000" placeholder:"N" help:"Users that a cycle provisions (${default})."`
	Rate        float64 `placeholder:"N" help:"Requests a second that a cycle sends; without it as many as are answered. Entra asks for 25."`
	Scale       float64 `hidden:"" default:"1" help:"How much of each flood is sent."`
	Profile     string  `hidden:"" placeholder:"FILE" help:"Write a CPU profile of the server."`
}

// Validate is called by the parser.
func (cmd *benchCommand) Validate() error {
	switch {
	case cmd.Users < bench.MinUsers:
		return fmt.Errorf("--users: at least %d are needed", bench.MinUsers)
	case cmd.Seconds <= 0 || cmd.Rounds < 1 || cmd.Connections < 1 || cmd.CycleUsers < 1:
		return errors.New("--seconds, --rounds, --connections and --cycle-users must be positive")
	case cmd.Rate < 0:
		return errors.New("--rate must not be negative")
	case cmd.URL != "" && cmd.DatabaseURL != "":
		return errors.New("--url measures the server that runs there; it takes no --database-url")
	case cmd.URL != "" && slices.Contains([]string{"startup", "console", "hostile"}, cmd.Part):
		return fmt.Errorf("--part=%s is measured of this program, not of --url", cmd.Part)
	case cmd.Part == "hostile":
		_, err := bench.Floods(cmd.Only)
		return err
	}
	return nil
}

// Run measures and prints tables.
func (cmd *benchCommand) Run(ctx context.Context, c console) error {
	progress := progressOf(c)
	defer progress(bench.Step{})
	o := bench.Options{
		Connections: cmd.Connections,
		Rounds:      cmd.Rounds,
		Run:         time.Duration(cmd.Seconds * float64(time.Second)),
		Only:        cmd.Only,
		Lines:       cmd.Part == "all" || cmd.Part == "requests",
		Cycles:      cmd.Part == "all" || cmd.Part == "cycles",
		CycleUsers:  cmd.CycleUsers,
		Rate:        cmd.Rate,
		Progress:    progress,
	}
	var report bench.Report
	var err error
	if cmd.URL != "" {
		o.Server = bench.Server{URL: cmd.URL, Token: cmd.Token, PID: cmd.PID}
		report, err = bench.Remote(ctx, o, cmd.Users)
	} else {
		report, err = cmd.measureOwn(ctx, c, o)
	}
	if err != nil {
		return err
	}
	progress(bench.Step{})
	if cmd.Output == "json" {
		return writeJSON(c.out, report)
	}
	return report.Print(c.out)
}

// measureOwn measures this program, on a database of its own.
func (cmd *benchCommand) measureOwn(ctx context.Context, c console, o bench.Options) (report bench.Report, err error) {
	o.Progress(bench.Step{What: "starting PostgreSQL"})
	db, err := newBenchDatabase(ctx, cmd.DatabaseURL, cmd.Connections)
	if err != nil {
		return report, err
	}
	defer db.drop()
	server := &benchSide{Side: "server", database: database{DatabaseURL: db.url, LogLevel: "error"}}
	p, err := server.openWith(ctx, c, opening{migrate: true})
	if err != nil {
		return report, err
	}
	if cmd.Part == "hostile" {
		defer p.close()
		report.Hostile, err = cmd.measureHostile(ctx, c, p, server, o.Progress)
		return report, err
	}
	organisation, token, err := newBenchOrg(ctx, p, "bench")
	p.close()
	if err != nil {
		return report, err
	}
	if cmd.Part == "console" {
		return cmd.measureConsole(ctx, c, db, server, organisation, o.Progress)
	}
	var program *bench.Program
	if cmd.Part == "all" && cmd.Only == "" || cmd.Part == "startup" {
		if program, err = measureProgram(ctx, c, server, o.Progress); err != nil {
			return report, err
		}
	}
	if o.Lines || o.Cycles {
		if report, err = cmd.measure(ctx, c, db, server, organisation, token, o); err != nil {
			return report, err
		}
	}
	report.Program = program
	return report, nil
}

// measure loads the data, and lets the server and the floor work on it.
func (cmd *benchCommand) measure(ctx context.Context, c console, db *benchDatabase, server *benchSide,
	organisation org.Org, token string, o bench.Options,
) (report bench.Report, err error) {
	var authentication *bench.Authentication
	var loading float64
	// What changes is a database of its own, which nobody has to hear of.
	err = server.with(ctx, c, reads, func(p *parts) error {
		began := time.Now()
		if o.Data, err = loadBench(ctx, p, organisation, cmd.Users, o.Progress); err != nil {
			return err
		}
		loading = time.Since(began).Seconds()
		if o.Lines {
			o.Progress(bench.Step{What: "access token"})
			authentication, err = authenticate(ctx, p, token)
		}
		return err
	})
	if err != nil {
		return report, err
	}
	o.Progress(bench.Step{What: "copying for the floor"})
	if o.Postmaster, err = db.prepare(ctx, organisation.ID, o.Data); err != nil {
		return report, err
	}
	server.Profile = cmd.Profile
	err = server.serving(ctx, c, "/api/v2/scim/v2", func(s bench.Server) error {
		floor := &benchSide{Side: "floor", database: server.database}
		return floor.serving(ctx, c, "", func(f bench.Server) error {
			s.Token = token
			o.Server, o.Floor = s, f
			report, err = bench.Run(ctx, o)
			return err
		})
	})
	report.Authentication, report.Loading = authentication, &loading
	return report, err
}

// newBenchOrg makes an organisation with a token.
func newBenchOrg(ctx context.Context, p *parts, name string) (org.Org, string, error) {
	settings := org.DefaultSettings()
	settings.UserBrake.Percent, settings.MemberBrake.Percent = 100, 100 // counted as ever, and never held
	o, err := directory.CreateOrganisation(ctx, p.store.Registry(), name, settings)
	if err != nil {
		return o, "", err
	}
	cr, err := p.createClient(ctx, o.ID, oauth.ClientSpec{Name: "bench", Validity: oauth.MaxValidity}, adminRole)
	return o, cr.AccessToken, err
}

// authenticate measures the check of a token in this process, where nothing else
// asks the store.
func authenticate(ctx context.Context, p *parts, token string) (*bench.Authentication, error) {
	verify := func() error {
		_, err := p.oauth.Verify(ctx, token)
		return err
	}
	a, err := bench.Authenticate(verify, func() int64 { return p.store.Stat().AcquireCount() })
	return &a, err
}
