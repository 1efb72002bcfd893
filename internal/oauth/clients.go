package oauth

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

// CreateClient makes a client of the organisation and keeps it. The secret is
// returned this once. A value that it may not have is an *InvalidError.
func (s *Service) CreateClient(ctx context.Context, o org.ID, spec ClientSpec) (Client, string, error) {
	c, secret, err := NewClient(s.store, o, spec)
	if err != nil {
		return Client{}, "", err
	}
	if err := s.store.CreateClient(ctx, c); err != nil {
		return Client{}, "", fmt.Errorf("create client: %w", err)
	}
	// The clients that were there may have become those of a home (org.Org) by that.
	s.Hear(ctx)
	s.log.InfoContext(ctx, "client created", "org", o, "client", c.ID)
	return c, secret, nil
}

// Clients reads a page of the organisation's clients, the oldest first, and how
// many there are. Those of people who try the API (IsPersonal) are not among them.
func (s *Service) Clients(ctx context.Context, o org.ID, p Page) ([]Client, int, error) {
	return s.store.Clients(ctx, o, p)
}

// Client reads a client of the organisation, or returns ErrNotFound, also for that of a person.
func (s *Service) Client(ctx context.Context, o org.ID, id uuid.UUID) (Client, error) {
	c, err := s.Caller(ctx, o, id)
	if err == nil && c.IsPersonal() {
		return Client{}, ErrNotFound
	}
	return c, err
}

// Caller reads the client as which a request is made, that of a person too, or returns
// ErrNotFound.
func (s *Service) Caller(ctx context.Context, o org.ID, id uuid.UUID) (Client, error) {
	c, err := s.store.Client(ctx, id)
	if err == nil && c.Org != o {
		return Client{}, ErrNotFound
	}
	return c, err
}

// UpdateClient changes the settings of a client, on behalf of a caller with all permissions.
// A client that becomes disabled loses all of its tokens for good. Errors are ErrNotFound,
// *InvalidError and those of edit.
func (s *Service) UpdateClient(ctx context.Context, o org.ID, id uuid.UUID, edit func(*ClientSpec) error) (Client, error) {
	return s.updateClient(ctx, o, id, anybody, edit)
}

// UpdateClientFor is UpdateClient for a client of the organisation, which is
// ErrBeyond where its roles would change, or it would become active, though it may
// do, or might until lately, what p may not.
func (s *Service) UpdateClientFor(ctx context.Context, p Principal, id uuid.UUID, edit func(*ClientSpec) error) (Client, error) {
	return s.updateClient(ctx, p.Org.ID, id, p.commands, edit)
}

func (s *Service) updateClient(
	ctx context.Context, o org.ID, id uuid.UUID, commands func(might Permissions) error, edit func(*ClientSpec) error,
) (Client, error) {
	c, err := s.store.UpdateClient(ctx, o, id, func(c *Client, might Permissions) (bool, error) {
		old, spec := *c, c.Spec()
		if err := edit(&spec); err != nil {
			return false, err
		}
		if err := c.apply(spec, s.store.Now()); err != nil {
			return false, err
		}
		opened := c.State == StateActive && old.State != StateActive
		if opened || !slices.Equal(c.Roles, old.Roles) {
			if err := commands(might); err != nil {
				return false, err
			}
		}
		return c.State == StateDisabled && old.State != StateDisabled, nil
	})
	if err != nil {
		return Client{}, fmt.Errorf("change client: %w", err)
	}
	s.revoked.hear(time.Now(), Revocation{ID: id, Recorded: c.Modified})
	s.log.InfoContext(ctx, "client changed", "org", o, "client", id, "state", c.State)
	return c, nil
}

// ErrBeyond says that a client has permissions which a caller who wants to use or enable it
// lacks. Permissions that it had until recently count too, since its roles may be given back
// while the caller has its secret.
var ErrBeyond = fmt.Errorf("the OAuth client may do, or might within the last %d hours, what the client of this request may not",
	int(SecretOverlap.Hours()))

// commands returns ErrBeyond unless p may do all that a client might.
func (p Principal) commands(might Permissions) error {
	if p.Permissions.Covers(might) {
		return nil
	}
	return ErrBeyond
}

// anybody commands all clients.
func anybody(Permissions) error { return nil }

