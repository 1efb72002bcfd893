package server_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/servertest"
)

const form = "Content-Type: application/x-www-form-urlencoded"

// asClient is the header with which a client authenticates.
func asClient(id, secret string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

// TestToken_Refusals are the errors of Genesys Cloud's token endpoint, and those
// that RFC 6749 adds.
func TestToken_Refusals(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	client, secret := o.NewClient(t)
	closed, closedSecret := o.NewClient(t)
	o.Do(t, "PUT", "/api/v2/oauth/clients/"+closed.ID.String(), `{"state":"inactive"}`).Want(t, 200)
	disabled, disabledSecret := o.NewClient(t)
	o.Do(t, "PUT", "/api/v2/oauth/clients/"+disabled.ID.String(), `{"state":"disabled"}`).Want(t, 200)
	id := client.ID.String()
	const grant = "grant_type=client_credentials"
	for _, test := range []struct {
		name, body, authorization string
		status                    int
		code, description         string
	}{
		{"unknown client", grant, asClient(uuid.NewString(), secret), 400, "invalid_client", "client not found"},
		{"id that is none", grant, asClient("entra", secret), 400, "invalid_client", "client not found"},
		{"wrong secret", grant, asClient(id, "guess"), 401, "invalid_client", "authentication failed"},
		{"wrong secret in the form", grant + "&client_id=" + id + "&client_secret=guess", "Authorization: ", 401, "invalid_client", "authentication failed"},
		{"inactive client", grant, asClient(closed.ID.String(), closedSecret), 400, "unauthorized_client", "client is inactive"},
		{"disabled client", grant, asClient(disabled.ID.String(), disabledSecret), 400, "unauthorized_client", "client is disabled"},
		{"other grant", "grant_type=password&username=x&password=y", asClient(id, secret), 400, "unsupported_grant_type", "grant_type must be client_credentials"},
		{"no grant", "", asClient(id, secret), 400, "invalid_request", "grant_type is missing"},
	} {
		a := o.Do(t, "POST", "/oauth/token", test.body, form, test.authorization).Want(t, test.status)
		var got struct {
			Error            string
			Description      string
			ErrorDescription string `json:"error_description"`
		}
		a.Decode(t, &got)
		if got.Error != test.code || got.Description != test.description || got.ErrorDescription != test.description {
			t.Errorf("%s: %s", test.name, a.Body)
		}
		if a.Header.Get("Cache-Control") != "no-store" || (a.Header.Get("WWW-Authenticate") != "") != (test.status == 401) {
			t.Errorf("%s: headers %v", test.name, a.Header)
		}
	}
	answer := o.Do(t, "POST", "/oauth/token", grant, form, asClient(id, secret)).Want(t, 200)
	got := answer.Object(t)
	if lives, _ := got["expires_in"].(float64); got["token_type"] != "bearer" || lives > 86400 || lives < 86000 || len(got) != 3 {
		t.Errorf("a token: %v", got)
	}
}

// Failures in a client's name, from anywhere, slow who fails; the client itself is
// accepted at once, at each of the endpoints where it authenticates.
func TestToken_GuessingIsLimited(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	client, secret := o.NewClient(t)
	guess := func(n int, path, body string, id, secret string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
		r.RemoteAddr = fmt.Sprintf("198.51.100.%d:1", n%100)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(id, secret)
		w := httptest.NewRecorder()
		server.Handler.ServeHTTP(w, r)
		return w
	}
	bodies := map[string]string{oauth.TokenPath: "grant_type=client_credentials", oauth.IntrospectPath: "token=x", oauth.RevokePath: "token=x"}
	const wrong = 50
	var bound int
	for n := range wrong {
		if w := guess(n, oauth.TokenPath, bodies[oauth.TokenPath], client.ID.String(), "guess"); w.Code == http.StatusTooManyRequests {
			bound++
		}
	}
	if bound < 20 {
		t.Fatalf("%d of %d failures from 50 addresses were told to wait", bound, wrong)
	}
	for path, body := range bodies {
		if w := guess(0, path, body, client.ID.String(), "guess"); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
			t.Errorf("a guess at %s: %d %v", path, w.Code, w.Header())
		}
		o.Do(t, "POST", path, body, form, asClient(client.ID.String(), secret)).Want(t, 200)
	}
	o.Do(t, "GET", "/Users", nil).Want(t, 200) // tokens are not concerned
}

