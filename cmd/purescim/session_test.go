package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/testdb"
)

// TestSessions runs the command lines written in testdata, each file on a fresh
// database, and compares what they print. A session is made of
//
//	$ purescim ARGUMENTS   a command; double quotes hold blanks together
//	? STATUS               its exit status, when that is not 0
//	lines                  its output; <<pattern>> stands for a regular expression,
//	                       <<name=pattern>> also keeps what matched as $name
//	# text                 a comment
func TestSessions(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sessions found: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := session{database: testdb.New(t), kept: map[string]string{}}
			for _, step := range parseSession(string(text)) {
				s.run(t, step)
			}
		})
	}
}

type step struct {
	line   int
	args   []string
	status int
	want   string
}

var argument = regexp.MustCompile(`"[^"]*"|\S+`)

func parseSession(text string) []step {
	var steps []step
	for i, line := range strings.Split(text, "\n") {
		command, isCommand := strings.CutPrefix(line, "$ purescim ")
		status, isStatus := strings.CutPrefix(line, "? ")
		switch {
		case isCommand:
			args := argument.FindAllString(command, -1)
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], `"`, "")
			}
			steps = append(steps, step{line: i + 1, args: args})
		case isStatus && len(steps) > 0:
			_, _ = fmt.Sscan(status, &steps[len(steps)-1].status)
		case strings.HasPrefix(line, "#") || len(steps) == 0:
		default:
			steps[len(steps)-1].want += line + "\n"
		}
	}
	return steps
}

type session struct {
	database string
	kept     map[string]string
}

func (s *session) run(t *testing.T, st step) {
	t.Helper()
	args := make([]string, 0, len(st.args)+1)
	for _, a := range st.args {
		for name, value := range s.kept {
			a = strings.ReplaceAll(a, "$"+name, value)
		}
		args = append(args, a)
	}
	if needsDatabase(args) {
		args = append(args, "--database-url="+s.database)
	}
	var out bytes.Buffer
	status := run(context.Background(), args, console{out: &out, err: &out})
	if status != st.status {
		t.Fatalf("line %d: %v: exit status %d, want %d\n%s", st.line, st.args, status, st.status, out.String())
	}
	printed := changedLine.ReplaceAllString(out.String(), "")
	pattern, names := outputPattern(strings.TrimSpace(st.want))
	match := pattern.FindStringSubmatch(strings.TrimSpace(printed))
	if match == nil {
		t.Fatalf("line %d: %v printed\n%s\nwant\n%s", st.line, st.args, out.String(), st.want)
	}
	for i, name := range names {
		if name != "" {
			s.kept[name] = match[i+1]
		}
	}
}

// needsDatabase tells the commands that take --database-url.
func needsDatabase(args []string) bool {
	return args[0] != "version" && !strings.HasPrefix(args[0], "-") && args[len(args)-1] != "--help"
}

// changedLine names the database that a command has changed.
var changedLine = regexp.MustCompile(`(?m)^purescim: changed the database purescim_test_\S+ on \S+\n`)

var hole = regexp.MustCompile(`<<(?:(\w+)=)?(.*?)>>`)

// outputPattern compiles expected output; names[i] is the name of group i+1.
func outputPattern(want string) (*regexp.Regexp, []string) {
	var pattern strings.Builder
	var names []string
	end := 0
	for _, m := range hole.FindAllStringSubmatchIndex(want, -1) {
		pattern.WriteString(regexp.QuoteMeta(want[end:m[0]]))
		pattern.WriteString("(" + want[m[4]:m[5]] + ")")
		name := ""
		if m[2] >= 0 {
			name = want[m[2]:m[3]]
		}
		names = append(names, name)
		end = m[1]
	}
	pattern.WriteString(regexp.QuoteMeta(want[end:]))
	return regexp.MustCompile(`^(?s:` + pattern.String() + `)$`), names
}
