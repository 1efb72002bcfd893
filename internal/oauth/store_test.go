package oauth_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

// memory is a Store that counts what it is asked.
type memory struct {
	mu      sync.Mutex
	clients map[uuid.UUID]oauth.Client
	orgs    map[org.ID]org.Org
	keys    []oauth.Key

	asked    atomic.Int32 // all reads
	keyReads atomic.Int32
	broken   error // answer of every read, when set
}

var acme = org.Org{ID: 42, Name: "acme", Settings: org.DefaultSettings()}

func newMemory() *memory {
	return &memory{clients: make(map[uuid.UUID]oauth.Client), orgs: map[org.ID]org.Org{acme.ID: acme}}
}

func (m *memory) CreateClient(_ context.Context, c oauth.Client) error {
	m.change(c)
	return nil
}

func (m *memory) change(c oauth.Client) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clients[c.ID] = c
}

func (m *memory) Client(_ context.Context, id uuid.UUID) (oauth.Client, error) {
	m.asked.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.clients[id]
	if !ok {
		return c, oauth.ErrNotFound
	}
	return c, m.broken
}

func (m *memory) Bearer(_ context.Context, o org.ID, client, _ uuid.UUID) (oauth.Bearer, error) {
	m.asked.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	c, known := m.clients[client]
	if b := (oauth.Bearer{Org: m.orgs[o], Client: c}); known && c.Org == o && b.Org.ID == o {
		return b, m.broken
	}
	return oauth.Bearer{}, oauth.ErrNotFound
}

func (m *memory) Roles(context.Context, org.ID) ([]oauth.Role, error) { return nil, nil }

func (m *memory) SigningKeys(context.Context) ([]oauth.Key, error) {
	m.asked.Add(1)
	m.keyReads.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]oauth.Key(nil), m.keys...), m.broken
}

func (m *memory) AddSigningKey(_ context.Context, k oauth.Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys = append(m.keys, k)
	return nil
}

// newClient makes a client of acme, and its secret.
func newClient(t testing.TB, s *oauth.Service) (oauth.Client, string) {
	t.Helper()
	c, secret, err := s.CreateClient(t.Context(), acme.ID, oauth.ClientSpec{Name: "entra", Validity: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return c, secret
}

// issue makes a token of the client.
func issue(t testing.TB, s *oauth.Service, c oauth.Client) string {
	t.Helper()
	token, _, err := s.Issue(t.Context(), c, 0)
	if err != nil {
		t.Fatal(err)
	}
	return token
}
