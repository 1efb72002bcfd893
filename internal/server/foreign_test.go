package server_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v3/jwk"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/servertest"
)

const (
	entraApp  = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
	entraSync = "00000014-0000-0000-c000-000000000000"
)

// issuer is an identity system that signs tokens of its own, on TLS.
type issuer struct {
	*httptest.Server
	keys map[string]crypto.Signer // by kid
	set  []byte                   // the JWK Set of their public keys
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	small, errRSA := rsa.GenerateKey(rand.Reader, 2048)
	curve, errEC := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, edwards, errEd := ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(errRSA, errEC, errEd); err != nil {
		t.Fatal(err)
	}
	i := &issuer{keys: map[string]crypto.Signer{"rsa": small, "ec": curve, "ed": edwards}}
	var set struct {
		Keys []jwk.Key `json:"keys"`
	}
	for id, key := range i.keys {
		public, err := jwk.Import(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		if err := public.Set(jwk.KeyIDKey, id); err != nil {
			t.Fatal(err)
		}
		set.Keys = append(set.Keys, public)
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	i.set = text
	mux := http.NewServeMux()
	mux.HandleFunc("/acme/keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(i.set) })
	mux.HandleFunc("/acme/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL + "/acme/", "jwks_uri": i.URL + "/acme/keys"})
	})
	i.Server = httptest.NewTLSServer(mux)
	t.Cleanup(i.Close)
	return i
}

// pins are what an organisation trusts of the issuer, as of Entra.
func (i *issuer) pins(client uuid.UUID) oauth.IssuerSpec {
	return oauth.IssuerSpec{
		Issuer: i.URL + "/acme/", Audience: entraApp, Tenant: "acme", SubjectClaim: "appid", Subject: entraSync, Client: client,
	}
}

func (i *issuer) claims() jwt.MapClaims {
	return jwt.MapClaims{
		"iss": i.URL + "/acme/", "aud": entraApp, "tid": "acme", "appid": entraSync, "sub": uuid.NewString(),
		"iat": time.Now().Unix(), "nbf": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
}

// sign makes a token of the issuer's claims after changes; nil leaves a claim out.
func (i *issuer) sign(t *testing.T, method jwt.SigningMethod, kid string, key any, changes jwt.MapClaims) string {
	t.Helper()
	c := i.claims()
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, value any) bool { return value == nil })
	token := jwt.NewWithClaims(method, c)
	token.Header["kid"] = kid
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// with is the organisation with another token.
func with(o *servertest.Org, token string) *servertest.Org {
	other := *o
	other.Token = token
	return &other
}

// TestForeignTokens signs in with tokens of another issuer, good and forged.
func TestForeignTokens(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	s := servertest.NewWith(t, servertest.Options{HTTPClient: i.Client()})
	acme, other := s.NewOrg(t), s.NewOrg(t)
	client, _ := acme.NewClient(t, "SCIM Integration")
	if _, err := s.OAuth.AddIssuer(t.Context(), acme.ID, i.pins(client.ID)); err != nil {
		t.Fatal(err)
	}
	ada := acme.NewUser(t, "ada@example.org")
	other.NewUser(t, "eve@example.org")

	for kid, method := range map[string]jwt.SigningMethod{"rsa": jwt.SigningMethodRS256, "ec": jwt.SigningMethodES256, "ed": jwt.SigningMethodEdDSA} {
		as := with(acme, i.sign(t, method, kid, i.keys[kid], nil))
		if ids := as.Do(t, http.MethodGet, "/Users", nil).List(t).IDs(); len(ids) != 1 || ids[0] != ada {
			t.Errorf("%s: users %v, want just the own organisation's", kid, ids)
		}
		as.Do(t, http.MethodPatch, "/Users/"+ada, servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": kid})).Want(t, http.StatusOK)
		// The roles of the client decide.
		as.Do(t, http.MethodGet, "/api/v2/oauth/clients", nil).Want(t, http.StatusForbidden)
	}

	changed := func(changes jwt.MapClaims) string {
		return i.sign(t, jwt.SigningMethodRS256, "rsa", i.keys["rsa"], changes)
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(i.keys["rsa"].Public())
	if err != nil {
		t.Fatal(err)
	}
	good := changed(nil)
	later := time.Now().Add(24 * time.Hour).Unix() // than the last subtest, however long it waits for its turn
	for name, token := range map[string]string{
		"another issuer":            changed(jwt.MapClaims{"iss": i.URL + "/evil/"}),
		"issuer without its slash":  changed(jwt.MapClaims{"iss": i.URL + "/acme"}),
		"our own name":              changed(jwt.MapClaims{"iss": "purescim", "aud": "purescim"}),
		"another audience":          changed(jwt.MapClaims{"aud": "00000002-0000-0000-c000-000000000000"}),
		"audience in capitals":      changed(jwt.MapClaims{"aud": strings.ToUpper(entraApp)}),
		"no audience":               changed(jwt.MapClaims{"aud": nil}),
		"another tenant":            changed(jwt.MapClaims{"tid": "evil"}),
		"no tenant":                 changed(jwt.MapClaims{"tid": nil}),
		"another subject":           changed(jwt.MapClaims{"appid": uuid.NewString()}),
		"subject in another claim":  changed(jwt.MapClaims{"appid": nil, "sub": entraSync, "azp": entraSync}),
		"subject among others":      changed(jwt.MapClaims{"appid": []string{entraSync}}),
		"expired":                   changed(jwt.MapClaims{"iat": time.Now().Add(-time.Hour).Unix(), "exp": time.Now().Add(-time.Minute).Unix()}),
		"no expiry":                 changed(jwt.MapClaims{"exp": nil}),
		"no time of issue":          changed(jwt.MapClaims{"iat": nil}),
		"issued in the future":      changed(jwt.MapClaims{"iat": later, "exp": later}),
		"not valid yet":             changed(jwt.MapClaims{"nbf": later}),
		"lives for days":            changed(jwt.MapClaims{"exp": time.Now().Add(48 * time.Hour).Unix()}),
		"lives for ever":            changed(jwt.MapClaims{"exp": 1e300}),
		"bound to a key":            changed(jwt.MapClaims{"cnf": map[string]string{"jkt": "x"}}),
		"oversized":                 changed(jwt.MapClaims{"groups": strings.Repeat("x", 8192)}),
		"none":                      i.sign(t, jwt.SigningMethodNone, "rsa", jwt.UnsafeAllowNoneSignatureType, nil),
		"HS256 with the public key": i.sign(t, jwt.SigningMethodHS256, "rsa", der, nil),
		"RS256 with kid of EC":      i.sign(t, jwt.SigningMethodRS256, "ec", i.keys["rsa"], nil),
		"ES256 with kid of RSA":     i.sign(t, jwt.SigningMethodES256, "rsa", i.keys["ec"], nil),
		"unknown kid":               i.sign(t, jwt.SigningMethodRS256, "new", i.keys["rsa"], nil),
		"a stranger's key":          i.sign(t, jwt.SigningMethodRS256, "rsa", stranger, nil),
		"claims changed":            forged(t, good, `"tid":"acme"`, `"tid":"acme","x":1`),
		"an ID token":               withHeader(t, i, map[string]any{"kid": "rsa", "typ": "id+jwt"}),
		"critical extension":        withHeader(t, i, map[string]any{"kid": "rsa", "crit": []string{"exp"}}),
		"key in its header":         withKeyInHeader(t, i, stranger),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := with(acme, token).Do(t, http.MethodGet, "/Users", nil)
			answer.Refused(t, http.StatusUnauthorized, "")
			if challenge := answer.Header.Get("WWW-Authenticate"); !strings.Contains(challenge, `error="invalid_token"`) {
				t.Errorf("WWW-Authenticate: %s", challenge)
			}
		})
	}
}

// forged replaces a text in the claims of a token and keeps its signature.
func forged(t *testing.T, token, old, text string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || !strings.Contains(string(claims), old) {
		t.Fatalf("%v in %s", err, claims)
	}
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(claims), old, text, 1)))
	return strings.Join(parts, ".")
}

