package oauth_test

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
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
	mu          sync.Mutex
	clients     map[uuid.UUID]oauth.Client
	tokens      map[uuid.UUID]oauth.Token
	revocations []oauth.Revocation
	orgs        map[org.ID]org.Org
	roles       []oauth.Role
	keys        []oauth.Key
	foreignMemory

	asked  atomic.Int32 // reads of clients, bearers and keys
	polled atomic.Int32
	marked atomic.Int32
	broken atomic.Pointer[error] // answer of every read, when set
}

var acme = org.Org{ID: 42, Name: "acme", Settings: org.DefaultSettings()}

func newMemory() *memory {
	return &memory{
		clients: make(map[uuid.UUID]oauth.Client), tokens: make(map[uuid.UUID]oauth.Token), orgs: map[org.ID]org.Org{acme.ID: acme},
	}
}

// breakDown makes every read fail; nil mends the store.
func (m *memory) breakDown(err error) {
	if err == nil {
		m.broken.Store(nil)
		return
	}
	m.broken.Store(&err)
}

func (m *memory) failure() error {
	if err := m.broken.Load(); err != nil {
		return *err
	}
	return nil
}

// change puts a client there as another server's administrator does, without
// a word to anybody.
func (m *memory) change(c oauth.Client) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clients[c.ID] = c
}

func (m *memory) CreateClient(_ context.Context, c oauth.Client) error {
	m.change(c)
	return nil
}

func (m *memory) Client(_ context.Context, id uuid.UUID) (oauth.Client, error) {
	m.asked.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.clients[id]
	if !ok {
		return c, oauth.ErrNotFound
	}
	return c, m.failure()
}

func (m *memory) Clients(context.Context, org.ID, oauth.Page) ([]oauth.Client, int, error) {
	return nil, 0, errors.ErrUnsupported
}

func (m *memory) UpdateClient(_ context.Context, o org.ID, id uuid.UUID, edit func(*oauth.Client, oauth.Permissions) (bool, error)) (oauth.Client, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.clients[id]
	if !ok || c.Org != o {
		return c, oauth.ErrNotFound
	}
	endTokens, err := edit(&c, oauth.Permissions{})
	if err != nil {
		return c, err
	}
	m.clients[id] = c
	if endTokens {
		m.endAll(id)
	}
	return c, nil
}

func (m *memory) endAll(client uuid.UUID) {
	for id, t := range m.tokens {
		if t.Client == client && t.Revoked.IsZero() {
			t.Revoked = time.Now()
			m.tokens[id] = t
		}
	}
	m.revocations = append(m.revocations, oauth.Revocation{ID: client, Recorded: time.Now()})
}

func (m *memory) DeleteClient(_ context.Context, _ org.ID, id uuid.UUID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.clients, id)
	m.endAll(id)
	return nil
}

func (m *memory) Roles(_ context.Context, _ org.ID, ids []uuid.UUID) ([]oauth.Role, error) {
	unasked := func(r oauth.Role) bool { return !slices.Contains(ids, r.ID) }
	return slices.DeleteFunc(slices.Clone(m.roles), unasked), m.failure()
}

func (m *memory) RoleIDs(_ context.Context, _ org.ID, names []string) ([]uuid.UUID, error) {
	ids := make([]uuid.UUID, len(names))
	for i, name := range names {
		for _, r := range m.roles {
			if strings.EqualFold(r.Name, name) {
				ids[i] = r.ID
			}
		}
	}
	return ids, m.failure()
}

func (m *memory) Granted(context.Context, org.ID, uuid.UUID) ([][]byte, error) {
	return nil, m.failure()
}

func (m *memory) AddToken(_ context.Context, t oauth.Token, _ string, _ int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.clients[t.Client].State != oauth.StateActive {
		return oauth.ErrClientClosed
	}
	m.tokens[t.ID] = t
	return nil
}

func (m *memory) Bearer(_ context.Context, o org.ID, client, token uuid.UUID) (oauth.Bearer, error) {
	m.asked.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	c, known := m.clients[client]
	b := oauth.Bearer{Org: m.orgs[o], Client: c}
	if !known || c.Org != o || b.Org.ID != o {
		return oauth.Bearer{}, oauth.ErrNotFound
	}
	if t, ok := m.tokens[token]; ok && t.Client == client {
		b.Recorded, b.Revoked, b.User, b.Active = true, !t.Revoked.IsZero(), t.User, true
	}
	return b, m.failure()
}

