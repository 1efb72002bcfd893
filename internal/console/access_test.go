package console_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/servertest"
)

// written is a log that is written and read at once.
type written struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *written) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// open makes a token of the person in the browser, and is the organisation with it.
func (b *browser) open(o *servertest.Org, pairs ...string) *servertest.Org {
	b.t.Helper()
	b.post("/console/account/access", pairs...).want(http.StatusOK).has("shown this once", `href="/docs"`)
	as := *o
	as.Token = b.found(`<code id="access-token">([^<]+)`)
	return &as
}

func person(name string) map[string]any {
	return map[string]any{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": name, "displayName": "X", "emails": []any{map[string]any{"value": name, "type": "work", "primary": true}}}
}

// The token of a viewer reads and changes nothing, that of an administrator changes people
// and makes nothing that lets somebody in later; neither is good elsewhere, and no log has it.
func TestAccess_MayNoMoreThanTheRole(t *testing.T) {
	t.Parallel()
	var log written
	s := servertest.NewWith(t, servertest.Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	o, other := s.NewOrg(t), s.NewOrg(t)
	viewer := member(t, s, o.ID, "vera@example.org", accounts.Viewer)
	reader := viewer.open(o, "organisation", other.Name) // which is not hers to choose
	viewer.has("read, and change nothing")
	for _, path := range []string{"/Users", "/Groups", "/Roles", "/api/v2/tokens/me"} {
		reader.Do(t, http.MethodGet, path, nil).Want(t, http.StatusOK)
	}
	reader.Do(t, http.MethodPost, "/Users", person("x@example.org")).Want(t, http.StatusForbidden)
	for _, path := range []string{"/api/v2/groups", "/api/v2/oauth/clients", "/api/v2/authorization/divisions", "/api/v2/routing/skills"} {
		if status := statusFor(t, s, reader.Token, http.MethodPost, path); status != http.StatusForbidden {
			t.Errorf("a viewer posts to %s: status %d", path, status)
		}
	}

	editor := member(t, s, o.ID, "ada@example.org", accounts.Administrator).open(o)
	made := editor.Do(t, http.MethodPost, "/Users", person("x@example.org")).Want(t, http.StatusCreated)
	reader.Do(t, http.MethodDelete, "/Users/"+made.ID(t), nil).Want(t, http.StatusForbidden)
	if status := statusFor(t, s, editor.Token, http.MethodPost, "/api/v2/oauth/clients"); status != http.StatusForbidden {
		t.Errorf("it makes a client: status %d", status)
	}
	for _, token := range []string{reader.Token, editor.Token} {
		if strings.Contains(log.String(), token) {
			t.Error("a log has a token")
		}
	}
	if n := count(t, s, `select count(*) from provisioning_log where org_id = $1 and actor like '%vera@example.org' and target_type in ('Client', 'Token')`, o.ID); n < 2 {
		t.Errorf("the provisioning log has %d entries of who made the token, want its client and itself", n)
	}
	if n := count(t, s, `select count(*) from orgs where home_domain is not null`); n != 0 {
		t.Error("the externalIds of the other client were set apart")
	}
}

func statusFor(t *testing.T, s *servertest.Server, token, method, path string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

// It ends with the session, another role and the account; five are good at once, in one
// organisation.
func TestAccess_Ends(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o, other := s.NewOrg(t), s.NewOrg(t)
	owner := member(t, s, accounts.Everywhere, "olga@example.org", accounts.Owner)
	owner.post("/console/account/access", "organisation", "none").want(http.StatusBadRequest).has("none named")
	first := owner.open(o, "organisation", o.Name)
	first.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusOK)
	second := owner.open(other, "organisation", other.Name)
	first.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusUnauthorized)
	for range oauth.MaxPersonal - 1 {
		owner.open(other, "organisation", other.Name)
	}
	owner.post("/console/account/access", "organisation", other.Name).want(http.StatusConflict).has("5 of these tokens")
	second.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusOK)
	owner.post("/console/signout")
	second.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusUnauthorized)

	chief := member(t, s, o.ID, "carl@example.org", accounts.Owner)
	ada := member(t, s, o.ID, "ada@example.org", accounts.Administrator)
	home := "/console/o/" + o.ID.String() + "/administrators"
	for _, end := range []func(path string){
		func(path string) { chief.post(path+"/role", "role", "viewer").want(http.StatusOK) },
		func(path string) { chief.sure(path + "/remove").want(http.StatusOK) },
	} {
		as := ada.open(o)
		as.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusOK)
		chief.get(home)
		end(chief.found(`action="(` + home + `/[0-9a-f-]{36})/remove"`))
		as.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusUnauthorized)
	}
}

