package postgres

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/authstore"
	"github.com/purescim/purescim/internal/postgres/db"
)

// registered is an organisation with a role, a division and a client that
// carries them.
type registered struct {
	tenant
	registry authstore.Store
	org      org.Org
	role     directory.Entry
	client   oauth.Client
}

func register(t *testing.T) registered {
	t.Helper()
	o := newTenant(t)
	r := registered{tenant: *o, registry: o.Registry(), role: entry(directory.Role, "clerk")}
	r.org = org.Org{ID: org.ID(o.Tenant.Org), Name: "Acme", Settings: org.DefaultSettings()}
	r.role.Detail = []byte(`{"permissions": ["a:b:c"], "permissionPolicies": [{"domain": "d", "entityName": "e", "actionSet": ["*"]}]}`)
	division := entry(directory.Division, "North")
	o.must(r.registry.CreateOrg(t.Context(), r.org, []directory.Entry{r.role, division}))
	r.client = oauth.Client{
		ID: uuid.Must(uuid.NewV7()), Org: r.org.ID, Name: "Entra", Description: "Provisions", Validity: time.Hour,
		State: oauth.StateActive, RateLimit: 7, SecretHash: []byte{7}, Created: stamp(), Modified: stamp(),
		Roles: []oauth.RoleGrant{{Role: r.role.ID, Division: division.ID.String()}},
	}
	o.must(r.registry.CreateClient(t.Context(), r.client))
	return r
}

// token adds a token of the client.
func (r registered) token(t *testing.T, expires time.Time) oauth.Token {
	t.Helper()
	token := oauth.Token{
		ID: uuid.Must(uuid.NewV7()), Org: r.org.ID, Client: r.client.ID,
		Issued: stamp(), Expires: expires.UTC().Truncate(time.Second), IssuedTo: "192.0.2.1",
	}
	r.must(r.registry.AddToken(t.Context(), token, "k", 0))
	return token
}

// write does what no method does.
func (r registered) write(sql string) {
	r.t.Helper()
	_, err := r.Own().Exec(r.t.Context(), sql)
	r.must(err)
}

func (r registered) setState(t *testing.T, state oauth.State, endTokens bool) {
	t.Helper()
	_, err := r.registry.UpdateClient(t.Context(), r.org.ID, r.client.ID, func(c *oauth.Client, _ oauth.Permissions) (bool, error) {
		c.State = state
		return endTokens, nil
	})
	r.must(err)
}

func TestRegistry_Clients(t *testing.T) {
	t.Parallel()
	r := register(t)
	found, err := r.registry.Client(t.Context(), r.client.ID)
	r.must(err)
	expect(t, "client", found, r.client)

	changed, err := r.registry.UpdateClient(t.Context(), r.org.ID, r.client.ID, func(c *oauth.Client, _ oauth.Permissions) (bool, error) {
		c.Name, c.Description, c.Validity, c.State, c.RateLimit = "Okta", "", 2*time.Hour, oauth.StateInactive, 0
		c.SecretHash, c.PreviousSecretHash, c.PreviousSecretUntil = []byte{8}, []byte{7}, stamp().Add(time.Hour)
		c.Roles[0].Division = oauth.AllDivisions
		return false, nil
	})
	r.must(err)
	found, err = r.registry.Client(t.Context(), r.client.ID)
	r.must(err)
	expect(t, "changed", found, changed)
	expect(t, "secret before", found.PreviousSecretHash, []byte{7})

	other := r.client
	other.ID, other.Roles = uuid.Must(uuid.NewV7()), nil
	r.must(r.registry.CreateClient(t.Context(), other))
	page, total, err := r.registry.Clients(t.Context(), r.org.ID, oauth.Page{Offset: 1, Limit: 5})
	r.must(err)
	expect(t, "page", page, []oauth.Client{other})
	expect(t, "total", total, 2)

	r.must(r.registry.DeleteClient(t.Context(), r.org.ID, other.ID))
	stranger := org.NewID()
	for name, err := range map[string]error{
		"deleted":          second(r.registry.Client(t.Context(), other.ID)),
		"delete again":     r.registry.DeleteClient(t.Context(), r.org.ID, other.ID),
		"delete another's": r.registry.DeleteClient(t.Context(), stranger, r.client.ID),
		"update another's": second(r.registry.UpdateClient(t.Context(), stranger, r.client.ID, nil)),
	} {
		if !errors.Is(err, oauth.ErrNotFound) {
			t.Errorf("%s: error %v, want not found", name, err)
		}
	}
}

