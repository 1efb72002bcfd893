package oauth_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
)

// every signing method with the name of a key that permits it.
var everyMethod = map[jwt.SigningMethod]string{
	jwt.SigningMethodRS256: "rsa", jwt.SigningMethodRS384: "rsa", jwt.SigningMethodRS512: "rsa",
	jwt.SigningMethodPS256: "rsa", jwt.SigningMethodPS384: "rsa", jwt.SigningMethodPS512: "rsa",
	jwt.SigningMethodES256: "p256", jwt.SigningMethodES384: "p384", jwt.SigningMethodEdDSA: "ed",
}

func TestForeignToken(t *testing.T) {
	t.Parallel()
	s, store, trusted := trusting(t, newProvider(t, "rsa", "p256", "p384", "ed"))
	for method, key := range everyMethod {
		t.Run(method.Alg(), func(t *testing.T) {
			t.Parallel()
			token := foreign(t, method, key, jwt.MapClaims{"aud": []string{"another", "8adf8e6e"}})
			p, err := s.Verify(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			want := &oauth.Principal{Org: acme, Client: trusted.Client, ClientName: "entra", Token: p.Token, Issued: p.Issued, Expires: p.Expires, Issuer: providerURL}
			if diff := cmp.Diff(want, p); diff != "" {
				t.Errorf("principal (-want +got):\n%s", diff)
			}
			if p.Token.Version() != 7 || p.Expires.Sub(p.Issued) != time.Hour {
				t.Errorf("token %v, issued %v, expires %v", p.Token, p.Issued, p.Expires)
			}
			other := oauth.New(store, oauth.Options{HTTPClient: newProvider(t, key).client()})
			if q, err := other.Verify(t.Context(), token); err != nil || q.Token != p.Token {
				t.Errorf("another server: %v, token %v, want %v", err, q.Token, p.Token)
			}
			if err := s.RevokeToken(t.Context(), acme.ID, trusted.Client, p.Token); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Verify(t.Context(), token); !errors.Is(err, oauth.ErrTokenInvalid) {
				t.Errorf("a revoked token: %v", err)
			}
		})
	}
}

// Whom a token is for may change under it.
func TestForeignToken_Ends(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *oauth.Service, oauth.TrustedIssuer) error{
		"issuer removed": func(t *testing.T, s *oauth.Service, trusted oauth.TrustedIssuer) error {
			return s.RemoveIssuer(t.Context(), acme.ID, trusted.ID)
		},
		"client disabled": func(t *testing.T, s *oauth.Service, trusted oauth.TrustedIssuer) error {
			_, err := s.UpdateClient(t.Context(), acme.ID, trusted.Client, func(c *oauth.ClientSpec) error {
				c.State = oauth.StateDisabled
				return nil
			})
			return err
		},
		"client deleted": func(t *testing.T, s *oauth.Service, trusted oauth.TrustedIssuer) error {
			return s.DeleteClient(t.Context(), acme.ID, trusted.Client)
		},
		"tokens revoked": func(t *testing.T, s *oauth.Service, trusted oauth.TrustedIssuer) error {
			return s.RevokeTokens(t.Context(), acme.ID, trusted.Client)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _, trusted := trusting(t, newProvider(t, "ed"))
			token := foreign(t, jwt.SigningMethodEdDSA, "ed", nil)
			if _, err := s.Verify(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			if err := end(t, s, trusted); err != nil {
				t.Fatal(err)
			}
			if p, err := s.Verify(t.Context(), token); !errors.Is(err, oauth.ErrTokenInvalid) || p != nil {
				t.Errorf("accepted as %v, %v", p, err)
			}
		})
	}
}

