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
	// Org reads an organisation with its settings. It returns ErrNotFound when
	// there is none.
	Org(ctx context.Context, id org.ID) (org.Org, error)
	// SigningKeys lists all keys, ordered by creation, then by ID.
	SigningKeys(ctx context.Context) ([]Key, error)
	// AddSigningKey adds a key. Its ID is new.
	AddSigningKey(ctx context.Context, k Key) error
}
