// Package openid signs people in by an OpenID provider: where the browser is sent, and which
// of the answers that it brings back are valid (OpenID Connect Core 1.0, the authorization
// code flow with PKCE).
//
// Which providers there are, whom each may sign in, and that an answer belongs to the
// browser that asked are left to the callers.
package openid

import (
	"cmp"
	"context"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"
	"golang.org/x/oauth2"

	"github.com/purescim/purescim/internal/egress"
	"github.com/purescim/purescim/internal/lru"
)

// The reasons for which nobody is known. What is wrapped in them is for the log, and holds
// no token.
var (
	// ErrAway says that the provider cannot be asked at the moment.
	ErrAway = errors.New("the provider cannot be asked")
	// ErrDenied says that the provider let nobody in, in an answer of its own.
	ErrDenied = errors.New("the provider has refused")
	// ErrUntrue says that an answer is not what was asked for, or is not to be believed.
	ErrUntrue = errors.New("the answer is not to be believed")
)

// Provider is an issuer, and the client that it knows us as.
type Provider struct{ Issuer, ClientID, Secret string }

// Question is what a provider is asked by one browser. State, Nonce and Verifier are secrets
// of that browser, which are used once.
type Question struct {
	Provider
	Redirect               string // the URL to which the browser comes back
	State, Nonce, Verifier string
}

// Person is who an ID token says it is.
type Person struct {
	Subject string
	Email   string // empty when the provider tells none
	// Verified is whether the provider says that the address is the person's own.
	Verified bool
}

// Options are what a Party may be told.
type Options struct {
	// HTTPClient asks providers. Nil is one that keeps to Egress; another is trusted to
	// reach what it may.
	HTTPClient *http.Client
	Egress     egress.Reach     // public addresses alone when empty
	Now        func() time.Time // by which tokens are judged; nil is time.Now
	// Log is told why a provider cannot be asked, which is not for everybody; nil is silent.
	Log *slog.Logger
}

// Party asks providers, as a relying party of theirs. It is safe for concurrent use.
type Party struct {
	client *http.Client
	reach  egress.Reach
	now    func() time.Time
	log    *slog.Logger
	known  *lru.Map[string, discovered] // by issuer
}

// New makes a Party.
func New(o Options) *Party {
	p := &Party{client: &http.Client{Timeout: timeout}, reach: o.Egress, now: o.Now, log: o.Log, known: lru.New[string, discovered](maxKnown)}
	if p.now == nil {
		p.now = time.Now
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	transport := egress.Transport(egress.Options{Reach: o.Egress})
	if o.HTTPClient != nil {
		transport, p.reach = cmp.Or(o.HTTPClient.Transport, http.DefaultTransport), egress.Any
	}
	p.client.Transport = bounded{transport}
	p.client.CheckRedirect = func(*http.Request, []*http.Request) error {
		return errors.New("it redirects, and nothing of a provider may")
	}
	return p
}

const (
	// life is how long a discovery document is used, and pause how long a failure to read
	// it is.
	life, pause = time.Hour, 10 * time.Second
	maxKnown    = 1000 // documents in memory, or twice as many
)

// discovered is what is known of an issuer: its document, or why there is none.
type discovered struct {
	*gooidc.Provider
	metadata
	keys    gooidc.KeySet
	failure error
	at      time.Time
}

// metadata is what is used of a discovery document beside what the library reads. Names
// count in their exact spelling, and one that stands twice is refused.
type metadata struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Keys          string   `json:"jwks_uri"`
	Further       string   `json:"userinfo_endpoint"`
	Methods       []string `json:"token_endpoint_auth_methods_supported"`
	// Announces tells that each answer names its issuer (RFC 9207).
	Announces bool `json:"authorization_response_iss_parameter_supported"`
}

// Check reads the discovery document of an issuer, unless it is not to be asked, and tells in
// words for whoever named it what is wrong.
func (p *Party) Check(ctx context.Context, issuer string, unasked bool) error {
	if err := egress.CheckURL(issuer, p.reach); err != nil || unasked {
		return err
	}
	found, err := p.discover(ctx, issuer)
	if err == nil {
		p.known.Put(issuer, found)
	}
	return err
}

