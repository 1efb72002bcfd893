package accounts

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/openid"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/printable"
	"github.com/purescim/purescim/internal/scim"
)

// MaxProviders is how many OpenID providers an organisation may have, or the operator.
const MaxProviders = 10

const (
	maxProviderName = 60  // characters
	maxClientText   = 500 // bytes of a client id, a secret or an issuer
)

// Provider is an OpenID provider by which people sign in: accounts of its organisation, or
// those of Everywhere, and never others, since whoever has a provider may say who anybody is.
type Provider struct {
	ID               uuid.UUID
	Org              org.ID // or Everywhere
	Name             string // on the button
	Issuer, ClientID string
	Secret           string // of the client; empty where providers are listed
	By               string // who added it
	Created          time.Time
}

// Identity is the user of a provider as whom an account signs in.
type Identity struct {
	ID       uuid.UUID
	Provider uuid.UUID
	Name     string // of the provider
	Subject  string // never changes, and is given to nobody else
	Created  time.Time
	Used     time.Time // zero when never
}

// IdentityStore keeps providers and identities. One that it does not know is ErrNotFound.
type IdentityStore interface {
	// AddProvider keeps one of an organisation that has less than MaxProviders, and none
	// of the issuer; others are a *scim.Error.
	AddProvider(ctx context.Context, p Provider) error
	// Providers lists those of an organisation or of Everywhere by name, without secrets.
	Providers(ctx context.Context, o org.ID) ([]Provider, error)
	// OfferedProviders lists those that anybody may know of: those of Everywhere, and those
	// of the organisation where there is only one.
	OfferedProviders(ctx context.Context) ([]Provider, error)
	// Provider finds one, with its secret.
	Provider(ctx context.Context, id uuid.UUID) (Provider, error)
	// RemoveProvider removes one of an organisation or of Everywhere, with its identities
	// and the sessions that they began.
	RemoveProvider(ctx context.Context, o org.ID, id uuid.UUID) error

	// Identity finds the account of a subject of a provider.
	Identity(ctx context.Context, provider uuid.UUID, subject string) (Identity, Account, error)
	// Identities lists those of an account, the oldest first.
	Identities(ctx context.Context, a Account) ([]Identity, error)
	// AddIdentity stores an identity of an account. It is a *scim.Error if the subject belongs
	// to another account, or the account has an identity at the provider already.
	AddIdentity(ctx context.Context, a Account, i Identity) error
	// RemoveIdentity removes one of an account, with the sessions that it began.
	RemoveIdentity(ctx context.Context, a Account, id uuid.UUID) error
}

// AddProvider keeps a provider, when its issuer answers as one, unless it is not to be asked.
func (s *Service) AddProvider(ctx context.Context, p Provider, unasked bool) (Provider, error) {
	p.Name, p.Issuer, p.ClientID = strings.TrimSpace(p.Name), strings.TrimSpace(p.Issuer), strings.TrimSpace(p.ClientID)
	if err := checkProvider(p); err != nil {
		return p, err
	}
	if err := s.party.Check(ctx, p.Issuer, unasked); err != nil {
		return p, scim.InvalidValue("the issuer %s is not added: %s", p.Issuer, err)
	}
	p.ID, p.Created = s.store.NewID(), s.store.Now()
	if err := s.store.AddProvider(ctx, p); err != nil {
		return p, fmt.Errorf("add provider: %w", err)
	}
	s.log.InfoContext(ctx, "OpenID provider added", "org", p.Org, "provider", p.ID, "issuer", p.Issuer)
	return p, nil
}

// checkProvider refuses what cannot be a provider, before anybody is asked.
func checkProvider(p Provider) error {
	fits := func(text string) bool { return text != "" && len(text) <= maxClientText && printable.Is(text) }
	switch {
	case p.Name == "", utf8.RuneCountInString(p.Name) > maxProviderName, !printable.Is(p.Name):
		return scim.InvalidValue("the name of a provider has 1 to %d characters; one such as %q stands on the button that signs in", maxProviderName, "Acme Okta")
	case !fits(p.Issuer):
		return scim.InvalidValue("an issuer is needed: the URL that the provider tells, such as https://acme.okta.com")
	case !fits(p.ClientID):
		return scim.InvalidValue("a client id is needed: the one that the provider has given the application")
	case !fits(p.Secret):
		return scim.InvalidValue("a client secret is needed: the one that the provider has made for the application")
	}
	return nil
}

// Providers lists those of an organisation, or of Everywhere, by name.
func (s *Service) Providers(ctx context.Context, o org.ID) ([]Provider, error) {
	return s.store.Providers(ctx, o)
}

// OfferedProviders lists the providers that anybody may see. Those of organisations are shown
// only to visitors who know the organisation's id, since its existence is confidential.
func (s *Service) OfferedProviders(ctx context.Context) ([]Provider, error) {
	return s.store.OfferedProviders(ctx)
}

// Provider finds one, or returns ErrNotFound.
func (s *Service) Provider(ctx context.Context, id uuid.UUID) (Provider, error) {
	p, err := s.store.Provider(ctx, id)
	p.Secret = ""
	return p, err
}

// RemoveProvider removes one of an organisation, or of Everywhere. Nobody signs in by it any
// more, and the sessions that it began end.
func (s *Service) RemoveProvider(ctx context.Context, o org.ID, id uuid.UUID) error {
	return s.ending(ctx, s.store.RemoveProvider(ctx, o, id))
}

// Identities lists the identities of an account, the oldest first.
func (s *Service) Identities(ctx context.Context, a Account) ([]Identity, error) {
	return s.store.Identities(ctx, a)
}

// RemoveIdentity has a provider not sign an account in any more. The sessions end that it
// began.
func (s *Service) RemoveIdentity(ctx context.Context, a Account, id uuid.UUID) error {
	return s.ending(ctx, s.store.RemoveIdentity(ctx, a, id))
}

// asParty is a provider as it is asked.
func (p Provider) asParty() openid.Provider {
	return openid.Provider{Issuer: p.Issuer, ClientID: p.ClientID, Secret: p.Secret}
}
