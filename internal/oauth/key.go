package oauth

import "time"

// Key signs access tokens and verifies those that it signed.
type Key struct {
	ID      string // the `kid` of the tokens it signs
	Private []byte // Ed25519, PKCS #8 DER
	Created time.Time
}
