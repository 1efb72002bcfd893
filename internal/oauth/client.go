package oauth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

// How long access tokens may live, as in Genesys Cloud.
const (
	MinValidity     = 300 * time.Second
	MaxValidity     = 450 * 24 * time.Hour // 38,880,000 seconds, for SCIM clients
	DefaultValidity = 24 * time.Hour       // of a client that names none
)

// State is whether a client may be used.
type State string

// The states of a client. An inactive client gets no new tokens, but those it
// has stay good; those of a disabled client are refused too.
const (
	StateActive   State = "active"
	StateInactive State = "inactive"
	StateDisabled State = "disabled"
)

// Client is a program that acts for one organisation.
type Client struct {
	ID         uuid.UUID
	Org        org.ID
	Name       string
	SecretHash []byte        // SHA-256 of the secret
	Validity   time.Duration // of its tokens, in whole seconds
	State      State
	Created    time.Time
}

// NewClient makes an active client and its secret, which is not kept anywhere
// and cannot be shown again. A validity of 0 is DefaultValidity.
func NewClient(o org.ID, name string, validity time.Duration) (c Client, secret string, err error) {
	if name == "" {
		return Client{}, "", errors.New("a client needs a name")
	}
	if validity == 0 {
		validity = DefaultValidity
	}
	if err := CheckValidity(validity); err != nil {
		return Client{}, "", err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Client{}, "", fmt.Errorf("make client id: %w", err)
	}
	secret = newSecret()
	return Client{
		ID:         id,
		Org:        o,
		Name:       name,
		SecretHash: hashSecret(secret),
		Validity:   validity.Truncate(time.Second),
		State:      StateActive,
		Created:    time.Now().UTC().Truncate(time.Microsecond),
	}, secret, nil
}

// CheckValidity returns an error that names the bounds unless d is within them.
func CheckValidity(d time.Duration) error {
	if d < MinValidity || d > MaxValidity {
		return fmt.Errorf("a token may be valid from %d seconds to %d seconds (450 days), not %d seconds",
			MinValidity/time.Second, MaxValidity/time.Second, d/time.Second)
	}
	return nil
}

// HasSecret reports, in constant time, whether secret is the client's.
func (c Client) HasSecret(secret string) bool {
	return subtle.ConstantTimeCompare(hashSecret(secret), c.SecretHash) == 1
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
