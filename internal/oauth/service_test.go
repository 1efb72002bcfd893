package oauth_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
)

func TestNewClient(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		client   string
		validity time.Duration
		want     time.Duration
		err      string
	}{
		{name: "default", client: "okta", want: 24 * time.Hour},
		{name: "shortest", client: "okta", validity: 300 * time.Second, want: 300 * time.Second},
		{name: "longest", client: "okta", validity: 38_880_000 * time.Second, want: 450 * 24 * time.Hour},
		{name: "too short", client: "okta", validity: 299 * time.Second, err: "be from 300 seconds to 38880000 seconds (450 days), not 299"},
		{name: "too long", client: "okta", validity: 38_880_001 * time.Second, err: "not 38880001"},
		{name: "no name", err: "name is required"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, secret, err := oauth.NewClient(newMemory(), acme.ID, oauth.ClientSpec{Name: test.client, Validity: test.validity})
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("error %v, want one that says %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.Validity != test.want || c.State != oauth.StateActive || c.Org != acme.ID || c.ID == uuid.Nil {
				t.Errorf("got %+v", c)
			}
			if sum := sha256.Sum256([]byte(secret)); !bytes.Equal(sum[:], c.SecretHash) {
				t.Error("the hash is not the SHA-256 of the secret")
			}
			if len(secret) != 43 || strings.Trim(secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
				t.Errorf("the secret of %d characters is not 32 bytes in URL-safe base64", len(secret))
			}
		})
	}
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	s := oauth.New(newMemory(), oauth.Options{})
	c, secret := newClient(t, s)
	if got, err := s.Authenticate(t.Context(), c.ID, secret); err != nil || got.ID != c.ID {
		t.Errorf("right secret: %v, %v", got.ID, err)
	}
	for _, wrong := range []string{"", secret + "x", secret[:42]} {
		if _, err := s.Authenticate(t.Context(), c.ID, wrong); !errors.Is(err, oauth.ErrWrongSecret) {
			t.Errorf("wrong secret: %v", err)
		}
	}
	if _, err := s.Authenticate(t.Context(), uuid.New(), secret); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("unknown client: %v", err)
	}
}

func TestIssueAndVerify(t *testing.T) {
	t.Parallel()
	store := newMemory()
	s := oauth.New(store, oauth.Options{})
	c, _ := newClient(t, s)
	token, expires, err := s.Issue(t.Context(), c, 2*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(expires); left <= 2*time.Hour-time.Minute || left > 2*time.Hour {
		t.Errorf("the token ends in %v, want 2 hours", left)
	}
	p, err := s.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	want := &oauth.Principal{Org: acme, Client: c.ID, ClientName: "entra", Token: p.Token, Issued: expires.Add(-2 * time.Hour), Expires: expires}
	if diff := cmp.Diff(want, p); diff != "" || p.Token == uuid.Nil {
		t.Errorf("principal (-want +got):\n%s", diff)
	}
	other := oauth.New(store, oauth.Options{})
	if _, err := other.Verify(t.Context(), token); err != nil {
		t.Errorf("another server on the same store: %v", err)
	}
	if len(store.keys) != 1 {
		t.Errorf("%d signing keys were made, want 1", len(store.keys))
	}
}

func TestIssueRefuses(t *testing.T) {
	t.Parallel()
	s := oauth.New(newMemory(), oauth.Options{})
	c, _ := newClient(t, s)
	if _, _, err := s.Issue(t.Context(), c, time.Second); err == nil || !strings.Contains(err.Error(), "300 seconds") {
		t.Errorf("one second: %v", err)
	}
	for _, state := range []oauth.State{oauth.StateInactive, oauth.StateDisabled} {
		c.State = state
		if _, _, err := s.Issue(t.Context(), c, 0); !errors.Is(err, oauth.ErrClientClosed) {
			t.Errorf("%s client: %v", state, err)
		}
	}
}

func TestFirstServersShareTheirKeys(t *testing.T) {
	t.Parallel()
	store := newMemory()
	servers := []*oauth.Service{oauth.New(store, oauth.Options{}), oauth.New(store, oauth.Options{}), oauth.New(store, oauth.Options{})}
	c, _ := newClient(t, servers[0])
	type result struct {
		token string
		err   error
	}
	results := make(chan result)
	for _, s := range servers {
		go func() {
			token, _, err := s.Issue(t.Context(), c, 0)
			results <- result{token, err}
		}()
	}
	for range servers {
		r := <-results
		if r.err != nil {
			t.Fatal(r.err)
		}
		if _, err := oauth.New(store, oauth.Options{}).Verify(t.Context(), r.token); err != nil {
			t.Error(err)
		}
	}
}

func TestWarmTokenAsksNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		s := running(t, store, oauth.Options{})
		c, _ := newClient(t, s)
		token := issue(t, s, c)
		verify := func() error { _, err := s.Verify(t.Context(), token); return err }
		if err := verify(); err != nil {
			t.Fatal(err)
		}
		before := store.asked.Load()
		time.Sleep(29 * time.Second)
		if err := verify(); err != nil || store.asked.Load() != before {
			t.Errorf("after 29 s: %v, %d look-ups, want none", err, store.asked.Load()-before)
		}
		time.Sleep(time.Second)
		if err := verify(); err != nil || store.asked.Load() == before {
			t.Errorf("after 30 s: %v, %d look-ups, want some", err, store.asked.Load()-before)
		}
	})
}