// find is what is known of an issuer; it is read when that is too old.
func (p *Party) find(ctx context.Context, issuer string) (discovered, error) {
	found, ok := p.known.Get(issuer)
	age := time.Since(found.at)
	if ok && (age < pause || found.failure == nil && age < life) {
		return found, found.failure
	}
	fresh, err := p.discover(ctx, issuer)
	switch {
	case err == nil:
		found = fresh
	case ok && found.failure == nil: // the document of before will do for once
		found.at = time.Now().Add(pause - life)
	default:
		found = discovered{failure: fmt.Errorf("%w: %w", ErrAway, err), at: time.Now()}
	}
	p.known.Put(issuer, found)
	return found, found.failure
}

// discover reads the discovery document of an issuer (OpenID Connect Discovery 1.0 section 4).
func (p *Party) discover(ctx context.Context, issuer string) (d discovered, err error) {
	d.Provider, err = gooidc.NewProvider(gooidc.ClientContext(ctx, p.client), issuer)
	if mismatch, ok := errors.AsType[*gooidc.IssuerMismatchError](err); ok {
		return d, fmt.Errorf("its discovery document is that of %q, which must be the issuer letter by letter", mismatch.Discovered)
	}
	var text stdjson.RawMessage
	if err == nil {
		err = d.Provider.Claims(&text)
	}
	if err != nil {
		p.log.WarnContext(ctx, "an OpenID provider cannot be asked", "issuer", issuer, "error", clip(err.Error()))
		return d, told(err)
	}
	if err := json.Unmarshal(text, &d.metadata); err != nil {
		return d, fmt.Errorf("its discovery document cannot be read: %w", err)
	}
	if d.Issuer != issuer {
		return d, fmt.Errorf("its discovery document is that of %q", d.Issuer)
	}
	for _, endpoint := range []struct{ name, url string }{
		{"authorization_endpoint", d.Authorization}, {"token_endpoint", d.Token}, {"jwks_uri", d.Keys}, {"userinfo_endpoint", cmp.Or(d.Further, d.Keys)},
	} {
		if err := egress.CheckURL(endpoint.url, p.reach); err != nil {
			return d, fmt.Errorf("the %s of its discovery document %w", endpoint.name, err)
		}
	}
	d.keys = gooidc.NewRemoteKeySet(gooidc.ClientContext(ctx, p.client), d.Keys)
	d.at = time.Now()
	return d, nil
}

// told is why a document could not be had, in words for whoever named its URL: what the
// network is like is not for them.
func told(err error) error {
	if answered, ok := errors.AsType[*statusError](err); ok {
		return answered
	}
	if egress.FaultOf(err) == egress.Unreachable {
		return errors.New("there is no discovery document: it cannot be reached, or what it answers is none")
	}
	return egress.Tell(err)
}

// scopes are what is asked for: who it is, and the e-mail address.
var scopes = []string{gooidc.ScopeOpenID, "email"}

// client is what a provider knows us as. The secret is sent in one way, since a code that is
// sent twice is used up.
func (d discovered) client(q Question) *oauth2.Config {
	endpoint := d.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if len(d.Methods) > 0 && !slices.Contains(d.Methods, "client_secret_basic") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{ClientID: q.ClientID, ClientSecret: q.Secret, Endpoint: endpoint, RedirectURL: q.Redirect, Scopes: scopes}
}

// AuthorizationURL is where the browser asks (RFC 6749 section 4.1.1, RFC 7636). Errors are
// ErrAway.
func (p *Party) AuthorizationURL(ctx context.Context, q Question) (string, error) {
	d, err := p.find(ctx, q.Issuer)
	if err != nil {
		return "", err
	}
	return d.client(q).AuthCodeURL(q.State, gooidc.Nonce(q.Nonce), oauth2.S256ChallengeOption(q.Verifier)), nil
}
