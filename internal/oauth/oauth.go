// Package oauth owns who may act for an organisation: its clients, their
// secrets, the access tokens issued to them (RFC 6749 client_credentials,
// JWT of RFC 7519 signed with Ed25519) and the token endpoint with the errors
// of its own protocol.
//
// Where clients and keys are kept is left to the Store, reading a bearer token
// out of a request and answering 401 to package httpapi.
package oauth

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

// ErrNotFound says that the store holds no such client or organisation.
var ErrNotFound = errors.New("not found")

// Store keeps clients and signing keys.
type Store interface {
	// CreateClient adds a client. Its ID is new, its organisation exists.
	CreateClient(ctx context.Context, c Client) error
	// Client finds a client by its ID alone, since a token request names no
	// organisation. It returns ErrNotFound when there is none.
	Client(ctx context.Context, id uuid.UUID) (Client, error)
	// Bearer reads all that decides about a token but the token itself. It returns
	// ErrNotFound when the organisation has no such client.
	Bearer(ctx context.Context, o org.ID, client, token uuid.UUID) (Bearer, error)
	// Roles lists the roles of the organisation.
	Roles(ctx context.Context, o org.ID) ([]Role, error)
	// SigningKeys lists all keys, ordered by creation, then by ID.
	SigningKeys(ctx context.Context) ([]Key, error)
	// AddSigningKey adds a key. Its ID is new.
	AddSigningKey(ctx context.Context, k Key) error
}

// Bearer is what the store knows of the bearer of a token.
type Bearer struct {
	Org    org.Org
	Client Client
	Roles  [][]byte // the details of the client's roles, as JSON
}

// Role is what a client may be granted.
type Role struct {
	ID          uuid.UUID
	Name        string
	Permissions Permissions
}