func TestTokenEnds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		end  func(*memory, oauth.Client)
		wait time.Duration
		want error
	}{
		{"expired", func(*memory, oauth.Client) {}, time.Hour + 5*time.Second, oauth.ErrTokenExpired},
		{"client disabled", func(m *memory, c oauth.Client) { c.State = oauth.StateDisabled; m.change(c) }, 30 * time.Second, oauth.ErrTokenInvalid},
		{"client inactive", func(m *memory, c oauth.Client) { c.State = oauth.StateInactive; m.change(c) }, 30 * time.Second, nil},
		{"client deleted", func(m *memory, c oauth.Client) { m.mu.Lock(); defer m.mu.Unlock(); delete(m.clients, c.ID) }, 30 * time.Second, oauth.ErrTokenInvalid},
		{"client moved", func(m *memory, c oauth.Client) { c.Org = 43; m.change(c) }, 30 * time.Second, oauth.ErrTokenInvalid},
		{"organisation deleted", func(m *memory, _ oauth.Client) { m.mu.Lock(); defer m.mu.Unlock(); delete(m.orgs, acme.ID) }, 30 * time.Second, oauth.ErrTokenInvalid},
		{"key taken away", func(m *memory, _ oauth.Client) { m.mu.Lock(); defer m.mu.Unlock(); m.keys = nil }, 30 * time.Second, oauth.ErrTokenInvalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := newMemory()
				s := running(t, store, oauth.Options{})
				c, _ := newClient(t, s)
				token := issue(t, s, c)
				if _, err := s.Verify(t.Context(), token); err != nil {
					t.Fatal(err)
				}
				test.end(store, c)
				time.Sleep(test.wait)
				if _, err := s.Verify(t.Context(), token); !errors.Is(err, test.want) {
					t.Errorf("got %v, want %v", err, test.want)
				}
			})
		})
	}
}

func TestRefusalIsRemembered(t *testing.T) {
	t.Parallel()
	store := newMemory()
	s := oauth.New(store, oauth.Options{})
	c, _ := newClient(t, s)
	token := issue(t, s, c)
	c.State = oauth.StateDisabled
	store.change(c)
	_, first := s.Verify(t.Context(), token)
	before := store.asked.Load()
	_, second := s.Verify(t.Context(), token)
	if !errors.Is(first, oauth.ErrTokenInvalid) || !errors.Is(second, oauth.ErrTokenInvalid) || store.asked.Load() != before {
		t.Errorf("%v, %v, %d look-ups, want none", first, second, store.asked.Load()-before)
	}
}

func TestBrokenStoreIsNoRefusal(t *testing.T) {
	t.Parallel()
	store := newMemory()
	s := oauth.New(store, oauth.Options{})
	c, _ := newClient(t, s)
	token := issue(t, s, c)
	lost := errors.New("connection lost")
	store.breakDown(lost)
	for name, server := range map[string]*oauth.Service{"keys known": s, "keys unknown": oauth.New(store, oauth.Options{})} {
		_, err := server.Verify(t.Context(), token)
		if !errors.Is(err, lost) || errors.Is(err, oauth.ErrTokenInvalid) {
			t.Errorf("%s: %v, want the store's own error", name, err)
		}
	}
	store.breakDown(nil)
	if _, err := s.Verify(t.Context(), token); err != nil {
		t.Errorf("the failure was kept: %v", err)
	}
}

func TestLogHoldsNoSecret(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := oauth.New(newMemory(), oauth.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	c, secret := newClient(t, s)
	token := issue(t, s, c)
	if !strings.Contains(log.String(), c.ID.String()) {
		t.Errorf("the log does not tell that %s got a token: %s", c.ID, &log)
	}
	if strings.Contains(log.String(), secret) || strings.Contains(log.String(), token[:20]) {
		t.Error("the log holds a secret or a token")
	}
}
