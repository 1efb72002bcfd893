package oauth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
)

// ask sends a form to an endpoint as a client and gives the answer.
func ask(t *testing.T, endpoint func(http.ResponseWriter, *http.Request) error, c oauth.Client, secret, form string, address ...string) (status int, answer map[string]any, header http.Header) {
	t.Helper()
	w := httptest.NewRecorder()
	r := tokenRequest(form, func(r *http.Request) {
		r.SetBasicAuth(c.ID.String(), secret)
		for _, a := range address {
			r.Header.Set("Test-Address", a)
		}
	})
	if err := endpoint(w, r); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	return w.Code, answer, w.Header()
}

const grantForm = "grant_type=client_credentials"

// In a pause who fails is told to wait and nothing else; who does not, is let in.
func TestServeToken_SlowsGuessing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := oauth.New(newMemory(), oauth.Options{})
		c, secret := newClient(t, s)
		token := endpoints(s).Token
		guess := func(want int) {
			t.Helper()
			status, answer, header := ask(t, token, c, "guess", grantForm)
			if status != want {
				t.Fatalf("a guess: %d, want %d", status, want)
			}
			if status == http.StatusTooManyRequests {
				want := map[string]any{"error": "slow_down", "description": "too many failed attempts to authenticate; retry in 1 seconds"}
				want["error_description"] = want["description"]
				if diff := cmp.Diff(want, answer); diff != "" || header.Get("Retry-After") != "1" {
					t.Errorf("%v, (-want +got):\n%s", header, diff)
				}
			}
		}
		for range 6 {
			guess(http.StatusUnauthorized)
		}
		guess(http.StatusTooManyRequests)
		for _, endpoint := range []func(http.ResponseWriter, *http.Request) error{endpoints(s).Revoke, endpoints(s).Introspect} {
			if status, _, _ := ask(t, endpoint, c, "guess", "token=x"); status != http.StatusTooManyRequests {
				t.Errorf("a guess at another endpoint: %d", status)
			}
		}
		time.Sleep(time.Second)
		guess(http.StatusUnauthorized)
		if status, _, _ := ask(t, endpoints(s).Introspect, c, secret, "token=x"); status != http.StatusOK {
			t.Errorf("the right secret in a pause: %d", status)
		}
		guess(http.StatusUnauthorized) // since the client is known here now
	})
}

// Nobody locks a client out by failing in its name, or beside it.
func TestServeToken_RightSecretIsNeverRefused(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(n int, c oauth.Client) (client oauth.Client, address string){
		"from anywhere": func(n int, c oauth.Client) (oauth.Client, string) { return c, fmt.Sprintf("198.51.100.%d", n%200) },
		"from its network, as nobody": func(n int, _ oauth.Client) (oauth.Client, string) {
			return oauth.Client{ID: uuid.New()}, fmt.Sprintf("2001:db8::%x", n)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := oauth.New(newMemory(), oauth.Options{})
			token := endpoints(s).Token
			known, knownSecret := newClient(t, s)
			stranger, strangerSecret := newClient(t, s)
			const home = "2001:db8::1"
			if status, _, _ := ask(t, token, known, knownSecret, grantForm, home); status != http.StatusOK {
				t.Fatal(status)
			}
			var last int
			for n := range 12_000 { // more than there are records
				client, address := fail(n, []oauth.Client{known, stranger}[n%2])
				last, _, _ = ask(t, token, client, "guess", grantForm, address)
			}
			if last != http.StatusTooManyRequests {
				t.Errorf("the last of 12,000 failures is answered %d", last)
			}
			if status, _, _ := ask(t, token, known, "typo", grantForm, home); status != http.StatusUnauthorized {
				t.Errorf("a typo of who authenticated here before: %d", status)
			}
			for c, secret := range map[*oauth.Client]string{&known: knownSecret, &stranger: strangerSecret} {
				if status, _, _ := ask(t, token, *c, secret, grantForm, home); status != http.StatusOK {
					t.Errorf("the right secret: %d", status)
				}
			}
		})
	}
}

// slow is a store that takes a second to find a client.
type slow struct {
	*memory
	now, most atomic.Int32 // look-ups under way
}

func (s *slow) Client(ctx context.Context, id uuid.UUID) (oauth.Client, error) {
	s.most.Store(max(s.most.Load(), s.now.Add(1)))
	defer s.now.Add(-1)
	time.Sleep(time.Second)
	return s.memory.Client(ctx, id)
}

// A flood of failures takes two connections of the store, and no more.
func TestServeToken_FailuresTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &slow{memory: newMemory()}
		s := oauth.New(store, oauth.Options{})
		token := endpoints(s).Token
		for range 25 { // a pause of 16 seconds
			ask(t, token, oauth.Client{ID: uuid.New()}, "guess", grantForm)
		}
		store.most.Store(0)
		var flood sync.WaitGroup
		for range 20 {
			flood.Go(func() {
				if status, _, _ := ask(t, token, oauth.Client{ID: uuid.New()}, "guess", grantForm); status != http.StatusTooManyRequests {
					t.Errorf("a guess in the pause: %d", status)
				}
			})
		}
		flood.Wait()
		if got := store.most.Load(); got != 2 {
			t.Errorf("%d look-ups at once of clients in a pause, want 2", got)
		}
	})
}

