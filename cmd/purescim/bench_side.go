package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime/pprof"
	"strings"

	"github.com/purescim/purescim/internal/bench"
	"github.com/purescim/purescim/internal/httpserver"
)

// benchSide is one side of the benchmark, in a process of its own so that its CPU time
// can be told apart. It serves until its standard input ends, as it does when the
// benchmark ends in whatever way.
type benchSide struct {
	database
	Side    string `arg:"" enum:"server,floor"`
	Profile string
}

// Run prints the address and serves.
func (cmd *benchSide) Run(ctx context.Context, c console) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if cmd.Profile != "" {
		file, err := os.Create(cmd.Profile)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	if cmd.Side == "server" {
		p, err := cmd.open(ctx, c)
		if err != nil {
			return err
		}
		defer p.close()
		serving := serveCommand{bodyMemory: boundMemory()}
		defer p.work(ctx)()
		return cmd.serve(ctx, c, serving.handler(p, nil))
	}
	floor, closing, err := bench.Floor(ctx, cmd.DatabaseURL)
	if err != nil {
		return err
	}
	defer closing()
	return cmd.serve(ctx, c, floor)
}

func (cmd *benchSide) serve(ctx context.Context, c console, handler http.Handler) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(c.out, listener.Addr())
	return httpserver.Serve(ctx, httpserver.New("", handler, cmd.logger(c.err)), listener, 0)
}

// serving runs work while the side serves, which has its endpoints below a path.
func (cmd *benchSide) serving(ctx context.Context, c console, path string, work func(bench.Server) error) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	child := exec.CommandContext(context.WithoutCancel(ctx), program, "bench-side", "--profile="+cmd.Profile, cmd.Side)
	child.Env = append(os.Environ(), "DATABASE_URL="+cmd.DatabaseURL, "PURESCIM_LOG_LEVEL=error")
	child.Stderr = c.err
	input, err := child.StdinPipe()
	if err != nil {
		return err
	}
	printed, err := child.StdoutPipe()
	if err != nil {
		return err
	}
	if err := child.Start(); err != nil {
		return err
	}
	addr, err := bufio.NewReader(printed).ReadString('\n')
	if err == nil {
		err = work(bench.Server{URL: "http://" + strings.TrimSpace(addr) + path, PID: child.Process.Pid})
	}
	input.Close()
	if ended := child.Wait(); ended != nil {
		err = errors.Join(err, fmt.Errorf("%s of the benchmark: %w", cmd.Side, ended))
	}
	return err
}
