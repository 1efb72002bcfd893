package oauth

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/printable"
)

// How long access tokens may live, as in Genesys Cloud.
const (
	MinValidity     = 300 * time.Second
	MaxValidity     = 450 * 24 * time.Hour // 38,880,000 seconds, for SCIM clients
	DefaultValidity = 24 * time.Hour       // of a client that names none
)

// SecretOverlap is how long the secret before the last rotation goes on to work.
const SecretOverlap = 24 * time.Hour

const (
	maxName        = 500  // bytes
	maxDescription = 2000 // bytes
	maxRoles       = 100
)

// MaxClients is how many clients an organisation may have. Of those that are made at
// the same time a few may come on top.
const MaxClients = 1000

// State is whether a client may be used.
type State string

// The states of a client. An inactive client gets no new tokens, but those it
// has stay good. Disabling a client ends its tokens at once and for good.
const (
	StateActive   State = "active"
	StateInactive State = "inactive"
	StateDisabled State = "disabled"
)

// AllDivisions is the division of a grant that names none.
const AllDivisions = "*"

// RoleGrant gives a client a role. The division is kept and answered, since
// Genesys Cloud has one; a role holds in the whole organisation.
type RoleGrant struct {
	Role     uuid.UUID
	Division string // the id of a division, or AllDivisions
}

// Client is a program that acts for one organisation.
type Client struct {
	ID          uuid.UUID
	Org         org.ID
	Name        string
	Description string
	Validity    time.Duration // of its tokens, in whole seconds
	State       State
	Roles       []RoleGrant
	RateLimit   int // requests a minute with all of its tokens together; 0 is the organisation's or the server's limit
	// ProvisioningDomain names the clients that share one externalId of each resource
	// (RFC 7643 section 3.1); empty is the client alone.
	ProvisioningDomain string
	Created            time.Time
	Modified           time.Time

	SecretHash []byte // SHA-256 of the secret
	// PreviousSecretHash is that of the secret before, which is good until
	// PreviousSecretUntil; nil when there is none.
	PreviousSecretHash  []byte
	PreviousSecretUntil time.Time
}

// ClientSpec is what an administrator says of a client.
type ClientSpec struct {
	Name        string
	Description string
	Validity    time.Duration // 0 is DefaultValidity
	Roles       []RoleGrant
	State       State // empty is StateActive
	RateLimit   int   // requests a minute with all tokens together; 0 is the organisation's or the server's limit
	// ProvisioningDomain is empty for the client's own; see Client.
	ProvisioningDomain string
}

// InvalidError is a value that a client may not have. Field is its name in the
// platform's OAuthClient.
type InvalidError struct{ Field, Problem string }

func (e *InvalidError) Error() string { return e.Field + " " + e.Problem }

