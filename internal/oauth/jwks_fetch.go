package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/sync/singleflight"

	"github.com/purescim/purescim/internal/egress"
)

const (
	// setLife is how long a JWK Set is used before it is fetched again.
	setLife = time.Hour
	// setStale is how long it is used when it cannot be.
	setStale = 24 * time.Hour
	// fetchPause bounds how often unknown key ids cause a fetch of one set.
	fetchPause = time.Minute
	// retryPause is that of a set that could never be fetched.
	retryPause = 10 * time.Second
	// fetchTimeout is for all of one fetch.
	fetchTimeout = 10 * time.Second

	maxDocument = 1 << 20 // bytes of a JWK Set or a discovery document
	maxSets     = 1000    // in memory
)

// ErrKeysAway says that a token cannot be checked now, because the keys of its
// issuer cannot be fetched.
var ErrKeysAway = errors.New("the keys of the token's issuer cannot be fetched")

// remoteKeys fetches the JWK Sets of others and keeps them in memory.
type remoteKeys struct {
	client *http.Client
	reach  egress.Reach
	log    *slog.Logger

	fetches singleflight.Group
	mu      sync.Mutex
	sets    map[string]remoteSet // by URL
}

// remoteSet is what is known of a JWK Set.
type remoteSet struct {
	keys    foreignKeys
	fetched time.Time // zero when it never was
	tried   time.Time // the end of the last fetch
	failure error     // of the last fetch
}

// usable reports whether tokens may be checked with the keys.
func (s remoteSet) usable(at time.Time) bool { return at.Sub(s.fetched) < setStale }

// due reports whether the set may be fetched again.
func (s remoteSet) due(at time.Time) bool {
	if s.fetched.IsZero() {
		return at.Sub(s.tried) >= retryPause
	}
	return at.Sub(s.tried) >= fetchPause
}

// unanswered is why a document could not be had: the server did not answer, or not to the end.
type unanswered struct{ cause error }

func (u unanswered) Error() string { return u.cause.Error() }
func (u unanswered) Unwrap() error { return u.cause }

// errMoved says that a document has moved; redirects are not followed.
var errMoved = errors.New("it redirects")

// newRemoteKeys fetches with the client. Without one, it makes one that goes as
// far as it may reach.
func newRemoteKeys(client *http.Client, reach egress.Reach, log *slog.Logger) *remoteKeys {
	r := &remoteKeys{client: new(http.Client), reach: reach, log: log, sets: make(map[string]remoteSet)}
	if client != nil {
		*r.client, r.reach = *client, egress.Any
	} else {
		r.client.Transport = egress.Transport(egress.Options{Reach: reach})
	}
	r.client.CheckRedirect = stayOnHost
	return r
}

// maxRedirects is how often a document may have moved.
const maxRedirects = 3

// stayOnHost follows redirects on one host only.
func stayOnHost(r *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("%w too often", errMoved)
	case r.URL.Scheme != first.Scheme || r.URL.Host != first.Host:
		return fmt.Errorf("%w to another host, %s", errMoved, r.URL.Host)
	default:
		return nil
	}
}

// checkURL returns an *InvalidError unless documents may be fetched from the URL.
func (r *remoteKeys) checkURL(field, text string) error {
	if err := egress.CheckURL(text, r.reach); err != nil {
		return invalid(field, "%s", err)
	}
	return checkText(field, text, maxPin)
}

// find returns the keys of the set at the URL, which are fetched when they are
// not known, when there is none with the id, or when they are old. An old set
// that has the key is renewed behind the request's back.
func (r *remoteKeys) find(ctx context.Context, url, id string) (foreignKeys, error) {
	now := time.Now()
	set := r.get(url)
	known := set.usable(now) && set.keys.has(id)
	if known && (now.Sub(set.fetched) < setLife || !set.due(now)) {
		return set.keys, nil
	}
	if set.due(now) {
		fetched := r.fetches.DoChan(url, func() (any, error) { return r.renew(ctx, url), nil })
		if known {
			return set.keys, nil
		}
		select {
		case result := <-fetched:
			set = result.Val.(remoteSet)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if set.failure != nil && (!set.usable(now) || !set.keys.has(id)) {
		return nil, fmt.Errorf("%w: %w", ErrKeysAway, set.failure)
	}
	return set.keys, nil
}

// renew fetches the set, unless that was done since it was asked for. It
// outlives the request that happened to ask first.
func (r *remoteKeys) renew(ctx context.Context, url string) remoteSet {
	set := r.get(url)
	if !set.due(time.Now()) {
		return set
	}
	ctx = context.WithoutCancel(ctx) // the HTTP client has a timeout
	keys, err := r.fetch(ctx, url)
	set.tried, set.failure = time.Now(), err
	if err == nil {
		set.keys, set.fetched = keys, set.tried
	} else {
		r.log.WarnContext(ctx, "the keys of an issuer were not fetched; those of before are used for a day", "url", url, "error", err)
	}
	r.put(url, set)
	return set
}

func (r *remoteKeys) get(url string) remoteSet {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sets[url]
}

func (r *remoteKeys) put(url string, set remoteSet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.sets[url]; !ok && len(r.sets) >= maxSets {
		for other := range r.sets { // any; it is fetched again if need be
			delete(r.sets, other)
			break
		}
	}
	r.sets[url] = set
}

// fetch reads the JWK Set at the URL.
func (r *remoteKeys) fetch(ctx context.Context, url string) (foreignKeys, error) {
	text, err := r.read(ctx, url)
	if err != nil {
		return nil, err
	}
	set, err := parseKeySet(text)
	if err != nil {
		return nil, err
	}
	return verifiers(set), nil
}

// discover finds the URL of an issuer's JWK Set (OpenID Connect Discovery
// section 4).
func (r *remoteKeys) discover(ctx context.Context, issuer string) (string, error) {
	text, err := r.read(ctx, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return "", err
	}
	found, err := parseDiscovery(text)
	if err != nil {
		return "", err
	}
	if found.Issuer != issuer { // section 4.3
		return "", fmt.Errorf("its discovery document is that of %q", found.Issuer)
	}
	return found.Keys, r.checkURL("jwks_uri", found.Keys)
}

// discovery is what is used of a discovery document.
type discovery struct {
	Issuer string `json:"issuer"`
	Keys   string `json:"jwks_uri"`
}

// parseDiscovery reads a discovery document. Its keys count in their exact
// spelling, and a key that stands twice is refused.
func parseDiscovery(text []byte) (found discovery, err error) {
	if err := json.Unmarshal(text, &found); err != nil {
		return discovery{}, fmt.Errorf("read discovery document: %w", err)
	}
	return found, nil
}

// read gets a document of JSON.
func (r *remoteKeys) read(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := r.client.Do(request)
	if err != nil {
		return nil, unanswered{err}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	switch {
	case err != nil:
		return nil, unanswered{err}
	case len(text) > maxDocument:
		return nil, fmt.Errorf("%s is longer than %d bytes", url, maxDocument)
	}
	return text, nil
}

// told is the reason, for the administrator who configured a URL, why its document could not
// be fetched. Details go to the log alone, since they could reveal the network.
func (r *remoteKeys) told(ctx context.Context, url string, err error) error {
	failed, ok := errors.AsType[unanswered](err)
	if !ok {
		return err
	}
	r.log.WarnContext(ctx, "an issuer was not asked for its keys", "url", url, "error", err)
	if errors.Is(err, errMoved) {
		return errors.Unwrap(failed.cause) // of a *url.Error
	}
	return egress.Tell(err)
}
