package server_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scimtest"
	"github.com/purescim/purescim/internal/seal"
	"github.com/purescim/purescim/internal/servertest"
)

// secrets are texts that no table may hold, with where they were sent.
type secrets struct {
	mu   sync.Mutex
	sent map[string]string
}

func (s *secrets) add(secret, where string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(secret) >= 6 && secret != "password" { // shorter ones turn up by chance
		s.sent[secret] = where
	}
}

// gather adds the passwords of a body: the values of attributes of the name, and of
// operations whose path has it.
func (s *secrets) gather(value any, where string) {
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			s.gather(element, where)
		}
	case map[string]any:
		path, _ := v["path"].(string)
		for name, inner := range v {
			hidden := provisioning.IsSecret(name) || strings.EqualFold(name, "value") && provisioning.IsSecret(path)
			if text, ok := inner.(string); ok && hidden {
				s.add(text, where)
			}
			s.gather(inner, where)
		}
	}
}

// No table holds a password, a secret or a token, whatever was sent and whatever became of
// it: the scenarios of real clients, refusals, bulk requests, accepted ones too, and what
// administrators write.
func TestSecrets_AreInNoTable(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	found := &secrets{sent: make(map[string]string)}
	t.Run("scenarios", func(t *testing.T) {
		for _, scenario := range scimtest.LoadScenarios(t) {
			t.Run(scenario.File, func(t *testing.T) {
				t.Parallel()
				o := server.NewOrg(t)
				found.add(o.Token, "the token of "+scenario.File)
				scenario.Run(t, scimtest.Target{BaseURL: server.URL, Token: o.Token, Observe: func(_ *http.Request, body []byte, _ *http.Response, _ []byte) {
					var value any
					if json.Unmarshal(body, &value) == nil {
						found.gather(value, scenario.File)
					}
				}})
			})
		}
	})
	if len(found.sent) < 20 {
		t.Fatalf("the scenarios send few secrets: %v", found.sent)
	}
	plantSecrets(t, server, found)
	searchSecrets(t, server, found)
}

// With a key file no table holds what receivers of events and OpenID providers are sent
// either.
func TestSecrets_AreInNoTable_WithAKeyFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(seal.Rand()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := seal.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	provider := newOpenID(t)
	server := servertest.NewWith(t, servertest.Options{Keys: keys, HTTPClient: provider.Client()})
	found := &secrets{sent: make(map[string]string)}
	plantSecrets(t, server, found)
	o := server.NewOrg(t)
	plantInSignOn(t, server, o, provider.URL, found)
	for _, credential := range []string{"Bearer Planted-Receiver-Quilzerf", "Bearer Planted-Another-Quilzerf"} {
		found.add(credential, "the authorization of a stream")
		o.Do(t, "PUT", "/api/v2/events/stream", map[string]any{
			"method": "push", "endpointUrl": "https://receiver.example/", "audience": "r", "authorizationHeader": credential,
		}).Want(t, 200)
	}
	o.Do(t, "PUT", "/api/v2/events/stream", map[string]any{"method": "push", "endpointUrl": "http://wrong", "authorizationHeader": "Bearer Planted-Refused-Quilzerf"}).Want(t, 400)
	found.add("Bearer Planted-Refused-Quilzerf", "the authorization of a stream that is refused")
	found.add("302e020100300506032b6570", "a signing key, as PKCS #8 begins")
	searchSecrets(t, server, found)
}

// searchSecrets looks for all that was found in all tables.
func searchSecrets(t *testing.T, server *servertest.Server, found *secrets) {
	t.Helper()
	if err := server.Log.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if tables := tablesWith(t, server.Database, "planted@example.org"); !strings.Contains(tables, "users") || !strings.Contains(tables, "provisioning_log") {
		t.Fatalf("what is no secret is only in %q", tables)
	}
	all := make(map[string]string, 2*len(found.sent))
	for secret, where := range found.sent {
		all[strings.ToLower(secret)], all[hex.EncodeToString([]byte(secret))] = where, where // as bytes are shown
	}
	for text, tables := range tablesWithAny(t, server.Database, slices.Collect(maps.Keys(all))) {
		t.Errorf("%q of %s is in %s", text, all[text], tables)
	}
}

