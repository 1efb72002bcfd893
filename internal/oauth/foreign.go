package oauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/printable"
)

// MaxIssuers is how many issuers an organisation may trust: all servers hold those of all
// organisations in memory. Of those that are added at the same time a few may come on top.
const MaxIssuers = 100

const (
	maxPin        = 500 // bytes of each thing that is pinned
	tenantClaim   = "tid"
	defaultPinned = "sub"
)

// ErrIssuerKnown says that tokens with the same pins are trusted already, by this
// organisation or by another, so that their owner would be ambiguous.
var ErrIssuerKnown = errors.New("tokens of this issuer, audience, tenant and subject are trusted already, by this or another organisation")

// TrustedIssuer lets a client of the organisation sign in with tokens of another
// issuer, such as the identity system's own. All that is pinned must be in the
// token as it is here, byte by byte.
type TrustedIssuer struct {
	ID           uuid.UUID
	Org          org.ID
	Issuer       string // `iss`, a URL
	Audience     string // among those of `aud`
	Tenant       string // `tid`; empty when the issuer has none
	SubjectClaim string // the claim that names the caller: `sub`, or Entra's `appid` and `azp`
	Subject      string // its value
	KeysURL      string // where the issuer publishes its keys, a JWK Set
	Client       uuid.UUID
	Created      time.Time
}

// IssuerSpec is what an administrator says of an issuer.
type IssuerSpec struct {
	Issuer, Audience, Tenant string

	SubjectClaim string // empty is "sub"
	Subject      string
	KeysURL      string // empty is where the issuer's discovery document says
	Client       uuid.UUID
	// Unasked leaves out to fetch the keys, which shows that they can be. It needs
	// the KeysURL.
	Unasked bool
}

// IssuerStore keeps trusted issuers and what is known of their tokens.
type IssuerStore interface {
	// AddIssuer adds a trusted issuer. It returns ErrIssuerKnown, and ErrNotFound
	// when the organisation has no such client.
	AddIssuer(ctx context.Context, t TrustedIssuer) error
	// Issuers lists the organisation's, the oldest first.
	Issuers(ctx context.Context, o org.ID) ([]TrustedIssuer, error)
	// AllIssuers lists those of all organisations: which one a token is for shows
	// only when its issuer is found.
	AllIssuers(ctx context.Context) ([]TrustedIssuer, error)
	// RemoveIssuer removes and returns one of the organisation's, or returns
	// ErrNotFound. It records a revocation of the client.
	RemoveIssuer(ctx context.Context, o org.ID, id uuid.UUID) (TrustedIssuer, error)
	// AddForeignToken records a token of a trusted issuer, unless it is known. It
	// returns ErrClientClosed unless the client is active. When the client is
	// disabled at the same time, either this fails or that ends the token. The limit
	// is that of AddToken.
	AddForeignToken(ctx context.Context, t Token, limit int) error
}

// AddIssuer makes the organisation trust an issuer. Its keys are fetched once, so
// that an administrator learns at once of what is wrong. Errors are
// *InvalidError, ErrIssuerKnown, and ErrNotFound for the client.
func (s *Service) AddIssuer(ctx context.Context, o org.ID, spec IssuerSpec) (TrustedIssuer, error) {
	spec.SubjectClaim = cmp.Or(spec.SubjectClaim, defaultPinned)
	if err := s.checkIssuer(spec); err != nil {
		return TrustedIssuer{}, err
	}
	if err := s.checkTrusting(ctx, o, spec.Client); err != nil {
		return TrustedIssuer{}, fmt.Errorf("add trusted issuer: %w", err)
	}
	if err := s.findKeys(ctx, &spec); err != nil {
		return TrustedIssuer{}, err
	}
	t := TrustedIssuer{
		ID: s.store.NewID(), Org: o, Issuer: spec.Issuer, Audience: spec.Audience, Tenant: spec.Tenant,
		SubjectClaim: spec.SubjectClaim, Subject: spec.Subject, KeysURL: spec.KeysURL, Client: spec.Client, Created: s.store.Now(),
	}
	if err := s.store.AddIssuer(ctx, t); err != nil {
		return TrustedIssuer{}, fmt.Errorf("add trusted issuer: %w", err)
	}
	s.trust.Forget()
	s.log.InfoContext(ctx, "issuer trusted", "org", o, "client", t.Client, "id", t.ID, "issuer", t.Issuer)
	return t, nil
}

