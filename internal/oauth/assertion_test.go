package oauth_test

import (
	"crypto/ed25519"
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

	"github.com/purescim/purescim/internal/oauth"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// asserter is a client that signs in with keys.
type asserter struct {
	*oauth.Service
	store  *memory
	client oauth.Client
	secret string
}

func newAsserter(t testing.TB, keys oauth.ClientKeys, o oauth.Options) asserter {
	t.Helper()
	store := newMemory()
	s := oauth.New(store, o)
	c, secret := newClient(t, s)
	if err := s.SetClientKeys(t.Context(), acme.ID, c.ID, keys); err != nil {
		t.Fatal(err)
	}
	return asserter{s, store, c, secret}
}

// claims are what a good assertion says.
func (a asserter) claims() jwt.MapClaims {
	return jwt.MapClaims{
		"iss": a.client.ID.String(), "sub": a.client.ID.String(), "aud": "https://scim.example.com/oauth/token",
		"jti": uuid.NewString(), "exp": time.Now().Add(time.Minute).Unix(),
	}
}

// assertion signs what a client says of itself, after changes; nil leaves a claim out.
func (a asserter) assertion(t testing.TB, method jwt.SigningMethod, key string, changes jwt.MapClaims) string {
	t.Helper()
	c := a.claims()
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, value any) bool { return value == nil })
	var signer any = []byte("secret")
	if method.Alg() == "none" {
		signer = jwt.UnsafeAllowNoneSignatureType
	} else if s, ok := signers()[key]; ok {
		signer = s
	}
	return sign(t, method, signer, map[string]any{"kid": key}, c)
}

// post asks for a token with an assertion and other parameters.
func (a asserter) post(t testing.TB, assertion string, more url.Values, change func(*http.Request)) (int, map[string]any) {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {assertionType}, "client_assertion": {assertion}}
	maps.Copy(form, more)
	w := httptest.NewRecorder()
	if err := endpoints(a.Service).Token(w, tokenRequest(form.Encode(), change)); err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	return w.Code, body
}

func TestAssertion(t *testing.T) {
	t.Parallel()
	published := newProvider(t, "rsa", "p256", "p384", "ed")
	for name, a := range map[string]asserter{
		"set": newAsserter(t, oauth.ClientKeys{Set: keySet(t, "rsa", "p256", "p384", "ed")}, oauth.Options{}),
		"URL": newAsserter(t, oauth.ClientKeys{URL: providerURL + "keys"}, oauth.Options{HTTPClient: published.client()}),
	} {
		for method, key := range everyMethod {
			t.Run(name+" "+method.Alg(), func(t *testing.T) {
				t.Parallel()
				once := a.assertion(t, method, key, nil)
				status, body := a.post(t, once, nil, nil)
				if status != http.StatusOK {
					t.Fatalf("%d %v", status, body)
				}
				if p, err := a.Verify(t.Context(), body["access_token"].(string)); err != nil || p.Client != a.client.ID {
					t.Errorf("the token does not work: %v", err)
				}
				// From elsewhere, since too many failures of one place are slowed down.
				elsewhere := func(r *http.Request) { r.Header.Set("Test-Address", name+method.Alg()) }
				if status, body := a.post(t, once, nil, elsewhere); status != http.StatusUnauthorized || body["error"] != "invalid_client" {
					t.Errorf("the second time: %d %v", status, body)
				}
			})
		}
	}
}

