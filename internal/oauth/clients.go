package oauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

// CreateClient makes a client of the organisation and keeps it. The secret is
// returned this once. A value that it may not have is an *InvalidError.
func (s *Service) CreateClient(ctx context.Context, o org.ID, spec ClientSpec) (Client, string, error) {
	c, secret, err := NewClient(o, spec)
	if err != nil {
		return Client{}, "", err
	}
	if err := s.store.CreateClient(ctx, c); err != nil {
		return Client{}, "", fmt.Errorf("create client: %w", err)
	}
	s.log.InfoContext(ctx, "client created", "org", o, "client", c.ID)
	return c, secret, nil
}

// Clients reads a page of the organisation's clients, the oldest first, and how
// many there are.
func (s *Service) Clients(ctx context.Context, o org.ID, p Page) ([]Client, int, error) {
	return s.store.Clients(ctx, o, p)
}

// Client reads a client of the organisation, or returns ErrNotFound.
func (s *Service) Client(ctx context.Context, o org.ID, id uuid.UUID) (Client, error) {
	c, err := s.store.Client(ctx, id)
	if err == nil && c.Org != o {
		return Client{}, ErrNotFound
	}
	return c, err
}

// UpdateClient changes what an administrator says of a client of the
// organisation. A client that becomes disabled loses all of its tokens, and gets
// none of them back. Errors are ErrNotFound, *InvalidError and those of edit.
func (s *Service) UpdateClient(ctx context.Context, o org.ID, id uuid.UUID, edit func(*ClientSpec) error) (Client, error) {
	c, err := s.store.UpdateClient(ctx, o, id, func(c *Client) (bool, error) {
		before, spec := c.State, c.Spec()
		if err := edit(&spec); err != nil {
			return false, err
		}
		err := c.apply(spec)
		return c.State == StateDisabled && before != StateDisabled, err
	})
	if err != nil {
		return Client{}, fmt.Errorf("change client: %w", err)
	}
	s.revoked.hear(time.Now(), Revocation{ID: id, Recorded: c.Modified})
	s.log.InfoContext(ctx, "client changed", "org", o, "client", id, "state", c.State)
	return c, nil
}

// DeleteClient removes a client of the organisation with its tokens, or returns
// ErrNotFound.
func (s *Service) DeleteClient(ctx context.Context, o org.ID, id uuid.UUID) error {
	if err := s.store.DeleteClient(ctx, o, id); err != nil {
		return fmt.Errorf("delete client: %w", err)
	}
	s.revoked.hear(time.Now(), Revocation{ID: id, Recorded: now()})
	s.log.InfoContext(ctx, "client deleted", "org", o, "client", id)
	return nil
}

// RotateSecret gives a client of the organisation a new secret, which is
// returned this once. The secret so far goes on to work for the overlap; the one
// before it ends. Tokens are not touched.
func (s *Service) RotateSecret(ctx context.Context, o org.ID, id uuid.UUID, overlap time.Duration) (Client, string, error) {
	secret := newSecret()
	c, err := s.store.UpdateClient(ctx, o, id, func(c *Client) (bool, error) {
		c.Modified = now()
		c.PreviousSecretHash, c.PreviousSecretUntil = nil, time.Time{}
		if overlap > 0 {
			c.PreviousSecretHash, c.PreviousSecretUntil = c.SecretHash, c.Modified.Add(overlap)
		}
		c.SecretHash = hashSecret(secret)
		return false, nil
	})
	if err != nil {
		return Client{}, "", fmt.Errorf("rotate secret: %w", err)
	}
	s.log.InfoContext(ctx, "secret rotated", "org", o, "client", id, "previous_until", c.PreviousSecretUntil)
	return c, secret, nil
}

// RolesNamed finds roles of the organisation by their names, in any case, to
// grant them in all divisions. An unknown name is an *InvalidError.
func (s *Service) RolesNamed(ctx context.Context, o org.ID, names ...string) ([]RoleGrant, error) {
	known, err := s.store.Roles(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("list roles: %w", err)
	}
	grants := make([]RoleGrant, len(names))
	for i, name := range names {
		at := slices.IndexFunc(known, func(r Role) bool { return strings.EqualFold(r.Name, name) })
		if at < 0 {
			return nil, invalid("roleDivisions", "names the role %q, which the organisation does not have", name)
		}
		grants[i] = RoleGrant{Role: known[at].ID, Division: AllDivisions}
	}
	return grants, nil
}

// CheckGrants returns a *GrantError unless everything that the roles permit is
// permitted to p too: nobody makes a client that may do more than they may.
// Roles that the organisation does not have are left to the store.
func (s *Service) CheckGrants(ctx context.Context, p Principal, grants []RoleGrant) error {
	if len(grants) == 0 || p.Permissions.Has(everything) {
		return nil
	}
	known, err := s.store.Roles(ctx, p.Org.ID)
	if err != nil {
		return fmt.Errorf("list roles: %w", err)
	}
	for _, r := range known {
		granted := slices.ContainsFunc(grants, func(g RoleGrant) bool { return g.Role == r.ID })
		if granted && !p.Permissions.Covers(r.Permissions) {
			return &GrantError{Role: r.Name}
		}
	}
	return nil
}

// GrantError is a role that permits more than who grants or takes it may do.
type GrantError struct{ Role string }

func (e *GrantError) Error() string {
	return fmt.Sprintf("the role %q permits more than the client of this request may do", e.Role)
}

// Authenticate returns the client with the id if the secret is its own, else
// ErrNotFound or ErrWrongSecret. The client may be in any state.
func (s *Service) Authenticate(ctx context.Context, id uuid.UUID, secret string) (Client, error) {
	c, err := s.store.Client(ctx, id)
	if errors.Is(err, ErrNotFound) {
		c = nobody // whose secret is compared all the same, in the same time
	}
	right := c.HasSecret(secret)
	switch {
	case err != nil:
		return Client{}, fmt.Errorf("find client: %w", err)
	case !right:
		return Client{}, ErrWrongSecret
	default:
		return c, nil
	}
}

// nobody is a client that no secret fits.
var nobody = Client{SecretHash: make([]byte, sha256.Size)}
