package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"github.com/purescim/purescim/internal/printable"
)

// confirmation is the flag of a command that destroys something.
type confirmation struct {
	Yes bool `short:"y" help:"Do it without asking."`
}

var errNotConfirmed = errors.New("nothing was changed")

// ask returns nil when the question is answered with yes, by the flag or by a
// person at a terminal. Programs must say --yes.
func (f confirmation) ask(c console, format string, args ...any) error {
	return f.askFor(c, "y", "[y/N]", format, args...)
}

// askName is ask for what cannot be made again: a person must type its name.
func (f confirmation) askName(c console, name, format string, args ...any) error {
	return f.askFor(c, name, "Type its name to do it:", format, args...)
}

func (f confirmation) askFor(c console, want, how, format string, args ...any) error {
	if f.Yes {
		return nil
	}
	question := printable.Escape(fmt.Sprintf(format, args...))
	if !c.interactive {
		return fmt.Errorf("%s: say --yes to do it without being asked", question)
	}
	fmt.Fprintf(c.err, "%s? %s ", question, how)
	answer, _ := bufio.NewReader(c.in).ReadString('\n')
	answer = strings.TrimSpace(answer)
	if answer == want || want == "y" && (strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes")) {
		return nil
	}
	return errNotConfirmed
}

// done tells a person that something was done which has no result to show.
func (c console) done(format string, args ...any) error {
	_, err := fmt.Fprintln(c.out, printable.Escape(fmt.Sprintf(format, args...)))
	return err
}
