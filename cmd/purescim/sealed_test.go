package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/seal"
	"github.com/purescim/purescim/internal/testdb"
)

// With a key file a dump holds no secret, keys can be rotated, and nothing runs
// without the right one.
func TestKeyFile_SealsWhatADumpHolds(t *testing.T) {
	t.Parallel()
	url, dir := testdb.New(t), t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a, b := seal.Rand(), seal.Rand()
	none, first, both, second := "", write("first", a), write("both", b+"\n"+a), write("second", b)
	secret := write("credential", "Bearer of-the-receiver")
	at := func(keyFile string, want int, args ...string) string {
		t.Helper()
		if keyFile != "" {
			args = append(args, "--key-file="+keyFile)
		}
		status, text := command(t, append(args, "--database-url="+url)...)
		if status != want {
			t.Fatalf("%q: status %d: %s", args, status, text)
		}
		return text
	}
	dump := func() string {
		db, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close(t.Context())
		var text string
		if err := db.QueryRow(t.Context(), `select string_agg(s, ' ') from (
			select credential s from event_streams union all select secret from console_providers union all select encode(secret, 'escape') from secrets
			union all select encode(private_key, 'hex') from signing_keys) t`).Scan(&text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	const der = "302e020100300506032b6570" // how PKCS #8 of an Ed25519 key begins
	at(none, 0, "org", "create", "acme", "--with-client")
	at(none, 0, "events", "set", "--org=acme", "--push=https://receiver.example/", "--audience=r", "--authorization-file="+secret)
	provider := func(name string, keyFile string) {
		at(keyFile, 0, "admin", "oidc", "add", "--name="+name, "--issuer=https://"+name+".example", "--client-id=x", "--offline", "--secret-file="+write(name, "of-the-provider"))
	}
	provider("first-provider", none)
	open := dump()
	if !strings.Contains(open, "of-the-receiver") || !strings.Contains(open, "of-the-provider") || !strings.Contains(open, der) {
		t.Fatalf("the test looks for the wrong thing in %q", open)
	}
	if text := at(none, 1, "key", "rewrap"); !strings.Contains(text, "PURESCIM_KEY_FILE") {
		t.Error(text)
	}
	if text := at(first, 0, "key", "rewrap"); !strings.Contains(text, "4 values") {
		t.Error(text)
	}
	at(first, 0, "key", "rotate")
	provider("second-provider", first)
	sealed := dump()
	if strings.Contains(sealed, "of-the-receiver") || strings.Contains(sealed, "of-the-provider") || strings.Contains(sealed, der) {
		t.Errorf("in the clear: %q", sealed)
	}
	for _, wrong := range []string{none, second} {
		if text := at(wrong, 1, "serve", "--addr=127.0.0.1:0"); !strings.Contains(text, "PURESCIM_KEY_FILE") {
			t.Error(text)
		}
	}
	if text := at(both, 0, "key", "rewrap"); !strings.Contains(text, "6 values") {
		t.Error(text)
	}
	at(second, 0, "key", "list")
	if text := at(second, 0, "events", "set", "--org=acme", "--status=paused"); !strings.Contains(text, "authorization header  true") {
		t.Error(text)
	}
	if text := at(first, 1, "key", "list"); !strings.Contains(text, "PURESCIM_KEY_FILE") {
		t.Error(text)
	}
}