func TestRegistry_RefusesGrantsOfNothing(t *testing.T) {
	t.Parallel()
	r := register(t)
	for name, grant := range map[string]oauth.RoleGrant{
		"unknown role":     {Role: uuid.New(), Division: "*"},
		"division as role": {Role: uuid.MustParse(r.client.Roles[0].Division), Division: "*"},
		"unknown division": {Role: r.role.ID, Division: uuid.NewString()},
		"role as division": {Role: r.role.ID, Division: r.role.ID.String()},
	} {
		c := r.client
		c.ID, c.Roles = uuid.Must(uuid.NewV7()), []oauth.RoleGrant{grant}
		var wrong *oauth.InvalidError
		if err := r.registry.CreateClient(t.Context(), c); !errors.As(err, &wrong) || wrong.Field != "roleDivisions" {
			t.Errorf("%s: error %v, want one about roleDivisions", name, err)
		}
	}
}

func TestRegistry_Bearer(t *testing.T) {
	t.Parallel()
	r := register(t)
	token := r.token(t, time.Now().Add(time.Hour))
	b, err := r.registry.Bearer(t.Context(), r.org.ID, r.client.ID, token.ID)
	r.must(err)
	expect(t, "organisation", b.Org, r.org)
	expect(t, "client", b.Client, r.client)
	details, err := r.registry.Granted(t.Context(), r.org.ID, r.client.ID)
	r.must(err)
	expect(t, "permissions", oauth.PermissionsOf(details...).Names(), []string{"a:b:c", "d:e:*"})
	expect(t, "digest", b.Granted, oauth.DigestOf(details))
	expect(t, "recorded, revoked", []bool{b.Recorded, b.Revoked}, []bool{true, false})

	r.must(r.registry.RevokeToken(t.Context(), r.org.ID, r.client.ID, token.ID))
	b, err = r.registry.Bearer(t.Context(), r.org.ID, r.client.ID, token.ID)
	r.must(err)
	expect(t, "recorded, revoked", []bool{b.Recorded, b.Revoked}, []bool{true, true})
	b, err = r.registry.Bearer(t.Context(), r.org.ID, r.client.ID, uuid.New())
	r.must(err)
	expect(t, "recorded", b.Recorded, false)
	if _, err := r.registry.Bearer(t.Context(), org.NewID(), r.client.ID, token.ID); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("another organisation's: %v", err)
	}
}

func TestRegistry_TokensAreListedAndMarked(t *testing.T) {
	t.Parallel()
	r := register(t)
	first, second := r.token(t, time.Now().Add(time.Hour)), r.token(t, time.Now().Add(time.Hour))
	at := stamp()
	r.must(r.registry.MarkUsed(t.Context(), r.org.ID, []oauth.Use{{Token: second.ID, At: at, From: "2001:db8::1"}, {Token: uuid.New(), At: at}}))
	r.must(r.registry.MarkUsed(t.Context(), r.org.ID, []oauth.Use{{Token: second.ID, At: at.Add(-time.Second), From: "older"}}))
	r.must(r.registry.RevokeToken(t.Context(), r.org.ID, r.client.ID, first.ID))
	tokens, total, err := r.registry.Tokens(t.Context(), r.org.ID, r.client.ID, oauth.Page{Limit: 5})
	r.must(err)
	second.Used, second.UsedFrom = at, "2001:db8::1"
	expect(t, "total", total, 2)
	expect(t, "newest", tokens[0], second)
	expect(t, "states", []oauth.TokenState{tokens[0].State(at), tokens[1].State(at), tokens[0].State(second.Expires)},
		[]oauth.TokenState{oauth.TokenActive, oauth.TokenRevoked, oauth.TokenExpired})
	for _, token := range []uuid.UUID{uuid.New(), r.client.ID} {
		if err := r.registry.RevokeToken(t.Context(), r.org.ID, r.client.ID, token); !errors.Is(err, oauth.ErrNotFound) {
			t.Errorf("no token: %v", err)
		}
	}
	if err := r.registry.RevokeToken(t.Context(), org.NewID(), r.client.ID, second.ID); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("another organisation's: %v", err)
	}
}

