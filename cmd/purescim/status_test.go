package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/testdb"
)

// The command line tells how provisioning goes, first in a sentence.
func TestStatus_BeginsWithASentence(t *testing.T) {
	t.Parallel()
	url := testdb.New(t)
	command := cli(t, url)
	command("org", "create", "acme")
	if shown := command("status", "--org", "acme"); shown != "No request has come in the last 24 hours.\n" {
		t.Errorf("nothing has happened: %s", shown)
	}
	command("client", "create", "--org", "acme", "--name", "Entra")
	id := refuse(t, url)
	p, err := database{DatabaseURL: url, LogLevel: "error", Egress: "public"}.open(t.Context(), console{err: new(bytes.Buffer)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	o, err := p.orgNamed(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	clients, _, err := p.oauth.Clients(t.Context(), o.ID, oauth.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	outcome := provisioning.Outcome{
		Client: clients[0].ID, Kind: provisioning.WasRefused, Refusal: uuid.MustParse(id), Target: provisioning.Target{Type: provisioning.User, Name: "jane"},
	}
	p.entries.Count(o.ID, outcome)
	outcome.Kind = provisioning.Read
	p.entries.Count(o.ID, outcome)
	if err := p.entries.FlushCounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	shown := command("status")
	for _, want := range []string{
		"acme: Provisioning works in part. Nothing was changed in the last hour; 1 request was refused. 1 user of Entra is refused at present, the last: jane: taken\\x1b.\n",
		"\nCLIENT ", "\nEntra   partly  -             20", "  2     2    1, 1                 1              0     20", "\nRefused at present, of Entra:\n", "  jane  taken\\x1b\n",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("no %q in:\n%s", want, shown)
		}
	}
	// What is asked for again and again has no entries, and stands below those that there are.
	again := provisioning.Outcome{Client: clients[0].ID, Kind: provisioning.Unchanged, Target: provisioning.Target{Type: provisioning.User, ID: uuid.New()}}
	for range 30 {
		p.entries.Count(o.ID, again)
	}
	if err := p.entries.FlushCounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	command("client", "create", "--org", "acme", "--name", "Okta")
	for args, want := range map[string]bool{
		"": true, "--user " + again.Target.ID.String(): true, "--client entra": true,
		"--user jane": false, "--group " + again.Target.ID.String(): false, "--client okta": false, "--refused": false, "-o jsonl": false,
	} {
		shown := command(append([]string{"log", "--org", "acme"}, strings.Fields(args)...)...)
		if strings.Contains(shown, "\nAgain and again, by Entra:\n  20") != want {
			t.Errorf("log %s shows:\n%s", args, shown)
		}
	}
	var told struct{ State string }
	if err := json.Unmarshal([]byte(command("status", "--org", "acme", "-o", "json")), &told); err != nil || told.State != "partly" {
		t.Errorf("as JSON it is %+v: %v", told, err)
	}
}
