package oauth_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/purescim/purescim/internal/oauth"
)

// FuzzEndpoints sends any form and any credentials to the endpoints of clients, and any
// assertion that the client's own key has signed: an answer is JSON, and it is not the
// server that is at fault.
func FuzzEndpoints(f *testing.F) {
	a := newAsserter(f, oauth.ClientKeys{Set: keySet(f, "ed")}, oauth.Options{})
	id := a.client.ID.String()
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+a.secret))
	good, err := json.Marshal(a.claims())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(grantForm+"&token=x", basic, formType, `{"alg": "EdDSA", "kid": "ed"}`, string(good))
	f.Add(grantForm+"&client_id="+id+"&client_secret="+a.secret, "", formType+"; charset=x", `{"alg": "none"}`, `{"sub": "`+id+`", "exp": 1e400}`)
	f.Add("grant_type=&grant_type=%zz;", "Basic YTpiOmM", formType, `{"alg": "EdDSA", "crit": ["b64"], "b64": false}`, `{"sub": ["`+id+`"], "aud": null}`)
	f.Add("token=%00%ff", "Bearer x", "multipart/form-data; boundary=x", `{}`, `{"iss": "`+id+`", "sub": "`+id+`", "jti": "\u0000", "exp": 9e18}`)
	f.Fuzz(func(t *testing.T, form, authorization, kind, header, claims string) {
		text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
		signature := ed25519.Sign(signers()["ed"].(ed25519.PrivateKey), []byte(text))
		asserted := url.Values{
			"grant_type": {"client_credentials"}, "token": {form}, "client_assertion_type": {assertionType},
			"client_assertion": {text + "." + base64.RawURLEncoding.EncodeToString(signature)},
		}
		send := func(body, authorization, kind string) {
			e := endpoints(a.Service)
			for _, endpoint := range []func(http.ResponseWriter, *http.Request) error{e.Token, e.Revoke, e.Introspect} {
				w := httptest.NewRecorder()
				r := tokenRequest(body, func(r *http.Request) {
					r.Header.Set("Content-Type", kind)
					if authorization != "" {
						r.Header.Set("Authorization", authorization)
					}
				})
				if err := endpoint(w, r); err != nil || w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
					t.Errorf("%q: %v, %d %s", body, err, w.Code, w.Body)
				}
			}
		}
		send(form, authorization, kind)
		send(form, basic, formType)
		send(asserted.Encode(), "", formType)
	})
}
