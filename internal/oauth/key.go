package oauth

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"time"
)

// Key signs access tokens and verifies those that it signed.
type Key struct {
	ID      string // the `kid` of the tokens it signs
	Private []byte // Ed25519, PKCS #8 DER
	Created time.Time
	// Retired is when another took its place; zero while it signs.
	Retired time.Time
	// VerifyUntil is when the last of its tokens has ended, at the latest.
	VerifyUntil time.Time
}

// newKey makes a signing key.
func newKey(clock Clock) (Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("make signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return Key{}, fmt.Errorf("encode signing key: %w", err)
	}
	created := clock.Now()
	return Key{ID: clock.NewID().String(), Private: der, Created: created, VerifyUntil: created}, nil
}

// signer reads the private key.
func (k Key) signer() (ed25519.PrivateKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(k.Private)
	if err != nil {
		return nil, fmt.Errorf("read signing key %s: %w", k.ID, err)
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("read signing key %s: it is a %T, not an Ed25519 key", k.ID, parsed)
	}
	return private, nil
}