// What ended long ago is taken away by what is issued.
func TestRegistry_OldTokensGo(t *testing.T) {
	t.Parallel()
	r := register(t)
	old := r.token(t, time.Now().Add(-8*24*time.Hour))
	kept := r.token(t, time.Now().Add(-6*24*time.Hour))
	r.token(t, time.Now().Add(time.Hour))
	tokens, _, err := r.registry.Tokens(t.Context(), r.org.ID, r.client.ID, oauth.Page{Limit: 5})
	r.must(err)
	has := func(id uuid.UUID) bool {
		return slices.ContainsFunc(tokens, func(t oauth.Token) bool { return t.ID == id })
	}
	if has(old.ID) || !has(kept.ID) || len(tokens) != 2 {
		t.Errorf("%d tokens, the old one %v, the recent one %v", len(tokens), has(old.ID), has(kept.ID))
	}
}

// However many tokens a client revokes, so many of them are kept, and those of another
// issuer until they end: without its row such a token would be taken for new.
func TestRegistry_RevokedTokensGo(t *testing.T) {
	t.Parallel()
	r := register(t)
	revoked := func(origin string, first int) {
		_, err := r.Own().Exec(t.Context(), `
insert into access_tokens (org_id, id, client_id, issued_at, expires_at, revoked_at, origin)
select $1, ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, $2, now(), now() + interval '400 days', now(), $3
from   generate_series($4::int + 1, $4::int + 1050) n`, int64(r.org.ID), db.ID(r.client.ID), origin, first)
		r.must(err)
	}
	revoked("issuer", 0)
	revoked("client", 2000)
	good := r.token(t, time.Now().Add(time.Hour))
	count := func(condition string) int { return r.number(`select count(*) from access_tokens where ` + condition) }
	expect(t, "of another issuer", count(`origin = 'issuer'`), 1050)
	expect(t, "of ours", count(`origin = 'client' and revoked_at is not null`), 1000)
	expect(t, "the oldest", count(`origin = 'client' and id <= '00000000-0000-7000-8000-000000002050'`), 0)
	expect(t, "that are good", count(`revoked_at is null and id = '`+good.ID.String()+`'`), 1)
}

func TestRegistry_Revocations(t *testing.T) {
	t.Parallel()
	r := register(t)
	before := stamp().Add(-time.Millisecond)
	token := r.token(t, time.Now().Add(time.Hour))
	ids := func(after time.Time) []uuid.UUID {
		late, err := r.registry.Revocations(t.Context(), after)
		r.must(err)
		ids := make([]uuid.UUID, len(late))
		for i, one := range late {
			ids[i] = one.ID
		}
		return ids
	}
	expect(t, "none", ids(before), []uuid.UUID{})
	r.must(r.registry.RevokeToken(t.Context(), r.org.ID, r.client.ID, token.ID))
	r.must(r.registry.RevokeTokens(t.Context(), r.org.ID, r.client.ID))
	r.setState(t, oauth.StateInactive, false)
	r.setState(t, oauth.StateDisabled, true)
	r.must(r.registry.DeleteClient(t.Context(), r.org.ID, r.client.ID))
	expect(t, "all", ids(before), []uuid.UUID{token.ID, r.client.ID, r.client.ID, r.client.ID})
	r.must(r.registry.ForgetRevocations(t.Context(), stamp().Add(time.Second)))
	expect(t, "forgotten", ids(before), []uuid.UUID{})
}

