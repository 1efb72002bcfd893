package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

type manualCommand struct{}

// Run prints the page of the manual, for the program man.
func (*manualCommand) Run(c console, app *kong.Kong) error {
	w := &roff{out: c.out}
	w.line(`.TH PURESCIM 1 "" "purescim %s" "purescim"`, version)
	w.line(".SH NAME\npurescim \\- a SCIM 2.0 provisioning server, compatible with Genesys Cloud")
	w.line(".SH SYNOPSIS\n.B purescim\n.I COMMAND\n[\\fIFLAGS\\fR]")
	w.line(".SH DESCRIPTION\n%s", w.text(app.Model.Help))
	w.line(".SH COMMANDS")
	for _, leaf := range app.Model.Leaves(true) {
		w.line(".SS %s", w.text(leaf.Summary()))
		w.line("%s", w.text(leaf.Help))
		w.examples(leaf)
		for _, arg := range leaf.Positional {
			w.line(".TP\n\\fI%s\\fR\n%s", w.text(strings.ToUpper(arg.Name)), w.text(arg.Help))
		}
		for _, f := range leaf.Flags {
			if !f.Hidden {
				w.line(".TP\n\\fB%s\\fR\n%s", w.text(f.String()), w.text(f.Help))
			}
		}
	}
	w.line(".SH FILES\n.TP\n%s\nSettings, NAME=VALUE a line, with the names of the environment.", settingsFile)
	w.line(".SH EXIT STATUS\n0 after success, 1 after a failure, 2 when the command line cannot be understood.")
	return w.failed
}

// roff writes the language of man pages.
type roff struct {
	out    io.Writer
	failed error
}

// examples are written as they are typed.
func (w *roff) examples(command *kong.Node) {
	for i, example := range examples[wordsOf(command)] {
		if i == 0 {
			w.line(".PP\nExamples:")
		}
		w.line(".RS 4\n.nf\npurescim %s\n.fi\n.RE", w.text(example))
	}
}

func (w *roff) line(format string, args ...any) {
	if w.failed == nil {
		_, w.failed = fmt.Fprintf(w.out, format+"\n", args...)
	}
}

// text hides what the language would take for a request.
func (*roff) text(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
