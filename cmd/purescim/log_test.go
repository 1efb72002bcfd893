package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/testdb"
)

// cli runs commands on a database, which must succeed, and gives what they print.
func cli(t *testing.T, url string) func(args ...string) string {
	return func(args ...string) string {
		t.Helper()
		var out, failed bytes.Buffer
		if status := run(t.Context(), append(args, "--database-url="+url), console{out: &out, err: &failed}); status != 0 {
			t.Fatalf("%v: %s", args, failed.String())
		}
		return out.String()
	}
}

// The command line shows what the log holds, for people and for programs.
func TestLog_ShowsWhatWasRefused(t *testing.T) {
	t.Parallel()
	url := testdb.New(t)
	command := cli(t, url)
	command("org", "create", "acme")
	command("org", "set", "acme", "--region", "DE")
	if shown := command("log", "--org", "acme"); !strings.Contains(shown, "success  cli:"+account()+" changed defaultRegion of organisation acme\n") {
		t.Errorf("no change of the settings in:\n%s", shown)
	}
	command("client", "create", "--org", "acme", "--name", "Okta")
	id := refuse(t, url)
	for _, args := range [][]string{{"log", "--refused"}, {"log", "--user", "JANE"}, {"user", "history", "jane"}, {"log", "--since", "1h", "--client", "entra"}, {"log", "--since", "1d", "-n", "5"}} {
		shown := command(append(args, "--org", "acme")...)
		for _, want := range []string{"refused  Entra tried to create jane, and was refused\n", "\n    409 uniqueness: taken\\x1b\n", "\n    In Entra, make userName", "\n    " + id} {
			if !strings.Contains(shown, want) {
				t.Errorf("%v: no %q in:\n%s", args, want, shown)
			}
		}
	}
	for _, args := range [][]string{{"log", "--group", "jane"}, {"group", "history", "jane"}, {"log", "--client", "okta"}} {
		if shown := command(append(args, "--org", "acme")...); shown != "(none)\n" {
			t.Errorf("%v shows %s", args, shown)
		}
	}
	var failed bytes.Buffer
	if status := run(t.Context(), []string{"log", "--org", "acme", "--client", "okat", "--database-url=" + url}, console{out: io.Discard, err: &failed}); status == 0 || !strings.Contains(failed.String(), `no client has the id or the name "okat"`) {
		t.Errorf("of a misspelt client: %d, %s", status, failed.String())
	}
	if shown := command("log", "--org", "acme", "--show", id); !strings.Contains(shown, `{"userName":"jane"}`) {
		t.Errorf("no body in %s", shown)
	}
	var entry struct{ ID string }
	if err := json.Unmarshal([]byte(command("log", "--org", "acme", "--refused", "-o", "jsonl")), &entry); err != nil || entry.ID != id {
		t.Errorf("jsonl is of %q: %v", entry.ID, err)
	}
	table, err := csv.NewReader(strings.NewReader(command("log", "--org", "acme", "--refused", "-o", "csv"))).ReadAll()
	if err != nil || len(table) != 2 || table[1][4] != "jane" {
		t.Errorf("csv is %v: %v", table, err)
	}
}

// Who follows the log is told each entry once, however many come at once and whenever they
// are committed.
func TestLog_IsFollowed(t *testing.T) {
	t.Parallel()
	url := testdb.New(t)
	cli(t, url)("org", "create", "acme")
	p, err := database{DatabaseURL: url, LogLevel: "error", Egress: "public"}.open(t.Context(), console{err: new(bytes.Buffer)})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	o, err := p.orgNamed(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	late := p.store.ProvisioningLog().NewID()
	come := func(n int, first uuid.UUID) {
		for i := range n {
			e := provisioning.Entry{ID: first, Operation: provisioning.Create, Target: provisioning.Target{Type: provisioning.User, Name: "jane"}, Result: provisioning.Refused}
			if i > 0 {
				e.ID = uuid.Nil
			}
			p.entries.Refuse(o.ID, e)
		}
		if err := p.entries.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	f := newFollower(p.entries, o.ID, provisioning.Query{Type: provisioning.User}, p.directory.Now())
	told := map[uuid.UUID]int{}
	read := func() {
		if err := f.read(t.Context(), p.directory.Now(), func(entries []provisioning.Entry) error {
			for _, e := range entries {
				told[e.ID]++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	come(600, uuid.Nil)
	read()
	come(2*followAtOnce, uuid.Nil)
	read()
	come(1, late)
	read()
	if len(told) != 601+2*followAtOnce || told[late] != 1 {
		t.Errorf("%d entries are told, and the late one %d times", len(told), told[late])
	}
	for id, times := range told {
		if times != 1 {
			t.Fatalf("%s is told %d times", id, times)
		}
	}
}

// refuse has the log hold a refusal, and gives the id of the entry.
func refuse(t *testing.T, url string) string {
	t.Helper()
	p, err := database{DatabaseURL: url, LogLevel: "error", Egress: "public"}.open(t.Context(), console{err: new(bytes.Buffer)})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	o, err := p.orgNamed(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	e := provisioning.Entry{
		ID: p.store.ProvisioningLog().NewID(), Actor: provisioning.Actor{Type: provisioning.Client, ID: uuid.New(), Name: "Entra"},
		System: provisioning.Entra, Operation: provisioning.Create, Target: provisioning.Target{Type: provisioning.User, Name: "jane"},
		Result: provisioning.Refused, Status: 409, Error: &provisioning.Error{Type: "uniqueness", Detail: "taken\x1b"}, Body: `{"userName":"jane"}`,
	}
	p.entries.Refuse(o.ID, e)
	if err := p.entries.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return e.ID.String()
}

var commandNames = regexp.MustCompile(`purescim ([a-z]+ [a-z]+)`)

// Each action that advice names is done by a command that exists.
func TestAdvice_NamesCommands(t *testing.T) {
	t.Parallel()
	parser, err := kong.New(new(commands))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, leaf := range parser.Model.Leaves(true) {
		known[strings.Join(strings.Fields(leaf.FullPath())[1:], " ")] = true
	}
	for _, action := range provisioning.Actions {
		found := commandNames.FindAllStringSubmatch(action.Command(), -1)
		if len(found) == 0 {
			t.Errorf("%s is done by no command: %q", action, action.Command())
		}
		for _, match := range found {
			if !known[match[1]] {
				t.Errorf("%q is no command: %s", match[1], action.Command())
			}
		}
	}
}
