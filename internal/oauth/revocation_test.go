package oauth_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/purescim/purescim/internal/oauth"
)

// Another server hears of it within a second, and asks the store no more often
// than it must until then.
func TestRevocation_IsHeardByOtherServers(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *oauth.Service, *oauth.Principal) error{
		"token revoked": func(t *testing.T, s *oauth.Service, p *oauth.Principal) error {
			return s.RevokeToken(t.Context(), acme.ID, p.Client, p.Token)
		},
		"all tokens revoked": func(t *testing.T, s *oauth.Service, p *oauth.Principal) error {
			return s.RevokeTokens(t.Context(), acme.ID, p.Client)
		},
		"client deleted": func(t *testing.T, s *oauth.Service, p *oauth.Principal) error {
			return s.DeleteClient(t.Context(), acme.ID, p.Client)
		},
		"client disabled": disable,
		"disabled for a moment": func(t *testing.T, s *oauth.Service, p *oauth.Principal) error {
			return errors.Join(disable(t, s, p), setState(t, s, p, oauth.StateActive))
		},
	} {
		for _, polls := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					store := newMemory()
					here, there := running(t, store, oauth.Options{}), oauth.New(store, oauth.Options{})
					if polls {
						there = running(t, store, oauth.Options{})
					}
					c, _ := newClient(t, here)
					token := issue(t, here, c)
					p, err := there.Verify(t.Context(), token)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := here.Verify(t.Context(), token); err != nil {
						t.Fatal(err)
					}
					if err := end(t, here, p); err != nil {
						t.Fatal(err)
					}
					if _, err := here.Verify(t.Context(), token); !errors.Is(err, oauth.ErrTokenInvalid) {
						t.Errorf("the server that was told: %v", err)
					}
					time.Sleep(time.Second)
					if _, err := there.Verify(t.Context(), token); !errors.Is(err, oauth.ErrTokenInvalid) {
						t.Errorf("another server a second later: %v", err)
					}
				})
			})
		}
	}
}

func disable(t *testing.T, s *oauth.Service, p *oauth.Principal) error {
	t.Helper()
	return setState(t, s, p, oauth.StateDisabled)
}

func setState(t *testing.T, s *oauth.Service, p *oauth.Principal, state oauth.State) error {
	t.Helper()
	_, err := s.UpdateClient(t.Context(), acme.ID, p.Client, func(spec *oauth.ClientSpec) error {
		spec.State = state
		return nil
	})
	return err
}

// What is recorded late, as by a slow transaction, is heard all the same.
func TestRevocation_ThatIsRecordedLateIsHeard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		s := running(t, store, oauth.Options{})
		c, _ := newClient(t, s)
		token := issue(t, s, c)
		p, err := s.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		time.Sleep(20 * time.Second)
		store.mu.Lock()
		revoked := store.tokens[p.Token]
		revoked.Revoked = begun
		store.tokens[p.Token] = revoked
		store.revocations = append(store.revocations, oauth.Revocation{ID: p.Token, Recorded: begun})
		store.mu.Unlock()
		time.Sleep(time.Second)
		if _, err := s.Verify(t.Context(), token); !errors.Is(err, oauth.ErrTokenInvalid) {
			t.Errorf("a second after the commit: %v", err)
		}
	})
}

// While revocations cannot be read, each token is asked about once a second.
func TestRevocation_StaleKnowledgeIsNotTrusted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		s := oauth.New(store, oauth.Options{}) // nobody polls
		c, _ := newClient(t, s)
		token := issue(t, s, c)
		verify := func(want int32) {
			t.Helper()
			before := store.asked.Load()
			_, err := s.Verify(t.Context(), token)
			if asked := store.asked.Load() - before; err != nil || asked != want {
				t.Errorf("%v, %d look-ups, want %d", err, asked, want)
			}
		}
		verify(1)
		time.Sleep(900 * time.Millisecond)
		verify(0)
		time.Sleep(100 * time.Millisecond)
		verify(1)
		verify(0)
		store.breakDown(errors.New("connection lost"))
		time.Sleep(time.Second)
		if _, err := s.Verify(t.Context(), token); err == nil || errors.Is(err, oauth.ErrTokenInvalid) {
			t.Errorf("a token that cannot be checked: %v", err)
		}
	})
}
