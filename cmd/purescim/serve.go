package main

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/server"
)

type serveCommand struct {
	database
	Addr       string `env:"PURESCIM_ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on (${default})."`
	Demo       bool   `help:"Create the organisation 'demo' with a client once, print how to reach it and write it to demo.json in the data directory."`
	RateLimit  int    `env:"PURESCIM_RATE_LIMIT" default:"6000" placeholder:"N" help:"Requests a minute for each client (${default}); 0 is no limit."`
	PublicURL  string `env:"PURESCIM_PUBLIC_URL" placeholder:"URL" help:"The URL that clients use, when a proxy stands in front: https://scim.example.org"`
	TrustProxy bool   `env:"PURESCIM_TRUST_PROXY" help:"Believe the X-Forwarded headers of the proxy in front."`
}

// Run serves until it is told to stop; requests under way are finished.
func (cmd *serveCommand) Run(ctx context.Context, c console) error {
	p, err := cmd.open(ctx, c)
	if err != nil {
		return err
	}
	defer p.close()
	listener, err := net.Listen("tcp", cmd.Addr)
	if err != nil {
		return fmt.Errorf("listen: %w; --addr or PURESCIM_ADDR chooses another address", err)
	}
	if cmd.Demo {
		if err := cmd.demo(ctx, c, p, listener.Addr()); err != nil {
			listener.Close()
			return err
		}
	}
	defer p.work(ctx)()
	p.log.Info("serving", "addr", listener.Addr().String(), "version", version)
	return httpapi.Serve(ctx, httpapi.Server(cmd.Addr, cmd.handler(p), p.log), listener)
}

func (cmd *serveCommand) handler(p *parts) http.Handler {
	return server.New(server.Config{
		Directory:  p.directory,
		OAuth:      p.oauth,
		RateLimit:  cmd.RateLimit,
		PublicURL:  cmd.PublicURL,
		TrustProxy: cmd.TrustProxy,
		Log:        p.log,
	})
}
