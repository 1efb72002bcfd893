package oauth

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/purescim/purescim/internal/egress"
	"github.com/purescim/purescim/internal/guesses"
)

// The reasons for which a client gets no token.
var (
	ErrWrongSecret  = errors.New("the secret is not the client's")
	ErrClientClosed = errors.New("the client is not active")
)

// Options are what a Service may be told.
type Options struct {
	Issuer   string // `iss` of the tokens; "purescim" when empty
	Audience string // `aud` of the tokens; "purescim" when empty
	Log      *slog.Logger
	// HTTPClient fetches the keys of other issuers and of clients. Nil is one that
	// keeps to Egress; another is trusted to reach what it may.
	HTTPClient *http.Client
	Egress     egress.Reach // public addresses alone when empty
	// MaxTokens is how many good tokens a client may have; 0 is any number.
	MaxTokens int
}

// Service issues and verifies access tokens. It is safe for concurrent use.
type Service struct {
	store    Store
	issuer   string
	audience string
	log      *slog.Logger
	keys     *keyring
	parser   *jwt.Parser // of our tokens
	foreign  *jwt.Parser // of those that others sign
	verified *cache
	sets     *sets
	revoked  *revocations
	used     *usage
	guesses  *guesses.Guard
	trust    trust
	remote   *remoteKeys

	maxTokens int
}

// New makes a Service on the clients and keys of store.
func New(store Store, o Options) *Service {
	s := &Service{
		store:    store,
		issuer:   cmp.Or(o.Issuer, "purescim"),
		audience: cmp.Or(o.Audience, "purescim"),
		log:      o.Log,
		keys:     newKeyring(store),
		verified: newCache(cacheSize),
		revoked:  newRevocations(),
		used:     newUsage(),
		guesses:  guesses.New(guesses.Size),
		trust:    newTrust(store),

		maxTokens: o.MaxTokens,
	}
	s.sets = newSets(setsMemory, s.verified.drop)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.remote = newRemoteKeys(o.HTTPClient, o.Egress, s.log)
	s.foreign = newForeignParser(store.Now)
	s.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithIssuer(s.issuer),
		jwt.WithAudience(s.audience),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(store.Now),
		jwt.WithStrictDecoding(), // one token has one spelling, and so one place in the cache
	)
	return s
}

// Now is the time by which tokens and secrets are judged, on all servers of the store.
func (s *Service) Now() time.Time { return s.store.Now() }
