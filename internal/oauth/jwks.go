package oauth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

const (
	// maxForeignKeys is how many keys a JWK Set may have.
	maxForeignKeys = 100
	// RSA keys that are smaller are weak (RFC 7518 section 3.3), and larger ones
	// would make each signature a burden.
	minModulus, maxModulus = 2048, 8192 // bits

	// foreignLeeway is how far the clock of another issuer may be apart.
	foreignLeeway = 30 * time.Second
)

// The algorithms that each type of key permits. A token's header may choose
// among those of the key, never another (RFC 8725 section 3.1).
var (
	rsaAlgorithms     = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	p256Algorithms    = []string{"ES256"}
	p384Algorithms    = []string{"ES384"}
	ed25519Algorithms = []string{"EdDSA"}
	foreignAlgorithms = slices.Concat(rsaAlgorithms, p256Algorithms, p384Algorithms, ed25519Algorithms)
)

// newForeignParser makes what checks the signatures and times of tokens that others sign.
// Whom they are from and for is left to its callers.
func newForeignParser(now func() time.Time) *jwt.Parser {
	return jwt.NewParser(
		jwt.WithValidMethods(foreignAlgorithms),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(foreignLeeway),
		jwt.WithTimeFunc(now),
		jwt.WithStrictDecoding(), // one token has one spelling
	)
}

var (
	errNoFittingKey = errors.New("no key of its issuer fits its kid and alg")
	errCritical     = errors.New("its header has critical extensions, which are not known here")
)

// foreignKey verifies signatures of another issuer or of a client.
type foreignKey struct {
	id         string // its `kid`, which may be empty
	algorithms []string
	public     jwt.VerificationKey
}

// foreignKeys are the keys of a JWK Set (RFC 7517) that verify signatures.
type foreignKeys []foreignKey

// has reports whether there is a key with the id. Of a token that names none, it
// cannot be said that its key is missing.
func (k foreignKeys) has(id string) bool {
	return id == "" || slices.ContainsFunc(k, func(one foreignKey) bool { return one.id == id })
}

// fitting are the keys that may have signed a token: those with its `kid`, or
// all when it names none, as far as its algorithm is one of theirs.
func (k foreignKeys) fitting(id, algorithm string) []jwt.VerificationKey {
	var keys []jwt.VerificationKey
	for _, one := range k {
		if (id == "" || one.id == id) && slices.Contains(one.algorithms, algorithm) {
			keys = append(keys, one.public)
		}
	}
	return keys
}

// keyMembers are the members of a JWK that are read (RFC 7517, 7518 and 8037), the
// private ones too: a key that has one is no public key.
var keyMembers = []string{
	"kty", "use", "key_ops", "alg", "kid", "crv", "x", "y", "n", "e", "d", "p", "q", "dp", "dq", "qi", "oth", "k",
}

// parseKeySet reads the keys of a JWK Set. Their members count in their exact
// spelling, and one that stands twice spoils the set. Keys that cannot be read are
// left out: others may be of a type that is not known yet (RFC 7517 section 5).
func parseKeySet(text []byte) ([]jwk.Key, error) {
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	switch err := json.Unmarshal(text, &set); {
	case err != nil:
		return nil, fmt.Errorf("read JWK Set: %w", err)
	case set.Keys == nil:
		return nil, errors.New("read JWK Set: it has no keys")
	case len(set.Keys) > maxForeignKeys:
		return nil, fmt.Errorf("read JWK Set: it has more than %d keys", maxForeignKeys)
	}
	keys := make([]jwk.Key, 0, len(set.Keys))
	for _, one := range set.Keys {
		if key, err := parseKey(one); err == nil {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// parseKey hands on only what has an exact name: package jwk takes others for it.
func parseKey(text []byte) (jwk.Key, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	maps.DeleteFunc(members, func(name string, _ jsontext.Value) bool { return !slices.Contains(keyMembers, name) })
	exact, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	return jwk.ParseKey(exact)
}

// verifiers are those of some keys that verify signatures.
func verifiers(all []jwk.Key) foreignKeys {
	keys := foreignKeys{}
	for _, key := range all {
		if one, ok := verifier(key); ok {
			keys = append(keys, one)
		}
	}
	return keys
}

// verifier reads a key, unless it is private, weak, or for something else.
func verifier(key jwk.Key) (foreignKey, bool) {
	if private, err := jwk.IsPrivateKey(key); err != nil || private {
		return foreignKey{}, false
	}
	if use, ok := key.KeyUsage(); ok && use != string(jwk.ForSignature) {
		return foreignKey{}, false
	}
	if purposes, ok := key.KeyOps(); ok && !slices.Contains(purposes, jwk.KeyOpVerify) {
		return foreignKey{}, false
	}
	var public any
	if err := jwk.Export(key, &public); err != nil {
		return foreignKey{}, false
	}
	one := foreignKey{public: public, algorithms: algorithmsOf(public)}
	one.id, _ = key.KeyID()
	if only, ok := key.Algorithm(); ok {
		one.algorithms = slices.DeleteFunc(slices.Clone(one.algorithms), func(name string) bool { return name != spelled(only) })
	}
	return one, len(one.algorithms) > 0
}

// spelled is the name that tokens have for an algorithm.
func spelled(a jwa.KeyAlgorithm) string {
	if a.String() == jwa.EdDSAEd25519().String() { // RFC 9864
		return ed25519Algorithms[0]
	}
	return a.String()
}

// algorithmsOf are those that a key permits by its type; none when it is weak.
func algorithmsOf(public any) []string {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); minModulus <= bits && bits <= maxModulus {
			return rsaAlgorithms
		}
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return p256Algorithms
		case elliptic.P384():
			return p384Algorithms
		}
	case ed25519.PublicKey:
		return ed25519Algorithms
	}
	return nil
}

// parseSigned reads the claims of a token that was not signed here and checks its signature
// and times. find gives the signer's keys, the newest there
// are when none has the id. Errors are those of find and of package jwt.
func (s *Service) parseSigned(token string, claims jwt.Claims, find func(id string) (foreignKeys, error)) (*jwt.Token, error) {
	return s.foreign.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		if err := checkNames(t.Raw); err != nil {
			return nil, err
		}
		if _, ok := t.Header["crit"]; ok { // RFC 7515 section 4.1.11
			return nil, errCritical
		}
		id, ok := t.Header["kid"].(string)
		if !ok && t.Header["kid"] != nil {
			return nil, errNoFittingKey
		}
		known, err := find(id)
		if err != nil {
			return nil, err
		}
		keys := known.fitting(id, t.Method.Alg())
		if len(keys) == 0 {
			return nil, errNoFittingKey
		}
		return jwt.VerificationKeySet{Keys: keys}, nil
	})
}
