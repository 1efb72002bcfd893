package oauth_test

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

// foreignMemory is what memory keeps of other issuers and of clients' keys.
type foreignMemory struct {
	issuers    []oauth.TrustedIssuer
	clientKeys map[uuid.UUID]oauth.ClientKeys
	assertions map[string]bool

	allRead int // readings of all issuers
}

func (m *memory) AddIssuer(_ context.Context, t oauth.TrustedIssuer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, ok := m.clients[t.Client]; !ok || c.Org != t.Org {
		return oauth.ErrNotFound
	}
	m.issuers = append(m.issuers, t)
	return nil
}

func (m *memory) Issuers(_ context.Context, o org.ID) ([]oauth.TrustedIssuer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.issuers), func(t oauth.TrustedIssuer) bool { return t.Org != o }), m.failure()
}

func (m *memory) AllIssuers(context.Context) ([]oauth.TrustedIssuer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.allRead++
	return slices.Clone(m.issuers), m.failure()
}

func (m *memory) RemoveIssuer(_ context.Context, o org.ID, id uuid.UUID) (oauth.TrustedIssuer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := slices.IndexFunc(m.issuers, func(t oauth.TrustedIssuer) bool { return t.Org == o && t.ID == id })
	if at < 0 {
		return oauth.TrustedIssuer{}, oauth.ErrNotFound
	}
	t := m.issuers[at]
	m.issuers = slices.Delete(m.issuers, at, at+1)
	m.revocations = append(m.revocations, oauth.Revocation{ID: t.Client, Recorded: time.Now()})
	return t, nil
}

func (m *memory) AddForeignToken(_ context.Context, t oauth.Token, _ int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.clients[t.Client].State != oauth.StateActive {
		return oauth.ErrClientClosed
	}
	if _, known := m.tokens[t.ID]; !known {
		m.tokens[t.ID] = t
	}
	return nil
}

func (m *memory) SetClientKeys(_ context.Context, o org.ID, client uuid.UUID, k oauth.ClientKeys) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, ok := m.clients[client]; !ok || c.Org != o {
		return oauth.ErrNotFound
	}
	if m.clientKeys == nil {
		m.clientKeys = make(map[uuid.UUID]oauth.ClientKeys)
	}
	m.clientKeys[client] = k
	return nil
}

func (m *memory) ClientKeys(_ context.Context, _ org.ID, client uuid.UUID) (oauth.ClientKeys, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.clientKeys[client], m.failure()
}

func (m *memory) UseAssertion(_ context.Context, _ org.ID, client uuid.UUID, hash []byte, _, _ time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.assertions == nil {
		m.assertions = make(map[string]bool)
	}
	used := client.String() + string(hash)
	fresh := !m.assertions[used]
	m.assertions[used] = true
	return fresh, m.failure()
}
