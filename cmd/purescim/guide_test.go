package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	files "github.com/purescim/purescim/docs/guides"
	"github.com/purescim/purescim/internal/testdb"
)

// command finds the command lines of a guide: in a block, and in a sentence.
var (
	inBlock    = regexp.MustCompile(`(?m)^ *(?:bin/)?purescim (.+?) *$`)
	inSentence = regexp.MustCompile("`(?:bin/)?purescim ([^`\n]+)`")
	setting    = regexp.MustCompile(`PURESCIM_[A-Z_]+`)
)

// TestGuides_CommandsAreReal parses each command of the guides, and of README.md, as the
// program does, without running it. In a sentence a command may stand without what it asks for.
func TestGuides_CommandsAreReal(t *testing.T) {
	t.Parallel()
	for name, text := range guideFiles(t) {
		blocks, sentences := inBlock.FindAllStringSubmatch(text, -1), inSentence.FindAllStringSubmatch(text, -1)
		if len(blocks) == 0 && name != "README.md" && name != "../../README.md" {
			t.Errorf("%s has no commands", name)
		}
		for _, match := range blocks {
			if _, err := parseCommand(t, match[1]); err != nil {
				t.Errorf("%s: purescim %s: %v", name, match[1], err)
			}
		}
		for _, match := range sentences {
			switch command, err := parseCommand(t, match[1]); {
			case err == nil:
			case strings.Contains(match[1], " --") && !strings.HasSuffix(match[1], " --help"), command == "":
				t.Errorf("%s: purescim %s: %v", name, match[1], err)
			}
		}
		for _, name := range setting.FindAllString(text, -1) {
			if !settings(t)[name] {
				t.Errorf("there is no setting %s", name)
			}
		}
	}
}

// parseCommand returns the words of the command as well when something is missing behind
// them.
func parseCommand(t *testing.T, line string) (command string, err error) {
	t.Helper()
	return parseWith(newParser(t), line)
}

func parseWith(parser *kong.Kong, line string) (command string, err error) {
	args := argument.FindAllString(line, -1)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], `"`, "")
		if args[i] == "badge.json" || args[i] == "keys.json" {
			args[i] = "testdata/" + args[i]
		}
	}
	parsed, err := parser.Parse(args)
	if err == nil {
		return parsed.Command(), nil
	}
	if failed := (*kong.ParseError)(nil); asParseError(err, &failed) && strings.HasPrefix(failed.Error(), "missing flags") {
		return failed.Context.Command(), err
	}
	if args[0] == "--help" {
		return "help", nil
	}
	return "", err
}

func asParseError(err error, target **kong.ParseError) bool {
	failed, ok := err.(*kong.ParseError)
	*target = failed
	return ok
}

func newParser(t *testing.T) *kong.Kong {
	t.Helper()
	parser, err := kong.New(new(commands), kong.Name("purescim"), kong.Writers(new(bytes.Buffer), new(bytes.Buffer)), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	return parser
}

// settings are the environment variables of all commands.
func settings(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	var walk func(n *kong.Node)
	walk = func(n *kong.Node) {
		for _, flag := range n.Flags {
			for _, name := range flag.Envs {
				known[name] = true
			}
		}
		for _, child := range n.Children {
			walk(child)
		}
	}
	walk(newParser(t).Model.Node)
	return known
}

// guideFiles are the texts of the guides, and of README.md.
func guideFiles(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	names, err := fs.Glob(files.Files, "*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(files.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	texts["../../README.md"] = string(readme)
	return texts
}

// TestGuide_FillsInAConnection prints a guide of an organisation with a name that a
// shell would not take as one word.
func TestGuide_FillsInAConnection(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	purescim := func(args ...string) string {
		var out, problems bytes.Buffer
		if status := run(context.Background(), append(args, "--database-url="+db), console{out: &out, err: &problems}); status != 0 {
			t.Fatalf("%v: status %d: %s", args, status, &problems)
		}
		return out.String()
	}
	purescim("org", "create", "Acme & Sons")
	purescim("schema", "add", "--org=Acme & Sons", "testdata/badge.json")
	var made struct{ ID string }
	if err := json.Unmarshal([]byte(purescim("client", "create", "--org=Acme & Sons", "--name=Entra", "-o", "json")), &made); err != nil {
		t.Fatal(err)
	}
	text := purescim("guide", "entra", "--org=Acme & Sons", "--client=Entra", "--public-url=https://scim.example.org")
	for _, want := range []string{
		"# Microsoft Entra ID", "https://scim.example.org/api/v2/scim/v2", "purescim client create --org 'Acme & Sons' --name Entra",
		"purescim token create --client " + made.ID, "`ACCESS_TOKEN`", "| `urn:example:badge:2.0:User:",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the guide has no %q", want)
		}
	}
	var out, problems bytes.Buffer
	for _, args := range [][]string{
		{"guide", "nothing"},
		{"guide", "entra", "--org=Acme & Sons", "--client=Okta", "--database-url=" + db},
		{"guide", "entra", "--org=nobody", "--database-url=" + db},
	} {
		if status := run(context.Background(), args, console{out: &out, err: &problems}); status != 1 {
			t.Errorf("%v: status %d", args, status)
		}
	}
	if status := run(context.Background(), []string{"guide"}, console{out: &out, err: &problems}); status != 0 || !strings.Contains(out.String(), "saviynt") {
		t.Errorf("the list: status %d: %s", status, &out)
	}
}