// plantSecrets sends secrets wherever one may be sent.
func plantSecrets(t *testing.T, server *servertest.Server, found *secrets) {
	t.Helper()
	o := server.NewOrg(t)
	n := 0
	planted := func(where string) string {
		n++
		secret := fmt.Sprintf("Planted-%d-Quilzerf!", n)
		found.add(secret, where)
		return secret
	}
	user := o.Do(t, "POST", "/Users", `{"userName":"planted@example.org","password":"`+planted("POST")+`"}`).Want(t, 201).ID(t)
	operation := func(op string) string { return `{"Operations":[` + op + `]}` }
	o.Do(t, "PUT", "/Users/"+user, `{"userName":"planted@example.org","password":"`+planted("PUT")+`"}`).Want(t, 200)
	o.Do(t, "PATCH", "/Users/"+user, operation(`{"op":"replace","path":"password","value":"`+planted("PATCH")+`"}`)).Want(t, 200)
	o.Do(t, "PATCH", "/Users/"+user, operation(`{"op":"Replace","value":{"Password":"`+planted("PATCH without a path")+`"}}`)).Want(t, 200)
	o.Do(t, "PATCH", "/Users/"+user+"?dryRun=true", operation(`{"op":"replace","path":"password","value":"`+planted("dry run")+`"}`)).Want(t, 200)
	for _, refused := range []string{
		`{"userName":"planted@example.org","password":"` + planted("a name that is taken") + `"}`,
		`{"userName":"p2@example.org","password":"` + planted("a role that is unknown") + `","roles":[{"value":"pilot"}]}`,
		`{"userName":7,"Password":"` + planted("a wrong name") + `"}`,
		`{"userName":"p3","password":{"value":"` + planted("an object") + `"}}`,
		`{"userName":"p4","password":["` + planted("a list") + `"]}`,
		`{"userName":"p5","password":"` + planted("no JSON") + `"`,
	} {
		o.Do(t, "POST", "/Users", refused)
	}
	o.Do(t, "PATCH", "/Users/"+user, operation(`{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:User:password","value":"`+planted("a whole path")+`"}`))
	o.Do(t, "PATCH", "/Users/"+user, operation(`{"op":"replace","path":"title","value":"https://ada:`+planted("a URL")+`@example.org/"},{"op":"replace","path":"nowhere[","value":"x"}`)).Want(t, 400)
	for _, refused := range []string{
		`{"op":"replace","path":"p\u0061ssword","value":"` + planted("a path with an escape") + `"}`,
		`{"op":"replace","path":"password eq \"` + planted("a path that compares") + `\"","value":"x"}`,
		`{"op":"remove","path":"emails[password eq \"` + planted("a filter") + `\"]"}`,
		`{"op":"add","value":[{"name":"password","value":"` + planted("a pair") + `"}]}`,
		`{"op":"add","value":"{\"p\\u0061ssword\":\"` + planted("a text of JSON") + `\"}"}`,
		`{"op":"add","path":"urn:x:vault:pin","value":"` + planted("a PIN") + `"}`,
	} {
		o.Do(t, "PATCH", "/Users/"+user, operation(refused+`,{"op":"replace","path":"nowhere[","value":"x"}`)).Want(t, 400)
	}
	token := "eyJhbGciOiJFZERTQSJ9.Planted-Token-Quilzerf.sig"
	found.add(token, "a token in a path")
	o.Do(t, "DELETE", "/api/v2/tokens/"+token, nil).Want(t, 404)
	o.Do(t, "DELETE", "/Users/"+token, nil).Want(t, 404)
	bulk := func(where string, headers ...string) *servertest.Answer {
		return o.Do(t, "POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[
			{"method":"PATCH","path":"/Users/`+user+`","data":`+operation(`{"op":"replace","path":"password","value":"`+planted(where)+`"}`)+`},
			{"method":"POST","path":"/Users","bulkId":"1","data":{"userName":"planted@example.org","password":"`+planted(where+", refused")+`"}}]}`, headers...)
	}
	bulk("bulk").Want(t, 200)
	bulk("accepted bulk", "Prefer: respond-async").Want(t, 202)
	waitForAccepted(t, server)

	_, secret := o.NewClient(t, "SCIM Integration")
	found.add(secret, "a client's secret")
	another, client := o.NewToken(t, "SCIM Integration")
	found.add(another, "a token")
	o.Do(t, "PUT", "/api/v2/oauth/clients/"+client.ID.String(), map[string]any{"name": "Renamed", "secret": planted("the platform's client")})
	o.Do(t, "POST", "/api/v2/oauth/clients", map[string]any{"name": "", "secret": planted("a client that is refused")})
	o.Do(t, "POST", "/api/v2/groups", map[string]any{"name": "", "token": planted("a group that is refused")})
	o.Do(t, "GET", "/Users?filter=userName%20eq%20%22x%22&access_token="+planted("a query"), nil)
	plantInConsole(t, server, o, client.ID, found, planted)
}

// plantInConsole makes what people sign in to the console with: an invitation, a password and
// another, sessions, and a link that sets up a connection.
func plantInConsole(t *testing.T, server *servertest.Server, o *servertest.Org, client uuid.UUID, found *secrets, planted func(where string) string) {
	t.Helper()
	ctx, from := t.Context(), accounts.From{Address: "203.0.113.7", Agent: "test"}
	must := func(secret, where string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(where, err)
		}
		found.add(secret, where)
		return secret
	}
	invitation, _, err := server.Accounts.Invite(ctx, "planted@example.org", o.ID, "owner@example.org", accounts.Owner)
	must(invitation, "an invitation", err)
	first, second := planted("a password of the console"), planted("another password of the console")
	session, account, err := server.Accounts.Accept(ctx, invitation, "owner@example.org", first, from)
	must(session, "a session of who accepts", err)
	session, _, err = server.Accounts.SignIn(ctx, "owner@example.org", first, from)
	must(session, "a session", err)
	must("", "another password", server.Accounts.ChangePassword(ctx, account, uuid.New(), first, second, from))
	if _, _, err := server.Accounts.SignIn(ctx, "owner@example.org", planted("a wrong password"), from); err == nil {
		t.Error("a wrong password signs in")
	}
	link, _, err := server.Accounts.NewSetup(ctx, accounts.Setup{Org: o.ID, Client: client, Guide: "entra", By: "owner@example.org"})
	must(link, "a setup link", err)
	opened, err := server.Accounts.OpenSetup(ctx, link)
	must(opened, "the session of a setup link", err)
}

// newOpenID is an OpenID provider that tells where it is, and no more.
func newOpenID(t *testing.T) *httptest.Server {
	t.Helper()
	provider := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"issuer":"https://%[1]s","authorization_endpoint":"https://%[1]s/authorize","token_endpoint":"https://%[1]s/token","jwks_uri":"https://%[1]s/keys"}`, r.Host)
	}))
	t.Cleanup(provider.Close)
	return provider
}

