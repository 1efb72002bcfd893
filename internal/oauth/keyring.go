package oauth

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/purescim/purescim/internal/fresh"
)

const (
	// keysFresh is how long a server goes without reading the keys again, and
	// so how long it may sign with one that was retired.
	keysFresh = 30 * time.Second
	// keysPause bounds how often tokens with invented key ids cause a reading.
	keysPause = time.Second
	// maxWaiting is how many requests may wait for a reading that is not due yet.
	maxWaiting = 256
)

var (
	// errUnknownKey says that no key has the `kid` of a token.
	errUnknownKey = errors.New("unknown signing key")
	// ErrBusy says that a token cannot be checked now, because too many others
	// with unknown keys are being checked. It passes within a second.
	ErrBusy = errors.New("too many tokens with unknown signing keys")
)

// keySet is what one reading of the store gave. It is never changed.
type keySet struct {
	signerID string
	signer   ed25519.PrivateKey // nil when the store has no key yet
	made     time.Time          // when the signer was
	public   []publicKey
}

type publicKey struct {
	id  string
	key ed25519.PublicKey
}

// verifier returns the key with the id, or nil.
func (s *keySet) verifier(id string) ed25519.PublicKey {
	for _, k := range s.public {
		if k.id == id {
			return k.key
		}
	}
	return nil
}

// keyring holds the keys of the store in memory.
type keyring struct {
	store   Store
	sets    *fresh.Value[*keySet]
	waiting atomic.Int32
}

func newKeyring(store Store) *keyring {
	r := &keyring{store: store}
	r.sets = fresh.New(keysFresh, r.read)
	return r
}

// verifier returns the public key with the id, errUnknownKey when there is none.
// Another server may have made the key a moment ago: the store is asked before a
// token is refused, but only once a second, which requests wait for.
func (r *keyring) verifier(ctx context.Context, id string) (ed25519.PublicKey, error) {
	known, err := r.sets.Get(ctx)
	if err != nil {
		return nil, err
	}
	if key := known.Value.verifier(id); key != nil {
		return key, nil
	}
	if err := r.waitUntilDue(ctx, known.Began); err != nil {
		return nil, err
	}
	if known, err = r.sets.After(ctx, known.Began); err != nil {
		return nil, err
	}
	if key := known.Value.verifier(id); key != nil {
		return key, nil
	}
	return nil, errUnknownKey
}

// waitUntilDue waits until keysPause after a reading.
func (r *keyring) waitUntilDue(ctx context.Context, read time.Time) error {
	due := keysPause - time.Since(read)
	if due <= 0 {
		return nil
	}
	defer r.waiting.Add(-1)
	if r.waiting.Add(1) > maxWaiting {
		return ErrBusy
	}
	timer := time.NewTimer(due)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// signing returns a set that has a signer. When the store has no key, one is
// made; of servers that do so at the same time, one succeeds.
func (r *keyring) signing(ctx context.Context) (*keySet, error) {
	set, err := r.fresh(ctx)
	if err != nil || set.signer != nil {
		return set, err
	}
	if set, err = r.replace(ctx, set); err == nil && set.signer == nil {
		err = errors.New("the signing key that was just added is not in the store")
	}
	return set, err
}

// replace puts a new key in the place of the set's signer, unless another server
// has done so, and returns what the store holds then.
func (r *keyring) replace(ctx context.Context, set *keySet) (*keySet, error) {
	key, err := newKey(r.store)
	if err != nil {
		return nil, err
	}
	if _, err := r.store.ReplaceSigningKey(ctx, set.signerID, key); err != nil {
		return nil, fmt.Errorf("add signing key: %w", err)
	}
	return r.now(ctx)
}

// fresh returns a set that is at most keysFresh old.
func (r *keyring) fresh(ctx context.Context) (*keySet, error) {
	known, err := r.sets.Get(ctx)
	return known.Value, err
}

// now returns a set that is read from now on.
func (r *keyring) now(ctx context.Context) (*keySet, error) {
	known, err := r.sets.After(ctx, time.Now())
	return known.Value, err
}

// read reads the store.
func (r *keyring) read(ctx context.Context) (*keySet, error) {
	set := new(keySet)
	keys, err := r.store.SigningKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", err)
	}
	for _, key := range keys {
		private, err := key.signer()
		if err != nil {
			return nil, err
		}
		if key.Retired.IsZero() {
			set.signer, set.signerID, set.made = private, key.ID, key.Created
		}
		set.public = append(set.public, publicKey{key.ID, private.Public().(ed25519.PublicKey)})
	}
	return set, nil
}
