// Package accounts manages who may use the console: people with a role in one organisation
// or in all, their passwords, passkeys and OpenID providers, the links that invite them,
// their sessions, and links that show somebody without an account how to set up one
// connection.
//
// Storage is left to the Store, pages and cookies to the console, what a person changes
// there to the packages that own it, and the answers of providers to package openid.
package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/egress"
	"github.com/purescim/purescim/internal/fairshare"
	"github.com/purescim/purescim/internal/guesses"
	"github.com/purescim/purescim/internal/openid"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/printable"
	"github.com/purescim/purescim/internal/scim"
)

// ErrNotFound says that there is no such account, invitation, session or link, or not any
// more.
var ErrNotFound = errors.New("not found")

// Everywhere stands for all organisations.
const Everywhere org.ID = 0

// Role is what a person may do in the console.
type Role string

// The roles, each of which may do all that the one before may.
const (
	Viewer        Role = "viewer"        // sees everything, changes nothing
	Administrator Role = "administrator" // changes connections, groups, the catalogue and settings
	Owner         Role = "owner"         // besides, says who may use the console
)

// Roles are all of them.
var Roles = []Role{Viewer, Administrator, Owner}

func (r Role) rank() int {
	for i, known := range Roles {
		if r == known {
			return i + 1
		}
	}
	return 0
}

// Covers reports whether the role may do what another may.
func (r Role) Covers(needed Role) bool { return r.rank() > 0 && r.rank() >= needed.rank() }

// Account is a person who may use the console.
type Account struct {
	ID    uuid.UUID
	Org   org.ID // or Everywhere
	Login string // an e-mail address
	Role  Role
	// Password is the argon2id hash of the password; empty is none, which is no password.
	Password string
	Created  time.Time
	SignedIn time.Time // zero when never
}

// Sees reports whether the account may see an organisation.
func (a Account) Sees(o org.ID) bool { return a.Org == Everywhere || a.Org == o }

// Manages returns the refusal of an account that may not say who uses the console for an
// organisation, or for all.
func (a Account) Manages(o org.ID) error {
	if a.Role.Covers(Owner) && (a.Org == Everywhere || a.Org == o) {
		return nil
	}
	return scim.Forbidden("only an owner may say who uses the console, for the organisations that the owner has")
}

// Store keeps accounts, invitations, sessions and links. Secrets come to it as their
// hashes. An id or hash that it does not know is ErrNotFound.
//
// What ends a session or changes a role also ends the tokens of the person to try the API, in
// the same transaction.
type Store interface {
	AccountStore
	InvitationStore
	SessionStore
	SetupStore
	PasskeyStore
	IdentityStore
	ChallengeStore

	// Now is the time as it is stored, and NewID makes an id that tells when it was made.
	Now() time.Time
	NewID() uuid.UUID
}

// AccountStore keeps accounts.
type AccountStore interface {
	// Account finds an account by its login in any case; Accounts lists those of an
	// organisation or of Everywhere, by login.
	Account(ctx context.Context, login string) (Account, error)
	Accounts(ctx context.Context, o org.ID) ([]Account, error)
	// Any reports whether there is any account.
	Any(ctx context.Context) (bool, error)
	// UpdateAccount changes role and password of an account of an organisation, or of
	// Everywhere, by a function that runs inside the store's protection against lost
	// updates. With end its sessions end but for one, whose id may be zero.
	UpdateAccount(ctx context.Context, o org.ID, id uuid.UUID, end bool, but uuid.UUID, edit func(a *Account) error) error
	// RemoveAccount removes an account of an organisation, or of Everywhere, with its sessions.
	RemoveAccount(ctx context.Context, o org.ID, id uuid.UUID) error

	// ResetAccount takes the password, the passkeys and the identities of an account of an
	// organisation, or of Everywhere, away, ends its sessions, and tells what is left of it.
	ResetAccount(ctx context.Context, o org.ID, id uuid.UUID) (Account, error)
}

// InvitationStore keeps invitations.
type InvitationStore interface {
	// Invite keeps an invitation, Invitation finds one that is good at a time, and
	// Invitations lists those of an organisation or of Everywhere.
	Invite(ctx context.Context, i Invitation) error
	Invitation(ctx context.Context, hash []byte, at time.Time) (Invitation, error)
	Invitations(ctx context.Context, o org.ID, at time.Time) ([]Invitation, error)
	// Withdraw ends an invitation of an organisation or of Everywhere.
	Withdraw(ctx context.Context, o org.ID, id uuid.UUID) error
	// Accept uses a good invitation up and keeps the account. One of the same login and
	// organisation is given the new role and password instead, if there is a password,
	// and its sessions end; one of another is a *scim.Error. The account has the identity
	// from now on, unless that is nil, and no other of its provider; the identity of
	// another account is a *scim.Error.
	Accept(ctx context.Context, i Invitation, at time.Time, a Account, as *Identity) (Account, error)
}

// SessionStore keeps sessions.
type SessionStore interface {
	// AddSession keeps a session of an account, and forgets those that were not used
	// since a time, and those of the account beyond MaxSessions that were used the
	// longest ago.
	AddSession(ctx context.Context, a Account, s Session, idle time.Time) error
	// Session finds a session that was used since a time, with its account.
	Session(ctx context.Context, hash []byte, idle time.Time) (Session, Account, error)
	// Touch notes a use.
	Touch(ctx context.Context, a Account, session uuid.UUID, at time.Time) error
	// Sessions lists those of an account that were used since a time, the last used first.
	Sessions(ctx context.Context, a Account, idle time.Time) ([]Session, error)
	// EndSession ends one of an account, EndSessions all.
	EndSession(ctx context.Context, a Account, session uuid.UUID) error
	EndSessions(ctx context.Context, a Account) error
	// Still reads an account whose session is still valid. It waits for transactions that end
	// the session or change the account.
	Still(ctx context.Context, a Account, session uuid.UUID) (Account, error)
}

