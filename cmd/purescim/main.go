// Command purescim is a SCIM 2.0 provisioning server, compatible with Genesys
// Cloud, and the tools of its operator.
//
// It reads configuration, builds the parts and runs them; what they do is in
// internal/.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/purescim/purescim/internal/scim"
)

// version is set by the build.
var version = "development"

// commands is the whole command line.
type commands struct {
	Serve   serveCommand   `cmd:"" help:"Serve SCIM and the platform API."`
	Org     orgCommands    `cmd:"" help:"Organisations."`
	Client  clientCommands `cmd:"" help:"OAuth clients, which identity systems sign in as."`
	Token   tokenCommands  `cmd:"" help:"Access tokens."`
	Group   groupCommands  `cmd:"" help:"Groups, which SCIM fills but never creates."`
	Migrate migrateCommand `cmd:"" help:"Bring the database's schema up to date."`
	Verify  verifyCommand  `cmd:"" help:"Check that what is searched agrees with what is stored."`
	Bench   benchCommand   `cmd:"" help:"Measure the server beside a bare handler."`
	Version versionCommand `cmd:"" help:"Print the version."`

	BenchSide benchSide `cmd:"" hidden:""`
}

// console is where a command writes.
type console struct {
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], console{out: os.Stdout, err: os.Stderr}))
}

// run executes one command line and returns the exit status: 0, 1 for a
// failure, 2 for a command line that cannot be understood.
func run(ctx context.Context, args []string, c console) int {
	var cli commands
	exited := -1
	parser, err := kong.New(&cli,
		kong.Name("purescim"),
		kong.Description("A SCIM 2.0 provisioning server, compatible with Genesys Cloud.\n\n"+
			"Without DATABASE_URL a private PostgreSQL is started below the data directory."),
		kong.Writers(c.out, c.err),
		kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(c),
		kong.UsageOnError(),
	)
	if err != nil {
		fmt.Fprintln(c.err, "purescim:", err)
		return 2
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		var usage *kong.ParseError
		if errors.As(err, &usage) {
			fmt.Fprintf(c.err, "purescim: %v\nTry 'purescim --help'.\n", err)
		}
		return 2
	}
	if err := command.Run(); err != nil {
		fmt.Fprintln(c.err, "purescim:", explain(err))
		return 1
	}
	return 0
}

// explain is the text of an error for the operator: of one that a rule has
// made, what the rule says.
func explain(err error) string {
	var rule *scim.Error
	if errors.As(err, &rule) {
		return rule.Detail
	}
	return err.Error()
}