func TestAssertion_Accepts(t *testing.T) {
	t.Parallel()
	a := newAsserter(t, oauth.ClientKeys{Set: keySet(t, "rsa", "ed")}, oauth.Options{})
	for name, changes := range map[string]jwt.MapClaims{
		"audience is the issuer":  {"aud": "https://scim.example.com"},
		"audience is a list":      {"aud": []string{"https://another.example", "https://scim.example.com/oauth/token"}},
		"expires in five minutes": {"exp": time.Now().Add(5 * time.Minute).Unix()},
		"all times":               {"iat": time.Now().Unix(), "nbf": time.Now().Unix()},
	} {
		if status, body := a.post(t, a.assertion(t, jwt.SigningMethodEdDSA, "ed", changes), nil, nil); status != http.StatusOK {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
	id := url.Values{"client_id": {a.client.ID.String()}}
	if status, body := a.post(t, a.assertion(t, jwt.SigningMethodEdDSA, "ed", nil), id, nil); status != http.StatusOK {
		t.Errorf("with its client_id: %d %v", status, body)
	}
	without := sign(t, jwt.SigningMethodRS256, signers()["rsa"], nil, a.claims())
	if status, body := a.post(t, without, nil, nil); status != http.StatusOK {
		t.Errorf("without a kid: %d %v", status, body)
	}
}

func TestAssertion_Refuses(t *testing.T) {
	t.Parallel()
	changed := func(changes jwt.MapClaims) func(testing.TB, asserter) string {
		return func(t testing.TB, a asserter) string { return a.assertion(t, jwt.SigningMethodEdDSA, "ed", changes) }
	}
	signed := func(method jwt.SigningMethod, key string) func(testing.TB, asserter) string {
		return func(t testing.TB, a asserter) string { return a.assertion(t, method, key, nil) }
	}
	other := uuid.NewString()
	later := time.Now().Add(24 * time.Hour).Unix() // than the last subtest, however long it waits for its turn
	for name, test := range map[string]struct {
		assertion func(testing.TB, asserter) string
		status    int
		code      string
		text      string
	}{
		"wrong audience":           {changed(jwt.MapClaims{"aud": "https://another.example/oauth/token"}), 401, "invalid_client", "aud"},
		"no audience":              {changed(jwt.MapClaims{"aud": nil}), 401, "invalid_client", "aud"},
		"lives too long":           {changed(jwt.MapClaims{"exp": later}), 401, "invalid_client", "5 minutes"},
		"lives for ever":           {changed(jwt.MapClaims{"exp": 1e18}), 401, "invalid_client", "5 minutes"},
		"no expiry":                {changed(jwt.MapClaims{"exp": nil}), 401, "invalid_client", "does not say when it expires"},
		"expired":                  {changed(jwt.MapClaims{"exp": time.Now().Add(-time.Minute).Unix()}), 401, "invalid_client", "expired"},
		"not yet valid":            {changed(jwt.MapClaims{"nbf": later}), 401, "invalid_client", "not valid yet"},
		"no jti":                   {changed(jwt.MapClaims{"jti": nil}), 401, "invalid_client", "jti"},
		"another issuer":           {changed(jwt.MapClaims{"iss": other}), 401, "invalid_client", "iss"},
		"another client":           {changed(jwt.MapClaims{"iss": other, "sub": other}), 400, "invalid_client", "client not found"},
		"subject is no client":     {changed(jwt.MapClaims{"sub": "entra"}), 400, "invalid_client", "client not found"},
		"exp in capitals":          {changed(jwt.MapClaims{"exp": nil, "EXP": time.Now().Add(time.Minute).Unix()}), 401, "invalid_client", "does not say when it expires"},
		"iss with a long s":        {changed(jwt.MapClaims{"iss": nil, "is\u017f": "x", "I\u017fs": "x"}), 401, "invalid_client", "iss"},
		"a claim twice":            {twice(`{"kid":"ed","alg":"EdDSA"}`, `,"jti":"b"}`), 400, "invalid_request", "that can be read"},
		"a header twice":           {twice(`{"kid":"ed","alg":"none","alg":"EdDSA"}`, `}`), 401, "invalid_client", "twice"},
		"wrong key":                {signed(jwt.SigningMethodRS256, "rsa2"), 401, "invalid_client", "not made with a key"},
		"kid of another type":      {underID("p256", "rsa"), 401, "invalid_client", "not made with a key"},
		"HS256":                    {signed(jwt.SigningMethodHS256, "x"), 401, "invalid_client", "not made with a key"},
		"none":                     {signed(jwt.SigningMethodNone, "ed"), 401, "invalid_client", "not made with a key"},
		"stolen kid":               {underID("rsa", "rsa2"), 401, "invalid_client", "not made with a key"},
		"critical extension":       {critical, 401, "invalid_client", "not made with a key"},
		"cut off":                  {func(t testing.TB, a asserter) string { return changed(nil)(t, a)[:200] }, 400, "invalid_request", "that can be read"},
		"empty":                    {func(testing.TB, asserter) string { return "" }, 400, "invalid_request", "client_assertion"},
		"large":                    {changed(jwt.MapClaims{"pad": strings.Repeat("x", 8192)}), 400, "invalid_request", "8192 bytes"},
		"audience of another type": {changed(jwt.MapClaims{"aud": 7}), 400, "invalid_request", "that can be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAsserter(t, oauth.ClientKeys{Set: keySet(t, "rsa", "p256", "ed")}, oauth.Options{})
			status, body := a.post(t, test.assertion(t, a), nil, nil)
			text, _ := body["error_description"].(string)
			if status != test.status || body["error"] != test.code || !strings.Contains(text, test.text) {
				t.Errorf("%d %v, want %d %s with %q", status, body, test.status, test.code, test.text)
			}
		})
	}
}

// underID signs with RSA under the id of another key.
func underID(id, key string) func(testing.TB, asserter) string {
	return func(t testing.TB, a asserter) string {
		return sign(t, jwt.SigningMethodRS256, signers()[key], map[string]any{"kid": id}, a.claims())
	}
}

// twice signs a header and what a client says of itself with another end.
func twice(header, end string) func(testing.TB, asserter) string {
	return func(t testing.TB, a asserter) string {
		claims, err := json.Marshal(a.claims())
		if err != nil {
			t.Fatal(err)
		}
		encoded := base64.RawURLEncoding.EncodeToString
		text := encoded([]byte(header)) + "." + encoded([]byte(strings.TrimSuffix(string(claims), "}")+end))
		return text + "." + encoded(ed25519.Sign(signers()["ed"].(ed25519.PrivateKey), []byte(text)))
	}
}

// critical asks for an extension that must not be ignored.
func critical(t testing.TB, a asserter) string {
	return sign(t, jwt.SigningMethodEdDSA, signers()["ed"], map[string]any{"kid": "ed", "crit": []string{"b64"}, "b64": true}, a.claims())
}

func TestAssertion_OneWayToAuthenticate(t *testing.T) {
	t.Parallel()
	a := newAsserter(t, oauth.ClientKeys{Set: keySet(t, "ed")}, oauth.Options{})
	for name, test := range map[string]struct {
		more   url.Values
		change func(*http.Request)
	}{
		"with a secret":         {more: url.Values{"client_secret": {a.secret}, "client_id": {a.client.ID.String()}}},
		"with Basic":            {change: func(r *http.Request) { r.SetBasicAuth(a.client.ID.String(), a.secret) }},
		"of another client":     {more: url.Values{"client_id": {uuid.NewString()}}},
		"of another type":       {more: url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}}},
		"without a type":        {more: url.Values{"client_assertion_type": {}}},
		"type and no assertion": {more: url.Values{"client_assertion": {}}},
	} {
		status, body := a.post(t, a.assertion(t, jwt.SigningMethodEdDSA, "ed", nil), test.more, test.change)
		if status != http.StatusBadRequest || body["error"] != "invalid_request" {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
}

func TestAssertion_Client(t *testing.T) {
	t.Parallel()
	p := newProvider(t, "ed")
	a := newAsserter(t, oauth.ClientKeys{URL: providerURL + "keys"}, oauth.Options{HTTPClient: p.client()})
	p.change(func() { p.down = errors.New("no route") })
	if status, body := a.post(t, a.assertion(t, jwt.SigningMethodEdDSA, "ed", nil), nil, nil); status != http.StatusServiceUnavailable {
		t.Errorf("its keys cannot be fetched: %d %v", status, body)
	}
	if err := a.SetClientKeys(t.Context(), acme.ID, a.client.ID, oauth.ClientKeys{Set: keySet(t, "ed")}); err != nil {
		t.Fatal(err)
	}
	closed := a.client
	closed.State = oauth.StateDisabled
	a.store.change(closed)
	if status, body := a.post(t, a.assertion(t, jwt.SigningMethodEdDSA, "ed", nil), nil, nil); status != 400 || body["error"] != "unauthorized_client" {
		t.Errorf("it is disabled: %d %v", status, body)
	}
	a.store.change(a.client)
	if err := a.SetClientKeys(t.Context(), acme.ID, a.client.ID, oauth.ClientKeys{}); err != nil {
		t.Fatal(err)
	}
	if status, body := a.post(t, a.assertion(t, jwt.SigningMethodEdDSA, "ed", nil), nil, nil); status != http.StatusUnauthorized {
		t.Errorf("it has no keys any more: %d %v", status, body)
	}
}

func TestSetClientKeys_Refuses(t *testing.T) {
	t.Parallel()
	s := oauth.New(newMemory(), oauth.Options{})
	c, _ := newClient(t, s)
	for name, keys := range map[string]oauth.ClientKeys{
		"no JSON":      {Set: []byte("key")},
		"no keys":      {Set: []byte(`{"keys": []}`)},
		"private":      {Set: []byte(`{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}]}`)},
		"secret":       {Set: []byte(`{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}`)},
		"large":        {Set: append(keySet(t, "ed"), make([]byte, 64<<10)...)},
		"plain URL":    {URL: "http://keys.example/"},
		"inner URL":    {URL: "https://10.0.0.1/"},
		"both of them": {Set: keySet(t, "ed"), URL: "https://keys.example/"},
	} {
		var problem *oauth.InvalidError
		if err := s.SetClientKeys(t.Context(), acme.ID, c.ID, keys); !errors.As(err, &problem) {
			t.Errorf("%s: %v, want an InvalidError", name, err)
		}
	}
	if err := s.SetClientKeys(t.Context(), acme.ID+1, c.ID, oauth.ClientKeys{Set: keySet(t, "ed")}); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("a client of another organisation: %v", err)
	}
}

// An assertion is checked in a pause too, and what is wrong with it is not told then.
func TestAssertion_IsAcceptedInAPause(t *testing.T) {
	t.Parallel()
	a := newAsserter(t, oauth.ClientKeys{Set: keySet(t, "ed")}, oauth.Options{})
	wrong := a.assertion(t, jwt.SigningMethodRS256, "rsa", nil)
	var status int
	var body map[string]any
	for range 10 {
		status, body = a.post(t, wrong, nil, nil)
	}
	if status != http.StatusTooManyRequests || body["error"] != "slow_down" {
		t.Errorf("the tenth failure: %d %v", status, body)
	}
	right := a.assertion(t, jwt.SigningMethodEdDSA, "ed", nil)
	if status, body = a.post(t, right, nil, nil); status != http.StatusOK {
		t.Errorf("a good one in the pause: %d %v", status, body)
	}
}