// A client that is disabled for a moment loses every token, also those that are
// being issued in that moment.
func TestRegistry_DisablingSparesNoToken(t *testing.T) {
	t.Parallel()
	r := register(t)
	var issuing sync.WaitGroup
	for range 4 {
		issuing.Go(func() {
			for range 50 {
				token := oauth.Token{ID: uuid.Must(uuid.NewV7()), Org: r.org.ID, Client: r.client.ID, Issued: stamp(), Expires: stamp().Add(time.Hour)}
				if err := r.registry.AddToken(t.Context(), token, "k", 0); err != nil && !errors.Is(err, oauth.ErrClientClosed) {
					t.Error(err)
				}
			}
		})
	}
	for range 20 {
		r.setState(t, oauth.StateDisabled, true)
		expect(t, "good tokens of a disabled client", r.number(`select count(*) from access_tokens where revoked_at is null`), 0)
		r.setState(t, oauth.StateActive, false)
	}
	issuing.Wait()
}

func TestRegistry_SigningKeys(t *testing.T) {
	t.Parallel()
	r := register(t)
	// In the order of their creation, which is not that of their names.
	keys := []oauth.Key{
		{ID: "b", Private: []byte{1}, Created: stamp(), VerifyUntil: stamp()},
		{ID: "a", Private: []byte{2}, Created: stamp().Add(time.Second), VerifyUntil: stamp()},
		{ID: "c", Private: []byte{3}, Created: stamp().Add(2 * time.Second), VerifyUntil: stamp()},
	}
	replace := func(old string, k oauth.Key) bool {
		done, err := r.registry.ReplaceSigningKey(t.Context(), old, k)
		r.must(err)
		return done
	}
	expect(t, "done", []bool{replace("", keys[0]), replace("", keys[1]), replace("b", keys[1]), replace("b", keys[2])}, []bool{true, false, true, false})
	keys[0].Retired = keys[1].Created
	listed, err := r.registry.SigningKeys(t.Context())
	r.must(err)
	expect(t, "keys", listed, keys[:2])

	// A key lives as long as its tokens.
	token := oauth.Token{ID: uuid.Must(uuid.NewV7()), Org: r.org.ID, Client: r.client.ID, Issued: stamp(), Expires: stamp().Add(10 * 24 * time.Hour)}
	r.must(r.registry.AddToken(t.Context(), token, "b", 0))
	left := func(at time.Time) (ids []string) {
		r.must(r.registry.DeleteSigningKeys(t.Context(), at))
		listed, err := r.registry.SigningKeys(t.Context())
		r.must(err)
		for _, k := range listed {
			ids = append(ids, k.ID)
		}
		return ids
	}
	expect(t, "while its token lives", left(token.Expires), []string{"b", "a"})
	expect(t, "two days later", left(token.Expires.Add(48*time.Hour)), []string{"a"})
}

func TestRegistry_OneOfManyRotates(t *testing.T) {
	t.Parallel()
	r := register(t)
	for _, old := range []string{"", "0"} {
		var servers sync.WaitGroup
		wins := make(chan string, 8)
		for n := range 8 {
			servers.Go(func() {
				k := oauth.Key{ID: old + string(rune('0'+n)), Private: []byte{1}, Created: stamp(), VerifyUntil: stamp()}
				done, err := r.registry.ReplaceSigningKey(t.Context(), old, k)
				if err != nil {
					t.Error(err)
				}
				if done {
					wins <- k.ID
				}
			})
		}
		servers.Wait()
		expect(t, "winners", len(wins), 1)
		if old == "" {
			r.write(`update signing_keys set kid = '0'`)
		}
	}
}
