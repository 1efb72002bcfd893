package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/bench"
	web "github.com/purescim/purescim/internal/console"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
)

// pageTimes is how often each page of the console is fetched.
const pageTimes = 20

// measureConsole fetches the pages of the console, of an organisation that has as many
// entries in its log as people.
func (cmd *benchCommand) measureConsole(ctx context.Context, c console, db *benchDatabase, server *benchSide, o org.Org, progress func(bench.Step)) (report bench.Report, err error) {
	asked := bench.Console{Home: web.Path + "/o/" + o.ID.String()}
	began := time.Now()
	err = server.with(ctx, c, reads, func(p *parts) error {
		if asked.Data, err = loadBench(ctx, p, o, cmd.Users, progress); err != nil {
			return err
		}
		if _, err := p.directory.CreateSchema(ctx, o, schema.User.Name, []byte(benchSchema)); err != nil {
			return err
		}
		clients, err := benchClients(ctx, p, o)
		if err != nil {
			return err
		}
		asked.Busy, asked.BusyName, asked.Quiet = clients[0].ID.String(), clients[0].Name, clients[len(clients)-1].ID.String()
		if err := newLogLoader(p, o, asked.Data, clients).load(ctx, progress); err != nil {
			return err
		}
		asked.Cookie, err = benchSession(ctx, p)
		return err
	})
	if err != nil {
		return report, err
	}
	report.Data, report.Loading = asked.Shares(), new(time.Since(began).Seconds())
	progress(bench.Step{What: "vacuuming"})
	if _, err := db.rest(ctx); err != nil {
		return report, err
	}
	server.Profile = cmd.Profile
	err = server.serving(ctx, c, "", func(s bench.Server) error {
		pages, err := asked.Measure(ctx, s, pageTimes, cmd.Only, progress)
		report.Console = &pages
		return err
	})
	return report, err
}

// benchSchema is one of the organisation's own, of which nobody has values.
const benchSchema = `{"id": "urn:example:bench", "name": "Bench", "attributes": [{"name": "number"}]}`

// benchClients makes connections, of which the first is to have done most and the last least.
func benchClients(ctx context.Context, p *parts, o org.Org) ([]provisioning.Actor, error) {
	clients := make([]provisioning.Actor, 12)
	for i := range clients {
		name := fmt.Sprint("Connection ", i+1)
		switch i {
		case 0:
			name = "Microsoft Entra ID"
		case len(clients) - 1:
			name = "Quiet"
		}
		made, err := p.createClient(ctx, o.ID, oauth.ClientSpec{Name: name, Validity: oauth.MaxValidity}, integrationRole)
		if err != nil {
			return nil, err
		}
		clients[i] = provisioning.Actor{Type: provisioning.Client, ID: uuid.MustParse(made.ID), Name: name}
	}
	return clients, nil
}

// benchSession signs an owner of all organisations in, and gives the cookie.
func benchSession(ctx context.Context, p *parts) (cookie string, err error) {
	const login = "owner@bench.example"
	invitation, _, err := p.accounts.Invite(ctx, "bench", accounts.Everywhere, login, accounts.Owner)
	if err != nil {
		return "", err
	}
	session, _, err := p.accounts.Accept(ctx, invitation, login, uuid.NewString(), accounts.From{Address: "127.0.0.1", Agent: "purescim-bench"})
	return web.PlainCookie + "=" + session, err
}
