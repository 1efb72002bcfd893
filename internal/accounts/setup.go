package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

// SetupLife is how long a link for setting up a connection is good, opened or not.
const SetupLife = 7 * 24 * time.Hour

// Setup is a link by which somebody without an account sets up one connection.
type Setup struct {
	ID         uuid.UUID
	Hash       []byte // of the secret in the link
	Org        org.ID
	Client     uuid.UUID // the OAuth client of the connection
	ClientName string
	Guide      string // how the product is connected
	By         string // who made the link
	Created    time.Time
	Expires    time.Time
	Opened     time.Time // zero when it was not
}

// SetupStore keeps the links. One that it does not know, or that has ended, is ErrNotFound.
type SetupStore interface {
	AddSetup(ctx context.Context, s Setup) error
	// Setups lists the links of a connection that are good at a time, the newest first.
	Setups(ctx context.Context, o org.ID, client uuid.UUID, at time.Time) ([]Setup, error)
	// Setup finds a link that is good and was not opened.
	Setup(ctx context.Context, hash []byte, at time.Time) (Setup, error)
	// OpenSetup gives a link that was not opened to one browser.
	OpenSetup(ctx context.Context, hash, session []byte, at time.Time) error
	// OpenedSetup finds what a browser may set up.
	OpenedSetup(ctx context.Context, session []byte, at time.Time) (Setup, error)
	// EndSetup ends a link of an organisation, opened or not.
	EndSetup(ctx context.Context, o org.ID, id uuid.UUID) error
}

// NewSetup makes a link, and gives its secret, which is not kept.
func (s *Service) NewSetup(ctx context.Context, made Setup) (secret string, _ Setup, err error) {
	secret = newSecret()
	made.ID, made.Hash, made.Created = s.store.NewID(), hashOf(secret), s.store.Now()
	made.Expires = made.Created.Add(SetupLife)
	if err := s.store.AddSetup(ctx, made); err != nil {
		return "", made, fmt.Errorf("make setup link: %w", err)
	}
	s.log.InfoContext(ctx, "setup link made", "org", made.Org, "client", made.Client, "link", made.ID)
	return secret, made, nil
}

// Setups lists the good links of a connection.
func (s *Service) Setups(ctx context.Context, o org.ID, client uuid.UUID) ([]Setup, error) {
	return s.store.Setups(ctx, o, client, s.store.Now())
}

// Setup finds what a link is for that was not opened yet, or returns ErrNotFound.
func (s *Service) Setup(ctx context.Context, secret string) (Setup, error) {
	return s.store.Setup(ctx, hashOf(secret), s.store.Now())
}

// OpenSetup opens a link, once, and gives the secret for the cookie of the browser.
func (s *Service) OpenSetup(ctx context.Context, secret string) (session string, err error) {
	session = newSecret()
	if err := s.store.OpenSetup(ctx, hashOf(secret), hashOf(session), s.store.Now()); err != nil {
		return "", err
	}
	return session, nil
}

// OpenedSetup finds what the browser with a cookie may set up, or returns ErrNotFound.
func (s *Service) OpenedSetup(ctx context.Context, session string) (Setup, error) {
	return s.store.OpenedSetup(ctx, hashOf(session), s.store.Now())
}

// EndSetup ends a link. Who has opened it sees nothing more.
func (s *Service) EndSetup(ctx context.Context, o org.ID, id uuid.UUID) error {
	return s.store.EndSetup(ctx, o, id)
}