// plantInSignOn adds an OpenID provider, is refused another, and sends a browser to the first.
func plantInSignOn(t *testing.T, server *servertest.Server, o *servertest.Org, issuer string, found *secrets) {
	t.Helper()
	provider := accounts.Provider{Org: o.ID, Name: "planted provider", Issuer: issuer, ClientID: "console", Secret: "Planted-Provider-Quilzerf", By: "owner@example.org"}
	added, err := server.Accounts.AddProvider(t.Context(), provider, false)
	if err != nil {
		t.Fatal(err)
	}
	found.add(provider.Secret, "the client secret of a provider")
	provider.Secret = "Planted-Twice-Quilzerf"
	found.add(provider.Secret, "the client secret of a provider that is refused")
	if _, err := server.Accounts.AddProvider(t.Context(), provider, false); err == nil {
		t.Error("a provider is added twice")
	}
	browser := accounts.NewBrowser()
	found.add(browser, "the cookie of a browser on its way to a provider")
	way, err := server.Accounts.BeginSignOn(t.Context(), accounts.SignOn{Provider: added.ID, Browser: browser, Redirect: "https://planted.example/back"}, accounts.From{Address: "203.0.113.7"})
	target, failed := url.Parse(way)
	if err != nil || failed != nil || target.Query().Get("state") == "" || target.Query().Get("nonce") == "" {
		t.Fatalf("led to %q: %v", way, err)
	}
	found.add(target.Query().Get("state"), "the state of a browser on its way to a provider")
	found.add(target.Query().Get("nonce"), "the nonce of an ID token")
	for _, kept := range []string{"planted provider", "planted.example/back"} {
		if tables := tablesWith(t, server.Database, kept); !strings.Contains(tables, "console_") {
			t.Errorf("what is no secret, %q, is only in %q", kept, tables)
		}
	}
}

// waitForAccepted waits until no accepted request is open.
func waitForAccepted(t *testing.T, server *servertest.Server) {
	t.Helper()
	statusWhen(t, server.NewOrg(t), func(status) bool {
		var n int
		if err := server.Store.Own().QueryRow(t.Context(), `select count(*) from async_requests where finished_at is null`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n == 0
	})
}
