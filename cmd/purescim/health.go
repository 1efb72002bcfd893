package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/purescim/purescim/internal/health"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/migrations"
)

// clockTolerance is how far the machine's clock may be off before readiness says so.
const clockTolerance = 2 * time.Second

// health looks at what the parts need to serve, and at more. The log tells the causes of what is wrong.
func (p *parts) health(more ...health.Check) *health.Health {
	found := func(ctx context.Context, name string, err error) health.Finding {
		if err == nil {
			return health.Finding{Status: health.OK}
		}
		p.log.WarnContext(ctx, "not ready", "check", name, "error", err)
		detail := "see the log"
		if told, ok := errors.AsType[*scim.Error](err); ok {
			detail = told.Detail
		}
		return health.Finding{Status: health.Failed, Detail: detail}
	}
	return health.New(append([]health.Check{
		{Name: "database", Look: func(ctx context.Context) health.Finding {
			return found(ctx, "database", p.store.CheckWritable(ctx))
		}},
		{Name: "schema", Look: func(ctx context.Context) health.Finding {
			known, err := p.store.Schema(ctx)
			if err == nil {
				if fault := migrations.Judge(known.Applied, known.Needed); fault != nil {
					return health.Finding{Status: health.Failed, Detail: fault.Error()}
				}
			}
			return found(ctx, "schema", err)
		}},
		{Name: "keys", Look: func(ctx context.Context) health.Finding {
			return found(ctx, "keys", p.oauth.CheckKeys(ctx))
		}},
		{Name: "clock", Look: p.lookAtClock},
	}, append(p.lookAtStandbys(), more...)...)...)
}

// lookAtClock warns only: PostgreSQL's time is used instead.
func (p *parts) lookAtClock(context.Context) health.Finding {
	ahead := p.store.ClockOffset().Round(time.Millisecond)
	if ahead.Abs() <= clockTolerance {
		return health.Finding{Status: health.OK}
	}
	return health.Finding{
		Status: health.Warning,
		Detail: fmt.Sprintf("the clock of this machine is %v ahead of PostgreSQL's, which is used instead", ahead),
	}
}

// lookAtStandbys warns only: the primary answers instead. Without standbys there is no check.
func (p *parts) lookAtStandbys() []health.Check {
	if states, _ := p.store.Standbys(); states == nil {
		return nil
	}
	return []health.Check{{Name: "standbys", Look: func(context.Context) health.Finding {
		var away []string
		states, _ := p.store.Standbys()
		for _, s := range states {
			if !s.Ready {
				away = append(away, s.Why)
			}
		}
		if away == nil {
			return health.Finding{Status: health.OK}
		}
		return health.Finding{Status: health.Warning, Detail: strings.Join(away, ", ") + "; the primary answers instead"}
	}}}
}

type healthCommand struct {
	Addr string `env:"PURESCIM_ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address of the server (${default})."`
	URL  string `placeholder:"URL" help:"Or the URL of one that is elsewhere, such as https://scim.example.org"`
	Live bool   `help:"Ask whether it lives, not whether it is ready."`

	// What the server on this machine is told.
	MetricsAddr string   `hidden:"" env:"PURESCIM_METRICS_ADDR"`
	TLSCert     string   `hidden:"" env:"PURESCIM_TLS_CERT"`
	TLSDomain   []string `hidden:"" env:"PURESCIM_TLS_DOMAIN"`
	TLSClientCA string   `hidden:"" env:"PURESCIM_TLS_CLIENT_CA"`
}

// target is the server to ask, and the client to do so. The server on this machine is asked
// at its port for metrics when it wants certificates of clients. Its own certificate, which
// is for another name than that of the loopback, is not verified: nothing secret is sent, and
// an impostor could only claim that the server is well.
func (cmd *healthCommand) target() (base string, client *http.Client, err error) {
	encrypted := cmd.TLSCert != "" || len(cmd.TLSDomain) > 0
	switch {
	case cmd.URL != "":
		return cmd.URL, http.DefaultClient, nil
	case !encrypted:
		return "http://" + reachableText(cmd.Addr), http.DefaultClient, nil
	case cmd.TLSClientCA == "":
		unchecked := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} //nolint:gosec // see above
		return "https://" + reachableText(cmd.Addr), &http.Client{Transport: &http.Transport{TLSClientConfig: unchecked}}, nil
	case cmd.MetricsAddr != "":
		return "http://" + reachableText(cmd.MetricsAddr), http.DefaultClient, nil
	default:
		return "", nil, errors.New("the server wants certificates of clients: set PURESCIM_METRICS_ADDR, where it tells how it is without")
	}
}

// healthTime ends what hangs.
const healthTime = 5 * time.Second

// Run asks a server how it is, for a container that has no other program to do so.
func (cmd *healthCommand) Run(ctx context.Context, c console) error {
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	path := health.ReadyPath
	if cmd.Live {
		path = health.LivePath
	}
	base, client, err := cmd.target()
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, http.NoBody)
	if err != nil {
		return err
	}
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("no server answers: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	var report health.Report
	if err == nil {
		err = json.Unmarshal(text, &report)
	}
	if err != nil {
		return fmt.Errorf("what answers is no purescim server: status %d", answer.StatusCode)
	}
	fmt.Fprintln(c.out, report.Status)
	for _, name := range slices.Sorted(maps.Keys(report.Checks)) {
		if found := report.Checks[name]; found.Detail != "" {
			fmt.Fprintf(c.out, "%s: %s\n", name, found.Detail)
		}
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the server is %s", report.Status)
	}
	return nil
}

// reachableText is reachable of an address that was not resolved.
func reachableText(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host != "" && host != "0.0.0.0" && host != "::" {
		return addr
	}
	return net.JoinHostPort("127.0.0.1", port)
}