// Nobody else gets a token of a person's client: not by the console, nor by a secret of it.
func TestAccess_IsNobodyElses(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	ada := member(t, s, o.ID, "ada@example.org", accounts.Administrator)
	eve := member(t, s, o.ID, "eve@example.org", accounts.Administrator)
	ada.open(o)
	list := "/console/o/" + o.ID.String() + "/connections"
	clients, _, err := s.OAuth.Clients(t.Context(), o.ID, oauth.Page{Limit: 10})
	if err != nil || len(clients) != 1 {
		t.Fatal(clients, err)
	}
	c, err := s.Store.Registry().Client(t.Context(), uuid.MustParse(ada.personal()))
	if err != nil || !c.IsPersonal() {
		t.Fatal(c, err)
	}
	eve.get(list).want(http.StatusOK).lacks(c.ID.String(), "Console: ada")
	for _, path := range []string{"", "/values?guide=curl", "/check?guide=curl"} {
		eve.get(list + "/" + c.ID.String() + path).want(http.StatusNotFound)
	}
	eve.post(list+"/"+c.ID.String()+"/token?guide=curl", "known", "").want(http.StatusNotFound).lacks(`id="token"`)
	eve.post(list+"/"+c.ID.String()+"/state", "state", "disable").want(http.StatusNotFound)
	eve.get("/console/o/" + o.ID.String()).want(http.StatusOK).lacks("Console: ada")
	_, secret, err := s.OAuth.RotateSecret(t.Context(), o.ID, c.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.OAuth.Authenticate(t.Context(), c.ID, secret); err == nil {
		t.Error("a secret signs in as a person")
	}
	for _, name := range []string{".editor", ".reader"} {
		_, err := s.OAuth.UpdateClient(t.Context(), o.ID, clients[0].ID, func(spec *oauth.ClientSpec) error {
			spec.ProvisioningDomain = name
			return nil
		})
		if err == nil {
			t.Errorf("another client becomes %s", name)
		}
	}
	if _, err := s.OAuth.UpdateClient(t.Context(), o.ID, c.ID, func(spec *oauth.ClientSpec) error {
		spec.ProvisioningDomain = "mine"
		return nil
	}); err == nil {
		t.Error("it becomes a client like others")
	}
}

// personal is the id of the client of the person in the browser.
func (b *browser) personal() (id string) {
	b.t.Helper()
	login := b.get("/console/account").found(`You are ([^,]*),`)
	db, err := pgx.Connect(b.t.Context(), b.server.Database)
	if err != nil {
		b.t.Fatal(err)
	}
	defer db.Close(b.t.Context())
	if err := db.QueryRow(b.t.Context(), `select id::text from console_accounts where login = $1`, login).Scan(&id); err != nil {
		b.t.Fatal(err)
	}
	return id
}

// A client of a person is none of the organisation's: it takes no place among them, and the
// next one sets no externalId apart.
func TestAccess_IsNoConnection(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	member(t, s, o.ID, "ada@example.org", accounts.Administrator).open(o)
	sql(t, s, `insert into oauth_clients (client_id, org_id, name, description, validity_seconds, state, roles, created_at, modified_at, secret_hash, rate_limit, provisioning_domain)
		select gen_random_uuid(), c.org_id, 'Console: ' || n, '', 900, 'active', '[]', now(), now(), '', 0, '.reader' from oauth_clients c, generate_series(1, $1) n where c.provisioning_domain is null`, oauth.MaxClients)
	clients, total, err := s.OAuth.Clients(t.Context(), o.ID, oauth.Page{Limit: oauth.MaxClients})
	if err != nil || total != 1 || len(clients) != 1 {
		t.Errorf("there are %d clients, %d in all: %v", len(clients), total, err)
	}
	status, err := s.Log.Status(t.Context(), o.ID)
	if err != nil || len(status.Clients) != 1 {
		t.Errorf("the status tells of %d clients: %v", len(status.Clients), err)
	}
	if n := count(t, s, `select count(*) from orgs where home_domain is not null`); n != 0 {
		t.Error("the externalIds of the only client were set apart")
	}
	if _, _, err := s.OAuth.CreateClient(t.Context(), o.ID, oauth.ClientSpec{Name: "Okta"}); err != nil {
		t.Errorf("there is no place for a client: %v", err)
	}
	if n := count(t, s, `select count(*) from orgs where home_domain = $1`, clients[0].ID.String()); n != 1 {
		t.Error("home is to be that of the only client before")
	}
}