func withHeader(t *testing.T, i *issuer, header map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, i.claims())
	maps.Copy(token.Header, header)
	text, err := token.SignedString(i.keys["rsa"])
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// withKeyInHeader brings the key along that verifies it.
func withKeyInHeader(t *testing.T, i *issuer, key *rsa.PrivateKey) string {
	t.Helper()
	public, err := jwk.Import(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, i.claims())
	maps.Copy(token.Header, map[string]any{"kid": "rsa", "jwk": public, "jku": i.URL + "/evil/keys"})
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestForeignTokens_End ends tokens of another issuer in each way there is, on
// one server, and asks another a second later.
func TestForeignTokens_End(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	here := servertest.NewWith(t, servertest.Options{HTTPClient: i.Client()})
	there := servertest.NewWith(t, servertest.Options{HTTPClient: i.Client(), Database: here.Database})
	for name, end := range map[string]func(t *testing.T, trusted oauth.TrustedIssuer, as *servertest.Org) error{
		"issuer removed": func(t *testing.T, trusted oauth.TrustedIssuer, as *servertest.Org) error {
			return here.OAuth.RemoveIssuer(t.Context(), as.ID, trusted.ID)
		},
		"client disabled": func(t *testing.T, trusted oauth.TrustedIssuer, as *servertest.Org) error {
			_, err := here.OAuth.UpdateClient(t.Context(), as.ID, trusted.Client, func(c *oauth.ClientSpec) error {
				c.State = oauth.StateDisabled
				return nil
			})
			return err
		},
		"client deleted": func(t *testing.T, trusted oauth.TrustedIssuer, as *servertest.Org) error {
			return here.OAuth.DeleteClient(t.Context(), as.ID, trusted.Client)
		},
		"token revoked": func(t *testing.T, trusted oauth.TrustedIssuer, as *servertest.Org) error {
			tokens, n, err := here.OAuth.Tokens(t.Context(), as.ID, trusted.Client, oauth.Page{Limit: 10})
			if err != nil || n != 1 {
				t.Fatalf("%d tokens are listed, %v", n, err)
			}
			return here.OAuth.RevokeToken(t.Context(), as.ID, trusted.Client, tokens[0].ID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := here.NewOrg(t)
			client, _ := o.NewClient(t, "SCIM Integration")
			spec := i.pins(client.ID)
			spec.Subject = uuid.NewString()
			trusted, err := here.OAuth.AddIssuer(t.Context(), o.ID, spec)
			if err != nil {
				t.Fatal(err)
			}
			token := i.sign(t, jwt.SigningMethodEdDSA, "ed", i.keys["ed"], jwt.MapClaims{"appid": spec.Subject})
			as := with(o, token)
			as.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusOK)
			for { // until the other server looks for issuers again
				if _, err = there.OAuth.Verify(t.Context(), token); err == nil {
					break
				} else if !errors.Is(err, oauth.ErrTokenInvalid) {
					t.Fatal(err)
				}
				time.Sleep(100 * time.Millisecond)
			}
			if err := end(t, trusted, as); err != nil {
				t.Fatal(err)
			}
			as.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusUnauthorized)
			time.Sleep(time.Second)
			if _, err := there.OAuth.Verify(t.Context(), token); !errors.Is(err, oauth.ErrTokenInvalid) {
				t.Errorf("the other server: %v", err)
			}
		})
	}
}