// Service knows who may use the console. It is safe for concurrent use.
type Service struct {
	store   Store
	ended   func(ctx context.Context)
	log     *slog.Logger
	party   *openid.Party
	guesses *guesses.Guard
	hashing *fairshare.Gate[string] // places of passwords that are hashed at once, by source
}

// Options are what a Service may be told.
type Options struct {
	Log *slog.Logger // silent when nil
	// HTTPClient asks OpenID providers. Nil is one that keeps to Egress; another is trusted
	// to reach what it may.
	HTTPClient *http.Client
	Egress     egress.Reach // public addresses alone when empty
	// Ended, if not nil, is called when sessions or roles have ended, so that the server
	// learns at once of the tokens that ended with them.
	Ended func(ctx context.Context)
}

// New makes the service of a store.
func New(store Store, o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Ended == nil {
		o.Ended = func(context.Context) {}
	}
	hashing := fairshare.New[string](fairshare.Options{Slots: runtime.GOMAXPROCS(0) / 2, Share: 1, Queue: hashQueue, MaxWait: hashWait})
	party := openid.New(openid.Options{HTTPClient: o.HTTPClient, Egress: o.Egress, Now: store.Now, Log: o.Log})
	return &Service{store: store, ended: o.Ended, log: o.Log, party: party, guesses: guesses.New(guesses.Size), hashing: hashing}
}

// newSecret makes a secret of 256 bits for a link or a cookie.
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, as crypto/rand documents
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// hashOf is what is kept of a secret: a plain hash is enough for 256 random bits.
func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// maxLogin is as long as an e-mail address may be, in bytes (RFC 5321 section 4.5.3.1).
const maxLogin = 254

// checkLogin accepts what looks like an e-mail address: no mail is sent to it, it is what
// people remember.
func checkLogin(login string) (string, error) {
	login = strings.TrimSpace(login)
	name, host, ok := strings.Cut(login, "@")
	switch {
	case login == "":
		return "", scim.InvalidValue("an e-mail address is needed: it is what you sign in with")
	case !ok, name == "", host == "", strings.ContainsAny(login, " \t<>\"'"), len(login) > maxLogin, !printable.Is(login):
		return "", scim.InvalidValue("%q is not an e-mail address; one such as ada@example.org is expected", login)
	}
	return login, nil
}

// find finds an account by its login. What none can have as one is ErrNotFound.
func (s *Service) find(ctx context.Context, login string) (Account, error) {
	login = strings.TrimSpace(login)
	if len(login) > maxLogin || !printable.Is(login) {
		return Account{}, ErrNotFound
	}
	return s.store.Account(ctx, login)
}

// Accounts lists who may use the console for an organisation, or for Everywhere.
func (s *Service) Accounts(ctx context.Context, o org.ID) ([]Account, error) {
	return s.store.Accounts(ctx, o)
}

// SetRole gives an account of the organisation, or of Everywhere, another role.
func (s *Service) SetRole(ctx context.Context, o org.ID, id uuid.UUID, role Role) error {
	if role.rank() == 0 {
		return scim.InvalidValue("%q is no role of the console; one of owner, administrator and viewer is expected", role)
	}
	return s.ending(ctx, s.store.UpdateAccount(ctx, o, id, false, uuid.Nil, func(a *Account) error {
		a.Role = role
		return nil
	}))
}

// ending tells of what was ended, unless that failed.
func (s *Service) ending(ctx context.Context, err error) error {
	if err == nil {
		s.ended(ctx)
	}
	return err
}

// Remove removes an account of the organisation, or of Everywhere. Its sessions end.
func (s *Service) Remove(ctx context.Context, o org.ID, id uuid.UUID) error {
	return s.ending(ctx, s.store.RemoveAccount(ctx, o, id))
}

// Reset removes everything by which one can sign in to an account of the organisation, or of
// Everywhere: its password, passkeys, identities and sessions. The invitation that it returns
// sets a new password; the role stays. It is for a stolen device: a person who has only
// forgotten the password keeps the passkeys, and is invited.
func (s *Service) Reset(ctx context.Context, by string, o org.ID, id uuid.UUID) (secret string, i Invitation, err error) {
	a, err := s.store.ResetAccount(ctx, o, id)
	if s.ending(ctx, err) != nil {
		return "", i, err
	}
	return s.Invite(ctx, by, o, a.Login, a.Role)
}

// ResetLogin is Reset by the login alone.
func (s *Service) ResetLogin(ctx context.Context, by, login string) (secret string, i Invitation, err error) {
	a, err := s.find(ctx, login)
	if err != nil {
		return "", i, err
	}
	return s.Reset(ctx, by, a.Org, a.ID)
}

// RemoveLogin is Remove by the login alone.
func (s *Service) RemoveLogin(ctx context.Context, login string) error {
	a, err := s.find(ctx, login)
	if err != nil {
		return err
	}
	return s.Remove(ctx, a.Org, a.ID)
}
