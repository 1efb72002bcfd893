// Package oauth owns who may act for an organisation: its clients with their
// secrets and roles, the access tokens issued to them (RFC 6749
// client_credentials, JWT of RFC 7519 signed with Ed25519), the keys that sign
// those, the other issuers whose tokens are trusted and the keys of clients that
// sign in without a secret (RFC 7523), and the endpoints and errors of its own
// protocol.
//
// Where all that is kept is left to the Store, reading a bearer token out of a
// request and answering 401 to package httpapi, which permission an endpoint
// asks for to the doors.
package oauth

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

// ErrNotFound says that the store holds no such client, token or organisation.
var ErrNotFound = errors.New("not found")

// Store keeps clients, tokens, signing keys and trusted issuers.
type Store interface {
	Clock
	ClientStore
	TokenStore
	RenewalStore
	KeyStore
	IssuerStore
	AssertionStore
}

// Clock is the time by which all servers of a store go. It never goes back.
type Clock interface {
	// Now is the time as it is stored: UTC, in microseconds.
	Now() time.Time
	// NewID makes an id whose order is that of the times at which they are made.
	NewID() uuid.UUID
}

// ClientStore keeps clients.
type ClientStore interface {
	// CreateClient adds a client. Its ID is new, its organisation exists. A role
	// or division that the organisation does not have is an *InvalidError.
	CreateClient(ctx context.Context, c Client) error
	// Client finds a client by its ID alone, since a token request names no
	// organisation. It returns ErrNotFound when there is none.
	Client(ctx context.Context, id uuid.UUID) (Client, error)
	// Clients reads a page of the organisation's clients in the order of their
	// creation, which ends where they have some PageBytes, and how many there are.
	Clients(ctx context.Context, o org.ID, p Page) ([]Client, int, error)
	// UpdateClient changes a client of the organisation by a function that runs
	// inside the store's protection against lost updates. The function is told what
	// the client may do, or might within the last SecretOverlap. When it says so,
	// all tokens of the client end with the change. Errors are ErrNotFound, those of
	// the function, and *InvalidError as of CreateClient.
	UpdateClient(ctx context.Context, o org.ID, id uuid.UUID, edit func(c *Client, might Permissions) (endTokens bool, err error)) (Client, error)
	// DeleteClient removes a client of the organisation and its tokens, or
	// returns ErrNotFound.
	DeleteClient(ctx context.Context, o org.ID, id uuid.UUID) error
	// Roles reads those roles of the organisation that have one of the ids.
	Roles(ctx context.Context, o org.ID, ids []uuid.UUID) ([]Role, error)
	// RoleIDs finds roles of the organisation by their names, in any case. The id of a
	// name that no role has is zero.
	RoleIDs(ctx context.Context, o org.ID, names []string) ([]uuid.UUID, error)
}

// TokenStore keeps the tokens that were issued.
type TokenStore interface {
	// AddToken records a token that is signed with the key, before anybody gets
	// it. It returns ErrClientClosed unless the client is active, and ErrNoUser when
	// the token carries a user whom the organisation does not have. When the client
	// is disabled or the user deleted at the same time, either this fails or that
	// ends the token.
	// A client that has as many good tokens as the limit, 0 for none, loses those that
	// are idle to make room; when none is, the error is a *TokenLimitError.
	AddToken(ctx context.Context, t Token, key string, limit int) error
	// Bearer reads all that decides about a token but the token itself, and what the
	// roles of its client grant. It returns ErrNotFound when the organisation has no
	// such client.
	Bearer(ctx context.Context, o org.ID, client, token uuid.UUID) (Bearer, error)
	// Granted reads the details of the roles of a client, as JSON, in the order of the
	// roles' ids. A client that does not exist has none.
	Granted(ctx context.Context, o org.ID, client uuid.UUID) ([][]byte, error)
	// Tokens reads a page of a client's tokens, the newest first, and how many
	// there are. A client that does not exist has none.
	Tokens(ctx context.Context, o org.ID, client uuid.UUID, p Page) ([]Token, int, error)
	// RevokeToken ends a token, or returns ErrNotFound when the client has no such.
	RevokeToken(ctx context.Context, o org.ID, client, token uuid.UUID) error
	// RevokeTokens ends all tokens of a client.
	RevokeTokens(ctx context.Context, o org.ID, client uuid.UUID) error
	// RevokeTokensOf ends all tokens that carry a user of the organisation, whichever
	// clients they were issued to, and gives their ids. It returns ErrNoUser when the
	// organisation has no such user.
	RevokeTokensOf(ctx context.Context, o org.ID, user uuid.UUID) ([]uuid.UUID, error)
	// MarkUsed notes the last use of tokens. An older use changes nothing.
	MarkUsed(ctx context.Context, o org.ID, uses []Use) error
	// Revocations lists the revocations recorded after a time. Each method that
	// ends tokens records one: of the token, or of the client for all of its.
	Revocations(ctx context.Context, after time.Time) ([]Revocation, error)
	// ForgetRevocations removes those recorded before a time.
	ForgetRevocations(ctx context.Context, before time.Time) error
}

// KeyStore keeps signing keys. At most one of them is not retired.
type KeyStore interface {
	// SigningKeys lists all keys, ordered by creation, then by ID.
	SigningKeys(ctx context.Context) ([]Key, error)
	// ReplaceSigningKey retires a key, "" when there is none, and adds another.
	// It returns false, and changes nothing, when another server did so before.
	ReplaceSigningKey(ctx context.Context, old string, k Key) (bool, error)
	// DeleteSigningKeys removes the keys that were retired, and need verify
	// nothing more, before a time.
	DeleteSigningKeys(ctx context.Context, before time.Time) error
}

// Page is a part of a list.
type Page struct{ Offset, Limit int }

// PageBytes is how many bytes a page of clients has, about, as they are stored.
const PageBytes = 2 << 20

// Bearer is what the store knows of the bearer of a token.
type Bearer struct {
	Org    org.Org
	Client Client

	// Granted is the digest of what Granted of the store reads, which has so many bytes,
	// about.
	Granted      Digest
	GrantedBytes int

	Recorded bool // the token is known
	Revoked  bool // and was revoked
	// User is whom the token carries, zero for none, and Active whether that user is.
	User   uuid.UUID
	Active bool
}

// Role is what a client may be granted.
type Role struct {
	ID          uuid.UUID
	Name        string
	Permissions Permissions
}