// checkTrusting finds out whether the organisation may trust another issuer, whose tokens
// would act as the client.
func (s *Service) checkTrusting(ctx context.Context, o org.ID, client uuid.UUID) error {
	if _, err := s.Client(ctx, o, client); err != nil {
		return err
	}
	known, err := s.store.Issuers(ctx, o)
	if err == nil && len(known) >= MaxIssuers {
		return invalid("issuer", "is one too many: the organisation trusts %d, and no more are allowed", MaxIssuers)
	}
	return err
}

// findKeys completes where the issuer's keys are, and fetches them.
func (s *Service) findKeys(ctx context.Context, spec *IssuerSpec) error {
	if spec.KeysURL == "" {
		found, err := s.remote.discover(ctx, spec.Issuer)
		if err != nil {
			return invalid("issuer", "does not tell where its keys are, so say it: %v", s.remote.told(ctx, spec.Issuer, err))
		}
		spec.KeysURL = found
	}
	if spec.Unasked {
		return nil
	}
	keys, err := s.remote.fetch(ctx, spec.KeysURL)
	if err != nil {
		return invalid("jwks_url", "does not lead to the issuer's keys: %v", s.remote.told(ctx, spec.KeysURL, err))
	}
	if len(keys) == 0 {
		return invalid("jwks_url", "leads to a JWK Set without a key that verifies signatures")
	}
	return nil
}

// claimName is what a claim may be called that is pinned. Some issuers use URLs.
var claimName = regexp.MustCompile(`^[A-Za-z0-9_.:/-]{1,200}$`)

// reservedClaims have a meaning of their own.
var reservedClaims = []string{"iss", "aud", "exp", "nbf", "iat", "jti", tenantClaim}

func (s *Service) checkIssuer(spec IssuerSpec) error {
	if err := s.remote.checkURL("issuer", spec.Issuer); err != nil {
		return err
	}
	if strings.Contains(spec.Issuer, "?") { // OpenID Connect Discovery section 3
		return invalid("issuer", "may have no query")
	}
	if spec.Issuer == s.issuer {
		return invalid("issuer", "is this server itself")
	}
	for _, pin := range []struct{ field, text string }{{"audience", spec.Audience}, {"subject", spec.Subject}} {
		if strings.TrimSpace(pin.text) == "" {
			return invalid(pin.field, "is required and may not be blank")
		}
		if err := checkText(pin.field, pin.text, maxPin); err != nil {
			return err
		}
		if !printable.Is(pin.text) {
			return invalid(pin.field, "may hold no control characters, line ends or marks of direction")
		}
	}
	if err := checkText("tenant", spec.Tenant, maxPin); err != nil {
		return err
	}
	if !claimName.MatchString(spec.SubjectClaim) || slices.Contains(reservedClaims, spec.SubjectClaim) {
		return invalid("subject_claim", "must be the claim that names the caller, such as sub, appid or azp, not %q", spec.SubjectClaim)
	}
	switch {
	case spec.KeysURL != "":
		return s.remote.checkURL("jwks_url", spec.KeysURL)
	case spec.Unasked:
		return invalid("jwks_url", "is required when the issuer is not asked")
	default:
		return nil
	}
}

// Issuers lists the issuers that the organisation trusts, the oldest first.
func (s *Service) Issuers(ctx context.Context, o org.ID) ([]TrustedIssuer, error) {
	return s.store.Issuers(ctx, o)
}

// RemoveIssuer ends the organisation's trust, or returns ErrNotFound. All servers
// refuse its tokens within a second.
func (s *Service) RemoveIssuer(ctx context.Context, o org.ID, id uuid.UUID) error {
	t, err := s.store.RemoveIssuer(ctx, o, id)
	if err != nil {
		return fmt.Errorf("remove trusted issuer: %w", err)
	}
	s.trust.Forget()
	s.revoked.hear(time.Now(), Revocation{ID: t.Client, Recorded: s.store.Now()})
	s.log.InfoContext(ctx, "issuer not trusted any more", "org", o, "client", t.Client, "id", t.ID, "issuer", t.Issuer)
	return nil
}
