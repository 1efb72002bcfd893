package oauth

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

const (
	// keysFresh is how long a server goes without reading the keys again, and
	// so how long one that was taken away still verifies.
	keysFresh = 30 * time.Second
	// keysPause bounds how often tokens with invented key ids cause a reading.
	keysPause = time.Second
)

// errUnknownKey says that no key has the `kid` of a token.
var errUnknownKey = errors.New("unknown signing key")

// Key signs access tokens and verifies those that it signed.
type Key struct {
	ID      string // the `kid` of the tokens it signs
	Private []byte // Ed25519, PKCS #8 DER
	Created time.Time
}

// newKey makes a signing key.
func newKey() (Key, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Key{}, fmt.Errorf("make key id: %w", err)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("make signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return Key{}, fmt.Errorf("encode signing key: %w", err)
	}
	return Key{ID: id.String(), Private: der, Created: time.Now().UTC().Truncate(time.Microsecond)}, nil
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

// keySet is what one reading of the store gave. It is never changed.
type keySet struct {
	read     time.Time
	signerID string
	signer   ed25519.PrivateKey // nil when the store has no key yet
	public   map[string]ed25519.PublicKey
}

// keyring holds the keys of the store in memory.
type keyring struct {
	store   Store
	current atomic.Pointer[keySet]
	reading chan struct{} // holds a value while a request reads the store
}

func newKeyring(store Store) *keyring {
	return &keyring{store: store, reading: make(chan struct{}, 1)}
}

// verifier returns the public key with the id, errUnknownKey when there is none.
func (r *keyring) verifier(ctx context.Context, id string) (ed25519.PublicKey, error) {
	set, err := r.fresh(ctx)
	if err != nil {
		return nil, err
	}
	key, ok := set.public[id]
	if !ok && time.Since(set.read) >= keysPause {
		// Another server may have made the key since.
		if set, err = r.readAfter(ctx, set); err != nil {
			return nil, err
		}
		key, ok = set.public[id]
	}
	if !ok {
		return nil, errUnknownKey
	}
	return key, nil
}

// signing returns a set that has a signer: the oldest key of the store. When
// there is none, one is made. Servers that do so at the same time each add a
// key and then read all, so each can verify the tokens of the others.
func (r *keyring) signing(ctx context.Context) (*keySet, error) {
	set, err := r.fresh(ctx)
	if err != nil || set.signer != nil {
		return set, err
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	if err := r.store.AddSigningKey(ctx, key); err != nil {
		return nil, fmt.Errorf("add signing key: %w", err)
	}
	if set, err = r.readAfter(ctx, set); err != nil {
		return nil, err
	}
	if set.signer == nil {
		return nil, errors.New("the signing key that was just added is not in the store")
	}
	return set, nil
}

// fresh returns a set that is at most keysFresh old.
func (r *keyring) fresh(ctx context.Context) (*keySet, error) {
	set := r.current.Load()
	if set != nil && time.Since(set.read) < keysFresh {
		return set, nil
	}
	return r.readAfter(ctx, set)
}

// readAfter returns a set that was read later than old. Of the requests that
// ask at the same time one reads, the others wait for it.
func (r *keyring) readAfter(ctx context.Context, old *keySet) (*keySet, error) {
	select {
	case r.reading <- struct{}{}:
		defer func() { <-r.reading }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if set := r.current.Load(); set != old {
		return set, nil
	}
	set := &keySet{read: time.Now(), public: make(map[string]ed25519.PublicKey)}
	keys, err := r.store.SigningKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", err)
	}
	for _, key := range keys {
		private, err := key.signer()
		if err != nil {
			return nil, err
		}
		if set.signer == nil {
			set.signer, set.signerID = private, key.ID
		}
		set.public[key.ID] = private.Public().(ed25519.PublicKey)
	}
	r.current.Store(set)
	return set, nil
}
