package oauth_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/purescim/purescim/internal/oauth"
)

const day = 24 * time.Hour

func TestUses_AreWrittenInBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		s := oauth.New(store, oauth.Options{})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			s.Run(ctx)
			close(ended)
		}()
		synctest.Wait()
		c, _ := newClient(t, s)
		p, err := s.Verify(t.Context(), issue(t, s, c))
		if err != nil {
			t.Fatal(err)
		}
		use := func(from string) {
			s.Used(t.Context(), p, from)
			time.Sleep(time.Millisecond)
		}
		written := func(want string, writes int32) {
			t.Helper()
			store.mu.Lock()
			defer store.mu.Unlock()
			if got := store.tokens[p.Token].UsedFrom; got != want || store.marked.Load() != writes {
				t.Errorf("used from %q in %d writes, want %q in %d", got, store.marked.Load(), want, writes)
			}
		}
		for range 1000 {
			use("192.0.2.1")
		}
		use("192.0.2.2")
		written("", 0)
		time.Sleep(5 * time.Second)
		written("192.0.2.2", 1)
		store.breakDown(errors.New("connection lost"))
		use("192.0.2.3")
		time.Sleep(6 * time.Second)
		store.breakDown(nil)
		time.Sleep(5 * time.Second)
		written("192.0.2.3", 2)
		use("192.0.2.4")
		stop()
		<-ended
		written("192.0.2.4", 3)
	})
}

func TestExpiry_IsToldInTheLogOnceAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := oauth.New(newMemory(), oauth.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		use := func(lives time.Duration) *oauth.Principal {
			c, _, err := s.CreateClient(t.Context(), acme.ID, oauth.ClientSpec{Name: "entra", Validity: lives})
			if err != nil {
				t.Fatal(err)
			}
			p, err := s.Verify(t.Context(), issue(t, s, c))
			if err != nil {
				t.Fatal(err)
			}
			s.Used(t.Context(), p, "192.0.2.1")
			return p
		}
		warnings := func(want int) {
			t.Helper()
			if got := strings.Count(log.String(), "expires soon"); got != want {
				t.Errorf("%d warnings, want %d", got, want)
			}
		}
		use(day) // is renewed by programs
		p := use(30 * day)
		warnings(0)
		time.Sleep(17 * day)
		for range 2 {
			s.Used(t.Context(), p, "192.0.2.1")
		}
		warnings(1)
		time.Sleep(time.Hour)
		s.Used(t.Context(), p, "192.0.2.1")
		warnings(2)
		if !p.ExpiresSoon(time.Now()) || p.ExpiresSoon(time.Now().Add(-5*day)) {
			t.Error("a token expires soon from 14 days before its end")
		}
		expiring := func(want int) {
			t.Helper()
			if got := s.Expiring(); got != want {
				t.Errorf("%d tokens expire, want %d", got, want)
			}
		}
		expiring(1) // of two that end within 14 days one is renewed by programs
		use(10 * day)
		expiring(2)
		time.Sleep(day)
		expiring(0) // neither was used for a day
		s.Used(t.Context(), p, "192.0.2.1")
		expiring(1)
		warnings(4)
		time.Sleep(12*day - 2*time.Hour)
		s.Used(t.Context(), p, "192.0.2.1")
		expiring(1)
		time.Sleep(2 * time.Hour)
		expiring(0) // it has ended
	})
}

// Of many servers one rotates the key when it is due; tokens live on, and keys
// die with the last of theirs.
func TestKeys_AreRotatedAndForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		servers := []*oauth.Service{running(t, store, oauth.Options{}), running(t, store, oauth.Options{})}
		c, _ := newClient(t, servers[0])
		token := issue(t, servers[0], c)
		// age makes the first key as old as it is after a time.
		age := func(by time.Duration) {
			store.mu.Lock()
			defer store.mu.Unlock()
			k := &store.keys[0]
			k.Created = k.Created.Add(-by)
			if !k.Retired.IsZero() {
				k.Retired, k.VerifyUntil = k.Retired.Add(-by), k.VerifyUntil.Add(-by)
			}
		}
		keys := func(want int) {
			t.Helper()
			keys, err := servers[0].SigningKeys(t.Context())
			if err != nil || len(keys) != want {
				t.Errorf("%d keys, %v; want %d", len(keys), err, want)
			}
		}
		age(90*day - 3*time.Minute)
		time.Sleep(2 * time.Minute)
		keys(1)
		time.Sleep(3 * time.Minute)
		keys(2)
		for _, s := range servers {
			if _, err := s.Verify(t.Context(), token); err != nil {
				t.Errorf("the old token: %v", err)
			}
		}
		store.mu.Lock()
		store.keys[0].VerifyUntil = time.Now().Add(10 * day)
		store.mu.Unlock()
		age(10*day - time.Hour)
		time.Sleep(2 * time.Minute)
		keys(2)
		age(2 * time.Hour)
		time.Sleep(2 * time.Minute)
		keys(1)
	})
}

func TestRotateKey_AtOnceIsRotatedOnce(t *testing.T) {
	t.Parallel()
	store := newMemory()
	s := oauth.New(store, oauth.Options{})
	c, _ := newClient(t, s)
	issue(t, s, c)
	var servers sync.WaitGroup
	for range 4 {
		servers.Go(func() {
			if err := oauth.New(store, oauth.Options{}).RotateKey(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	servers.Wait()
	active := 0
	for _, k := range store.keys {
		if k.Retired.IsZero() {
			active++
		}
	}
	if active != 1 || len(store.keys) < 2 {
		t.Errorf("%d of %d keys sign, want 1 of at least 2", active, len(store.keys))
	}
}