func TestServeToken_SecretsOverlap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := oauth.New(newMemory(), oauth.Options{})
		c, first := newClient(t, s)
		_, second, err := s.RotateSecret(t.Context(), acme.ID, c.ID, oauth.SecretOverlap)
		if err != nil {
			t.Fatal(err)
		}
		granted := func(secret string) bool {
			status, _, _ := ask(t, endpoints(s).Token, c, secret, grantForm)
			return status == http.StatusOK
		}
		time.Sleep(24*time.Hour - time.Second)
		if !granted(first) || !granted(second) {
			t.Error("a secret does not work during the overlap")
		}
		time.Sleep(time.Second)
		if granted(first) || !granted(second) {
			t.Error("after the overlap the new secret alone should work")
		}
		_, third, err := s.RotateSecret(t.Context(), acme.ID, c.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		if granted(second) || !granted(third) {
			t.Error("without an overlap the new secret alone should work")
		}
	})
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	s := oauth.New(newMemory(), oauth.Options{})
	c, secret := newClient(t, s)
	other, otherSecret := newClient(t, s)
	token := issue(t, s, c)
	revoke := func(c oauth.Client, secret, form string, status int, code string) {
		t.Helper()
		got, answer, _ := ask(t, endpoints(s).Revoke, c, secret, form)
		if said, _ := answer["error"].(string); got != status || said != code {
			t.Errorf("%d %v, want %d %s", got, answer, status, code)
		}
	}
	good := func(want bool) {
		t.Helper()
		if _, err := s.Verify(t.Context(), token); (err == nil) != want {
			t.Errorf("the token: %v", err)
		}
	}
	form := "token=" + url.QueryEscape(token)
	revoke(c, secret, "", 400, "invalid_request")
	revoke(c, "guess", form, 401, "invalid_client")
	revoke(oauth.Client{ID: uuid.New()}, secret, form, 400, "invalid_client")
	revoke(other, otherSecret, form, 400, "unauthorized_client")
	revoke(c, secret, "token=nonsense", 200, "")
	good(true)
	revoke(c, secret, form+"&token_type_hint=refresh_token", 200, "")
	good(false)
	revoke(c, secret, form, 200, "")
}

func TestIntrospect(t *testing.T) {
	t.Parallel()
	store := newMemory()
	const elsewhere = 43
	stranger := acme
	stranger.ID = elsewhere
	store.orgs[elsewhere] = stranger
	s := oauth.New(store, oauth.Options{})
	c, secret := newClient(t, s)
	colleague, colleaguesSecret := newClient(t, s)
	foreigner, foreignersSecret, err := s.CreateClient(t.Context(), elsewhere, oauth.ClientSpec{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	token := issue(t, s, c)
	p, err := s.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	inactive := map[string]any{"active": false}
	active := map[string]any{
		"active": true, "client_id": c.ID.String(), "sub": c.ID.String(), "token_type": "bearer", "iss": "purescim", "aud": "purescim",
		"jti": p.Token.String(), "exp": float64(p.Expires.Unix()), "iat": float64(p.Issued.Unix()),
	}
	introspect := func(name string, c oauth.Client, secret, token string, want map[string]any) {
		t.Helper()
		status, answer, _ := ask(t, endpoints(s).Introspect, c, secret, "token="+url.QueryEscape(token))
		if diff := cmp.Diff(want, answer); diff != "" || status != http.StatusOK {
			t.Errorf("%s: %d (-want +got):\n%s", name, status, diff)
		}
	}
	introspect("own", c, secret, token, active)
	introspect("a colleague's", colleague, colleaguesSecret, token, active)
	introspect("another organisation's", foreigner, foreignersSecret, token, inactive)
	introspect("nonsense", c, secret, "x", inactive)
	if err := s.RevokeToken(t.Context(), acme.ID, c.ID, p.Token); err != nil {
		t.Fatal(err)
	}
	introspect("revoked", c, secret, token, inactive)
	if status, _, _ := ask(t, endpoints(s).Introspect, c, "guess", "token=x"); status != http.StatusUnauthorized {
		t.Errorf("wrong secret: %d", status)
	}
	c.State = oauth.StateDisabled
	store.change(c)
	if status, _, _ := ask(t, endpoints(s).Introspect, c, secret, "token=x"); status != http.StatusBadRequest {
		t.Errorf("disabled client: %d", status)
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	store := newMemory()
	s := oauth.New(store, oauth.Options{})
	c, _ := newClient(t, s)
	issue(t, s, c)
	if err := s.RotateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	read := func(endpoint func(http.ResponseWriter, *http.Request) error) (answer map[string]any) {
		w := httptest.NewRecorder()
		if err := endpoint(w, httptest.NewRequest(http.MethodGet, "/", nil)); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		return answer
	}
	const base = "https://scim.example.com"
	server := read(endpoints(s).Metadata)
	for name, want := range map[string]any{
		"issuer": base, "token_endpoint": base + "/oauth/token", "jwks_uri": base + "/.well-known/jwks.json",
		"revocation_endpoint": base + "/oauth/revoke", "introspection_endpoint": base + "/oauth/introspect",
		"grant_types_supported": []any{"client_credentials"},
	} {
		if diff := cmp.Diff(want, server[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	resource := read(endpoints(s).ResourceMetadata)
	want := map[string]any{"resource": base, "authorization_servers": []any{base}, "bearer_methods_supported": []any{"header"}, "resource_name": "purescim"}
	if diff := cmp.Diff(want, resource); diff != "" {
		t.Errorf("resource (-want +got):\n%s", diff)
	}
	keys, _ := read(endpoints(s).Keys)["keys"].([]any)
	if len(keys) != 2 {
		t.Fatalf("%d keys, want the new one and the retired", len(keys))
	}
	for i, key := range keys {
		k, _ := key.(map[string]any)
		if k["kid"] != store.keys[i].ID || k["kty"] != "OKP" || k["crv"] != "Ed25519" || k["alg"] != "EdDSA" || k["use"] != "sig" || len(k) != 6 {
			t.Errorf("key %v", k)
		}
	}
}