// DeleteClient removes a client of the organisation with its tokens, or returns
// ErrNotFound.
func (s *Service) DeleteClient(ctx context.Context, o org.ID, id uuid.UUID) error {
	if err := s.store.DeleteClient(ctx, o, id); err != nil {
		return fmt.Errorf("delete client: %w", err)
	}
	s.revoked.hear(time.Now(), Revocation{ID: id, Recorded: s.store.Now()})
	s.log.InfoContext(ctx, "client deleted", "org", o, "client", id)
	return nil
}

// RotateSecret gives a client of the organisation a new secret, which is
// returned this once. The secret so far goes on to work for the overlap; the one
// before it ends. Tokens are not touched.
func (s *Service) RotateSecret(ctx context.Context, o org.ID, id uuid.UUID, overlap time.Duration) (Client, string, error) {
	return s.rotateSecret(ctx, o, id, anybody, overlap)
}

// RotateSecretFor is RotateSecret, with the SecretOverlap, for a client of the
// organisation. Who has the secret is the client: it is ErrBeyond unless p may do
// all that the client may, or might until lately.
func (s *Service) RotateSecretFor(ctx context.Context, p Principal, id uuid.UUID) (Client, string, error) {
	return s.rotateSecret(ctx, p.Org.ID, id, p.commands, SecretOverlap)
}

func (s *Service) rotateSecret(
	ctx context.Context, o org.ID, id uuid.UUID, commands func(might Permissions) error, overlap time.Duration,
) (Client, string, error) {
	secret := newSecret()
	c, err := s.store.UpdateClient(ctx, o, id, func(c *Client, might Permissions) (bool, error) {
		if err := commands(might); err != nil {
			return false, err
		}
		c.Modified = s.store.Now()
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
	ids, err := s.store.RoleIDs(ctx, o, names)
	if err != nil {
		return nil, fmt.Errorf("find roles: %w", err)
	}
	grants := make([]RoleGrant, len(names))
	for i, id := range ids {
		if id == uuid.Nil {
			return nil, invalid("roleDivisions", "names the role %q, which the organisation does not have", names[i])
		}
		grants[i] = RoleGrant{Role: id, Division: AllDivisions}
	}
	return grants, nil
}

// CheckGrants returns a *GrantError unless p has all permissions of the roles: no caller may
// make a client that may do more than itself.
// Roles that the organisation does not have are left to the store.
func (s *Service) CheckGrants(ctx context.Context, p Principal, grants []RoleGrant) error {
	if len(grants) == 0 || p.Permissions.Has(everything) {
		return nil
	}
	ids := make([]uuid.UUID, len(grants))
	for i, g := range grants {
		ids[i] = g.Role
	}
	known, err := s.store.Roles(ctx, p.Org.ID, ids)
	if err != nil {
		return fmt.Errorf("read roles: %w", err)
	}
	for _, r := range known {
		if !p.Permissions.Covers(r.Permissions) {
			return &GrantError{Role: r.Name}
		}
	}
	return nil
}

// GrantError is a role with permissions that its grantor lacks.
type GrantError struct{ Role string }

func (e *GrantError) Error() string {
	return fmt.Sprintf("the role %q permits more than the client of this request may do", e.Role)
}

// Authenticate returns the client with the id if the secret is its own, else
// ErrNotFound or ErrWrongSecret. The client may be in any state.
func (s *Service) Authenticate(ctx context.Context, id uuid.UUID, secret string) (Client, error) {
	c, err := s.find(ctx, id, "", false)
	if err == nil {
		err = c.prove(secret, s.store.Now())
	}
	if err != nil {
		return Client{}, err
	}
	return c, nil
}

// find looks a client up that is to be authenticated, in turn if it is in a pause.
func (s *Service) find(ctx context.Context, id uuid.UUID, source string, paused bool) (Client, error) {
	if paused {
		done, err := s.guesses.Turn(ctx, source)
		if err != nil {
			return Client{}, fmt.Errorf("find client: %w", err)
		}
		defer done()
	}
	c, err := s.store.Client(ctx, id)
	if err == nil && c.IsPersonal() { // nobody has its secret, whoever rotates it
		err = ErrNotFound
	}
	if err != nil {
		return Client{}, fmt.Errorf("find client: %w", err)
	}
	return c, nil
}
