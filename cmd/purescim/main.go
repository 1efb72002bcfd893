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
	"os/user"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/purescim/purescim/internal/printable"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

// version is set by the build.
var version = "development"

// commands is the whole command line.
type commands struct {
	Config kong.ConfigFlag `placeholder:"FILE" help:"Settings, NAME=VALUE a line, of the names of the environment; before those of /etc/purescim/purescim.env."`

	ShowVersion versionFlag `name:"version" help:"Print the version and exit."`

	Serve serveCommand `cmd:"" group:"server" help:"Serve SCIM and the platform API."`

	Org        orgCommands        `cmd:"" group:"connect" help:"Organisations."`
	Client     clientCommands     `cmd:"" group:"connect" help:"OAuth clients, which identity systems sign in as."`
	Token      tokenCommands      `cmd:"" group:"connect" help:"Access tokens."`
	Issuer     issuerCommands     `cmd:"" group:"connect" help:"Other issuers whose tokens an organisation trusts."`
	Events     eventsCommands     `cmd:"" group:"happens" help:"Security events, which tell a receiver what changes in an organisation."`
	Async      asyncCommands      `cmd:"" group:"happens" help:"Bulk requests that were accepted to be carried out later."`
	Key        keyCommands        `cmd:"" group:"connect" help:"The keys that sign access tokens."`
	Admin      adminCommands      `cmd:"" group:"people" help:"Who uses the console."`
	Log        logCommand         `cmd:"" group:"happens" help:"Show the provisioning log: who changed what, and what was refused."`
	Status     statusCommand      `cmd:"" group:"happens" help:"Tell how provisioning goes: what clients have done, and who is refused."`
	Undo       undoCommand        `cmd:"" group:"happens" help:"Take back what entries of the provisioning log tell of."`
	Hold       holdCommands       `cmd:"" group:"happens" help:"What brakes hold of clients that remove much within an hour."`
	User       userCommands       `cmd:"" group:"people" help:"Users."`
	Group      groupCommands      `cmd:"" group:"people" help:"Groups, which SCIM fills but never creates."`
	Schema     schemaCommands     `cmd:"" group:"people" help:"Schemas by which an organisation extends users and groups."`
	Role       roleCommands       `cmd:"" group:"people" help:"Roles, which users and clients have by name."`
	Permission permissionCommands `cmd:"" group:"people" help:"What a role may permit."`
	Division   divisionCommands   `cmd:"" group:"people" help:"Divisions, which users are in by name."`
	Skill      skillCommands      `cmd:"" group:"people" help:"Routing skills, which users have by name."`
	Language   languageCommands   `cmd:"" group:"people" help:"Routing languages, which users have by name."`

	Import importCommand `cmd:"" group:"people" help:"Import people, groups and memberships from a file."`
	Export exportCommand `cmd:"" group:"people" help:"Export people, groups or memberships to the standard output."`

	Guide guideCommand `cmd:"" group:"connect" help:"How to connect a product: Entra, Okta, Saviynt and others, with the values of a connection."`

	Migrate migrateCommand `cmd:"" group:"server" help:"Bring the database's schema up to date."`
	Health  healthCommand  `cmd:"" group:"server" help:"Ask a server whether it is ready."`
	Fold    foldCommand    `cmd:"" group:"upkeep" help:"Fold names and other searched texts again, as this release does."`
	Verify  verifyCommand  `cmd:"" group:"upkeep" help:"Check that what is searched agrees with what is stored."`
	Bench   benchCommand   `cmd:"" group:"upkeep" help:"Measure the server beside a bare handler, or any SCIM server."`
	Exec    execCommand    `cmd:"" group:"upkeep" help:"Run a program, such as pg_dump or psql, that finds the database in DATABASE_URL."`
	Version versionCommand `cmd:"" group:"program" help:"Print the version."`

	Completion completionCommand `cmd:"" group:"program" help:"Print what has a shell complete command lines: source <(purescim completion bash)."`
	Manual     manualCommand     `cmd:"" group:"program" help:"Print the page of the manual: purescim manual | man -l -."`

	BenchSide benchSide       `cmd:"" hidden:"" group:"program"`
	Complete  completeCommand `cmd:"" hidden:"" group:"program"`
}

// console is where a command writes, and asks.
type console struct {
	in          io.Reader
	out, err    io.Writer
	interactive bool // a person sits at it
}

// commandPath is the words that chose the command, such as "role create".
type commandPath string

// garbage is the default GOGC of a server: most of
// what a request allocates lives no longer than the request, and the live heap is
// small, so that collecting seldom costs little memory.
const garbage = 400

func main() { os.Exit(start()) }

// start runs the command line of the process until it ends or is told to stop.
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
	ctx = provisioning.WithOrigin(ctx, &provisioning.Origin{Actor: provisioning.Actor{Type: provisioning.CLI, Name: account()}})
	exited := -1
	parser, err := kong.New(&cli,
		kong.Name("purescim"),
		kong.Description("A SCIM 2.0 provisioning server, compatible with Genesys Cloud.\n\n"+
			"Without DATABASE_URL 'serve' starts a private PostgreSQL below the data directory, which the other commands find there."),
		kong.Writers(c.out, c.err),
		kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(c),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.ExplicitGroups(helpGroups),
		kong.Resolvers(envFile{}), // for NAME_FILE in the environment
		kong.Configuration(readSettings, settingsFile),
	)
	if err != nil {
		fmt.Fprintln(c.err, "purescim:", err)
		return 2
	}
	showExamples(parser.Model)
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

// account is the actor of the command line in the provisioning log.
func account() string {
	if known, err := user.Current(); err == nil && known.Username != "" {
		return known.Username
	}
	return strconv.Itoa(os.Getuid())
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
