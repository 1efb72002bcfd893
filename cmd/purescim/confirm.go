package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
)

// confirmation is the flag of a command that destroys something.
type confirmation struct {
	Yes bool `short:"y" help:"Do it without asking."`
}

var errNotConfirmed = errors.New("nothing was changed")

// ask returns nil when the question is answered with yes, by the flag or by a
// person at a terminal. Programs must say --yes.
func (f confirmation) ask(c console, format string, args ...any) error {
	if f.Yes {
		return nil
	}
	question := fmt.Sprintf(format, args...)
	if !c.interactive {
		return fmt.Errorf("%s: say --yes to do it without being asked", question)
	}
	fmt.Fprintf(c.err, "%s? [y/N] ", question)
	answer, _ := bufio.NewReader(c.in).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	default:
		return errNotConfirmed
	}
}
