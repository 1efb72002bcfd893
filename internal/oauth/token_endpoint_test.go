package oauth_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
)

const formType = "application/x-www-form-urlencoded"

// tokenRequest is a token request with parts that a test may leave out.
func tokenRequest(body string, change func(*http.Request)) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader(body))
	r.Header.Set("Content-Type", formType)
	if change != nil {
		change(r)
	}
	return r
}

func TestServeTokenGrants(t *testing.T) {
	t.Parallel()
	s := oauth.New(newMemory(), oauth.Options{})
	c, secret := newClient(t, s)
	basic := func(r *http.Request) { r.SetBasicAuth(c.ID.String(), secret) }
	encoded := func(r *http.Request) {
		r.SetBasicAuth(strings.ReplaceAll(c.ID.String(), "-", "%2D"), url.QueryEscape(secret))
	}
	const grant = "grant_type=client_credentials"
	for name, r := range map[string]*http.Request{
		"Basic":                 tokenRequest(grant, basic),
		"Basic, form encoded":   tokenRequest(grant, encoded),
		"Basic and equal id":    tokenRequest(grant+"&client_id="+c.ID.String(), basic),
		"form":                  tokenRequest(grant+"&client_id="+c.ID.String()+"&client_secret="+secret, nil),
		"scope and others":      tokenRequest(grant+"&scope=x&resource=y", basic),
		"Content-Type charset":  tokenRequest(grant, func(r *http.Request) { basic(r); r.Header.Set("Content-Type", formType+"; charset=UTF-8") }),
		"scheme in lower case":  tokenRequest(grant, func(r *http.Request) { basic(r); lowerScheme(r) }),
		"client id in capitals": tokenRequest(grant, func(r *http.Request) { r.SetBasicAuth(strings.ToUpper(c.ID.String()), secret) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			if err := endpoints(s).Token(w, r); err != nil || w.Code != http.StatusOK {
				t.Fatalf("%v, %d %s", err, w.Code, w.Body)
			}
			var got map[string]any
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			token, _ := got["access_token"].(string)
			if p, err := s.Verify(t.Context(), token); err != nil || p.Client != c.ID {
				t.Errorf("the token does not work: %v", err)
			}
			if left, _ := got["expires_in"].(float64); left < 3590 || left > 3600 {
				t.Errorf("expires_in is %v, want an hour in seconds", got["expires_in"])
			}
			if len(got) != 3 || got["token_type"] != "bearer" {
				t.Errorf("got %v", got)
			}
			if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}

func lowerScheme(r *http.Request) {
	_, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	r.Header.Set("Authorization", "basic "+value)
}

func TestServeTokenRefuses(t *testing.T) {
	t.Parallel()
	store := newMemory()
	s := oauth.New(store, oauth.Options{})
	c, secret := newClient(t, s)
	closed, closedSecret := newClient(t, s)
	closed.State = oauth.StateInactive
	store.change(closed)
	as := func(id, secret string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(id, secret) }
	}
	good := as(c.ID.String(), secret)
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { good(r); r.Header.Set(name, value) }
	}
	const grant = "grant_type=client_credentials"
	for _, test := range []struct {
		name       string
		request    *http.Request
		status     int
		code, text string
	}{
		{"unknown client", tokenRequest(grant, as(uuid.NewString(), secret)), 400, "invalid_client", "client not found"},
		{"client id is no id", tokenRequest(grant, as("entra", secret)), 400, "invalid_client", "client not found"},
		{"wrong secret", tokenRequest(grant, as(c.ID.String(), "guess")), 401, "invalid_client", "authentication failed"},
		{"wrong secret in the form", tokenRequest(grant+"&client_secret=guess&client_id="+c.ID.String(), nil), 401, "invalid_client", "authentication failed"},
		{"empty secret", tokenRequest(grant, as(c.ID.String(), "")), 401, "invalid_client", "authentication failed"},
		{"client not active", tokenRequest(grant, as(closed.ID.String(), closedSecret)), 400, "unauthorized_client", "client is inactive"},
		{"no credentials", tokenRequest(grant, nil), 401, "invalid_client", "client authentication is required: HTTP Basic, or client_id and client_secret"},
		{"credentials in the URL", tokenRequest(grant, func(r *http.Request) { r.URL.RawQuery = "client_id=" + c.ID.String() + "&client_secret=" + secret }), 401, "invalid_client", "client authentication is required: HTTP Basic, or client_id and client_secret"},
		{"Basic is not base64", tokenRequest(grant, header("Authorization", "Basic %%%")), 401, "invalid_client", "the Authorization header does not hold HTTP Basic credentials"},
		{"Basic has no colon", tokenRequest(grant, header("Authorization", "Basic YWJj")), 401, "invalid_client", "the Authorization header does not hold HTTP Basic credentials"},
		{"Basic is empty", tokenRequest(grant, header("Authorization", "Basic")), 401, "invalid_client", "the Authorization header does not hold HTTP Basic credentials"},
		{"Bearer", tokenRequest(grant, header("Authorization", "Bearer x")), 401, "invalid_client", "the Authorization header does not hold HTTP Basic credentials"},
		{"both ways", tokenRequest(grant+"&client_secret="+secret, good), 400, "invalid_request", "the client authenticates in two ways: HTTP Basic and the form"},
		{"two clients", tokenRequest(grant+"&client_id="+closed.ID.String(), good), 400, "invalid_request", "the client authenticates in two ways: HTTP Basic and the form"},
		{"other grant", tokenRequest("grant_type=password", good), 400, "unsupported_grant_type", "grant_type must be client_credentials"},
		{"no grant", tokenRequest("", good), 400, "invalid_request", "grant_type is missing"},
		{"grant in the URL", tokenRequest("", func(r *http.Request) { good(r); r.URL.RawQuery = grant }), 400, "invalid_request", "grant_type is missing"},
		{"grant twice", tokenRequest(grant+"&"+grant, good), 400, "invalid_request", "a parameter is given twice"},
		{"bad escape", tokenRequest(grant+"&x=%zz", good), 400, "invalid_request", "the form cannot be read"},
		{"semicolon", tokenRequest(grant+";x", good), 400, "invalid_request", "the form cannot be read"},
		{"JSON", tokenRequest(`{"grant_type":"client_credentials"}`, header("Content-Type", "application/json")), 400, "invalid_request", "the body must be application/x-www-form-urlencoded"},
		{"large", tokenRequest(grant+"&x="+strings.Repeat("x", 16<<10), good), 413, "invalid_request", "the body is too large"},
		{"many", tokenRequest(grant+strings.Repeat("&x", 200), good), 400, "invalid_request", "there are too many parameters"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			if err := endpoints(s).Token(w, test.request); err != nil {
				t.Fatal(err)
			}
			var got map[string]string
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("%v in %s", err, w.Body)
			}
			want := map[string]string{"error": test.code, "description": test.text, "error_description": test.text}
			if diff := cmp.Diff(want, got); diff != "" || w.Code != test.status {
				t.Errorf("status %d, want %d; body (-want +got):\n%s", w.Code, test.status, diff)
			}
			challenge := ""
			if test.status == http.StatusUnauthorized {
				challenge = `Basic realm="purescim"`
			}
			if got := w.Header().Get("WWW-Authenticate"); got != challenge {
				t.Errorf("WWW-Authenticate %q, want %q", got, challenge)
			}
			if got := w.Header().Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control %q", got)
			}
		})
	}
}

func TestServeTokenReturnsFailures(t *testing.T) {
	t.Parallel()
	store := newMemory()
	s := oauth.New(store, oauth.Options{})
	c, secret := newClient(t, s)
	lost := errors.New("connection lost")
	store.breakDown(lost)
	w := httptest.NewRecorder()
	err := endpoints(s).Token(w, tokenRequest("grant_type=client_credentials", func(r *http.Request) { r.SetBasicAuth(c.ID.String(), secret) }))
	if !errors.Is(err, lost) || w.Body.Len() != 0 {
		t.Errorf("returned %v and wrote %q; want the store's error and nothing", err, w.Body)
	}
}
