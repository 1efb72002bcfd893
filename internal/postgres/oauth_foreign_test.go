package postgres

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

func (r registered) issuer() oauth.TrustedIssuer {
	return oauth.TrustedIssuer{
		ID: uuid.Must(uuid.NewV7()), Org: r.org.ID, Issuer: "https://sts.example/", Audience: "a", Tenant: "t",
		SubjectClaim: "appid", Subject: "s", KeysURL: "https://sts.example/keys", Client: r.client.ID, Created: stamp(),
	}
}

func TestRegistry_Issuers(t *testing.T) {
	t.Parallel()
	r := register(t)
	first, second := r.issuer(), r.issuer()
	second.Tenant = ""
	for _, one := range []oauth.TrustedIssuer{first, second} {
		r.must(r.registry.AddIssuer(t.Context(), one))
	}
	if err := r.registry.AddIssuer(t.Context(), r.issuer()); !errors.Is(err, oauth.ErrIssuerKnown) {
		t.Errorf("the same pins: %v", err)
	}
	stranger := r.issuer()
	stranger.Subject, stranger.Client = "other", uuid.New()
	if err := r.registry.AddIssuer(t.Context(), stranger); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("a client that does not exist: %v", err)
	}
	listed, err := r.registry.Issuers(t.Context(), r.org.ID)
	r.must(err)
	expect(t, "issuers", listed, []oauth.TrustedIssuer{first, second})
	listed, err = r.registry.Issuers(t.Context(), r.org.ID+1)
	r.must(err)
	expect(t, "issuers of another organisation", len(listed), 0)

	if _, err := r.registry.RemoveIssuer(t.Context(), r.org.ID+1, first.ID); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("removed by another organisation: %v", err)
	}
	removed, err := r.registry.RemoveIssuer(t.Context(), r.org.ID, first.ID)
	r.must(err)
	expect(t, "removed", removed, first)
	heard, err := r.registry.Revocations(t.Context(), stamp().Add(-time.Minute))
	r.must(err)
	if len(heard) != 1 || heard[0].ID != r.client.ID {
		t.Errorf("revocations %v, want one of the client", heard)
	}
	r.must(r.registry.DeleteClient(t.Context(), r.org.ID, r.client.ID))
	listed, err = r.registry.AllIssuers(t.Context())
	r.must(err)
	expect(t, "issuers after the client was deleted", len(listed), 0)
}

func TestRegistry_ForeignTokens(t *testing.T) {
	t.Parallel()
	r := register(t)
	token := oauth.Token{ID: uuid.Must(uuid.NewV7()), Org: r.org.ID, Client: r.client.ID, Issued: stamp(), Expires: stamp().Add(time.Hour)}
	old := token
	old.ID, old.Expires = uuid.Must(uuid.NewV7()), stamp().Add(-8*24*time.Hour)
	r.must(r.registry.AddForeignToken(t.Context(), old, 0))
	r.must(r.registry.AddForeignToken(t.Context(), token, 0))
	r.must(r.registry.RevokeToken(t.Context(), r.org.ID, r.client.ID, token.ID))
	r.must(r.registry.AddForeignToken(t.Context(), token, 0))
	listed, total, err := r.registry.Tokens(t.Context(), r.org.ID, r.client.ID, oauth.Page{Limit: 10})
	r.must(err)
	// What ended long ago has gone, and what is revoked stays so.
	if total != 1 || listed[0].ID != token.ID || listed[0].Revoked.IsZero() {
		t.Errorf("tokens %+v, want the revoked one", listed)
	}
	r.setState(t, oauth.StateInactive, false)
	if err := r.registry.AddForeignToken(t.Context(), token, 0); !errors.Is(err, oauth.ErrClientClosed) {
		t.Errorf("an inactive client: %v", err)
	}
}

func TestRegistry_ClientKeys(t *testing.T) {
	t.Parallel()
	r := register(t)
	for _, keys := range []oauth.ClientKeys{{Set: []byte(`{"keys": []}`)}, {URL: "https://keys.example/"}, {}} {
		r.must(r.registry.SetClientKeys(t.Context(), r.org.ID, r.client.ID, keys))
		found, err := r.registry.ClientKeys(t.Context(), r.org.ID, r.client.ID)
		r.must(err)
		expect(t, "keys", found, keys)
	}
	if err := r.registry.SetClientKeys(t.Context(), r.org.ID+1, r.client.ID, oauth.ClientKeys{}); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("set by another organisation: %v", err)
	}
	found, err := r.registry.ClientKeys(t.Context(), org.ID(7), uuid.New())
	r.must(err)
	expect(t, "keys of nobody", found, oauth.ClientKeys{})
}

func TestRegistry_Assertions(t *testing.T) {
	t.Parallel()
	r := register(t)
	at := stamp()
	use := func(client uuid.UUID, hash string, at time.Time) bool {
		fresh, err := r.registry.UseAssertion(t.Context(), r.org.ID, client, []byte(hash), at.Add(time.Minute), at)
		if err != nil {
			t.Error(err)
		}
		return fresh
	}
	expect(t, "once", use(r.client.ID, "a", at), true)
	expect(t, "twice", use(r.client.ID, "a", at), false)
	expect(t, "by another client", use(uuid.New(), "a", at), true)
	expect(t, "rows", r.number(`select count(*) from client_assertions where org_id = $1`, r.tenant.Tenant.Org), 2)
	expect(t, "another", use(r.client.ID, "b", at.Add(2*time.Minute)), true)
	expect(t, "rows after those have expired", r.number(`select count(*) from client_assertions where org_id = $1`, r.tenant.Tenant.Org), 1)

	var accepted atomic.Int32
	var servers sync.WaitGroup
	for range 8 {
		servers.Go(func() {
			if use(r.client.ID, "c", at) {
				accepted.Add(1)
			}
		})
	}
	servers.Wait()
	expect(t, "accepted at the same time", accepted.Load(), 1)
}
