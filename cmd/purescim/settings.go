package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// settingsFile is read by every command, if it is there and may be read. A file that
// --config names comes before it, the environment before both, and flags before all.
const settingsFile = "/etc/purescim/purescim.env"

// envFile is what a file says of the environment: NAME=VALUE, a line each, as systemd
// reads it.
type envFile map[string]string

// readSettings implements kong.ConfigurationLoader.
func readSettings(r io.Reader) (kong.Resolver, error) {
	s := envFile{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" {
			return nil, fmt.Errorf("line %d: NAME=VALUE is expected", n)
		}
		s[name] = unquoted(value)
	}
	return s, lines.Err()
}

func unquoted(value string) string {
	if len(value) > 1 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
		return value[1 : len(value)-1]
	}
	return value
}

// Validate implements kong.Resolver: a name of ours that nothing has is a slip.
func (s envFile) Validate(app *kong.Application) error {
	known := map[string]bool{}
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			for _, name := range flag.Envs {
				known[name], known[name+"_FILE"] = true, true
			}
		}
		return next(nil)
	})
	for name := range s {
		if strings.HasPrefix(name, "PURESCIM_") && !known[name] {
			return fmt.Errorf("settings: there is no setting %s", name)
		}
	}
	return nil
}

// Resolve implements kong.Resolver.
func (s envFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if value, ok := os.LookupEnv(name); ok {
			if _, twice := os.LookupEnv(name + "_FILE"); twice {
				return nil, fmt.Errorf("%s and %[1]s_FILE exclude each other", name)
			}
			return value, nil
		}
		if file := os.Getenv(name + "_FILE"); file != "" {
			return secretIn(name, file)
		}
		if value, ok := s[name]; ok {
			return value, nil
		}
		if file := s[name+"_FILE"]; file != "" {
			return secretIn(name, file)
		}
	}
	return nil, nil //nolint:nilnil // which is that nothing is said, in the words of package kong
}

// secretIn reads a setting that lies in a file of its own, as secrets do in containers.
func secretIn(name, file string) (any, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s_FILE: %w", name, err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}
