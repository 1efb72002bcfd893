package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

type execCommand struct {
	database
	Create  bool     `help:"Make a private PostgreSQL in the data directory if there is none, with an empty database."`
	Program []string `arg:"" passthrough:"" help:"The program with its arguments."`
}

// Run runs a program that finds the database in DATABASE_URL, such as pg_dump or psql. The
// private PostgreSQL runs as long as the program does. The schema is not looked at.
func (cmd *execCommand) Run(ctx context.Context, c console) error {
	p := &parts{log: cmd.logger(c.err), url: cmd.DatabaseURL, close: func() {}}
	if p.url == "" {
		if err := p.private(ctx, cmd.DataDir, cmd.Create); err != nil {
			return err
		}
	}
	defer p.close()
	args := cmd.Program
	if args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return fmt.Errorf("say which program to run, such as: purescim exec -- sh -c 'psql \"$DATABASE_URL\"'")
	}
	program := exec.CommandContext(ctx, args[0], args[1:]...)
	program.Env = append(os.Environ(), "DATABASE_URL="+p.url)
	program.Stdin, program.Stdout, program.Stderr = c.in, c.out, c.err
	return program.Run()
}
