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
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/purescim/purescim/internal/printable"
	"github.com/purescim/purescim/internal/scim"
)

// version is set by the build.
var version = "development"

// commands is the whole command line.
type commands struct {
	Serve serveCommand `cmd:"" help:"Serve SCIM and the platform API."`

	Org      orgCommands      `cmd:"" help:"Organisations."`
	Client   clientCommands   `cmd:"" help:"OAuth clients, which identity systems sign in as."`
	Token    tokenCommands    `cmd:"" help:"Access tokens."`
	Issuer   issuerCommands   `cmd:"" help:"Other issuers whose tokens an organisation trusts."`
	Events   eventsCommands   `cmd:"" help:"Security events, which tell a receiver what changes in an organisation."`
	Async    asyncCommands    `cmd:"" help:"Bulk requests that were accepted to be carried out later."`
	Key      keyCommands      `cmd:"" help:"The keys that sign access tokens."`
	Group    groupCommands    `cmd:"" help:"Groups, which SCIM fills but never creates."`
	Schema   schemaCommands   `cmd:"" help:"Schemas by which an organisation extends users and groups."`
	Role     roleCommands     `cmd:"" help:"Roles, which users and clients have by name."`
	Division divisionCommands `cmd:"" help:"Divisions, which users are in by name."`
	Skill    skillCommands    `cmd:"" help:"Routing skills, which users have by name."`
	Language languageCommands `cmd:"" help:"Routing languages, which users have by name."`

	Migrate migrateCommand `cmd:"" help:"Bring the database's schema up to date."`
	Verify  verifyCommand  `cmd:"" help:"Check that what is searched agrees with what is stored."`
	Bench   benchCommand   `cmd:"" help:"Measure the server beside a bare handler, or any SCIM server."`
	Version versionCommand `cmd:"" help:"Print the version."`

	BenchSide benchSide `cmd:"" hidden:""`
}

// console is where a command writes, and asks.
type console struct {
	in          io.Reader
	out, err    io.Writer
	interactive bool // a person sits at it
}

// commandPath is the words that chose the command, such as "role create".
type commandPath string

// garbage is the GOGC that a server runs with unless it is told another: most of
// what a request allocates lives no longer than the request, and the live heap is
// small, so that collecting seldom costs little memory.
const garbage = 400

func main() { os.Exit(start()) }

// start runs the command line of the process until it ends or is told to.
func start() int {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, os.Args[1:], console{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		interactive: term.IsTerminal(int(os.Stdin.Fd())),
	})
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
		if _, ok := errors.AsType[*kong.ParseError](err); ok {
			fmt.Fprintf(c.err, "purescim: %v\nTry 'purescim --help'.\n", err)
		}
		return 2
	}
	if err := command.Run(commandPath(command.Command())); err != nil {
		fmt.Fprintln(c.err, "purescim:", explain(err))
		return 1
	}
	return 0
}

// explain is the text of an error for the operator: of one that a rule has
// made, what the rule says. It may quote what others have written.
func explain(err error) string {
	text := err.Error()
	if rule, ok := errors.AsType[*scim.Error](err); ok {
		text = rule.Detail
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = printable.Escape(line)
	}
	return strings.Join(lines, "\n")
}