func invalid(field, format string, args ...any) error {
	return &InvalidError{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// NewClient makes a client and its secret, which is not kept anywhere and
// cannot be shown again. Errors are *InvalidError.
func NewClient(clock Clock, o org.ID, spec ClientSpec) (c Client, secret string, err error) {
	at := clock.Now()
	secret = newSecret()
	c = Client{ID: clock.NewID(), Org: o, SecretHash: hashSecret(secret), Created: at}
	if err := c.apply(spec, at); err != nil {
		return Client{}, "", err
	}
	return c, secret, nil
}

// Spec is what the administrator has said of the client.
func (c Client) Spec() ClientSpec {
	return ClientSpec{
		Name: c.Name, Description: c.Description, Validity: c.Validity,
		Roles: c.Roles, State: c.State, RateLimit: c.RateLimit, ProvisioningDomain: c.ProvisioningDomain,
	}
}

// Domain is the provisioning domain of the client: what it shares, or its id.
func (c Client) Domain() string { return cmp.Or(c.ProvisioningDomain, c.ID.String()) }

// domainName is what a provisioning domain may be called: its name stands in authorities
// of externalIds.
var domainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// apply makes the client what spec says, from a time on.
func (c *Client) apply(spec ClientSpec, at time.Time) error {
	if spec.Validity == 0 {
		spec.Validity = DefaultValidity
	}
	if spec.State == "" {
		spec.State = StateActive
	}
	if err := spec.check(); err != nil {
		return err
	}
	if spec.Name != c.Name && !printable.Is(spec.Name) { // one of before stays, so that the client can be disabled
		return invalid("name", "may hold no control characters, line ends or marks of direction")
	}
	switch d := spec.ProvisioningDomain; {
	case d == c.ProvisioningDomain, d == "" && !c.IsPersonal():
	case c.IsPersonal():
		return invalid("provisioningDomain", "cannot be changed: the client is that of a person who uses the console")
	case !domainName.MatchString(d):
		return invalid("provisioningDomain", "is %q; up to 100 letters, digits, dots, hyphens and underscores are expected, the first a letter or digit", d)
	}
	c.Name, c.Description, c.Validity = spec.Name, spec.Description, spec.Validity.Truncate(time.Second)
	c.Roles, c.State, c.RateLimit = spec.Roles, spec.State, spec.RateLimit
	if c.ProvisioningDomain = spec.ProvisioningDomain; c.ProvisioningDomain == c.ID.String() {
		c.ProvisioningDomain = ""
	}
	c.Modified = at
	return nil
}

func (s ClientSpec) check() error {
	if strings.TrimSpace(s.Name) == "" {
		return invalid("name", "is required and may not be blank")
	}
	if err := checkText("name", s.Name, maxName); err != nil {
		return err
	}
	if err := checkText("description", s.Description, maxDescription); err != nil {
		return err
	}
	if err := CheckValidity(s.Validity); err != nil {
		return err
	}
	switch s.State {
	case StateActive, StateInactive, StateDisabled:
	default:
		return invalid("state", "may be active, inactive or disabled, not %q", s.State)
	}
	if len(s.Roles) > maxRoles {
		return invalid("roleDivisions", "may hold at most %d roles, not %d", maxRoles, len(s.Roles))
	}
	for _, g := range s.Roles {
		if _, err := uuid.Parse(g.Division); err != nil && g.Division != AllDivisions {
			return invalid("roleDivisions", "names the division %q; the id of a division is expected, or * for all", g.Division)
		}
	}
	if s.RateLimit < 0 {
		return invalid("rateLimit", "may not be negative")
	}
	return nil
}

func checkText(field, text string, limit int) error {
	switch {
	case len(text) > limit:
		return invalid(field, "is longer than the %d bytes allowed", limit)
	case !utf8.ValidString(text), strings.ContainsRune(text, 0):
		return invalid(field, "must be UTF-8 without NUL characters")
	default:
		return nil
	}
}

// CheckValidity returns an *InvalidError that names the bounds unless d is within them.
func CheckValidity(d time.Duration) error {
	if d < MinValidity || d > MaxValidity {
		return invalid("accessTokenValiditySeconds", "may be from %d seconds to %d seconds (450 days), not %d seconds",
			MinValidity/time.Second, MaxValidity/time.Second, d/time.Second)
	}
	return nil
}

// HasSecret reports, in constant time, whether secret is the client's at a time of the
// store, or was until a rotation that is not long ago then.
func (c Client) HasSecret(secret string, at time.Time) bool {
	hash := hashSecret(secret)
	current := subtle.ConstantTimeCompare(hash, c.SecretHash)
	previous := subtle.ConstantTimeCompare(hash, c.PreviousSecretHash)
	return current == 1 || previous == 1 && at.Before(c.PreviousSecretUntil)
}

// prove returns ErrWrongSecret unless the secret is the client's at a time.
func (c Client) prove(secret string, at time.Time) error {
	if !c.HasSecret(secret, at) {
		return ErrWrongSecret
	}
	return nil
}

func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, as crypto/rand documents
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// A plain hash is enough: a secret is 256 random bits, not a password.
func hashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