func (m *memory) Tokens(context.Context, org.ID, uuid.UUID, oauth.Page) ([]oauth.Token, int, error) {
	return nil, 0, errors.ErrUnsupported
}

func (m *memory) RevokeToken(_ context.Context, _ org.ID, client, token uuid.UUID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tokens[token]
	if !ok || t.Client != client {
		return oauth.ErrNotFound
	}
	t.Revoked = time.Now()
	m.tokens[token] = t
	m.revocations = append(m.revocations, oauth.Revocation{ID: token, Recorded: time.Now()})
	return nil
}

func (m *memory) RevokeTokens(_ context.Context, _ org.ID, client uuid.UUID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.endAll(client)
	return nil
}

func (m *memory) RevokeTokensOf(_ context.Context, _ org.ID, user uuid.UUID) (ended []uuid.UUID, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, t := range m.tokens {
		if t.User == user && t.Revoked.IsZero() {
			t.Revoked = time.Now()
			m.tokens[id] = t
			m.revocations = append(m.revocations, oauth.Revocation{ID: id, Recorded: t.Revoked})
			ended = append(ended, id)
		}
	}
	return ended, nil
}

func (m *memory) MarkUsed(_ context.Context, _ org.ID, uses []oauth.Use) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failure(); err != nil {
		return err
	}
	m.marked.Add(1)
	for _, use := range uses {
		t := m.tokens[use.Token]
		t.Used, t.UsedFrom = use.At, use.From
		m.tokens[use.Token] = t
	}
	return nil
}

func (m *memory) Succeed(context.Context, org.ID, uuid.UUID, uuid.UUID, time.Time) (int, error) {
	return 0, nil
}

func (m *memory) EndSucceeded(context.Context, time.Time) ([]oauth.Token, error) { return nil, nil }

func (m *memory) Ending(context.Context, org.ID, time.Time, time.Time) ([]oauth.Token, error) {
	return nil, nil
}

func (m *memory) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func (m *memory) NewID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func (m *memory) Revocations(_ context.Context, after time.Time) ([]oauth.Revocation, error) {
	m.polled.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	var late []oauth.Revocation
	for _, r := range m.revocations {
		if r.Recorded.After(after) {
			late = append(late, r)
		}
	}
	return late, m.failure()
}

func (m *memory) ForgetRevocations(_ context.Context, before time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.revocations = slices.DeleteFunc(m.revocations, func(r oauth.Revocation) bool { return r.Recorded.Before(before) })
	return m.failure()
}

func (m *memory) SigningKeys(context.Context) ([]oauth.Key, error) {
	m.asked.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.keys), m.failure()
}

func (m *memory) ReplaceSigningKey(_ context.Context, old string, k oauth.Key) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.keys {
		switch signs := m.keys[i].Retired.IsZero(); {
		case signs && m.keys[i].ID != old:
			return false, nil
		case signs:
			m.keys[i].Retired = time.Now()
		}
	}
	m.keys = append(m.keys, k)
	return true, nil
}

func (m *memory) DeleteSigningKeys(_ context.Context, before time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys = slices.DeleteFunc(m.keys, func(k oauth.Key) bool {
		return !k.Retired.IsZero() && k.Retired.Before(before) && k.VerifyUntil.Before(before)
	})
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

// endpoints are those of a server that all clients reach from one address.
func endpoints(s *oauth.Service) oauth.Endpoints {
	return oauth.Endpoints{
		Service: s,
		BaseURL: func(*http.Request) string { return "https://scim.example.com" },
		Address: func(r *http.Request) string { return cmp.Or(r.Header.Get("Test-Address"), "192.0.2.1") },
		Limit:   func(uuid.UUID) time.Duration { return 0 },
	}
}

// running is a server with its background work.
func running(t *testing.T, store oauth.Store, o oauth.Options) *oauth.Service {
	t.Helper()
	s := oauth.New(store, o)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		s.Run(ctx)
		close(ended)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return s
}