// TestOAuth_LifeOfAToken takes a token through everything that OAuth knows.
func TestOAuth_LifeOfAToken(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o, stranger := server.NewOrg(t), server.NewOrg(t)
	client, secret := o.NewClient(t, "admin")
	other, otherSecret := stranger.NewClient(t, "admin")
	own, foreign := asClient(client.ID.String(), secret), asClient(other.ID.String(), otherSecret)
	token, _ := o.Do(t, "POST", "/oauth/token", "grant_type=client_credentials", form, own).Want(t, 200).Object(t)["access_token"].(string)
	about := "token=" + url.QueryEscape(token)
	active := func(as string) bool {
		t.Helper()
		got := o.Do(t, "POST", "/oauth/introspect", about, form, as).Want(t, 200).Object(t)
		if got["active"] == false && len(got) != 1 {
			t.Errorf("more is told of a token that is not good: %v", got)
		}
		return got["active"] == true
	}
	if !active(own) || active(foreign) {
		t.Error("a good token is not active to its own organisation alone")
	}
	if got := o.Do(t, "POST", "/oauth/introspect", about, form, own).Object(t); got["scope"] != "*" || got["client_id"] != client.ID.String() {
		t.Errorf("introspection %v", got)
	}
	o.Token = token
	used := o.Do(t, "GET", "/Users", nil).Want(t, 200)
	expires, err := time.Parse(time.RFC3339, used.Header.Get("Purescim-Token-Expires"))
	if left := time.Until(expires); err != nil || left > 24*time.Hour || left < 23*time.Hour {
		t.Errorf("a token of a day says that it expires in %v: %v", left, err)
	}
	o.Do(t, "POST", "/oauth/revoke", about, form, foreign).Want(t, 200)
	o.Do(t, "GET", "/Users", nil).Want(t, 200)
	o.Do(t, "POST", "/oauth/revoke", about, form, own).Want(t, 200)
	refused := o.Do(t, "GET", "/Users", nil).Want(t, 401)
	challenge := refused.Header.Get("WWW-Authenticate")
	if !strings.HasPrefix(challenge, `Bearer realm="purescim", error="invalid_token"`) ||
		!strings.HasSuffix(challenge, `, resource_metadata="`+server.URL+`/.well-known/oauth-protected-resource"`) {
		t.Errorf("challenge %s", challenge)
	}
	if active(own) {
		t.Error("a revoked token is active")
	}
	o.Do(t, "POST", "/oauth/revoke", about, form, own).Want(t, 200)
}

func TestToken_ThatLivesLongWarnsOnlyNearItsEnd(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	client, _ := o.NewClient(t, "admin")
	token, _, err := server.OAuth.Issue(t.Context(), client, oauth.MaxValidity)
	if err != nil {
		t.Fatal(err)
	}
	o.Token = token
	if warning := o.Do(t, "GET", "/Users", nil).Want(t, 200).Header.Get("Purescim-Token-Expires"); warning != "" {
		t.Errorf("a token of 450 days warns: %s", warning)
	}
}

// TestMetadata_LeadsToTheKeys goes from a refusal to the key that verifies a token.
func TestMetadata_LeadsToTheKeys(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	if err := server.OAuth.RotateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := func(uri, name string) string {
		t.Helper()
		a := o.Do(t, "GET", strings.TrimPrefix(uri, server.URL), nil, "Authorization: ").Want(t, 200)
		value := a.Object(t)[name]
		if list, ok := value.([]any); ok && len(list) == 1 {
			value = list[0]
		}
		text, _ := value.(string)
		return text
	}
	_, where, _ := strings.Cut(o.Do(t, "GET", "/Users", nil, "Authorization: ").Want(t, 401).Header.Get("WWW-Authenticate"), `resource_metadata="`)
	issuer := next(strings.TrimSuffix(where, `"`), "authorization_servers")
	metadata := issuer + "/.well-known/oauth-authorization-server"
	if said := next(metadata, "issuer"); said != issuer || issuer != server.URL {
		t.Errorf("issuer %q, said to be %q", said, issuer)
	}
	if endpoint := next(metadata, "token_endpoint"); endpoint != server.URL+"/oauth/token" {
		t.Errorf("token endpoint %q", endpoint)
	}
	var set struct{ Keys []struct{ Kid, X string } }
	o.Do(t, "GET", strings.TrimPrefix(next(metadata, "jwks_uri"), server.URL), nil).Want(t, 200).Decode(t, &set)
	if len(set.Keys) != 2 {
		t.Fatalf("%d keys, want the one before the rotation too", len(set.Keys))
	}
	_, err := jwt.Parse(o.Token, func(token *jwt.Token) (any, error) {
		for _, k := range set.Keys {
			if k.Kid == token.Header["kid"] {
				x, err := base64.RawURLEncoding.DecodeString(k.X)
				return ed25519.PublicKey(x), err
			}
		}
		return nil, jwt.ErrTokenUnverifiable
	})
	if err != nil {
		t.Errorf("the published keys do not verify a token: %v", err)
	}
}
