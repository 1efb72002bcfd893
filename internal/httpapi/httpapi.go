// Package httpapi is the frame that every door stands in: routing, one list of
// middleware, the limits of a request, and the one writer of errors.
//
// A door gives it Handlers, which return their errors instead of writing them.
// What a path means is left to the doors; whose a token is, to package oauth.
package httpapi

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
)

// Handler answers a request, or returns why it cannot and has written nothing.
// A *scim.Error is told to the client; of any other error it learns only the
// correlation id. A handler that fails after the answer has begun makes the
// connection end, so that no client takes a part for the whole.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Protocol is the kind of error body that a route has.
type Protocol int

// The protocols of the doors.
const (
	SCIM     Protocol = iota // RFC 7644 section 3.12, application/scim+json
	Platform                 // Genesys Cloud's ErrorBody, application/json
	OAuth                    // the server's own failures in the words of RFC 6749 section 5.2, others as Platform
)

// Options are what a Frame may be told.
type Options struct {
	// Verify returns the principal of a token. It returns an error that wraps
	// oauth.ErrTokenInvalid or oauth.ErrTokenExpired for a token that is not accepted.
	Verify func(ctx context.Context, token string) (*oauth.Principal, error)
	// Used, if not nil, is called with the principal and the IP address of each request.
	Used func(ctx context.Context, p *oauth.Principal, address string)
	// Recorder, if not nil, is called with the outcome of requests.
	Recorder Recorder
	// Observe, if not nil, is called for each request that was answered, with its context.
	Observe func(ctx context.Context, o Observed)
	// RateLimit is how many requests a minute a client may make with all of its tokens,
	// unless it or its organisation has a limit of its own; 0 is no limit.
	RateLimit int
	// PublicURL is the scheme and host that clients use; empty means those of
	// the request.
	PublicURL string
	// TrustProxy believes X-Forwarded-Proto and X-Forwarded-Host, which only a
	// proxy that always sets them makes true.
	TrustProxy bool
	// WritePatience is how long a client may take for 64 KiB of an answer before it is cut
	// off; 0 is 30 seconds.
	WritePatience time.Duration
	// BodyMemory is how many bytes the bodies of all requests take at most, as they are
	// sent and as they are parsed; 0 is DefaultBodyMemory.
	BodyMemory int64
	// RequestTimeout is how long the server works on a request before its answer begins,
	// and on each part of a long answer. 0 is the constant RequestTimeout.
	RequestTimeout time.Duration
	Log            *slog.Logger
}

// Observed is a request that was answered.
type Observed struct {
	Route  string // the pattern of its path; empty when none matched
	Method string
	Status int // 0 when the answer never began
	Took   time.Duration
	Org    org.ID              // 0 when nobody is known
	Client uuid.UUID           // that asked, likewise
	System provisioning.System // that it belongs to, as far as it can be told
}

// Frame makes routers and routes. It is safe for concurrent use.
type Frame struct {
	options   Options
	log       *slog.Logger
	limiter   *limiter
	oauth     *limiter // of requests of OAuth's own endpoints
	people    *limiter // of those of who is signed in, and watchers of their streams
	watchers  *limiter
	writes    *writes
	deadlines *deadlines
	memory    *bodyMemory
	drains    chan struct{} // places of requests whose bodies are read away
}

// New makes a Frame.
func New(o Options) *Frame {
	f := &Frame{
		options:   o,
		log:       o.Log,
		limiter:   newLimiter(o.RateLimit),
		oauth:     newLimiter(min(o.RateLimit, oauthRate)),
		people:    newLimiter(min(o.RateLimit, personRate)),
		watchers:  newLimiter(min(o.RateLimit, personRate)),
		writes:    newWrites(o.WritePatience),
		deadlines: newDeadlines(cmp.Or(o.RequestTimeout, RequestTimeout)),
		memory:    newBodyMemory(o.BodyMemory),
		drains:    make(chan struct{}, drains),
	}
	f.options.PublicURL = strings.TrimRight(o.PublicURL, "/")
	if f.options.Used == nil {
		f.options.Used = func(context.Context, *oauth.Principal, string) {}
	}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	return f
}

// wrapper is a part of the frame around a handler.
type wrapper func(Handler) Handler

// wrappers is what stands around the handler of a path, outermost first.
func (f *Frame) wrappers(path string, route Route) []wrapper {
	return []wrapper{
		f.observe, // sees the status that each of the others leads to
		f.answerErrors(route),
		f.record(path, route),
		catchPanic,
		f.setHeaders,
		f.authenticate(route.Public),
		f.limitRate,
		f.limitBody(route.BodyLimit), // when it is known in whose log the refusal stands
		f.authorize(route, path),
		refuseCoded,
		negotiate(route),
		repeatReads,
	}
}

// RequestTimeout is how long the server works on a request whose route asks for no more.
func (f *Frame) RequestTimeout() time.Duration {
	return cmp.Or(f.options.RequestTimeout, RequestTimeout)
}

func (f *Frame) wrap(path string, route Route, h Handler) http.HandlerFunc {
	limit := f.RequestTimeout() + route.Longer
	for _, around := range slices.Backward(f.wrappers(path, route)) {
		h = around(h)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		x, r := f.begin(w, r, limit)
		x.serve(h, r)
		x.drain(f.drains)
	}
}
