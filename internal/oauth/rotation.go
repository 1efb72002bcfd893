package oauth

import (
	"context"
	"time"
)

const (
	// rotateAfter is the age at which a signing key is replaced.
	rotateAfter = 90 * 24 * time.Hour
	// keyGrace is how long a retired key is kept at least: no server signs with
	// it any more by then.
	keyGrace = time.Hour
)

// RotateKey makes a new signing key, with which all servers sign within half a
// minute. The key so far goes on to verify until the last of its tokens has
// ended; no token ends by this. When another server rotates at the same time,
// its key counts for both.
func (s *Service) RotateKey(ctx context.Context) error {
	// What this server remembers may be replaced already by another.
	set, err := s.keys.now(ctx)
	if err != nil {
		return err
	}
	if set, err = s.keys.replace(ctx, set); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "signing key rotated", "key", set.signerID)
	return nil
}

// CheckKeys returns an error unless there is a key to sign with, which is made when there
// is none.
func (s *Service) CheckKeys(ctx context.Context) error {
	_, err := s.keys.signing(ctx)
	return err
}

// SigningKeys lists the keys of the store, the oldest first.
func (s *Service) SigningKeys(ctx context.Context) ([]Key, error) { return s.store.SigningKeys(ctx) }

// tendKeys rotates the key when it is due, and deletes those with no tokens left.
func (s *Service) tendKeys(ctx context.Context) error {
	set, err := s.keys.fresh(ctx)
	if err != nil {
		return err
	}
	if set.signer != nil && s.store.Now().Sub(set.made) > rotateAfter {
		if set, err = s.keys.replace(ctx, set); err != nil {
			return err
		}
		s.log.InfoContext(ctx, "signing key rotated, as is done every 90 days", "key", set.signerID)
	}
	return s.store.DeleteSigningKeys(ctx, s.store.Now().Add(-keyGrace))
}