// TestIssuerPins proves that no organisation can take another's tokens.
func TestIssuerPins(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	s := servertest.NewWith(t, servertest.Options{HTTPClient: i.Client()})
	acme, other := s.NewOrg(t), s.NewOrg(t)
	client, _ := acme.NewClient(t)
	strange, _ := other.NewClient(t)
	if _, err := s.OAuth.AddIssuer(t.Context(), other.ID, i.pins(client.ID)); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("for a client of another organisation: %v", err)
	}
	if _, err := s.OAuth.AddIssuer(t.Context(), acme.ID, i.pins(client.ID)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.OAuth.AddIssuer(t.Context(), other.ID, i.pins(strange.ID)); !errors.Is(err, oauth.ErrIssuerKnown) {
		t.Errorf("of tokens that another organisation trusts: %v", err)
	}
	listed, err := s.OAuth.Issuers(t.Context(), other.ID)
	if err != nil || len(listed) != 0 {
		t.Errorf("another organisation lists %v, %v", listed, err)
	}
	// A client that is gone leaves no trust behind.
	if err := s.OAuth.DeleteClient(t.Context(), acme.ID, client.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.OAuth.AddIssuer(t.Context(), other.ID, i.pins(strange.ID)); err != nil {
		t.Errorf("after the client was deleted: %v", err)
	}
}

// TestAssertion signs a client in with its key, once on all servers.
func TestAssertion(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	here := servertest.New(t)
	there := servertest.NewWith(t, servertest.Options{Database: here.Database})
	o := here.NewOrg(t)
	client, _ := o.NewClient(t, "SCIM Integration")
	if err := here.OAuth.SetClientKeys(t.Context(), o.ID, client.ID, oauth.ClientKeys{Set: i.set}); err != nil {
		t.Fatal(err)
	}
	post := func(s *servertest.Server, assertion string) (int, map[string]any) {
		t.Helper()
		response, err := http.PostForm(s.URL+"/oauth/token", url.Values{
			"grant_type": {"client_credentials"}, "client_assertion": {assertion},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var body map[string]any
		if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, body
	}
	for kid, method := range map[string]jwt.SigningMethod{"rsa": jwt.SigningMethodPS256, "ec": jwt.SigningMethodES256, "ed": jwt.SigningMethodEdDSA} {
		assertion := i.sign(t, method, kid, i.keys[kid], jwt.MapClaims{
			"iss": client.ID, "sub": client.ID, "aud": []string{here.URL + "/oauth/token", there.URL}, "jti": uuid.NewString(),
			"exp": time.Now().Add(5 * time.Minute).Unix(),
		})
		status, body := post(here, assertion)
		if status != http.StatusOK {
			t.Fatalf("%s: %d %v", kid, status, body)
		}
		with(o, body["access_token"].(string)).Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusOK)
		for _, s := range []*servertest.Server{here, there} {
			if status, body := post(s, assertion); status != http.StatusUnauthorized || body["error"] != "invalid_client" {
				t.Errorf("%s again: %d %v", kid, status, body)
			}
		}
	}
	if err := here.OAuth.DeleteClient(t.Context(), o.ID, client.ID); err != nil {
		t.Fatal(err)
	}
	assertion := i.sign(t, jwt.SigningMethodEdDSA, "ed", i.keys["ed"], jwt.MapClaims{"iss": client.ID, "sub": client.ID, "aud": here.URL})
	if status, body := post(here, assertion); status != http.StatusBadRequest || body["error"] != "invalid_client" {
		t.Errorf("a client that is deleted: %d %v", status, body)
	}
}
