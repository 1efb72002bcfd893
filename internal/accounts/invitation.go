package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scim"
)

// How long links are good: that of an invitation, and the first one, which makes an owner
// of everything.
const (
	InvitationLife = 7 * 24 * time.Hour
	firstLife      = 24 * time.Hour
)

// Invitation is a link that makes an account, once.
type Invitation struct {
	ID    uuid.UUID
	Hash  []byte // of the secret in the link
	Org   org.ID // or Everywhere
	Login string // whom it is for; empty is whoever has it
	Role  Role
	// By is who invited.
	By string
	// First is good only as long as there is no account at all.
	First            bool
	Created, Expires time.Time
}

// Invite makes an invitation, and gives the secret of its link, which is not kept and
// cannot be shown again.
func (s *Service) Invite(ctx context.Context, by string, o org.ID, login string, role Role) (secret string, i Invitation, err error) {
	if login, err = checkLogin(login); err != nil {
		return "", i, err
	}
	if role.rank() == 0 {
		return "", i, scim.InvalidValue("%q is no role of the console; one of owner, administrator and viewer is expected", role)
	}
	return s.invite(ctx, Invitation{Org: o, Login: login, Role: role, By: by}, InvitationLife)
}

// First makes the link that makes the first owner, or none where there is an account.
func (s *Service) First(ctx context.Context) (secret string, err error) {
	if known, err := s.store.Any(ctx); known || err != nil {
		return "", err
	}
	secret, _, err = s.invite(ctx, Invitation{Org: Everywhere, Role: Owner, First: true}, firstLife)
	return secret, err
}

func (s *Service) invite(ctx context.Context, i Invitation, life time.Duration) (string, Invitation, error) {
	secret := newSecret()
	i.ID, i.Hash, i.Created = s.store.NewID(), hashOf(secret), s.store.Now()
	i.Expires = i.Created.Add(life)
	if err := s.store.Invite(ctx, i); err != nil {
		return "", i, fmt.Errorf("invite: %w", err)
	}
	s.log.InfoContext(ctx, "invited to the console", "invitation", i.ID, "org", i.Org, "role", i.Role)
	return secret, i, nil
}

// Invitation finds what a link invites to, or returns ErrNotFound.
func (s *Service) Invitation(ctx context.Context, secret string) (Invitation, error) {
	return s.store.Invitation(ctx, hashOf(secret), s.store.Now())
}

// Invitations lists what is open for an organisation, or for Everywhere.
func (s *Service) Invitations(ctx context.Context, o org.ID) ([]Invitation, error) {
	return s.store.Invitations(ctx, o, s.store.Now())
}

// Withdraw ends an invitation.
func (s *Service) Withdraw(ctx context.Context, o org.ID, id uuid.UUID) error {
	return s.store.Withdraw(ctx, o, id)
}

// Accept makes the account that a link invites to, and signs it in. A link that is used up,
// withdrawn or too old is ErrNotFound. Who is invited again has forgotten the password: the
// account that has the login then gets the new one, and its sessions end.
func (s *Service) Accept(ctx context.Context, secret, login, password string, from From) (session string, a Account, err error) {
	i, err := s.Invitation(ctx, secret)
	if err != nil {
		return "", a, err
	}
	if i.Login != "" {
		login = i.Login
	}
	if login, err = checkLogin(login); err != nil {
		return "", a, err
	}
	if err := checkPassword(login, password); err != nil {
		return "", a, err
	}
	hash, err := s.hashPassword(ctx, password, from)
	if err != nil {
		return "", a, err
	}
	now := s.store.Now()
	a = Account{ID: s.store.NewID(), Org: i.Org, Login: login, Role: i.Role, Password: hash, Created: now}
	if a, err = s.store.Accept(ctx, i, now, a, nil); s.ending(ctx, err) != nil {
		return "", a, err
	}
	s.log.InfoContext(ctx, "account of the console made", "account", a.ID, "org", a.Org, "role", a.Role)
	session, err = s.begin(ctx, a, from, uuid.Nil)
	return session, a, err
}