// An inactive client gets no new tokens, wherever they come from, and keeps those it has.
func TestForeignToken_InactiveClient(t *testing.T) {
	t.Parallel()
	s, _, trusted := trusting(t, newProvider(t, "ed"))
	old := foreign(t, jwt.SigningMethodEdDSA, "ed", nil)
	if _, err := s.Verify(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateClient(t.Context(), acme.ID, trusted.Client, func(c *oauth.ClientSpec) error {
		c.State = oauth.StateInactive
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(t.Context(), old); err != nil {
		t.Errorf("a token from before: %v", err)
	}
	if _, err := s.Verify(t.Context(), foreign(t, jwt.SigningMethodEdDSA, "ed", nil)); !errors.Is(err, oauth.ErrTokenInvalid) {
		t.Errorf("a new token: %v", err)
	}
}

// A token that fits two trusted issuers belongs to nobody.
func TestForeignToken_Ambiguous(t *testing.T) {
	t.Parallel()
	s, _, trusted := trusting(t, newProvider(t, "ed"))
	spec := pins(trusted.Client)
	spec.SubjectClaim, spec.Subject = "azp", "app"
	if _, err := s.AddIssuer(t.Context(), acme.ID, spec); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(t.Context(), foreign(t, jwt.SigningMethodEdDSA, "ed", nil)); err != nil {
		t.Fatal(err)
	}
	_, err := s.Verify(t.Context(), foreign(t, jwt.SigningMethodEdDSA, "ed", jwt.MapClaims{"azp": "app"}))
	if !errors.Is(err, oauth.ErrTokenInvalid) || !strings.Contains(err.Error(), trusted.ID.String()) {
		t.Errorf("error %v, want one that names both", err)
	}
}

// The keys of an issuer rotate without a word, and its tokens are no way to make
// the server fetch them often.
func TestForeignKeys_Rotate(t *testing.T) {
	t.Parallel()
	withProvider(t, "rsa", func(t *testing.T, p *provider, s *oauth.Service) {
		accepted := func(method jwt.SigningMethod, key string) bool {
			_, err := s.Verify(t.Context(), foreign(t, method, key, nil))
			if err != nil && !errors.Is(err, oauth.ErrTokenInvalid) {
				t.Errorf("error %v", err)
			}
			return err == nil
		}
		if !accepted(jwt.SigningMethodRS256, "rsa") {
			t.Fatal("the first key is not known")
		}
		p.change(func() { p.documents[providerURL+"keys"] = keySet(t, "p256") })
		before := p.keyFetches()
		for range 20 {
			if accepted(jwt.SigningMethodES256, "p256") {
				t.Fatal("the keys were fetched twice within a minute")
			}
		}
		if n := p.keyFetches() - before; n != 0 {
			t.Errorf("fetched %d times within a minute", n)
		}
		time.Sleep(time.Minute)
		for range 20 {
			if !accepted(jwt.SigningMethodES256, "p256") {
				t.Fatal("the new key is not known after a minute")
			}
			accepted(jwt.SigningMethodEdDSA, "ed") // unknown
		}
		if n := p.keyFetches() - before; n != 1 {
			t.Errorf("fetched %d times in the second minute, want once", n)
		}
		if accepted(jwt.SigningMethodRS256, "rsa") {
			t.Error("the key that the issuer took away still verifies")
		}
	})
}

// While the issuer is down, what is known of its keys is used for a day.
func TestForeignKeys_IssuerDown(t *testing.T) {
	t.Parallel()
	withProvider(t, "ed", func(t *testing.T, p *provider, s *oauth.Service) {
		verify := func(key string, method jwt.SigningMethod) error {
			_, err := s.Verify(t.Context(), foreign(t, method, key, nil))
			synctest.Wait() // for what is fetched behind its back
			return err
		}
		p.change(func() { p.down = errors.New("no route") })
		if err := verify("ed", jwt.SigningMethodEdDSA); !errors.Is(err, oauth.ErrKeysAway) || errors.Is(err, oauth.ErrTokenInvalid) {
			t.Errorf("keys that were never fetched: %v, want ErrKeysAway", err)
		}
		p.change(func() { p.down = nil })
		time.Sleep(10 * time.Second)
		if err := verify("ed", jwt.SigningMethodEdDSA); err != nil {
			t.Fatalf("10 seconds later: %v", err)
		}
		p.change(func() { p.down = errors.New("no route") })
		time.Sleep(23 * time.Hour)
		before := p.keyFetches()
		for range 5 {
			if err := verify("ed", jwt.SigningMethodEdDSA); err != nil {
				t.Errorf("after 23 hours: %v", err)
			}
		}
		if n := p.keyFetches() - before; n != 1 {
			t.Errorf("fetched %d times, want once", n)
		}
		if err := verify("rsa", jwt.SigningMethodRS256); !errors.Is(err, oauth.ErrKeysAway) {
			t.Errorf("a key that may be new: %v, want ErrKeysAway", err)
		}
		time.Sleep(time.Hour)
		if err := verify("ed", jwt.SigningMethodEdDSA); !errors.Is(err, oauth.ErrKeysAway) {
			t.Errorf("after a day: %v, want ErrKeysAway", err)
		}
		p.change(func() { p.down = nil })
		time.Sleep(time.Minute)
		if err := verify("ed", jwt.SigningMethodEdDSA); err != nil {
			t.Errorf("the issuer is back: %v", err)
		}
	})
}

func TestForeignKeys_FetchIsShared(t *testing.T) {
	t.Parallel()
	withProvider(t, "ed", func(t *testing.T, p *provider, s *oauth.Service) {
		before := p.keyFetches()
		p.change(func() { p.slow = time.Second })
		var requests sync.WaitGroup
		for range 20 {
			token := foreign(t, jwt.SigningMethodEdDSA, "ed", nil)
			requests.Go(func() {
				if _, err := s.Verify(t.Context(), token); err != nil {
					t.Error(err)
				}
			})
		}
		requests.Wait()
		if n := p.keyFetches() - before; n != 1 {
			t.Errorf("fetched %d times, want once", n)
		}
		// An old set is used while the next one comes.
		time.Sleep(2 * time.Hour)
		start := time.Now()
		if _, err := s.Verify(t.Context(), foreign(t, jwt.SigningMethodEdDSA, "ed", nil)); err != nil || time.Since(start) > 0 {
			t.Errorf("%v after %v, want none at once", err, time.Since(start))
		}
		time.Sleep(time.Second)
		if n := p.keyFetches() - before; n != 2 {
			t.Errorf("fetched %d times in all, want twice", n)
		}
	})
}

// Tokens of invented issuers, which cost nothing to make, cost the store little.
func TestForeignTokens_InventedIssuers(t *testing.T) {
	t.Parallel()
	signers()
	synctest.Test(t, func(t *testing.T) {
		s, store, _ := trusting(t, newProvider(t, "ed"))
		for range 100 {
			invented := jwt.MapClaims{"iss": "https://" + uuid.NewString() + ".example/"}
			if _, err := s.Verify(t.Context(), foreign(t, jwt.SigningMethodEdDSA, "ed", invented)); !errors.Is(err, oauth.ErrTokenInvalid) {
				t.Fatal(err)
			}
		}
		if store.allRead != 1 {
			t.Errorf("the trusted issuers were read %d times within a second, want once", store.allRead)
		}
		time.Sleep(time.Second)
		if _, err := s.Verify(t.Context(), foreign(t, jwt.SigningMethodEdDSA, "ed", nil)); err != nil {
			t.Error(err)
		}
		if store.allRead != 1 {
			t.Error("the trusted issuers were read again for one that is known")
		}
	})
}

// An issuer that was added elsewhere is known after a second.
func TestForeignTokens_NewIssuer(t *testing.T) {
	t.Parallel()
	signers()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t, "ed")
		s, store, trusted := trusting(t, p)
		other := oauth.New(store, oauth.Options{HTTPClient: p.client()})
		if _, err := other.Verify(t.Context(), foreign(t, jwt.SigningMethodEdDSA, "ed", nil)); err != nil {
			t.Fatal(err)
		}
		spec := pins(trusted.Client)
		spec.Subject = "another"
		if _, err := s.AddIssuer(t.Context(), acme.ID, spec); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if _, err := other.Verify(t.Context(), foreign(t, jwt.SigningMethodEdDSA, "ed", jwt.MapClaims{"appid": "another"})); err != nil {
			t.Error(err)
		}
	})
}
