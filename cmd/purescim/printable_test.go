package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/testdb"
)

// command runs one command line and gives what it prints, of which a terminal
// must not act on anything.
func command(t *testing.T, args ...string) (status int, text string) {
	t.Helper()
	var out bytes.Buffer
	status = run(t.Context(), args, console{out: &out, err: &out})
	if i := strings.IndexFunc(out.String(), func(c rune) bool { return c < ' ' && c != '\n' || c == '\u202e' }); i >= 0 {
		t.Errorf("%q prints %q", args, out.String())
	}
	return status, out.String()
}

// What others have written moves no cursor, and names that would are refused.
func TestPrinted_ActsOnNoTerminal(t *testing.T) {
	t.Parallel()
	const evil = "evil\x1b[2J\u202e"
	url := testdb.New(t)
	at := "--database-url=" + url
	if status, text := command(t, "org", "create", "acme", at); status != 0 {
		t.Fatal(text)
	}
	for _, args := range [][]string{
		{"org", "create", evil},
		{"role", "create", "--org=acme", evil},
		{"division", "create", "--org=acme", "two\nlines"},
		{"skill", "create", "--org=acme", "\u0085"},
		{"language", "create", "--org=acme", evil},
		{"group", "create", "--org=acme", evil},
		{"client", "create", "--org=acme", "--name=" + evil},
		{"events", "set", "--org=acme", "--poll", "--audience=" + evil},
	} {
		if status, text := command(t, append(args, at)...); status != 1 || !strings.Contains(text, "control characters") {
			t.Errorf("%q: status %d: %s", args, status, text)
		}
	}
	if _, text := command(t, "division", "create", "--org=acme", "Kunden\u200cdienst Ä", at); !strings.Contains(text, "Kunden\u200cdienst Ä") {
		t.Error(text)
	}
	db, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	if _, err := db.Exec(t.Context(), `update catalogue set description = $1`, evil); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), `update orgs set name = $1`, evil); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"role", "list", "--org=" + evil}, {"org", "list"}, {"org", "show", evil}, {"role", "delete", "--org=" + evil, "x"}} {
		if _, text := command(t, append(args, at)...); !strings.Contains(text, `evil\x1b[2J\u202e`) {
			t.Errorf("%q: %q", args, text)
		}
	}
}

// A command line that can only fail later is refused at once.
func TestCommandLines_AreRefused(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{
		"serve --cors-origins=admin.example.org":          "is not an origin",
		"serve --cors-origins=https://a.example/":         "is not an origin",
		"serve --cors-origins=https://a.example,null":     "is not an origin",
		"serve --cors-origins=https://*.example":          "is not an origin",
		"serve --public-url=foo":                          "is not the URL of a server",
		"serve --public-url=ftp://scim.example":           "is not the URL of a server",
		"serve --public-url=https://":                     "is not the URL of a server",
		"serve --public-url=https://scim.example/?x":      "is not the URL of a server",
		"serve --public-url=https://u@scim.example":       "is not the URL of a server",
		"serve --public-url=https://scim.example:0":       "is not the URL of a server",
		"serve --rate-limit=-1":                           "less than 0",
		"serve --read-urls=postgres://:::":                "no connection URL of PostgreSQL",
		"serve --tls-cert=a":                              "needed together",
		"serve --tls-key=a":                               "needed together",
		"serve --tls-client-ca=a":                         "needs --tls-cert",
		"serve --http-redirect=:80":                       "needs --tls-cert",
		"serve --tls-acme=https://a.example":              "needs --tls-domain",
		"serve --tls-domain=a.example --tls-acme=a":       "is not a URL",
		"serve --tls-domain=*.example.org":                "is not a host name",
		"serve --tls-domain=https://a.example":            "is not a host name",
		"serve --tls-domain=a.b --tls-cert=c --tls-key=d": "exclude each other",
		"serve --egress=private":                          "--egress must be one of",
		"role create --org=acme x --permission=foo":       "is not a permission",
		"role create --org=acme x --permission=a:b":       "is not a permission",
		"role create --org=acme x --permission=a:b:c:d":   "is not a permission",
		"role create --org=acme x --permission=a::c":      "is not a permission",
	} {
		if status, text := command(t, strings.Fields(flag)...); status != 2 || !strings.Contains(text, want) {
			t.Errorf("%s: status %d: %s", flag, status, text)
		}
	}
	for _, good := range []string{"*", "a:*", "*:*:*", "directory:user:add", "directory:*:view", "scim:events:*"} {
		if err := (&roleCreate{Permission: []string{good}}).Validate(); err != nil {
			t.Error(err)
		}
	}
	for _, good := range []string{"https://scim.example", "http://127.0.0.1:8080/", "https://[2001:db8::1]/prefix"} {
		if err := (&serveCommand{PublicURL: good}).Validate(); err != nil {
			t.Error(err)
		}
	}
}
