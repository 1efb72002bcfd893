package oauth_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"

	"github.com/purescim/purescim/internal/oauth"
)

// FuzzForeignToken signs any header and any claims with the issuer's own key:
// what is accepted has all pins, and no other error than a refusal comes of it.
func FuzzForeignToken(f *testing.F) {
	store := newMemory()
	s := oauth.New(store, oauth.Options{HTTPClient: newProvider(f, "ed").client()})
	c, _ := newClient(f, s)
	if _, err := s.AddIssuer(f.Context(), acme.ID, pins(c.ID)); err != nil {
		f.Fatal(err)
	}
	far := time.Now().Add(12 * time.Hour).Unix() // as long as a run takes
	good := fmt.Sprintf(`{"iss": %q, "aud": ["8adf8e6e"], "tid": "acme", "appid": "sync", "iat": %d, "exp": %d}`, providerURL, time.Now().Unix(), far)
	f.Add(`{"alg": "EdDSA", "kid": "ed"}`, good)
	f.Add(`{"alg": "EdDSA"}`, good)
	f.Add(`{"alg": "EdDSA", "kid": "ed", "typ": "at+jwt", "crit": []}`, good)
	f.Add(`{"alg": "none", "kid": "ed"}`, good)
	f.Add(`{"alg": "RS256", "kid": 1}`, `{"iss": "purescim", "aud": null}`)
	f.Add(`{"alg": "EdDSA", "kid": "ed"}`, `{"iss": "`+providerURL+`", "aud": {"8adf8e6e": 1}, "tid": ["acme"], "appid": null, "exp": 1e400}`)
	f.Add(`{"alg": "none", "kid": "ed", "alg": "EdDSA"}`, good)
	f.Add(`{"alg": "EdDSA", "kid": "ed"}`, good[:len(good)-1]+`, "appid": "admin", "appid": "sync"}`)
	f.Add(`{"alg": "EdDSA", "kid": "ed"}`, good[:len(good)-1]+`, "EXP": 1, "i\u017fs": "x"}`)
	f.Fuzz(func(t *testing.T, header, claims string) {
		text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
		signature := ed25519.Sign(signers()["ed"].(ed25519.PrivateKey), []byte(text))
		_, err := s.Verify(context.Background(), text+"."+base64.RawURLEncoding.EncodeToString(signature))
		if err != nil {
			if !errors.Is(err, oauth.ErrTokenInvalid) && !errors.Is(err, oauth.ErrTokenExpired) {
				t.Errorf("error %v, which is no refusal", err)
			}
			return
		}
		if !jsontext.Value(header).IsValid() || !jsontext.Value(claims).IsValid() {
			t.Errorf("accepted with a name that stands twice: %s %s", header, claims)
		}
		var said struct {
			Audience jwt.ClaimStrings `json:"aud"`
		}
		var all map[string]any
		if err := errors.Join(json.Unmarshal([]byte(claims), &said), json.Unmarshal([]byte(claims), &all)); err != nil {
			t.Fatalf("accepted, but %v", err)
		}
		if all["iss"] != providerURL || all["tid"] != "acme" || all["appid"] != "sync" || !slices.Contains(said.Audience, "8adf8e6e") {
			t.Errorf("accepted without its pins: %s", claims)
		}
	})
}
